"""One writer at a time in a data set's folder.

The lock is the operating system's and goes with the process that holds it, however that ends. What is written
in the file only names the holder, and counts for nothing once the lock is free.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from rsvp_builder.dataset.layout import Folder
from rsvp_builder.errors import RsvpError

_log = logging.getLogger(__name__)


@contextmanager
def locked(folder: Folder) -> Iterator[None]:
    """Keep two builds from writing into one folder.

    It is the process's, so it must not be taken twice: the inner block would release it.

    Raises:
        RsvpError: another process holds it, or the folder cannot be written or locked.
    """
    try:
        folder.lock.parent.mkdir(parents=True, exist_ok=True)
        file = folder.lock.open("ab+", buffering=0)
    except OSError as error:
        raise RsvpError(f"{folder.out}: cannot be written: {error.strerror or error}") from error
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise RsvpError(
                    f"{folder.out}: cannot be locked: {error.strerror or error}. The file system must know "
                    "locks; some have to be mounted with them. Or use another --out."
                ) from error
            raise RsvpError(
                f"{folder.out}: another build is writing here{_named(_holder(file))}; wait for it to end"
            ) from error
        left = _holder(file)
        if left is not None and left[1] != socket.gethostname():
            # Dead most likely; but where locks are not shared between machines, it may be at work.
            _log.warning("%s: a build%s did not end by itself; see that it is gone", folder.out, _named(left))
        _write(file, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        try:
            yield
        finally:
            _write(file, "")


def _write(file: BinaryIO, text: str) -> None:
    with suppress(OSError):  # a full disk: the lock holds all the same
        file.truncate(0)
        file.write(text.encode())


def _holder(file: BinaryIO) -> tuple[int, str] | None:
    """Process and machine that a lock's file names.

    It is read through the file that is locked: to close another one would free the lock.
    """
    try:
        file.seek(0)
        told = json.loads(file.read())
        return int(told["pid"]), str(told["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _named(holder: tuple[int, str] | None) -> str:
    if holder is None:
        return ""
    pid, host = holder
    return f": process {pid}" + ("" if host == socket.gethostname() else f" on machine {host}")
