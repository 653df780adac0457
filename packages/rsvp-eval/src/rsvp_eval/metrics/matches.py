"""N-grams that predictions share with their references: the one count behind BLEU and both CIDErs.

Two paths lead to it, a compiled kernel (``native/ngrams.cpp``) and the one in this file. They do the same
arithmetic in the same order and give the same bits.
"""

from __future__ import annotations

import ctypes
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.captions import Captions, Words
from rsvp_eval.metrics.document_frequency import DocumentFrequency
from rsvp_eval.metrics.ngrams import ORDERS, Grams, numbered, samples_with
from rsvp_eval.native import kernels
from rsvp_eval.scores import Floats

SIGMA = 6.0
"""Of the Gaussian on the difference in length in CIDEr-D."""

_KERNEL_WORDS = 2**31
"""The kernel numbers n-grams in 32 bits."""


@dataclass(frozen=True)
class Matches:
    """What n predictions share with their references, by order of the n-grams.

    Attributes:
        correct: (n, 4) int64, n-grams of a prediction that its references have too. One that occurs several
            times counts as often as it does in the reference that has it most often.
        clipped: (n, 4) float64, similarity of CIDEr-D to each reference, summed over the references.
        plain: (n, 4) float64, the same for CIDEr without clipping and without the Gaussian.
    """

    correct: NDArray[np.int64]
    clipped: Floats
    plain: Floats


@dataclass(frozen=True)
class _Inverse:
    """Inverse document frequencies.

    Attributes:
        by_samples: float64, idf by the number of samples that have an n-gram; of none alone beside a table.
        listed: (entries,) float64, idf of a table's n-grams, which are the last captions; None without one.
    """

    by_samples: Floats
    listed: Floats | None = None


_found: WeakKeyDictionary[Captions, tuple[int, DocumentFrequency | None, Matches]] = WeakKeyDictionary()


def matches(captions: Captions, frequency: DocumentFrequency | None = None) -> Matches:
    """Match all samples; all metrics of one set of captions share one count.

    Args:
        captions: samples.
        frequency: document frequencies to weigh n-grams by; without it those of the samples' own references.

    Raises:
        MemoryError: if there is too little memory.
    """
    known = _found.get(captions)
    if known is None or known[0] != len(captions) or known[1] is not frequency:
        known = (len(captions), frequency, match(captions, frequency))
        _found[captions] = known
    return known[2]


def match(captions: Captions, frequency: DocumentFrequency | None = None, *, native: bool = True) -> Matches:
    """Match all samples anew; ``native=False`` takes the path in Python even where there is a kernel.

    Raises:
        MemoryError: if there is too little memory.
    """
    words, inverse = _weighed(captions, frequency)
    if native and len(words.ids) < _KERNEL_WORDS and (library := kernels()) is not None:
        return _by_kernel(library, captions, words, inverse)
    return _in_python(captions, words, inverse)


def _weighed(captions: Captions, frequency: DocumentFrequency | None) -> tuple[Words, _Inverse]:
    """The words of the captions, those of a table of frequencies behind them, and the idf."""
    words = captions.words
    if frequency is None:
        samples = max(1, len(captions))
        return words, _Inverse(np.log(float(samples)) - np.log(np.maximum(1.0, np.arange(samples + 1.0))))
    numbers = {word: i for i, word in enumerate(words.vocabulary)}
    ids: list[int] = []
    lengths: list[int] = []
    counts: list[int] = []
    for gram, documents in frequency.counts.items():
        found = [numbers.get(word, -1) for word in gram.split(" ")]
        if -1 not in found:  # else no caption has it
            ids.extend(found)
            lengths.append(len(found))
            counts.append(documents)
    whole = np.log(float(frequency.documents))
    listed = whole - np.log(np.maximum(1.0, np.array(counts, dtype=np.float64)))
    ends = words.starts[-1] + np.cumsum(np.array(lengths, dtype=np.int64))
    longer = Words(
        np.concatenate([words.ids, np.array(ids, dtype=np.int32)]),
        np.concatenate([words.starts, ends]),
        words.vocabulary,
    )
    return longer, _Inverse(np.array([whole]), listed)


def _by_kernel(library: ctypes.CDLL, captions: Captions, words: Words, inverse: _Inverse) -> Matches:
    samples = len(captions)
    predictions, references, starts = captions.predictions, captions.references, captions.starts
    correct = np.zeros((samples, ORDERS), dtype=np.int64)
    clipped, plain = np.zeros((2, samples, ORDERS))
    listed = np.zeros(0) if inverse.listed is None else inverse.listed
    entries = -1 if inverse.listed is None else len(listed)

    def address(array: NDArray[np.generic]) -> ctypes.c_void_p:
        return ctypes.c_void_p(array.ctypes.data)

    failed = library.rsvp_match_ngrams(
        address(words.ids),
        address(words.starts),
        ctypes.c_int64(len(words.starts) - 1),
        ctypes.c_int64(len(words.vocabulary)),
        address(predictions),
        address(references),
        address(starts),
        ctypes.c_int64(samples),
        address(inverse.by_samples),
        address(listed),
        ctypes.c_int64(entries),
        address(correct),
        address(clipped),
        address(plain),
    )
    if failed:
        raise MemoryError(f"too little memory to count the n-grams of {len(words.ids):,} words")
    return Matches(correct, clipped, plain)


def _in_python(captions: Captions, words: Words, inverse: _Inverse) -> Matches:
    references: list[int] = captions.references.tolist()
    own = [references[begin:end] for begin, end in pairwise(captions.starts.tolist())]
    predictions: list[int] = captions.predictions.tolist()
    correct = np.zeros((len(own), ORDERS), dtype=np.int64)
    clipped, plain = np.zeros((2, len(own), ORDERS))
    damping = _damping(words, predictions, own)
    for grams in numbered(words):
        weight = _weights(captions, words, inverse, grams).data
        for i, prediction in enumerate(predictions):
            found = _match_one(grams, weight, prediction, own[i], damping[i])
            correct[i, grams.order - 1], clipped[i, grams.order - 1], plain[i, grams.order - 1] = found
    return Matches(correct, clipped, plain)


def _damping(words: Words, predictions: list[int], references: list[list[int]]) -> list[list[float]]:
    """The Gaussian of each prediction and reference; a length is a number of bigrams, as in pycocoevalcap."""
    bigrams = np.maximum(0, np.diff(words.starts) - 1).tolist()
    return [
        [math.e ** (-(float(bigrams[p] - bigrams[r]) ** 2) / (2 * SIGMA**2)) for r in own]
        for p, own in zip(predictions, references, strict=True)
    ]


def _weights(captions: Captions, words: Words, inverse: _Inverse, grams: Grams) -> Floats:
    """The idf of each distinct n-gram; (distinct,) float64."""
    if inverse.listed is None:
        return inverse.by_samples[samples_with(captions, grams)]
    weight = np.full(grams.distinct, inverse.by_samples[0])
    entries = len(inverse.listed)
    begins = words.starts[-1 - entries : -1]
    fitting = np.diff(words.starts[-1 - entries :]) == grams.order
    weight[grams.numbers[begins[fitting]]] = inverse.listed[fitting]
    return weight


def _match_one(
    grams: Grams, weight: memoryview, prediction: int, references: list[int], damping: list[float]
) -> tuple[int, float, float]:
    """Correct n-grams of a prediction, then its summed similarity by CIDEr-D and by plain CIDEr."""
    predicted = Counter(grams.of(prediction))
    vector = {gram: count * weight[gram] for gram, count in predicted.items()}
    norm = _norm(vector.values())
    most: dict[int, int] = {}
    clipped = plain = 0.0
    for reference, damp in zip(references, damping, strict=True):
        other = Counter(grams.of(reference))
        other_norm = _norm(count * weight[gram] for gram, count in other.items())
        clipped_dot = plain_dot = 0.0
        for gram, ours in vector.items():
            count = other.get(gram)
            if count is not None:
                theirs = count * weight[gram]
                clipped_dot += min(ours, theirs) * theirs
                plain_dot += ours * theirs
                most[gram] = max(most.get(gram, 0), count)
        if norm and other_norm:
            clipped_dot /= norm * other_norm
            plain_dot /= norm * other_norm
        clipped += clipped_dot * damp
        plain += plain_dot
    correct = sum(min(predicted[gram], count) for gram, count in most.items())
    return correct, clipped, plain


def _norm(values: Iterable[float]) -> float:
    """Euclidean norm, added up from the left: ``sum`` and ``hypot`` round otherwise than the kernel does."""
    squares = 0.0
    for value in values:
        squares += value * value
    return math.sqrt(squares)
