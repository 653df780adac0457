"""Rate limits as the endpoint keeps them: buckets that refill steadily, told in headers."""

from __future__ import annotations

import time
from dataclasses import dataclass


def span(seconds: float) -> str:
    """A time as OpenAI's headers have it: ``6m0s``, ``1.5s``, ``20ms``."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < 60:
        return f"{seconds:.3g}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s"


@dataclass
class Meter:
    """One limit.

    Attributes:
        limit: most that is there.
        window: seconds in which it refills from nothing.
        level: what is left.
    """

    limit: float
    window: float
    level: float
    updated: float

    def refill(self) -> None:
        """Brings the level up to now."""
        now = time.monotonic()
        self.level = min(self.limit, self.level + (now - self.updated) * self.limit / self.window)
        self.updated = now


class Meters:
    """Limits of requests and tokens; none are kept or told until they are set."""

    def __init__(
        self, requests: float | None = None, tokens: float | None = None, window: float = 60.0
    ) -> None:
        now = time.monotonic()
        given = {"requests": requests, "tokens": tokens}
        self.meters = {
            name: Meter(limit, window, limit, now) for name, limit in given.items() if limit is not None
        }

    def take(self, tokens: int) -> float:
        """Takes one request of so many tokens: zero, or the seconds after which it would have been let in."""
        need = {"requests": 1, "tokens": tokens}
        wait = 0.0
        for name, meter in self.meters.items():
            meter.refill()
            wait = max(wait, (need[name] - meter.level) * meter.window / meter.limit)
        if wait <= 0:
            for name, meter in self.meters.items():
                meter.level -= need[name]
        return max(wait, 0.0)

    def headers(self) -> dict[str, str]:
        """The headers that tell them."""
        told: dict[str, str] = {}
        for name, meter in self.meters.items():
            told[f"x-ratelimit-limit-{name}"] = str(int(meter.limit))
            told[f"x-ratelimit-remaining-{name}"] = str(max(0, int(meter.level)))
            told[f"x-ratelimit-reset-{name}"] = span((meter.limit - meter.level) * meter.window / meter.limit)
        return told
