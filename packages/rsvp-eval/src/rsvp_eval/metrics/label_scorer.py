"""Label metrics as scorers: they take samples in as these come, merge, and score when asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Self

import numpy as np

from rsvp_eval.metrics.labels import Labels, Pairs
from rsvp_eval.metrics.protocols import Protocol, protocol_of
from rsvp_eval.scores import Floats, Scores, mean


class LabelScorer(ABC):
    """A label metric over a growing set of samples, which merges as caption scorers do.

    Args:
        labels: samples to begin with. Scorers given the same object share it, so that one ``update`` serves
            them all; without it the scorer has its own.
    """

    metrics: ClassVar[tuple[str, ...]]

    def __init__(self, labels: Labels | None = None) -> None:
        self.labels = Labels() if labels is None else labels

    @property
    @abstractmethod
    def rules(self) -> tuple[object, ...]:
        """What decides a score: protocol, encoder, normalisation."""

    def update(self, predictions: Iterable[str | None], targets: Iterable[str | Sequence[str]]) -> None:
        """Take samples in; see :meth:`Labels.update`."""
        self.labels.update(predictions, targets)

    def merge(self, other: Self) -> None:
        """Take in the samples of another scorer.

        Of scorers that share their labels, merge one, or the labels themselves.

        Raises:
            ValueError: if the other one scores by other rules.
        """
        if other.rules != self.rules:
            raise ValueError(f"{type(self).__name__}: scorers of different rules cannot be merged")
        self.labels.merge(other.labels)

    @abstractmethod
    def score(self) -> Scores:
        """Score what was taken in so far."""

    def compute(self) -> dict[str, float]:
        """The values over everything taken in so far, by name."""
        return self.score().values()


class ProtocolScorer(LabelScorer):
    """A label metric that compares what a protocol leaves of two labels.

    A missing prediction has the score 0. Under a protocol whose reference leaves missing ones out
    (``sphinxv``) it has no weight either, so that the value is the reference's.

    Args:
        labels: samples to begin with, see :class:`LabelScorer`.
        protocol: its name, or one of one's own.

    Raises:
        UnknownNameError: if there is no protocol of that name.
    """

    def __init__(self, labels: Labels | None = None, *, protocol: str | Protocol = "osprey") -> None:
        super().__init__(labels)
        self.protocol = protocol_of(protocol)

    @property
    def rules(self) -> tuple[object, ...]:
        """The protocol."""
        return (self.protocol,)

    @property
    def pairs(self) -> Pairs:
        """The samples as the protocol leaves them."""
        return self.labels.pairs(self.protocol.prediction, self.protocol.target)

    @abstractmethod
    def similarities(self, pairs: Pairs) -> Floats:
        """Score of each distinct pair, (p,) float64."""

    @property
    @abstractmethod
    def spec(self) -> str:
        """What decides the number, in words."""

    def score(self) -> Scores:
        """Score what was taken in so far."""
        pairs = self.pairs
        samples = pairs.best(self.similarities(pairs))
        if self.protocol.empty == "zero":
            samples[pairs.empty] = 0.0
        weights = np.ones(len(samples))
        if self.protocol.missing == "left out":
            weights[pairs.missing] = 0.0
        statistics = np.stack([samples * weights, weights], axis=1)
        return Scores(self.metrics, samples.reshape(-1, 1), statistics, mean, self.spec)
