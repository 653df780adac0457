"""Walking a raw release: sorted, loops cut, junk left out."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rsvp_builder.errors import RsvpError
from rsvp_builder.stamps import stamp
from rsvp_builder.visible import acts

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
ARCHIVE_SUFFIXES = frozenset({".zip", ".rar", ".7z", ".tar", ".gz", ".tgz"})
_JUNK = frozenset({"__MACOSX", "@eaDir", "Icon\r"})
DEEPEST = 100
"""Folders in one another below which nothing is read."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the release; a release has millions, so the folder is shared and the rest derived.

    Attributes:
        folder: the folder, relative to the root.
        name: name of the file.
        size: bytes.
        stamp: its size and time, see :mod:`rsvp_builder.stamps`.
    """

    folder: PurePosixPath
    name: str
    size: int
    stamp: int | None = None

    @property
    def path(self) -> str:
        """Path relative to the root, with forward slashes."""
        return self.name if not self.folder.parts else f"{self.folder}/{self.name}"

    @property
    def stem(self) -> str:
        """Name without its last suffix."""
        return posixpath.splitext(self.name)[0]

    @property
    def suffix(self) -> str:
        """Last suffix in lower case, with its dot."""
        return posixpath.splitext(self.name)[1].lower()


def walk(root: Path) -> Iterator[Found]:
    """All files below ``root``, in sorted order, hidden and operating-system junk left out.

    Symbolic links to folders are followed, since people keep data on other disks, but each folder
    is entered once, so a loop of links ends. What :func:`is_bad` says of a name is left out, and told by
    :func:`rsvp_builder.readers.oddities.oddities`.

    Raises:
        RsvpError: ``root`` is not a folder, or a folder in it cannot be listed.
    """
    if not root.is_dir():
        raise RsvpError(f"{root}: not a folder; --root takes the folder that holds the raw release")
    yield from _walk(root, PurePosixPath(), set())


def is_hidden(name: str) -> bool:
    """Whether a name is that of a hidden file or of what operating systems leave behind."""
    return name.startswith((".", "~")) or name in _JUNK


def is_bad(name: str, depth: int) -> bool:
    """Whether a file or folder is not read for its name, or for the number of folders above it."""
    return acts(name) or depth > DEEPEST


def _walk(folder: Path, relative: PurePosixPath, entered: set[str]) -> Iterator[Found]:
    real = os.path.realpath(folder)
    if real in entered:
        return
    entered.add(real)
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        raise RsvpError(f"{folder}: cannot be listed: {error.strerror or error}") from error
    depth = len(relative.parts)
    for entry in entries:
        if is_hidden(entry.name) or is_bad(entry.name, depth):
            continue
        try:
            is_folder, is_file = entry.is_dir(), entry.is_file()
        except OSError:
            continue  # a link to itself
        if is_folder:
            yield from _walk(folder / entry.name, relative / entry.name, entered)
        elif is_file:
            status = entry.stat()
            yield Found(relative, entry.name, status.st_size, stamp(status))
