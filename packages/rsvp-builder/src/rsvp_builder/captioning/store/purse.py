"""Money in whole nano-dollars: sums of it are exact, in any order and over any number of resumes."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass

from rsvp_builder.captioning.store.records import Spending

NANO = 1_000_000_000


def nano(usd: float) -> int:
    """Dollars as nano-dollars, rounded up.

    Raises:
        ValueError: it is negative, infinite or not a number.
    """
    if not (math.isfinite(usd) and usd >= 0):
        raise ValueError(f"not an amount of money: {usd!r} USD")
    # 0.07 USD * 1e9 is a hair above 70,000,000: such noise must not cost a nano-dollar.
    return math.ceil(round(usd * NANO, 3))


def cap(max_usd: float) -> int:
    """A cap as nano-dollars, rounded down.

    Raises:
        ValueError: it is negative, infinite or not a number.
    """
    if not (math.isfinite(max_usd) and max_usd >= 0):
        raise ValueError(f"not a cap on money: {max_usd!r} USD")
    return math.floor(round(max_usd * NANO, 3))


def share(amount: int, factor: float) -> int:
    """A share of an amount, rounded up."""
    return amount if factor == 1.0 else math.ceil(amount * factor)


def usd(amount: int) -> float:
    """Nano-dollars as dollars."""
    return amount / NANO


@dataclass(slots=True)
class Purse:
    """Sums over all attempts.

    The attempts are the truth; a writer reads the sums once and keeps them, since no other process
    writes meanwhile.

    Attributes:
        spent: nano-dollars, of attempts that ended.
        reserved: nano-dollars, of attempts that did not.
        input_tokens: of all answers.
        output_tokens: of all answers.
        cached_tokens: of all answers.
        underestimated: answers that cost more than was reserved.
    """

    spent: int = 0
    reserved: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    underestimated: int = 0

    @classmethod
    def read(cls, connection: sqlite3.Connection) -> Purse:
        """Sum up the attempts."""
        row = connection.execute(
            "SELECT coalesce(sum(cost), 0), coalesce(sum(iif(state = 'sent', reserved, 0)), 0),"
            " coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),"
            " coalesce(sum(cached_tokens), 0), coalesce(sum(cost > reserved), 0) FROM attempts"
        ).fetchone()
        return cls(*row)

    def take(self, more: Purse) -> None:
        """Add the sums of another purse."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(more, name))

    def spending(self) -> Spending:
        """The sums in dollars."""
        return Spending(
            usd=usd(self.spent),
            reserved_usd=usd(self.reserved),
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cached_tokens=self.cached_tokens,
            underestimated=self.underestimated,
        )
