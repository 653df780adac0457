"""Caption metrics as scorers: they take samples in as these come, merge, and score when asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Self

from rsvp_eval.captions import Captions
from rsvp_eval.scores import Scores


class CaptionScorer(ABC):
    """A caption metric over a growing set of samples.

    Scorers over parts of a set, on several processes say, merge into the scorer of the whole, and that one
    gives the bits it would have given had it seen every sample itself, in the order of merging. Of scorers
    that share their captions merge one, or the captions, and only once.

    Args:
        captions: samples to begin with. Scorers given the same object share it, so that one ``update`` serves
            them all; without it the scorer has its own, tokenised by the PTB tokeniser.
    """

    metrics: ClassVar[tuple[str, ...]]

    def __init__(self, captions: Captions | None = None) -> None:
        self.captions = Captions() if captions is None else captions

    def update(self, predictions: Iterable[str], references: Iterable[Sequence[str]]) -> None:
        """Take samples in; see :meth:`Captions.update`."""
        self.captions.update(predictions, references)

    def merge(self, other: Self) -> None:
        """Take in the samples of another scorer."""
        self.captions.merge(other.captions)

    @abstractmethod
    def score(self) -> Scores:
        """Score what was taken in so far."""

    def compute(self) -> dict[str, float]:
        """The values over everything taken in so far, by name."""
        return self.score().values()
