"""Mark coverage of prose: which marks of the row an answer cites, and which it invents.

``mark_coverage`` is the share of a row's marks that its answer cites, ``mark_precision`` the share of the
answer's distinct citations that are marks of the row. An answer that cites nothing has a precision of 0, so
that silence does not pay. Both are ours; they belong to no published protocol.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

import numpy as np

from rsvp_eval.answers import Cited
from rsvp_eval.scores import Scores, mean


class CoverageScorer:
    """Coverage and precision of citations over a growing set of answers."""

    metrics: ClassVar[tuple[str, ...]] = ("mark_coverage", "mark_precision")

    def __init__(self) -> None:
        self._values: list[tuple[float, float]] = []

    def __len__(self) -> int:
        return len(self._values)

    def update(self, cited: Iterable[Cited | None]) -> None:
        """Take in what answers cite; None is an answer that was not given, which cites nothing."""
        self._values += [(0.0, 0.0) if c is None else (c.coverage, _precision(c)) for c in cited]

    def merge(self, other: Self) -> None:
        """Take in the answers of another scorer."""
        self._values += other._values

    def score(self) -> Scores:
        """Score what was taken in so far."""
        samples = np.array(self._values, dtype=np.float64).reshape(-1, 2)
        statistics = np.concatenate([samples, np.ones((len(samples), 1))], axis=1)
        return Scores(self.metrics, samples, statistics, mean, "cited marks of the row")

    def compute(self) -> dict[str, float]:
        """The values over everything taken in so far, by name."""
        return self.score().values()


def _precision(cited: Cited) -> float:
    spoken = len(cited.marks) + len(cited.invented)
    return len(cited.marks) / spoken if spoken else 0.0
