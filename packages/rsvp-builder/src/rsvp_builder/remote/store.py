"""Files below a URL, through fsspec: whole objects in, whole objects out, errors told in words.

On S3 and its like an object appears whole or not at all. Elsewhere a killed upload may leave half a
file, which has no marker yet and is written again by the rerun.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rsvp_builder.errors import RsvpError, UnknownNameError

_PACKAGES = {"s3": "'rsvp-builder[s3]'", "s3a": "'rsvp-builder[s3]'", "gs": "gcsfs", "gcs": "gcsfs"}
_OF_THIS_PROCESS = ("memory",)

# Everywhere else a folder is there with its files, and to make one would be to make a bucket.
_HAVE_FOLDERS = {"abfs", "arrow_hdfs", "dbfs", "ftp", "hdfs", "sftp", "smb", "ssh", "webdav", "webhdfs"}


class TransientError(RsvpError):
    """The store could not be reached or answered with an error that may pass: worth another try."""


class Store:
    """A prefix on a file system of fsspec.

    Credentials and end points are the file system's own affair: it takes them from the environment or
    the configuration files of the machine it runs on.

    Attributes:
        url: the prefix, without a slash at its end.

    Raises:
        RsvpError: the URL's protocol is unknown, or the package that speaks it is not installed.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        if urlsplit(url).password is not None:
            raise RsvpError(
                "--out: the URL holds a password, which messages and logs would show; leave it to the "
                "configuration of the file system"
            )
        self.url = url
        protocol = url.partition("://")[0]
        if protocol in _OF_THIS_PROCESS:
            raise RsvpError(f"{url}: lies in the memory of one process, and workers are others; use a folder")
        known = fsspec.available_protocols()
        if protocol not in known:
            raise UnknownNameError(f"protocol in {url}:", protocol, known)
        try:
            self._fs, path = fsspec.core.url_to_fs(url)
        except ImportError as error:
            package = _PACKAGES.get(protocol)
            what = f"pip install {package}" if package else str(error)
            raise RsvpError(f"{url}: the package for {protocol}:// is not installed: {what}") from error
        except ValueError as error:
            raise RsvpError(f"{url}: {error}") from error
        self._prefix = str(path).rstrip("/")
        self._has_folders = protocol in _HAVE_FOLDERS

    def _path(self, name: str) -> str:
        return f"{self._prefix}/{name}"

    def names(self, below: str = "") -> list[str]:
        """Names of all files, or of those in one folder of the prefix and below it, sorted.

        Raises:
            RsvpError: the store cannot be read.
        """
        self._fs.invalidate_cache()
        with self._told("listed", below):
            try:
                found = self._fs.find(self._path(below) if below else self._prefix)
            except FileNotFoundError:
                return []
        start = f"{self._fs._strip_protocol(self._prefix)}/"
        return sorted(path.removeprefix(start) for path in map(str, found) if path.startswith(start))

    def get(self, names: Sequence[str], folder: Path) -> None:
        """Fetch files into a folder, under their names.

        Raises:
            RsvpError: one is not there, or the store cannot be read.
        """
        if not names:
            return
        targets = [folder / name for name in names]
        for parent in {target.parent for target in targets}:
            parent.mkdir(parents=True, exist_ok=True)
        with self._told("read", names[0]):
            self._fs.get([self._path(name) for name in names], [str(target) for target in targets])

    def put(self, file: Path, name: str) -> None:
        """Upload a file and see that all of it has arrived.

        Raises:
            RsvpError: the store refuses it.
            TransientError: it failed in a way that may pass.
        """
        size = file.stat().st_size
        path = self._path(name)
        with self._told("written", name):
            if self._has_folders:
                self._fs.makedirs(self._fs._parent(path), exist_ok=True)
            self._fs.put_file(str(file), path)
            self._fs.invalidate_cache(self._fs._parent(path))
            arrived = self._fs.info(path)["size"]
        if arrived != size:
            raise TransientError(f"{self.url}/{name}: {arrived} bytes arrived, {size} were sent")

    def remove(self, names: Sequence[str]) -> None:
        """Remove files; those that are gone already are no mistake.

        Raises:
            RsvpError: the store refuses it.
        """
        for name in names:
            with self._told("removed", name):
                try:
                    self._fs.rm_file(self._path(name))
                except FileNotFoundError:
                    continue
        self._fs.invalidate_cache()

    def columns(self, name: str, columns: Sequence[str]) -> Any:
        """Some columns of a Parquet file as an Arrow table, without reading the others.

        Raises:
            RsvpError: it cannot be read.
        """
        import pyarrow.parquet as pq

        with self._told("read", name), self._fs.open(self._path(name), cache_type="readahead") as file:
            return pq.read_table(file, columns=list(columns), pre_buffer=True)

    @contextmanager
    def _told(self, verb: str, name: str) -> Iterator[None]:
        where = f"{self.url}/{name}".rstrip("/")
        try:
            yield
        except RsvpError:
            raise
        except Exception as error:  # every store has exceptions of its own
            raise _told_as(error, where, verb) from error


def _told_as(error: Exception, where: str, verb: str) -> RsvpError:
    """What went wrong, in words; transient unless it is known not to be."""
    if isinstance(error, PermissionError) or "Credential" in type(error).__name__:
        return RsvpError(
            f"{where}: cannot be {verb}: no permission ({_reason(error)}). Check the credentials that the "
            "environment of this machine holds, and what they allow."
        )
    if isinstance(error, FileNotFoundError):
        return RsvpError(
            f"{where}: cannot be {verb}: {_reason(error)}. Check the URL; a bucket or repository must exist "
            "before."
        )
    return TransientError(
        f"{where}: cannot be {verb}: {type(error).__name__}: {_reason(error)}. What is finished stays; the "
        "same command goes on."
    )


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0][:300]
