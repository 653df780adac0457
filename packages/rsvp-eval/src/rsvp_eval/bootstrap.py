"""Bootstrap intervals, clustered by image, from sums of statistics.

Objects of one image are not independent, so whole images are drawn (with replacement), as many as there are.
The statistics of each draw are summed and combined as those of the whole set are: BLEU and METEOR of a draw
are what they would be for that corpus. All metrics of a run see the same draws.

CIDEr's document frequencies stay those of the whole corpus: its value over a draw is the mean of the scores
that its samples have in the whole, since a draw would otherwise change the scale by repeating images.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.errors import UsageError
from rsvp_eval.sample import Sample
from rsvp_eval.scores import Floats, Scores

DRAWS = 1000
SEED = 0

_CHUNK = 1 << 21
"""Entries of the matrix of counts that are held at once, 16 MiB of float64."""


@dataclass(frozen=True)
class Interval:
    """What resampling says about a value.

    Attributes:
        stderr: standard deviation of the draws; None where there is none.
        low: 2.5 % of the draws lie below; None where there is none.
        high: 2.5 % lie above.
        reason: why there is none.
    """

    stderr: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def clusters_of(samples: Iterable[Sample]) -> NDArray[np.intp]:
    """Number of each sample's image, from 0 by first appearance; a sample without image is alone in its own.

    Returns:
        (n,) intp.
    """
    numbers: dict[Hashable, int] = {}
    keys: Iterable[Hashable] = ((i,) if s.image is None else s.image for i, s in enumerate(samples))
    return np.fromiter((numbers.setdefault(key, len(numbers)) for key in keys), dtype=np.intp)


@dataclass(frozen=True)
class Bootstrap:
    """Draws of clusters. Equal seeds give equal draws, with every version of numpy.

    Attributes:
        clusters: (n,) intp, cluster of each sample, numbered from 0 without gaps.
        draws: how many.
        seed: of the counter-based generator (Philox 4x64), whose raw bits are used.

    Raises:
        UsageError: if draws or seed are negative.
    """

    clusters: NDArray[np.intp]
    draws: int = DRAWS
    seed: int = SEED

    def __post_init__(self) -> None:
        if self.draws < 0 or self.seed < 0:
            raise UsageError(
                f"bootstrap of {self.draws} draws with seed {self.seed}: neither may be negative"
            )

    @property
    def size(self) -> int:
        """Number of clusters."""
        return int(self.clusters.max()) + 1 if len(self.clusters) else 0

    def within(self, statistics: Floats) -> Floats:
        """Sums over each cluster: (n, k) to (clusters, k) float64."""
        sums = np.zeros((self.size, statistics.shape[1]))
        for column in range(statistics.shape[1]):
            sums[:, column] = np.bincount(self.clusters, weights=statistics[:, column], minlength=self.size)
        return sums

    def sums(self, statistics: Floats) -> Floats:
        """Sums over each draw: (n, k) to (draws, k) float64."""
        within = self.within(statistics)
        # A sample whose score is infinite makes its metric NaN in draws without it; intervals() tells.
        with np.errstate(invalid="ignore"):
            return np.concatenate([counts @ within for counts in self._counts()])

    def _counts(self) -> Iterator[Floats]:
        """How often each draw has each cluster, some draws at a time: (some, clusters) float64."""
        size = self.size
        raw = np.random.Philox(key=self.seed)
        at_once = max(1, _CHUNK // size)
        for start in range(0, self.draws, at_once):
            counts = np.empty((min(at_once, self.draws - start), size))
            for row in counts:
                row[:] = np.bincount(_below(raw, size), minlength=size)
            yield counts

    def flips(self) -> Iterator[Floats]:
        """Of each draw, whether each cluster is exchanged: (some, clusters) float64 of 0 and 1."""
        size = self.size
        raw = np.random.Philox(key=self.seed)
        words = -(-size // 64)
        at_once = max(1, _CHUNK // size)
        for start in range(0, self.draws, at_once):
            some = min(at_once, self.draws - start)
            octets = raw.random_raw(some * words).astype("<u8").view(np.uint8).reshape(some, words * 8)
            yield np.unpackbits(octets, axis=1, count=size, bitorder="little").astype(np.float64)


def intervals(scores: Mapping[str, Scores], bootstrap: Bootstrap) -> dict[str, Interval]:
    """Standard errors and percentile 95 % intervals of all metrics, from one set of draws.

    Args:
        scores: by family; rows as the clusters of ``bootstrap``.
        bootstrap: the draws.

    Returns:
        By metric. Where there is one cluster, or a draw has no value, there is no interval, and the reason is
        given.
    """
    names = [name for family in scores.values() for name in family.metrics]
    if not names:
        return {}
    if bootstrap.size < 2:
        reason = "all samples lie on one image, so nothing can be said about others"
        return dict.fromkeys(names, Interval(reason=reason if bootstrap.size else "there is no sample"))
    if bootstrap.draws < 2:
        return dict.fromkeys(names, Interval(reason="no bootstrap was asked for"))
    families = list(scores.values())
    sums = bootstrap.sums(np.concatenate([family.statistics for family in families], axis=1))
    ends = np.cumsum([family.statistics.shape[1] for family in families])[:-1]
    found: dict[str, Interval] = {}
    for family, own in zip(families, np.split(sums, ends, axis=1), strict=True):
        values = np.asarray(family.combine(own))
        for name, column in zip(family.metrics, values.T, strict=True):
            found[name] = interval(column)
    return found


def interval(values: Floats) -> Interval:
    """Standard error and percentile 95 % interval of the values of draws, (draws,) float64."""
    lacking = int((~np.isfinite(values)).sum())
    if lacking:
        return Interval(reason=f"{lacking} of {len(values)} draws have no value")
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(np.std(values, ddof=1)), float(low), float(high))


def _below(raw: np.random.Philox, size: int) -> NDArray[np.int64]:
    """``size`` numbers below ``size``, each scaled from 32 bits, so uneven by less than size / 2^32."""
    words = raw.random_raw(-(-size // 2))
    halves = np.concatenate([words & np.uint64(0xFFFFFFFF), words >> np.uint64(32)])[:size]
    return ((halves * np.uint64(size)) >> np.uint64(32)).astype(np.int64)
