"""One writer at a time in a data set's folder."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from rsvp_builder.dataset.layout import Folder
from rsvp_builder.errors import RsvpError


@contextmanager
def locked(folder: Folder) -> Iterator[None]:
    """Keep two builds from writing into one folder; the lock goes with the process that holds it.

    It is the process's, so it must not be taken twice: the inner block would release it.

    Raises:
        RsvpError: another process holds it, or the folder cannot be written.
    """
    try:
        folder.lock.parent.mkdir(parents=True, exist_ok=True)
        file = folder.lock.open("a")
    except OSError as error:
        raise RsvpError(f"{folder.out}: cannot be written: {error.strerror or error}") from error
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RsvpError(f"{folder.out}: another build is writing here; wait for it to end") from error
        yield
