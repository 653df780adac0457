"""ROUGE-L as pycocoevalcap computes it: the longest common subsequence of tokens, beta 1.2.

Precision is the highest over the references and recall is the highest over the references, each by itself, so
the two may come from different references. The value of a set is the mean of its samples. Other packages that
call a metric ROUGE-L take beta 1, the best single reference and tokens of their own, and give other numbers.

Tokens are what lies between single spaces. So an empty caption is one token, an empty one: beside an empty
reference it scores 1, beside any other 0.

Reference: ``Rouge().compute_score`` of pycocoevalcap 1.2. No samples give NaN, as there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq
from rapidfuzz.process import cpdist

from rsvp_eval.captions import Captions, Words
from rsvp_eval.metrics.scorer import CaptionScorer
from rsvp_eval.metrics.tokens import captions_of, tokens_spec
from rsvp_eval.scores import Floats, Scores

_BETA = 1.2
_SURROGATES = range(0xD800, 0xE000)
_CHARACTERS = 0x110000 - len(_SURROGATES)
"""As many tokens as can have a character each."""


class RougeScorer(CaptionScorer):
    """ROUGE-L; see :func:`rouge_l`."""

    metrics: ClassVar[tuple[str, ...]] = ("rouge_l",)

    def score(self) -> Scores:
        """Score what was taken in so far."""
        spec = f"rouge-l beta={_BETA} {tokens_spec(self.captions)}"
        return Scores.of_means("rouge_l", _f_measures(self.captions), spec)


def _f_measures(captions: Captions) -> Floats:
    if not len(captions):
        return np.zeros(0)
    sequences = _sequences(captions)
    lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
    own = np.repeat(captions.predictions.astype(np.int64), np.diff(captions.starts))
    others = captions.references.astype(np.int64)
    pairs, which = np.unique(own * len(sequences) + others, return_inverse=True)
    common = cpdist(
        [sequences[i] for i in (pairs // len(sequences)).tolist()],
        [sequences[i] for i in (pairs % len(sequences)).tolist()],
        scorer=LCSseq.similarity,
        dtype=np.int64,
    )[which]
    first = captions.starts[:-1]
    precision = np.maximum.reduceat(common / lengths[own], first)
    recall = np.maximum.reduceat(common / lengths[others], first)
    with np.errstate(invalid="ignore"):
        values = ((1 + _BETA**2) * precision * recall) / (recall + _BETA**2 * precision)
    return np.where((precision != 0) & (recall != 0), values, 0.0)


def _sequences(captions: Captions) -> list[str] | list[Sequence[int]]:
    """Each distinct caption with a character a token, which the search for subsequences takes quickest.

    Where there are more distinct tokens than characters, a number a token.
    """
    words = _split_at_spaces(captions)
    bounds = pairwise(words.starts.tolist())
    if len(words.vocabulary) > _CHARACTERS:
        return [words.ids[begin:end].tolist() for begin, end in bounds]
    codes = words.ids + np.int32(len(_SURROGATES)) * (words.ids >= _SURROGATES.start)
    text = codes.astype("<u4").tobytes().decode("utf-32-le")
    return [text[begin:end] for begin, end in bounds]


def _split_at_spaces(captions: Captions) -> Words:
    """The captions split at single spaces, where the words are split at any white space."""
    words, tokens = captions.words, captions.tokens
    counts = np.diff(words.starts)
    letters = np.fromiter(map(len, words.vocabulary), dtype=np.int64, count=len(words.vocabulary))
    within = np.diff(np.concatenate([[0], np.cumsum(letters[words.ids])])[words.starts])
    lengths = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
    spaces = np.fromiter((caption.count(" ") for caption in tokens), dtype=np.int64, count=len(tokens))
    # One character of white space between two words and none elsewhere, and each is a space: the same tokens.
    same = (lengths == within + counts - 1) & (spaces == counts - 1)
    if same.all():
        return words
    numbers = {word: i for i, word in enumerate(words.vocabulary)}
    ids: list[NDArray[np.int32]] = []
    for i in range(len(tokens)):
        if same[i]:
            ids.append(words.ids[words.starts[i] : words.starts[i + 1]])
        else:
            own = [numbers.setdefault(token, len(numbers)) for token in tokens[i].split(" ")]
            ids.append(np.array(own, dtype=np.int32))
    starts = np.concatenate([[0], np.cumsum([len(caption) for caption in ids])])
    return Words(np.concatenate(ids), starts.astype(np.int64), list(numbers))


def rouge_l(
    predictions: Iterable[str], references: Iterable[Sequence[str]], *, tokenized: bool = False
) -> Scores:
    """ROUGE-L of predictions, on a scale of 0 to 1.

    Args:
        predictions: one caption a sample.
        references: one or more captions a sample.
        tokenized: the captions are tokens set apart by single spaces, to be taken as they are.

    Returns:
        Scores by the name ``rouge_l``.

    Raises:
        ValueError: if the two differ in length or a sample has no reference.
    """
    scorer = RougeScorer(captions_of(tokenized))
    scorer.update(predictions, references)
    return scorer.score()
