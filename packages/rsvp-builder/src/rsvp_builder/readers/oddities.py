"""What lies in the folder of a release and is no file of it: archives nobody unpacked, links to nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.readers.scan import ARCHIVE_SUFFIXES


def oddities(root: Path) -> list[Drop]:
    """A drop of kind ``metadata`` for each of them, sorted by path; they cost nothing else."""
    return sorted(_of(str(root), "", (os.path.realpath(root),)), key=lambda drop: drop.file)


def _of(folder: str, prefix: str, above: tuple[str, ...]) -> Iterator[Drop]:
    # Strings instead of paths: a release has a million files, and hardly any of them is odd.
    try:
        with os.scandir(folder) as listing:
            entries = list(listing)
    except OSError:
        return  # whoever reads the release says so
    for entry in entries:
        if os.path.splitext(entry.name)[1].lower() in ARCHIVE_SUFFIXES:  # noqa: PTH122
            if entry.is_file():
                yield _drop(prefix + entry.name, Reason.NOT_UNPACKED, "an archive", "its files; unpack it")
        elif entry.is_symlink():
            yield from _of_link(entry, prefix + entry.name, above)
        elif entry.is_dir():
            yield from _of(entry.path, f"{prefix}{entry.name}/", (*above, os.path.realpath(entry.path)))


def _of_link(entry: os.DirEntry[str], path: str, above: tuple[str, ...]) -> Iterator[Drop]:
    real = os.path.realpath(entry.path)
    if real in above:
        yield _drop(path, Reason.BAD_LINK, "a link to a folder above it", "a file or another folder")
    elif not os.path.exists(entry.path):  # noqa: PTH110 - pathlib raises on a link to itself
        yield _drop(path, Reason.BAD_LINK, "a link to nothing", "a file or a folder")
    elif os.path.isdir(real):  # noqa: PTH112
        yield from _of(entry.path, f"{path}/", (*above, real))


def _drop(path: str, reason: Reason, value: str, expected: str) -> Drop:
    told = path.encode("utf-8", "backslashreplace").decode()
    return Drop("metadata", reason, "", told, None, value, expected)
