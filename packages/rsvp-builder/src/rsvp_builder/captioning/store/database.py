"""The file: opened by one writer at a time, checked, and changed in transactions only."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rsvp_builder.captioning.store.purse import Purse
from rsvp_builder.captioning.store.records import StoreError
from rsvp_builder.captioning.store.schema import APPLICATION_ID, TABLES, VERSION

SQLITE = (3, 37)
"""First version with STRICT tables (RETURNING came with 3.35)."""

_held: set[Path] = set()
_held_guard = threading.Lock()


class Database:
    """A connection, the lock that keeps other writers out, and the sums of the money.

    Args:
        path: of the file; made, with its folder, where it is missing.
        read_only: look only; works while another process writes.

    Raises:
        StoreError: another process has it, it is damaged, not a store, or of another version.
    """

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self.run = 0
        self._pending = Purse()
        self._guard = threading.RLock()
        self._lock: IO[str] | None = None
        if read_only and not path.is_file():
            raise StoreError(f"{path}: there is no store; `rsvp-build caption` makes one")
        if sqlite3.sqlite_version_info < SQLITE:
            raise StoreError(
                f"SQLite {sqlite3.sqlite_version} is too old for the store; expected"
                f" {'.'.join(map(str, SQLITE))} or newer: use a Python that was built with it"
            )
        if path.is_dir():
            raise StoreError(f"{path}: is a folder; a file was expected")
        if not read_only:
            self._lock = _take_lock(path)
        try:
            self._connection = self._open()
        except BaseException:
            self._release_lock()
            raise

    def _open(self) -> sqlite3.Connection:
        with self._told():
            mode = "ro" if self.read_only else "rwc"
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                timeout=10,
            )
        try:
            with self._told():
                self._check(connection)
                if not self.read_only:
                    self._prepare(connection)
                self.purse = Purse.read(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        """Only a store of this version passes; an empty file becomes one."""
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if (version, application, tables) == (0, 0, 0) and not self.read_only:
            _create(connection)
            return
        if application != APPLICATION_ID:
            raise StoreError(
                f"{self.path}: is not a caption store, but another SQLite database; name another file"
            )
        if version != VERSION:
            raise StoreError(
                f"{self.path}: is a caption store of version {version}; this rsvp-builder reads version"
                f" {VERSION}. Use the rsvp-builder that wrote it, or name a new file: the answers in this"
                " one stay where they are."
            )
        problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise StoreError(_damaged(self.path, problem))

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # WAL keeps its word over SIGKILL at any level of `synchronous`; see `write` for power cuts.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        row = connection.execute(
            "INSERT INTO runs (started_at, pid) VALUES (?, ?) RETURNING id", (time.time(), os.getpid())
        ).fetchone()
        self.run = row[0]

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """The connection, for reading; other threads wait."""
        with self._guard, self._told():
            yield self._connection

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it or nothing.

        Args:
            durable: on the disk when this returns, so that even a power cut does not undo it. What is
                about to cost money must be; what came back need not: undone, it counts as lost and is
                not paid for again.
        """
        if self.read_only:
            raise StoreError(f"{self.path}: was opened for reading only")
        with self._guard, self._told():
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
                self.purse.take(self._pending)
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                # Ctrl-C may have come between the two lines above.
                self.purse = Purse.read(self._connection)
                raise
            finally:
                self._pending = Purse()

    def on_commit(self, **amounts: int) -> None:
        """Changes of the purse that hold once the transaction is on the disk."""
        self._pending.take(Purse(**amounts))

    def first_live_run(self) -> int:
        """Runs before this one are dead: they are the writers that came before.

        A reader cannot know a live writer from a dead one by the file, so it asks the lock.
        """
        if not self.read_only:
            return self.run
        with self.read() as connection:
            last = int(connection.execute("SELECT coalesce(max(id), 0) FROM runs").fetchone()[0])
        return last if _is_held(self.path) else last + 1

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what SQLite finds wrong with the file as a user's error."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise  # a broken rule of the schema is a defect of this program
        except sqlite3.OperationalError as error:
            raise StoreError(f"{self.path}: the store cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            raise StoreError(_damaged(self.path, str(error))) from error

    def close(self) -> None:
        """Close the file and let others have it."""
        with self._guard:
            self._connection.close()
            self._release_lock()

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
            with _held_guard:
                _held.discard(self.path.absolute())


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(
        f"BEGIN IMMEDIATE; {TABLES}"
        f" PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
    )


def _damaged(path: Path, problem: str) -> str:
    return (
        f"{path}: the store is damaged, or not a SQLite database ({problem}). Keep the file: `sqlite3 {path}"
        " .recover` may save the answers in it; then name another file, or put back a copy of it."
    )


def _is_held(path: Path) -> bool:
    """Whether a writer is at work, this process's own included."""
    with _held_guard:
        # Opening and closing the file here would drop the lock that this process holds on it.
        if path.absolute() in _held:
            return True
        try:
            with path.with_name(path.name + ".lock").open("r") as file:
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
    return False


def _take_lock(path: Path) -> IO[str]:
    """The process's lock beside the file.

    It is a POSIX record lock: it goes with the process however that ends, and worker processes do not
    inherit it. A file of its own, because closing any handle of the database would drop SQLite's locks.
    """
    whole = path.absolute()
    with _held_guard:
        if whole in _held:
            raise StoreError(f"{path}: this process has the store open already")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.with_name(path.name + ".lock").open("a+")
        except OSError as error:
            raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
        try:
            _lock(file)
        except OSError as error:
            file.seek(0)
            owner = file.read().strip()
            file.close()
            raise StoreError(
                f"{path}: another process is at work on this store{f' ({owner})' if owner else ''};"
                " wait for it to end, or end it. Looking at the store works meanwhile."
            ) from error
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        _held.add(whole)
    return file


def _lock(file: IO[str], patience_s: float = 0.3) -> None:
    # A reader that asks whether a writer is alive holds the lock for a moment: that is waited out.
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return
