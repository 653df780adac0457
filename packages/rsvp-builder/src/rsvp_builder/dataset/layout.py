"""Where things lie in a data set's folder.

::

    OUT/README.md                                card, with the configurations that datasets reads
    OUT/plots/*.svg                              what the card shows of the whole set
    OUT/dataset.json                             written last: the sources that are complete
    OUT/data/<source>/<split>-00000-of-00007.parquet
    OUT/data/<source>/<split>-captions-00000-of-00007.parquet   planned rows of that shard with their answers
    OUT/planned/<source>/<split>-00000-of-00007.parquet   rows that wait for a captioner's answer
    OUT/ledger/<source>/{summary.json, images.parquet, drops.parquet, captions.json}
    OUT/settings/<source>.json                   the settings and manifest of the run
    OUT/.build/                                  state for resuming: plan and a marker for each unit
    OUT/.captions/                               store of the captioner: requests, answers, what they cost
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rsvp_builder.errors import RsvpError

_CAPTIONS = re.compile(r".+-captions-(\d{5})-of-(\d{5})\.parquet")


class Folder:
    """Paths inside one data set's folder."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.card = out / "README.md"
        self.complete = out / "dataset.json"
        self.lock = out / ".build" / "lock"
        self.store = out / ".captions" / "store.sqlite"
        self.drafts = out / ".captions" / "drafts"

    def shard(self, source: str, split: str, number: int, of: int) -> Path:
        """One shard; numbers count from 0 within the split."""
        return self.out / "data" / source / f"{split}-{number:05d}-of-{of:05d}.parquet"

    def planned_shard(self, source: str, split: str, number: int, of: int) -> Path:
        """The planned rows of the same frames as the shard of that number."""
        return self.out / "planned" / source / f"{split}-{number:05d}-of-{of:05d}.parquet"

    def captions_shard(self, source: str, split: str, number: int, of: int) -> Path:
        """The answered rows of the same frames as the shard of that number; only where there are any."""
        return self.out / "data" / source / f"{split}-captions-{number:05d}-of-{of:05d}.parquet"

    def captions(self, source: str) -> Path:
        """The account of the source's answered rows; only where there are any."""
        return self.ledger(source) / "captions.json"

    def ledger(self, source: str) -> Path:
        """Folder of the source's ledger."""
        return self.out / "ledger" / source

    def settings(self, source: str) -> Path:
        """The saved settings of the source's run."""
        return self.out / "settings" / f"{source}.json"

    def state(self, source: str) -> Path:
        """Folder of the plan and the unit markers."""
        return self.out / ".build" / source

    def plan(self, source: str) -> Path:
        """The plan of the source's run."""
        return self.state(source) / "plan.json"

    def marker(self, source: str, unit: int) -> Path:
        """The marker of a finished unit."""
        return self.state(source) / f"unit-{unit:06d}.json"

    def sweep(self, source: str) -> None:
        """Remove what a killed build left half written; only for who holds the lock."""
        for folder in (
            self.out,
            self.out / "data" / source,
            self.out / "planned" / source,
            self.out / "settings",
            self.ledger(source),
            self.state(source),
        ):
            for leftover in folder.glob(".*.tmp"):
                leftover.unlink(missing_ok=True)

    def planned(self) -> list[str]:
        """Sources that have been begun here, sorted."""
        return sorted(path.parent.name for path in self.out.glob(".build/*/plan.json"))

    def sources(self) -> list[str]:
        """Sources that are complete.

        Raises:
            RsvpError: this is no finished data set.
        """
        if not self.complete.is_file():
            begun = self.planned()
            hint = (
                f" The build of {', '.join(begun)} has not finished: rerun it, it resumes."
                if begun
                else " Build one with `rsvp-build --source NAME --root RAW --out OUT`."
            )
            raise RsvpError(f"{self.out}: not a finished data set (no dataset.json).{hint}")
        return self.finished()

    def finished(self) -> list[str]:
        """As :meth:`sources`, but none where there is no finished data set."""
        return sorted(read_json(self.complete)["sources"]) if self.complete.is_file() else []

    def shards(self, source: str) -> list[Path]:
        """All shards of a source, sorted, those of answered rows included."""
        return sorted((self.out / "data" / source).glob("*.parquet"))

    def planned_shards(self, source: str) -> list[Path]:
        """All shards of a source's planned rows, sorted."""
        return sorted((self.out / "planned" / source).glob("*.parquet"))


def is_captions(path: Path) -> bool:
    """Whether a shard in ``data/`` holds rows that a captioner answered."""
    return _CAPTIONS.fullmatch(path.name) is not None


def read_json(path: Path) -> Any:
    """Read a JSON file of ours.

    Raises:
        RsvpError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise RsvpError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise RsvpError(f"{path}: damaged ({error}); delete it and rerun the build") from error


def remove_folder(folder: Path) -> None:
    """Remove a folder, if there is one, with all that is in it.

    Raises:
        OSError: something in it cannot be removed; what is left must not be taken for something new.
    """
    if folder.is_dir():
        shutil.rmtree(folder)


def commit(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, even after a power cut."""
    with written(path) as temporary:
        temporary.write_bytes(content)


def commit_json(path: Path, content: Any) -> None:
    """:func:`commit` for JSON, indented, keys in the order given."""
    commit(path, json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")


def temporary_for(path: Path) -> Path:
    """Where a file is written before it gets its name; :meth:`Folder.sweep` knows the form.

    Another name at every call: on shared storage, processes of two machines may have the same number.
    """
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A temporary file to write, which becomes ``path`` if the block ends well and is removed if not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_for(path)
    try:
        yield temporary
        publish(temporary, path)
    except BaseException:
        # Where the disk is full, what is half written must not keep the next run from its place.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def publish(temporary: Path, path: Path) -> None:
    """Give a finished temporary file its name, and make both content and name last."""
    _sync(temporary)
    temporary.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems do not sync folders, and keep names safe in their own way or not at all.
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP) or not path.is_dir():
            raise
    finally:
        os.close(descriptor)
