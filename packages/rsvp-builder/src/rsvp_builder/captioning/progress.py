"""How far an online run is: counts, cost, speed."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

_REMEMBERED = 200
"""Ends of requests that the speed is reckoned from."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a run.

    Attributes:
        waiting: requests that are neither finished nor failed, those in flight included.
        in_flight: requests at the endpoint.
        done: answers taken by this run.
        rejected: answered with faults too often.
        failed: could not be asked.
        asked_again: faulty answers after which the row is asked again.
        usd: spent over all runs of the store.
        reserved_usd: reserved for what is in flight or was lost.
        per_s: requests finished a second lately; 0 before the second one.
        eta_s: seconds to the end at this speed; None where there is none yet.
        paused_s: seconds for which nothing is sent, because the endpoint refused.
    """

    waiting: int
    in_flight: int
    done: int
    rejected: int
    failed: int
    asked_again: int
    usd: float
    reserved_usd: float
    per_s: float
    eta_s: float | None
    paused_s: float


class Speed:
    """Requests a second, over the last two hundred."""

    def __init__(self) -> None:
        self._ends: deque[float] = deque(maxlen=_REMEMBERED)

    def tick(self) -> None:
        """A request ended."""
        self._ends.append(time.monotonic())

    def per_s(self) -> float:
        """The speed now; it falls while nothing ends."""
        if len(self._ends) < 2:
            return 0.0
        span = time.monotonic() - self._ends[0]
        return (len(self._ends) - 1) / span if span > 0 else 0.0
