"""Sentences and the phrases in them as flat arrays, the one input of both paths to an alignment.

Lists of varying length are two arrays: the entries of all lists one after the other, and ``..._starts``,
where each list begins and the last ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.metrics.meteor.lexicon import Ints, Lexicon, Offsets, offsets
from rsvp_eval.metrics.meteor.paraphrases import Paraphrases


@dataclass(frozen=True)
class Sentences:
    """n sentences.

    Attributes:
        words: int32, words of all sentences as places in a lexicon.
        starts: (n + 1,) int64, where each sentence begins in ``words``.
    """

    words: Ints
    starts: Offsets

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, chosen: NDArray[np.integer]) -> Sentences:
        """The sentences of these numbers, in this order."""
        return Sentences(*gathered(self.words, self.starts, chosen))


@dataclass(frozen=True)
class Batch:
    """Sentences with what takes part in their alignments.

    Phrases are numbered within the batch, and only those are kept that have a paraphrase in it or are one.

    Attributes:
        lexicon: of the words.
        sentences: the n sentences.
        phrase_starts: (n + 1,) int64, where the phrases of each sentence begin.
        phrase_first: int32, first word of each phrase in its sentence; ascending, then by length.
        phrase_length: int32, words of each phrase.
        phrases: int32, number of each phrase.
        paraphrase_starts: (p + 1,) int64, where the paraphrases of each phrase begin.
        paraphrases: int32, the phrases that a phrase may be paraphrased by, in the table's order.
        head_starts: (p + 1,) int64, where the heads of each phrase begin.
        heads: int32, the phrases that a phrase paraphrases: the same relation the other way round.
        ranks: int32, beside each head the place of the phrase among that head's paraphrases.
    """

    lexicon: Lexicon
    sentences: Sentences
    phrase_starts: Offsets
    phrase_first: Ints
    phrase_length: Ints
    phrases: Ints
    paraphrase_starts: Offsets
    paraphrases: Ints
    head_starts: Offsets
    heads: Ints
    ranks: Ints


def batch(lexicon: Lexicon, sentences: Sentences, table: Paraphrases) -> Batch:
    """Find the phrases of sentences and their paraphrases in one another."""
    found = table.search(lexicon.phrase_words[sentences.words], np.diff(sentences.starts))
    distinct, phrases = np.unique(found.number, return_inverse=True)
    heads, paraphrases = _links(table, distinct)
    used = np.zeros(len(distinct), dtype=bool)
    used[heads] = True
    used[paraphrases] = True
    numbers = (np.cumsum(used) - 1).astype(np.int32)
    kept = used[phrases]
    count = int(used.sum())
    heads, paraphrases = numbers[heads], numbers[paraphrases]
    starts = offsets(np.bincount(heads, minlength=count))
    back = np.argsort(paraphrases, kind="stable")
    return Batch(
        lexicon=lexicon,
        sentences=sentences,
        phrase_starts=offsets(np.bincount(found.sentence[kept], minlength=len(sentences))),
        phrase_first=found.start[kept],
        phrase_length=found.length[kept],
        phrases=numbers[phrases[kept]],
        paraphrase_starts=starts,
        paraphrases=paraphrases,
        head_starts=offsets(np.bincount(paraphrases, minlength=count)),
        heads=heads[back],
        ranks=(np.arange(len(heads)) - starts[heads]).astype(np.int32)[back],
    )


def _links(table: Paraphrases, distinct: Ints) -> tuple[Ints, Ints]:
    """Pairs of a phrase and a paraphrase that both are in ``distinct`` (ascending), as places in it.

    Returns:
        (links,) int32 phrases, ascending, and (links,) int32 paraphrases, in the table's order.
    """
    count = int(np.searchsorted(distinct, table.heads))
    found, starts = gathered(table.paraphrases, table.paraphrase_starts, distinct[:count])
    places = np.full(len(table), -1, dtype=np.int32)
    places[distinct] = np.arange(len(distinct), dtype=np.int32)
    places = places[found]
    here = places >= 0
    return np.repeat(np.arange(count, dtype=np.int32), np.diff(starts))[here], places[here]


def gathered(values: Ints, starts: NDArray[np.integer], chosen: NDArray[np.integer]) -> tuple[Ints, Offsets]:
    """The lists of these numbers: their entries, and where each list begins in them."""
    first = starts[chosen].astype(np.int64)
    result = offsets(starts[np.asarray(chosen) + 1] - first)
    places = np.arange(int(result[-1])) + np.repeat(first - result[:-1], np.diff(result))
    return np.asarray(values[places]), result
