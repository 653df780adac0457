"""When the next request may leave: rate limits, pauses of the whole run, and how many are in flight.

Nobody tries again on their own: when the endpoint refuses a request, everything waits, then a single request
goes out as a probe, and with each answer there may be more in flight again, as in TCP's slow start and
congestion avoidance (RFC 5681).
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from rsvp_builder.captioning.backoff import delay, retry_after
from rsvp_builder.captioning.limits import Limits, Taken

_SILENT = 3
"""Unanswered requests in a row after which the endpoint, and not one request, is taken to be in trouble."""

_GROWTH = 1 / 16
"""Of the most in flight, this much more is tried with every round of answers; at least one request more."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send one request.

    Attributes:
        taken: of the rate limits.
        wave: number of pauses before it; whatever was in flight when a pause began fails together.
    """

    taken: Taken
    wave: int


class Pace:
    """Lets requests leave, first come first served.

    Args:
        most: requests in flight at most.
        limits: of the user; the endpoint's are added as it tells them.
        first_s: upper bound of the first pause where the endpoint names none; it doubles.
        longest_s: upper bound of pauses that the endpoint does not name.
        rng: of the jitter.

    Attributes:
        strikes: pauses since the last answer.
        in_flight: requests that have left and have not come back.
    """

    def __init__(
        self, most: int, limits: Limits, *, first_s: float, longest_s: float, rng: random.Random
    ) -> None:
        self.strikes = 0
        self.in_flight = 0
        self._most = most
        self._limits = limits
        self._first_s = first_s
        self._longest_s = longest_s
        self._rng = rng
        self._window = float(most)
        self._threshold = float(most)
        self._wave = 0
        self._silent = 0
        self._paused_until = 0.0
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def paused_s(self) -> float:
        """Seconds that the current pause still lasts."""
        return max(0.0, self._paused_until - time.monotonic())

    async def enter(self, tokens: float) -> Permit:
        """Waits until a request of so many tokens may leave."""
        async with self._turn:
            while (wait := self._wait(tokens)) > 0:
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if wait == math.inf else wait):
                        await self._changed.wait()
            self.in_flight += 1
            return Permit(self._limits.take(tokens, time.monotonic()), self._wave)

    def _wait(self, tokens: float) -> float:
        if self.in_flight >= max(1, int(self._window)):
            return math.inf
        return max(self.paused_s, self._limits.wait(tokens, time.monotonic()))

    def leave(self) -> None:
        """A request that had left has come back, or was given up."""
        self.in_flight -= 1
        self._changed.set()

    def answered(self, permit: Permit, headers: Mapping[str, str]) -> None:
        """The endpoint dealt with a request, whatever it made of it."""
        self._limits.follow(headers, permit.taken, time.monotonic())
        self.strikes = 0
        self._silent = 0
        step = 1.0 if self._window < self._threshold else max(1.0, self._most * _GROWTH) / self._window
        self._window = min(self._most, self._window + step)
        self._changed.set()

    def refused(self, permit: Permit, headers: Mapping[str, str]) -> float:
        """The endpoint did not process a request and wants to be left alone; seconds of the pause.

        Refusals of requests that were in flight together count once.
        """
        self._limits.follow(headers, permit.taken, time.monotonic())
        asked = retry_after(headers)
        if permit.wave == self._wave:
            self._wave += 1
            self.strikes += 1
            self._silent = 0
            self._threshold = max(1.0, self._window / 2)
            self._window = 1.0
            pause = delay(self.strikes, self._first_s, self._longest_s, self._rng) if asked is None else asked
        else:
            pause = asked or 0.0
        self._paused_until = max(self._paused_until, time.monotonic() + pause)
        self._changed.set()
        return pause

    def silent(self, permit: Permit) -> None:
        """A request came back without an answer; several in a row are treated as a refusal."""
        self._silent += 1
        if self._silent >= _SILENT or self.strikes:
            self.refused(permit, {})
