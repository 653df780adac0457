"""METEOR's statistics of a pair of sentences, and the value that they give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.metrics.meteor.align import Alignment
from rsvp_eval.metrics.meteor.match import Sentence
from rsvp_eval.scores import Floats

NAMES = (
    "hypothesis_words",
    "reference_words",
    "hypothesis_function_words",
    "reference_function_words",
    *(
        f"{module}_{side}_{kind}"
        for module in ("exact", "stem", "synonym", "paraphrase")
        for kind in ("content", "function")
        for side in ("hypothesis", "reference")
    ),
    "chunks",
    "hypothesis_matches",
    "reference_matches",
)
"""The 23 statistics in the order of METEOR's own. Those of a module count the words it matched."""

ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
MODULE_WEIGHTS = (1.0, 0.6, 0.8, 0.6)
"""Of exact words, stems, synonyms and paraphrases."""

_CHUNKS = NAMES.index("chunks")


def statistics(hypothesis: Sentence, reference: Sentence, alignment: Alignment) -> list[int]:
    """The 23 statistics of an alignment, in the order of :data:`NAMES`."""
    counts = [0] * len(NAMES)
    counts[0] = len(hypothesis.keys)
    counts[1] = len(reference.keys)
    counts[2] = sum(hypothesis.function)
    counts[3] = sum(reference.function)
    counts[_CHUNKS] = alignment.chunks
    for j, (first, length, span, module) in alignment.matches:
        place = 4 + 4 * module
        for function in hypothesis.function[first : first + length]:
            counts[place + 2 * function] += 1
        for function in reference.function[j : j + span]:
            counts[place + 1 + 2 * function] += 1
        counts[-2] += length
        counts[-1] += span
    return counts


def value(counts: Sequence[int]) -> float:
    """METEOR 1.5 of one pair of sentences.

    The order of additions gives the bits that the jar gives. They matter where two references are as good, of
    which the first is taken. Chunks do not count where all words of both sentences are matched in one.

    Args:
        counts: the 23 statistics.
    """
    precision = _share(counts, 0)
    recall = _share(counts, 1)
    if not precision or not recall:
        return 0.0
    mean = 1 / ((1 - ALPHA) / precision + ALPHA / recall)
    chunks = counts[_CHUNKS]
    if chunks == 1 and counts[-2] == counts[0] and counts[-1] == counts[1]:
        chunks = 0
    return float(mean * (1 - GAMMA * (chunks / ((counts[-2] + counts[-1]) / 2)) ** BETA))


def _share(counts: Sequence[int], side: int) -> float:
    """Weighted share of a sentence's words that are matched; ``side`` 0 is the hypothesis."""
    content, function = counts[4 + side : _CHUNKS : 4], counts[6 + side : _CHUNKS : 4]
    matched = 0.0
    for weight, count in zip(MODULE_WEIGHTS, content, strict=True):
        matched += weight * count * DELTA
    for weight, count in zip(MODULE_WEIGHTS, function, strict=True):
        matched += weight * count * (1 - DELTA)
    functions = counts[2 + side]
    total = DELTA * (counts[side] - functions) + (1 - DELTA) * functions
    return matched / total if total else 0.0


def summable(counts: NDArray[np.int32]) -> Floats:
    """The statistics of samples as rows that may be summed for :func:`combine`.

    Args:
        counts: (n, 23) statistics.

    Returns:
        (n, 24) float64; the last column is the number of chunks again, and 0 where all words of both
        sentences are matched in one: such a sample adds no chunk to the value of a set.
    """
    chunks = counts[:, _CHUNKS]
    perfect = (chunks == 1) & (counts[:, -2] == counts[:, 0]) & (counts[:, -1] == counts[:, 1])
    broken = np.where(perfect, 0, chunks)
    return np.column_stack([counts, broken]).astype(np.float64)


def combine(sums: Floats) -> Floats:
    """METEOR of a set of samples from summed statistics. It is not the mean of the samples.

    Args:
        sums: (..., 24) float64: sums of the rows of :func:`summable`.

    Returns:
        (..., 1) float64.
    """
    shares = []
    for side in (0, 1):
        content = sums[..., 4 + side : _CHUNKS : 4] @ np.array(MODULE_WEIGHTS)
        function = sums[..., 6 + side : _CHUNKS : 4] @ np.array(MODULE_WEIGHTS)
        functions = sums[..., 2 + side]
        total = DELTA * (sums[..., side] - functions) + (1 - DELTA) * functions
        with np.errstate(invalid="ignore", divide="ignore"):
            shares.append((DELTA * content + (1 - DELTA) * function) / total)
    precision, recall = shares
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = 1 / ((1 - ALPHA) / precision + ALPHA / recall)
        fragments = sums[..., 23] / ((sums[..., 21] + sums[..., 22]) / 2)
        values = mean * (1 - GAMMA * fragments**BETA)
    return np.where((precision > 0) & (recall > 0), values, 0.0)[..., None]
