"""Size and time of a file as one number, to tell whether it changed since it was indexed.

A release has millions of files, and a number takes a third of the memory of a pair.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

_SIZES = 1 << 48
"""Above every size of a file."""


def stamp(status: os.stat_result) -> int:
    """The stamp of a file.

    Time is taken in microseconds: file systems shared between machines give some of them no finer one.
    """
    return status.st_mtime_ns // 1000 * _SIZES + status.st_size


def told(of: int) -> str:
    """What a stamp says, for a message."""
    microseconds, size = divmod(of, _SIZES)
    try:
        time = datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat(" ", "milliseconds")
    except (OverflowError, ValueError, OSError):  # before the year 1 or after 9999
        time = f"{microseconds / 1e6:.3f} s since 1970"
    return f"{size} bytes of {time}"
