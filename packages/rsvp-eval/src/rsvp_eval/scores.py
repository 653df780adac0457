"""What a metric found: a value a sample, and statistics whose sums give the value of any set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Combine = Callable[[Floats], Floats]


def mean(sums: Floats) -> Floats:
    """Means from sums, for metrics whose value over a set is the mean over its samples.

    Args:
        sums: (..., m + 1) float64: sums of m metrics, then the number of samples.

    Returns:
        (..., m) float64; NaN where there is no sample.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[..., :-1] / sums[..., -1:]


@dataclass(frozen=True)
class Scores:
    """Scores of n samples by one family of m metrics.

    The value over any set of samples, a resampling or a class among them, is ``combine`` of the summed rows
    of ``statistics``: exact for BLEU and METEOR, whose value over a corpus is not the mean of their
    samples.

    Attributes:
        metrics: names of the m metrics, such as ``bleu_1`` to ``bleu_4``.
        samples: (n, m) float64, value of each sample by itself.
        statistics: (n, k) float64, rows that may be summed.
        combine: sums (..., k) to values (..., m).
        spec: everything that decides the number: variant, parameters, tokeniser, protocol.
        scale: largest possible value; papers print values times 100 whatever the scale.
    """

    metrics: tuple[str, ...]
    samples: Floats
    statistics: Floats
    combine: Combine
    spec: str
    scale: float = 1.0

    @classmethod
    def of_means(cls, name: str, samples: Floats, spec: str, scale: float = 1.0) -> Scores:
        """Scores of one metric whose value over a set is the mean of its samples, (n,) float64."""
        column = np.asarray(samples, dtype=np.float64).reshape(-1, 1)
        statistics = np.concatenate([column, np.ones_like(column)], axis=1)
        return cls((name,), column, statistics, mean, spec, scale)

    def values(self, chosen: NDArray[np.intp] | NDArray[np.bool_] | None = None) -> dict[str, float]:
        """The value of each metric over all samples, or over the ``chosen`` ones (indices or a mask)."""
        rows = self.statistics if chosen is None else self.statistics[chosen]
        return dict(zip(self.metrics, self.combine(rows.sum(axis=0)).tolist(), strict=True))
