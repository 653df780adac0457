"""N-grams of captions as numbers, and how many samples have each among their references."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.captions import Captions, Words

ORDERS = 4
"""N-grams of one word up to this many are counted."""


@dataclass(frozen=True)
class Grams:
    """The n-grams of one order in all captions.

    Attributes:
        order: how many words they have.
        numbers: int64, at each place of ``Words.ids`` the number of the n-gram that begins there; without
            meaning where the caption ends before the n-gram does. Written over for the next order.
        places: int64, the places where one begins.
        distinct: how many distinct ones there are.
        starts: (captions + 1,) where each caption begins.
    """

    order: int
    numbers: NDArray[np.int64]
    places: NDArray[np.int64]
    distinct: int
    starts: list[int]

    def of(self, caption: int) -> memoryview:
        """Numbers of a caption's n-grams, in order; a view, since a list of all would take much memory."""
        start = self.starts[caption]
        return self.numbers.data[start : max(start, self.starts[caption + 1] - self.order + 1)]


def numbered(words: Words) -> Iterator[Grams]:
    """Number the n-grams of captions, order by order.

    An n-gram is known by the number of its first n-1 words and its last word, so no two share a number.
    """
    numbers = words.ids.astype(np.int64)
    ends = np.repeat(words.starts[1:], np.diff(words.starts))
    starts: list[int] = words.starts.tolist()
    yield Grams(1, numbers, np.arange(len(numbers)), len(words.vocabulary), starts)
    for order in range(2, ORDERS + 1):
        places = np.flatnonzero(np.arange(order, len(numbers) + order) <= ends)
        keys = (numbers[places] << 32) | words.ids[places + order - 1]
        distinct, numbers[places] = np.unique(keys, return_inverse=True)
        yield Grams(order, numbers, places, len(distinct), starts)


def samples_with(captions: Captions, grams: Grams) -> NDArray[np.int64]:
    """Of each distinct n-gram, how many samples have it in one reference or more; (distinct,) int64."""
    counts: Counter[int] = Counter()
    references: list[int] = captions.references.tolist()
    for begin, end in pairwise(captions.starts.tolist()):
        counts.update(set().union(*(grams.of(reference) for reference in references[begin:end])))
    found = np.zeros(grams.distinct, dtype=np.int64)
    found[list(counts)] = list(counts.values())
    return found
