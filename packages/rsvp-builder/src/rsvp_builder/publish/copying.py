"""Copying a data set into a folder behind any fsspec URL, such as ``s3://bucket/folder``.

Object stores do not tell a file's SHA-256. The list ``SHA256SUMS`` beside the data set does, in the form of
``sha256sum``; a file is not sent again when the list has its hash and the store its size. The list never
claims what is not there yet: a file is taken off it before it is replaced, and put on it after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import fsspec

from rsvp_builder.errors import RsvpError
from rsvp_builder.publish.contents import OURS, File
from rsvp_builder.publish.hashes import Hashes
from rsvp_builder.publish.pushed import Pushed, Tell
from rsvp_builder.publish.target import FolderTarget

SUMS = "SHA256SUMS"
COMPLETE = "dataset.json"

_WITH_FOLDERS = frozenset(("file", "local", "memory", "sftp", "ssh", "smb", "ftp", "hdfs", "webhdfs"))
"""Stores in which folders have to be made; elsewhere that would make a bucket of any mistyped name."""

_INSTALL = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}


def copy_to(
    target: FolderTarget, files: Sequence[File], hashes: Hashes, *, tell: Tell | None = None
) -> Pushed:
    """Copy files into a folder.

    Args:
        target: the folder.
        files: in the order in which they are sent.
        hashes: memory of their hashes.
        tell: told of progress.

    Raises:
        RsvpError: no library for the protocol is installed, or the store cannot be written.
    """
    store, root = _open(target)
    wanted = {file.path: file.sha256(hashes) for file in files}
    total = sum(file.size for file in files)
    try:
        there = _listing(store, root)
        copy = _Copy(store, root, there)
        missing = {file.path for file in files if not copy.has(file.path, file.size, wanted[file.path])}
        stale = sorted(path for path in there if path not in wanted and OURS.fullmatch(path))
        if missing or stale:
            missing.add(COMPLETE)
            copy.remove([COMPLETE, *stale, *sorted(missing - {COMPLETE})])
        sending = [file for file in files if file.path in missing]
        done = total - sum(file.size for file in sending)
        for file in sending:
            if tell:
                tell(done, total, file.path)
            copy.send(file, wanted[file.path])
            done += file.size
        if tell:
            tell(total, total, "")
    except Exception as error:  # the libraries of stores share no base class
        raise RsvpError(
            f"{target.shown}: cannot be written: {error or type(error).__name__}; what arrived stays, and "
            "the same command goes on"
        ) from error
    return Pushed(target.shown, len(files), len(sending), sum(file.size for file in sending), len(stale))


def _open(target: FolderTarget) -> tuple[Any, str]:
    protocol = target.url.partition("://")[0]
    try:
        store, root = fsspec.core.url_to_fs(target.url, use_listings_cache=False)
    except ImportError as error:
        package = _INSTALL.get(protocol, "the library that fsspec names")
        raise RsvpError(f"{target.shown}: {protocol} needs {package}: pip install {package}") from error
    except ValueError as error:
        raise RsvpError(f"{target.shown}: {error}") from error
    return store, str(root).rstrip("/")


def _listing(store: Any, root: str) -> dict[str, int]:
    """Size of every file in the folder, by its path there."""
    try:
        found = store.find(root, detail=True)
    except FileNotFoundError:
        return {}
    return {name[len(root) :].lstrip("/"): int(told["size"] or 0) for name, told in found.items()}


class _Copy:
    """The folder at the other end, and the list of what it holds for certain."""

    def __init__(self, store: Any, root: str, there: dict[str, int]) -> None:
        self._store = store
        self._root = root
        self._there = there
        self._sums: dict[str, str] = {}
        if SUMS in there:
            lines = store.cat_file(f"{root}/{SUMS}").decode().splitlines()
            listed = (line.partition("  ") for line in lines)
            self._sums = {path: told for told, _, path in listed if path in there}

    def has(self, path: str, size: int, told: str) -> bool:
        return self._there.get(path) == size and self._sums.get(path) == told

    def remove(self, paths: Sequence[str]) -> None:
        """Take files off the list, then away."""
        for path in paths:
            self._sums.pop(path, None)
        self._write_list()
        for path in paths:
            if path in self._there:
                self._store.rm_file(f"{self._root}/{path}")

    def send(self, file: File, told: str) -> None:
        place = f"{self._root}/{file.path}"
        self._make_folder(place)
        if file.content is None:
            self._store.put_file(str(file.file), place)
        else:
            self._store.pipe_file(place, file.content)
        self._sums[file.path] = told
        self._write_list()

    def _write_list(self) -> None:
        text = "".join(f"{told}  {path}\n" for path, told in sorted(self._sums.items()))
        self._make_folder(f"{self._root}/{SUMS}")
        self._store.pipe_file(f"{self._root}/{SUMS}", text.encode())

    def _make_folder(self, place: str) -> None:
        protocols = self._store.protocol
        if not _WITH_FOLDERS.isdisjoint([protocols] if isinstance(protocols, str) else protocols):
            self._store.makedirs(place.rpartition("/")[0], exist_ok=True)
