"""What a push tells: while it goes on, and at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Tell = Callable[[int, int, str], None]
"""Called with bytes dealt with, bytes in all, and the path of the file at hand."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did.

    Attributes:
        url: where the data set is now.
        files: files that it has.
        sent: files sent by this run.
        sent_bytes: their bytes.
        removed: files of an earlier version taken away.
    """

    url: str
    files: int
    sent: int
    sent_bytes: int
    removed: int
