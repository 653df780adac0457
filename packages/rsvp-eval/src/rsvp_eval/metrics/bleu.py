"""BLEU-1 to BLEU-4 as pycocoevalcap computes them.

The value over a set comes from counts summed over the set and is not the mean of its samples. It is

    (product over k = 1..n of (correct_k + 1e-15) / (guessed_k + 1e-9)) ** (1 / n)

times exp(1 - 1 / ratio) where ratio = (length + 1e-15) / (closest + 1e-9) is below 1. ``guessed`` is the
number of n-grams of the predictions. ``correct`` are those that the references have too, each as often as the
reference that has it most often. ``length`` is the number of words predicted and ``closest`` that of the
reference closest to the prediction in length; of two as close, of the shorter. A sample is a set of one.
Nothing is smoothed: a sample that has no 4-gram in common with its references has a BLEU-4 close to 0, not 0.

Reference: ``Bleu(4).compute_score`` of pycocoevalcap 1.2, which prints lengths and the ratio as it goes; this
prints nothing. No samples give 0, as there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.metrics.matches import matches
from rsvp_eval.metrics.ngrams import ORDERS
from rsvp_eval.metrics.scorer import CaptionScorer
from rsvp_eval.metrics.tokens import captions_of, tokens_spec
from rsvp_eval.scores import Floats, Scores

_TINY = 1e-15
_SMALL = 1e-9


def combine(sums: Floats) -> Floats:
    """BLEU-1 to BLEU-4 from summed counts.

    Args:
        sums: (..., 10) float64: guessed n-grams of orders 1 to 4, correct ones, length, closest length.

    Returns:
        (..., 4) float64.
    """
    guessed, correct = sums[..., :ORDERS], sums[..., ORDERS : 2 * ORDERS]
    length, closest = sums[..., -2, None], sums[..., -1, None]
    products = np.cumprod((correct + _TINY) / (guessed + _SMALL), axis=-1)
    ratio = (length + _TINY) / (closest + _SMALL)
    brevity = np.where(ratio < 1, np.exp(1 - 1 / ratio), 1.0)
    values: Floats = products ** (1.0 / np.arange(1, ORDERS + 1)) * brevity
    return values


class BleuScorer(CaptionScorer):
    """BLEU-1 to BLEU-4; see :func:`bleu`."""

    metrics: ClassVar[tuple[str, ...]] = tuple(f"bleu_{n}" for n in range(1, ORDERS + 1))

    def score(self) -> Scores:
        """Score what was taken in so far."""
        captions = self.captions
        lengths = np.diff(captions.words.starts)
        own = lengths[captions.predictions]
        guessed = np.maximum(0, own[:, None] - np.arange(ORDERS))
        correct = matches(captions).correct
        closest = _closest(own, lengths[captions.references], captions.starts)
        statistics = np.column_stack([guessed, correct, own, closest]).astype(np.float64)
        spec = f"bleu n=1-{ORDERS} length=closest smoothing=none {tokens_spec(captions)}"
        return Scores(self.metrics, combine(statistics), statistics, combine, spec)


def _closest(
    own: NDArray[np.int64], others: NDArray[np.int64], starts: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The length, among each sample's references, that is closest to its prediction's; the shorter of two."""
    if not len(own):
        return own
    apart = np.abs(others - np.repeat(own, np.diff(starts)))
    longest = int(others.max()) + 1
    return np.minimum.reduceat(apart * longest + others, starts[:-1]) % longest


def bleu(
    predictions: Iterable[str], references: Iterable[Sequence[str]], *, tokenized: bool = False
) -> Scores:
    """BLEU-1 to BLEU-4 of predictions, on a scale of 0 to 1.

    Args:
        predictions: one caption a sample.
        references: one or more captions a sample.
        tokenized: the captions are tokens set apart by spaces, to be taken as they are.

    Returns:
        Scores ``bleu_1`` to ``bleu_4``; the columns of ``statistics`` are those of :func:`combine`.

    Raises:
        ValueError: if the two differ in length or a sample has no reference.
    """
    scorer = BleuScorer(captions_of(tokenized))
    scorer.update(predictions, references)
    return scorer.score()
