"""Reading label files that nobody here wrote: bounded, UTF-8, with a reason for what cannot be read."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.record import Item
from rsvp_builder.visible import visible

MAX_LABEL_BYTES = 16 * 2**20
"""A label file of one image above this is refused unread; the densest real one is under 2 MB.

What is kept of a file while it is parsed may take a hundred times its bytes.
"""

MOST_BAD_LINES = 100_000
"""Lines of a label file that are no objects above which it is taken for no label file."""

MAX_LIST_BYTES = 256 * 2**20
"""Characters of a file that lists images above which the rest of it is not read."""
MAX_LIST_LINE = 2**20
"""Characters of a line of such a file above which the rest of it is not read."""

_LONGEST_SHOWN = 160
_LONGEST_NAME = 1000


def read_label(
    root: Path, item: Item, path: str, drops: Drops, *, most: int = MAX_LABEL_BYTES
) -> bytes | None:
    """The bytes of a label file without its byte order mark, or None where it cannot be read.

    Args:
        root: folder of the release.
        item: the image it annotates.
        path: the file, relative to the root.
        drops: gets the image, where its label file cannot be read.
        most: bytes above which it is refused.
    """

    def refuse(value: str, expected: str) -> None:
        drops.add(Drop("image", Reason.LABEL_UNREADABLE, item.image_id, path, None, value, expected))

    file = root / path
    try:
        with file.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            # Files that a kernel makes up have another size than they tell.
            data = opened.read(most + 1) if size <= most else b""
        if max(size, len(data)) > most:
            refuse(f"{max(size, len(data))} bytes", f"a label file of at most {most} bytes")
            return None
    except (OSError, ValueError) as error:
        refuse(getattr(error, "strerror", None) or str(error), "a readable file")
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        refuse("UTF-16 byte order mark", "UTF-8 or ASCII text")
        return None
    return data.removeprefix(b"\xef\xbb\xbf")


def list_lines(path: Path, *, most: int = MAX_LIST_BYTES) -> Iterator[tuple[int, str]]:
    """The lines of a list file with their 1-based numbers, one at a time.

    Args:
        path: the file.
        most: characters after which it is given up.

    Raises:
        OSError: it cannot be read, or is too long, or one of its lines is; lines before have been given.
    """
    left = most
    with path.open(encoding="utf-8-sig", errors="backslashreplace") as file:
        for number in count(1):
            line = file.readline(MAX_LIST_LINE + 1)
            left -= len(line)
            if not line:
                return
            if len(line) > MAX_LIST_LINE:
                raise OSError(errno.EFBIG, f"line {number} has more than {MAX_LIST_LINE} characters")
            if left < 0:
                raise OSError(errno.EFBIG, f"more than {most} characters")
            yield number, line.removesuffix("\n")


def shown(text: str | bytes) -> str:
    """What was read, fit for a ledger: escaped where it is no text, and not too long."""
    told = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text
    told = told.encode("utf-8", "backslashreplace").decode().strip()
    return told if len(told) <= _LONGEST_SHOWN else told[:_LONGEST_SHOWN] + "…"


def called(name: str) -> str:
    """A name that an annotation file gives, fit for an image id: escaped where it acts, and not too long."""
    return visible(name[:_LONGEST_NAME])


def number(text: str) -> float:
    """A decimal number, which may be infinite or none at all.

    Raises:
        ValueError: it is not written as one. Python reads 1_000 and other scripts' digits; labels do not.
    """
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return float(text)


def sentence(text: str) -> str:
    """Words with single spaces; raises ``ValueError`` for what is no text, such as half a surrogate pair."""
    text.encode("utf-8")
    words = " ".join(text.split())
    if not words.isprintable():
        words = "".join(c if c.isprintable() else " " for c in words)
        words = " ".join(words.split())
    return words
