"""CIDEr-D, which pycocoevalcap and nearly all papers call CIDEr, and plain CIDEr.

Both compare n-grams of orders 1 to 4 as vectors of counts weighted by idf = ln(N) - ln(max(1, df)), where N
is the number of documents and df the number of those that have the n-gram. A sample's score is the cosine of
prediction and reference, averaged over orders and references, times 10. CIDEr-D clips the weights of the
prediction by those of the reference and multiplies by exp(-d^2 / 72), d being the difference in the number of
bigrams. Plain CIDEr (``cider`` of github.com/vrama91/cider) does neither. Words are not stemmed in either.
The value of a set is the mean of its samples.

The documents are by default the samples themselves, each with all its references (``idf=corpus``): the same
caption beside the same references scores differently in another set. The value of some of the samples, a
class or a resampling of a bootstrap, is the mean of the scores that they have in the whole set. Their idf
stays that of the whole set, so a bootstrap interval leaves out what counting it anew would add.

Reference: ``Cider().compute_score`` of pycocoevalcap 1.2. It crashes where no reference has a word; here such
samples score 0, as empty references do beside others. No samples give NaN, as there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np

from rsvp_eval.captions import Captions
from rsvp_eval.metrics.document_frequency import DocumentFrequency
from rsvp_eval.metrics.matches import SIGMA, Matches, matches
from rsvp_eval.metrics.ngrams import ORDERS
from rsvp_eval.metrics.scorer import CaptionScorer
from rsvp_eval.metrics.tokens import captions_of, tokens_spec
from rsvp_eval.scores import Floats, Scores

SCALE = 10.0
_FEW = 50


class CiderScorer(CaptionScorer):
    """CIDEr-D; see :func:`cider`.

    Args:
        captions: samples to begin with; see :class:`CaptionScorer`.
        document_frequency: table for the idf; without it, that of the references taken in.
    """

    metrics: ClassVar[tuple[str, ...]] = ("cider",)
    _variant: ClassVar[str] = f"cider-d sigma={SIGMA:g}"

    def __init__(
        self, captions: Captions | None = None, document_frequency: DocumentFrequency | None = None
    ) -> None:
        super().__init__(captions)
        self.document_frequency = document_frequency

    def merge(self, other: Self) -> None:
        """Take in the samples of another scorer.

        Raises:
            ValueError: if the other takes its idf from elsewhere.
        """
        if other.document_frequency != self.document_frequency:
            raise ValueError("scorers with different tables of document frequencies cannot be merged")
        super().merge(other)

    def score(self) -> Scores:
        """Score what was taken in so far."""
        captions, table = self.captions, self.document_frequency
        sums = self._similarities(matches(captions, table))
        samples = sums.mean(axis=1) / np.diff(captions.starts) * SCALE
        idf = "corpus" if table is None else table.name
        documents = len(captions) if table is None else table.documents
        spec = f"{self._variant} idf={idf} documents={documents} n=1-{ORDERS} {tokens_spec(captions)}"
        return Scores.of_means(self.metrics[0], samples, spec, SCALE)

    @staticmethod
    def _similarities(found: Matches) -> Floats:
        return found.clipped


class PlainCiderScorer(CiderScorer):
    """CIDEr without clipping and Gaussian; see :func:`plain_cider`."""

    metrics: ClassVar[tuple[str, ...]] = ("cider_plain",)
    _variant: ClassVar[str] = "cider-plain"

    @staticmethod
    def _similarities(found: Matches) -> Floats:
        return found.plain


def cider(
    predictions: Iterable[str],
    references: Iterable[Sequence[str]],
    *,
    document_frequency: DocumentFrequency | None = None,
    tokenized: bool = False,
) -> Scores:
    """CIDEr-D of predictions, on a scale of 0 to 10.

    Args:
        predictions: one caption a sample.
        references: one or more captions a sample.
        document_frequency: table for the idf; without it, that of these references, which :func:`cautions`
            says when not to trust.
        tokenized: the captions are tokens set apart by spaces, to be taken as they are.

    Returns:
        Scores by the name ``cider``.

    Raises:
        ValueError: if the two differ in length or a sample has no reference.
    """
    scorer = CiderScorer(captions_of(tokenized), document_frequency)
    scorer.update(predictions, references)
    return scorer.score()


def plain_cider(
    predictions: Iterable[str],
    references: Iterable[Sequence[str]],
    *,
    document_frequency: DocumentFrequency | None = None,
    tokenized: bool = False,
) -> Scores:
    """Plain CIDEr of predictions, on a scale of 0 to 10; arguments and errors are those of :func:`cider`.

    Returns:
        Scores by the name ``cider_plain``.
    """
    scorer = PlainCiderScorer(captions_of(tokenized), document_frequency)
    scorer.update(predictions, references)
    return scorer.score()


def cautions(captions: Captions, document_frequency: DocumentFrequency | None = None) -> list[str]:
    """What a reader of a CIDEr over these samples has to know, in whole sentences; none where all is well."""
    samples = len(captions)
    if document_frequency is not None or not samples:
        return []
    if samples == 1:
        return [
            "CIDEr of one sample is always 0 with the idf of its own references; "
            "give a table of document frequencies."
        ]
    found = []
    if samples < _FEW:
        found.append(
            f"CIDEr takes its idf from {samples} samples; below {_FEW} it says little and cannot be compared "
            "with that of other sets. Give a table of document frequencies."
        )
    if _all_alike(captions):
        found.append(
            "All samples have the same references, so every n-gram of theirs has an idf of 0 and CIDEr is 0."
        )
    return found


def _all_alike(captions: Captions) -> bool:
    """Whether all samples have one and the same set of references, compared as tokens."""
    tokens, references, starts = captions.tokens, captions.references, captions.starts.tolist()
    sets = ({tokens[i] for i in references[begin:end].tolist()} for begin, end in pairwise(starts))
    first = next(sets)
    return all(other == first for other in sets)
