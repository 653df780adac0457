"""What lies in the folder of a release and is no file of it: archives nobody unpacked, links to nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.readers.scan import ARCHIVE_SUFFIXES


def oddities(root: Path) -> list[Drop]:
    """A drop of kind ``metadata`` for each of them, sorted by path; they cost nothing else."""
    return sorted(_of(root, PurePosixPath(), (os.path.realpath(root),)), key=lambda drop: drop.file)


def _of(folder: Path, relative: PurePosixPath, above: tuple[str, ...]) -> Iterator[Drop]:
    try:
        with os.scandir(folder) as listing:
            entries = list(listing)
    except OSError:
        return  # whoever reads the release says so
    for entry in entries:
        path = relative / entry.name.encode("utf-8", "backslashreplace").decode()
        if path.suffix.lower() in ARCHIVE_SUFFIXES:
            if entry.is_file():
                yield _drop(path, Reason.NOT_UNPACKED, "an archive", "its files; unpack it")
        elif entry.is_symlink():
            real = os.path.realpath(entry.path)
            if real in above:
                yield _drop(path, Reason.BAD_LINK, "a link to a folder above it", "a file or another folder")
            elif not os.path.exists(entry.path):  # noqa: PTH110 - pathlib raises on a link to itself
                yield _drop(path, Reason.BAD_LINK, "a link to nothing", "a file or a folder")
            elif os.path.isdir(real):  # noqa: PTH112
                yield from _of(Path(entry.path), path, (*above, real))
        elif entry.is_dir():
            yield from _of(Path(entry.path), path, (*above, os.path.realpath(entry.path)))


def _drop(path: PurePosixPath, reason: Reason, value: str, expected: str) -> Drop:
    return Drop("metadata", reason, "", str(path), None, value, expected)
