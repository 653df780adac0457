"""How long to wait before trying again: as long as the endpoint asks, else exponentially with full jitter.

Full jitter spreads clients that failed together over the whole interval (M. Brooker, "Exponential Backoff And
Jitter", AWS Architecture Blog, 2015).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_MOST_DOUBLINGS = 60
"""Beyond it every wait is the longest one, and a float would overflow at some point."""

_SHARED = random.Random()  # noqa: S311 - jitter is no secret


def delay(attempt: int, first_s: float, longest_s: float, rng: random.Random | None = None) -> float:
    """Seconds to wait after a failed attempt, uniform in [0, min(longest, first * 2 ** (attempt - 1))].

    Args:
        attempt: number of failures so far, from 1.
        first_s: upper bound after the first.
        longest_s: upper bound of all.
        rng: source of the jitter; a seeded one gives the same waits again.
    """
    bound = min(longest_s, first_s * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS))
    return (rng or _SHARED).uniform(0.0, bound)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a response asks to wait: ``retry-after-ms``, else ``Retry-After`` in seconds or as a date.

    Never negative; None where neither header is there or makes sense.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    told = headers.get("retry-after", headers.get("Retry-After"))
    if told is None or (seconds := _number(told)) is not None:
        return None if told is None else seconds
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return value if 0 <= value < math.inf else None
