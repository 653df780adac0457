"""Predictions and references of a growing set of samples, each distinct caption tokenised once.

Remote-sensing captions repeat: of the 54,605 of RSICD a third are distinct. All caption metrics of a run
share one :class:`Captions`, so that nothing is tokenised, split or numbered twice.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.tokenizer import ptb

Tokenize = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Words:
    """The words of distinct captions as numbers.

    Attributes:
        ids: int32, words of all captions one after the other.
        starts: (captions + 1,) int64, where each caption's words begin in ``ids``.
        vocabulary: the words by number.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    vocabulary: list[str]


class Captions:
    """Samples of one prediction and one or more references each.

    Args:
        tokenize: from captions to strings of tokens set apart by one space; None where the captions are
            tokenised already.
    """

    def __init__(self, tokenize: Tokenize | None = ptb) -> None:
        self.tokenize = tokenize
        self._numbers: dict[str, int] = {}
        self._tokens: list[str] = []
        self._predictions = array("i")
        self._references = array("i")
        self._starts = array("q", [0])
        self._words: Words | None = None

    def __len__(self) -> int:
        return len(self._predictions)

    def add(self, prediction: str, references: Sequence[str]) -> None:
        """Add a sample.

        Raises:
            ValueError: if there is no reference.
        """
        if not references:
            raise ValueError("a sample needs at least one reference")
        self._predictions.append(self._number(prediction))
        self._references.extend(self._number(r) for r in references)
        self._starts.append(len(self._references))

    def update(self, predictions: Iterable[str], references: Iterable[Sequence[str]]) -> None:
        """Add samples.

        Raises:
            ValueError: if the two differ in length or a sample has no reference.
        """
        for prediction, own in zip(predictions, references, strict=True):
            self.add(prediction, own)

    def merge(self, other: Captions) -> None:
        """Add the samples of another set behind those of this one.

        Raises:
            ValueError: if the other set is tokenised in another way.
        """
        if other.tokenize is not self.tokenize:
            raise ValueError("captions tokenised in different ways cannot be merged")
        captions = list(other._numbers)
        starts = other._starts
        for i, prediction in enumerate(other._predictions):
            own = other._references[starts[i] : starts[i + 1]]
            self.add(captions[prediction], [captions[r] for r in own])

    def _number(self, caption: str) -> int:
        return self._numbers.setdefault(caption, len(self._numbers))

    @property
    def predictions(self) -> NDArray[np.int32]:
        """(n,) int32, number of each sample's prediction among the distinct captions."""
        return np.array(self._predictions, dtype=np.int32)

    @property
    def references(self) -> NDArray[np.int32]:
        """int32, numbers of all samples' references, one sample after the other."""
        return np.array(self._references, dtype=np.int32)

    @property
    def starts(self) -> NDArray[np.int64]:
        """(n + 1,) int64, where each sample's references begin in ``references``."""
        return np.array(self._starts, dtype=np.int64)

    @property
    def tokens(self) -> list[str]:
        """Each distinct caption, tokenised: tokens set apart by one space."""
        new = list(self._numbers)[len(self._tokens) :]
        if new:
            self._tokens.extend(new if self.tokenize is None else self.tokenize(new))
        return self._tokens

    @property
    def words(self) -> Words:
        """Each distinct caption as numbers of its words."""
        tokens = self.tokens
        if self._words is None or len(self._words.starts) - 1 != len(tokens):
            self._words = _words_of(tokens)
        return self._words


def _words_of(tokens: Sequence[str]) -> Words:
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    number = numbers.__getitem__
    ids = array("i")
    starts = array("q", [0])
    for caption in tokens:
        ids.extend(map(number, caption.split()))
        starts.append(len(ids))
    return Words(np.array(ids, dtype=np.int32), np.array(starts, dtype=np.int64), list(numbers))
