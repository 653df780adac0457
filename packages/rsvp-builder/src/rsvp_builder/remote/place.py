"""Where a data set lies: in a folder, or at a URL with a mirror of its small files in a folder here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from rsvp_builder.dataset.layout import Folder, remove_folder
from rsvp_builder.dataset.lock import locked
from rsvp_builder.errors import RsvpError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+._-]*(::[A-Za-z0-9+._-]+)*://")


class Place(Protocol):
    """A data set that is being built.

    Attributes:
        folder: its small files; its shards too, unless it lies at a URL.
        url: where it lies, None for the folder itself.
    """

    folder: Folder
    url: str | None

    def push(self) -> None:
        """Make what was changed in the folder last; ``dataset.json`` comes after everything else.

        Raises:
            RsvpError: the URL cannot be written.
        """

    def gather(self) -> None:
        """Fetch the markers that workers have left.

        Raises:
            RsvpError: the URL cannot be read.
        """

    def remove_shards(self, source: str) -> None:
        """Remove the source's shards.

        Raises:
            RsvpError: the URL cannot be written.
        """

    def remove_captions(self, source: str) -> None:
        """Remove the source's shards of captioned rows, where that has not been done in the folder.

        Raises:
            RsvpError: the URL cannot be written.
        """


class _Here:
    """A data set in a folder: everything is in its place already."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.url: str | None = None

    def push(self) -> None:
        """Nothing to do."""

    def gather(self) -> None:
        """Nothing to do."""

    def remove_shards(self, source: str) -> None:
        """Remove the source's shards."""
        for kind in ("data", "planned"):
            remove_folder(self.folder.out / kind / source)

    def remove_captions(self, source: str) -> None:
        """Nothing to do."""


def parse_out(out: Path | str) -> Path | str:
    """A path, or a URL without a slash at its end; ``file:`` URLs are paths."""
    text = str(out)
    if not _URL.match(text):
        return Path(out)
    if text.startswith("file://"):
        return Path(unquote(urlsplit(text).path))
    return text.rstrip("/")


def folder_of(out: Path | str) -> Folder:
    """The folder itself, or the one that mirrors the URL's small files on this machine."""
    out = parse_out(out)
    if isinstance(out, Path):
        return Folder(out)
    from rsvp_builder.remote.mirror import mirror_folder

    return Folder(mirror_folder(out))


@contextmanager
def opened(out: Path | str, source: str | None = None) -> Iterator[Place]:
    """Open a data set to write into it, locked against other builds of this machine.

    Args:
        out: folder or URL.
        source: whose state is wanted as well; None for what all sources share.

    Raises:
        RsvpError: another build writes there, or the place cannot be used.
    """
    out = parse_out(out)
    folder = folder_of(out)
    if isinstance(out, Path):
        with locked(folder):
            yield _Here(folder)
        return
    from rsvp_builder.remote.mirror import Mirror
    from rsvp_builder.remote.store import Store

    try:
        with locked(folder):
            mirror = Mirror(Store(out), folder, source)
            mirror.pull()
            yield mirror
    except RsvpError as error:
        # Where the mirror lies is no concern of who gave a URL.
        error.args = (str(error).replace(str(folder.out), out),)
        raise
