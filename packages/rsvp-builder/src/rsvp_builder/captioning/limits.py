"""Rate limits: those that the endpoint tells in headers, and those that the user sets.

A limit is a bucket that refills steadily. OpenAI's headers
(``x-ratelimit-{limit,remaining,reset}-{requests,tokens}``, see its guide to rate limits) tell how much fits,
how much is left and when it will be full again; the last two give the speed of the refill, so that limits a
minute, a day or any other time look the same.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

KINDS = ("requests", "tokens")

_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_ROUNDING = 1e-6
"""A request that lacks less than this may go: sums of floats never quite fill up."""

_EPOCH = 1e8
"""A larger number of seconds is a time since 1970 and not a span."""


def span_s(text: str) -> float | None:
    """Seconds of a span in a header: ``6m0s``, ``1.5s``, ``20ms``, plain seconds, or a time since 1970."""
    text = text.strip().lower()
    try:
        value = float(text)
    except ValueError:
        found = _SPAN.fullmatch(text)
        if found is None or not any(found.groups()):
            return None
        days, hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    if not math.isfinite(value):
        return None
    return max(0.0, value - time.time()) if value > _EPOCH else max(0.0, value)


@dataclass(slots=True)
class Bucket:
    """One limit.

    Attributes:
        limit: most that fits.
        level: what is left; below zero where more was taken than is there.
        per_s: refill a second.
        updated: time of the level.
    """

    limit: float
    level: float
    per_s: float
    updated: float

    def refill(self, now: float) -> None:
        """Brings the level up to now."""
        self.level = min(self.limit, self.level + max(0.0, now - self.updated) * self.per_s)
        self.updated = now

    def wait(self, need: float, now: float) -> float:
        """Seconds until so much is there. What would never fit waits for a full bucket."""
        self.refill(now)
        missing = min(need, self.limit) - self.level
        if missing <= _ROUNDING:
            return 0.0
        return missing / self.per_s if self.per_s > 0 else math.inf

    @classmethod
    def of_minute(cls, amount: float, now: float) -> Bucket:
        """A limit a minute that a user sets: one second's worth may come at once, at least one request."""
        at_once = max(1.0, amount / 60)
        return cls(at_once, at_once, amount / 60, now)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one request took.

    Attributes:
        tokens: estimate.
        totals: all that was ever taken of each kind, this request included.
    """

    tokens: float
    totals: tuple[float, float]


@dataclass(slots=True)
class Limits:
    """All limits of an endpoint for a model.

    Attributes:
        own: of the user, by kind.
        told: of the endpoint, by kind; none before the first answer.
    """

    own: dict[str, Bucket] = field(default_factory=dict)
    told: dict[str, Bucket] = field(default_factory=dict)
    _total: dict[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 0.0))

    @classmethod
    def of_user(
        cls, requests_per_minute: float | None, tokens_per_minute: float | None, now: float
    ) -> Limits:
        """With the limits that a user sets."""
        given = zip(KINDS, (requests_per_minute, tokens_per_minute), strict=True)
        return cls({kind: Bucket.of_minute(amount, now) for kind, amount in given if amount is not None})

    def wait(self, tokens: float, now: float) -> float:
        """Seconds until a request of so many tokens keeps all limits."""
        longest = 0.0
        for buckets in (self.own, self.told):
            for kind, bucket in buckets.items():
                longest = max(longest, bucket.wait(1.0 if kind == "requests" else tokens, now))
        return longest

    def take(self, tokens: float, now: float) -> Taken:
        """Takes a request of so many tokens out of every bucket."""
        for kind, need in zip(KINDS, (1.0, tokens), strict=True):
            self._total[kind] += need
            for buckets in (self.own, self.told):
                if (bucket := buckets.get(kind)) is not None:
                    bucket.refill(now)
                    bucket.level -= need
        return Taken(tokens, (self._total["requests"], self._total["tokens"]))

    def give_back(self, taken: Taken) -> None:
        """Puts back what was taken for a request that was never sent."""
        for kind, need in zip(KINDS, (1.0, taken.tokens), strict=True):
            for buckets in (self.own, self.told):
                if (bucket := buckets.get(kind)) is not None:
                    bucket.level = min(bucket.limit, bucket.level + need)

    def follow(self, headers: Mapping[str, str], taken: Taken, now: float) -> None:
        """Learns from the headers of the response to a request.

        What they tell as left may not yet count the requests that were sent after this one. So the truth lies
        between it, and it less all that was taken since: the own count is brought into this range.
        """
        for place, kind in enumerate(KINDS):
            limit = _amount(headers.get(f"x-ratelimit-limit-{kind}"))
            left = _amount(headers.get(f"x-ratelimit-remaining-{kind}"))
            reset = span_s(headers.get(f"x-ratelimit-reset-{kind}") or "")
            if limit is None or left is None or limit <= 0:
                continue
            later = self._total[kind] - taken.totals[place]
            bucket = self.told.get(kind)
            if bucket is None:
                bucket = self.told[kind] = Bucket(limit, -math.inf, limit / 60, now)
            bucket.refill(now)
            bucket.limit = limit
            bucket.level = min(max(bucket.level, left - later), left)
            # A limit a minute where nothing else follows: with a full bucket the time to refill says nothing.
            if reset and left < limit:
                bucket.per_s = (limit - left) / reset


def _amount(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
