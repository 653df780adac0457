"""Reading label files that nobody here wrote: bounded, UTF-8, with a reason for what cannot be read."""

from __future__ import annotations

from pathlib import Path

from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.record import Item

MAX_LABEL_BYTES = 64 * 2**20
"""A label file of one image above this is refused unread."""

_LONGEST_SHOWN = 160


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
        size = file.stat().st_size
        if size > most:
            refuse(f"{size} bytes", f"a label file of at most {most} bytes")
            return None
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        refuse(getattr(error, "strerror", None) or str(error), "a readable file")
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        refuse("UTF-16 byte order mark", "UTF-8 or ASCII text")
        return None
    return data.removeprefix(b"\xef\xbb\xbf")


def shown(text: str | bytes) -> str:
    """What was read, fit for a ledger: escaped where it is no text, and not too long."""
    told = text.decode("utf-8", "backslashreplace") if isinstance(text, bytes) else text
    told = told.encode("utf-8", "backslashreplace").decode().strip()
    return told if len(told) <= _LONGEST_SHOWN else told[:_LONGEST_SHOWN] + "…"


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
