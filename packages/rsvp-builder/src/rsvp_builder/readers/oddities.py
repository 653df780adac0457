"""What lies in the folder of a release and is no file of it: archives nobody unpacked, links to nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.readers.scan import ARCHIVE_SUFFIXES, DEEPEST, is_bad, is_hidden
from rsvp_builder.visible import acts, visible


def oddities(root: Path) -> list[Drop]:
    """A drop of kind ``metadata`` for each of them, sorted by path; they cost nothing else."""
    real = os.path.realpath(root)
    return sorted(_of(str(root), "", (real,), {real}), key=lambda drop: drop.file)


def _of(folder: str, prefix: str, above: tuple[str, ...], entered: set[str]) -> Iterator[Drop]:
    # Strings instead of paths: a release has a million files, and hardly any of them is odd.
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        return  # whoever reads the release says so
    for entry in entries:
        path = prefix + entry.name
        if is_bad(entry.name, len(above) - 1):
            if not is_hidden(entry.name):
                yield _bad(path, entry.name)
        elif os.path.splitext(entry.name)[1].lower() in ARCHIVE_SUFFIXES:  # noqa: PTH122
            if entry.is_file():
                yield _drop(path, Reason.NOT_UNPACKED, "an archive", "its files; unpack it")
        elif entry.is_symlink():
            yield from _of_link(entry, path, above, entered)
        elif entry.is_dir():
            yield from _entered(entry.path, path, above, entered)
        elif not entry.is_file() and not is_hidden(entry.name):
            yield _drop(path, Reason.BAD_PATH, "a pipe, socket or device", "a file or a folder")


def _of_link(entry: os.DirEntry[str], path: str, above: tuple[str, ...], entered: set[str]) -> Iterator[Drop]:
    real = os.path.realpath(entry.path)
    if real in above:
        yield _drop(path, Reason.BAD_LINK, "a link to a folder above it", "a file or another folder")
    elif not os.path.exists(entry.path):  # noqa: PTH110 - pathlib raises on a link to itself
        yield _drop(path, Reason.BAD_LINK, "a link to nothing", "a file or a folder")
    elif os.path.isdir(real):  # noqa: PTH112
        yield from _entered(entry.path, path, above, entered)
    elif not os.path.isfile(real):  # noqa: PTH113
        yield _drop(path, Reason.BAD_LINK, "a link to a pipe, socket or device", "a file or a folder")


def _entered(folder: str, path: str, above: tuple[str, ...], entered: set[str]) -> Iterator[Drop]:
    """What lies in a folder that was not entered before: links can lead to one in any number of ways."""
    real = os.path.realpath(folder)
    if real not in entered:
        entered.add(real)
        yield from _of(folder, f"{path}/", (*above, real), entered)


def _bad(path: str, name: str) -> Drop:
    if acts(name):
        return _drop(path, Reason.BAD_PATH, "", "a name of printable text in UTF-8; rename it")
    return _drop(path, Reason.BAD_PATH, "", f"at most {DEEPEST} folders in one another")


def _drop(path: str, reason: Reason, value: str, expected: str) -> Drop:
    return Drop("metadata", reason, "", visible(path), None, value, expected)
