"""SHA-256 of the files of a data set, each file read once as long as it does not change.

Croissant states the hash of every shard and a push compares it with what lies there already; both would
read hundreds of gigabytes at every attempt. What was hashed is remembered in ``.build/hashes.json`` by
size and time of change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from rsvp_builder.dataset.layout import Folder, commit_json
from rsvp_builder.errors import RsvpError

_SAVED_EVERY = 2**32
"""Bytes hashed after which the memory is written down, so that a killed run keeps most of its work."""


class Hashes:
    """Remembers the hash of every file it was asked for.

    Only for who holds the folder's lock: it writes its file into the folder.
    """

    def __init__(self, folder: Folder) -> None:
        self._out = folder.out
        self._path = folder.out / ".build" / "hashes.json"
        self._files: dict[str, tuple[int, int, str]] = {}
        self._valid = ""
        self._unsaved = 0
        try:
            kept = json.loads(self._path.read_bytes())
            self._files = {name: (size, time, told) for name, (size, time, told) in kept["files"].items()}
            self._valid = str(kept["valid"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._files = {}  # it is only a memory: without it, files are read again

    def of(self, file: Path) -> str:
        """Hexadecimal SHA-256 of a file in the folder.

        Raises:
            RsvpError: the file cannot be read.
        """
        name = file.relative_to(self._out).as_posix()
        try:
            state = file.stat()
            size, time, told = self._files.get(name, (-1, -1, ""))
            if (size, time) == (state.st_size, state.st_mtime_ns):
                return told
            with file.open("rb") as content:
                told = hashlib.file_digest(content, "sha256").hexdigest()
        except OSError as error:
            raise RsvpError(f"{file}: cannot be read: {error.strerror or error}") from error
        self._files[name] = (state.st_size, state.st_mtime_ns, told)
        self._unsaved += state.st_size
        if self._unsaved > _SAVED_EVERY:
            self.save()
        return told

    def state_of(self, files: Iterable[Path]) -> str:
        """One hash for these files together: another one as soon as any of them changes."""
        whole = hashlib.sha256()
        for file in sorted(files):
            whole.update(f"{file.relative_to(self._out).as_posix()}\n{self.of(file)}\n".encode())
        return whole.hexdigest()

    def was_valid(self, state: str) -> bool:
        """Whether a data set in this state has been checked before and found sound."""
        return self._valid == state

    def mark_valid(self, state: str) -> None:
        """Remember that a data set in this state is sound."""
        self._valid = state
        self.save()

    def save(self) -> None:
        """Write the memory down."""
        commit_json(self._path, {"files": self._files, "valid": self._valid})
        self._unsaved = 0
