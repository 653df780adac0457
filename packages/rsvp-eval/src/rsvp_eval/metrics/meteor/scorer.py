"""METEOR of samples: which sentences are compared, and which reference a sample takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.captions import Captions
from rsvp_eval.metrics.meteor.batch import Sentences, batch
from rsvp_eval.metrics.meteor.kernel import score_pairs
from rsvp_eval.metrics.meteor.lexicon import Ints, Offsets, lexicon, offsets
from rsvp_eval.metrics.meteor.normalize import normalize
from rsvp_eval.metrics.meteor.resources import Resources, load
from rsvp_eval.metrics.meteor.statistics import NAMES, combine, summable
from rsvp_eval.metrics.scorer import CaptionScorer
from rsvp_eval.metrics.tokens import captions_of, tokens_spec
from rsvp_eval.scores import Floats, Scores

SEPARATOR = "|||"
"""Sets sentences apart in the jar's input: it reads a reference that holds it as several."""

_PLAIN = re.compile("[a-z0-9 ]*")
"""Captions that the normaliser leaves as they are."""
_PAIRS = 100_000
"""Pairs whose phrases are looked up at a time; it bounds memory."""


class MeteorScorer(CaptionScorer):
    """METEOR 1.5; see :func:`meteor`."""

    metrics: ClassVar[tuple[str, ...]] = ("meteor",)

    def score(self) -> Scores:
        """Score what was taken in so far.

        Raises:
            UnavailableError: if METEOR's data are not to be found.
        """
        return score(self.captions, load())


def meteor(
    predictions: Iterable[str], references: Iterable[Sequence[str]], *, tokenized: bool = False
) -> Scores:
    """METEOR 1.5 of predictions for English, normalised, task ``rank``, on a scale of 0 to 1.

    Equal to ``Meteor().compute_score`` of pycocoevalcap 1.2, whose METEOR is the jar with ``-l en -norm``.

    Args:
        predictions: one caption a sample.
        references: one or more captions a sample.
        tokenized: the captions are tokens set apart by spaces, to be taken as they are.

    Returns:
        Scores by the name ``meteor``; ``statistics`` are those of the reference that gives the highest value,
        the first of several, in the columns of :func:`.statistics.combine`.

    Raises:
        ValueError: if the two differ in length or a sample has no reference.
        UnavailableError: if METEOR's data are not to be found.
    """
    scorer = MeteorScorer(captions_of(tokenized))
    scorer.update(predictions, references)
    return scorer.score()


def score(captions: Captions, resources: Resources, *, native: bool = True) -> Scores:
    """METEOR of all samples; ``native=False`` takes the path in Python even where there is a kernel."""
    read = _read(captions)
    own = np.repeat(read.hypotheses.astype(np.int64), np.diff(read.starts))
    pairs, which = np.unique(own * len(read.sentences) + read.references, return_inverse=True)
    counts, values = _scored(read, pairs, resources, native=native)
    best = which[_first_of_the_best(values[which], read.starts)]
    spec = f"meteor-1.5 en norm task=rank {tokens_spec(captions)} data={resources.sha256[:8]}"
    return Scores(MeteorScorer.metrics, values[best, None], summable(counts[best]), combine, spec)


@dataclass(frozen=True)
class _Read:
    """The sentences that METEOR makes of n samples.

    Attributes:
        sentences: distinct hypotheses and references.
        words: the words of the sentences, by number.
        hypotheses: (n,) int32, each sample's sentence.
        references: int32, sentences of all samples' references, one sample after the other.
        starts: (n + 1,) int64, where each sample's references begin.
    """

    sentences: Sentences
    words: list[str]
    hypotheses: Ints
    references: Ints
    starts: Offsets


def _scored(
    read: _Read, pairs: NDArray[np.int64], resources: Resources, *, native: bool
) -> tuple[Ints, Floats]:
    """Statistics and values of distinct pairs, ``hypothesis * len(sentences) + reference``, ascending."""
    known = lexicon(read.words, resources)
    counts = np.zeros((len(pairs), len(NAMES)), dtype=np.int32)
    values = np.zeros(len(pairs))
    for begin in range(0, len(pairs), _PAIRS):
        part = slice(begin, begin + _PAIRS)
        both = np.concatenate(np.divmod(pairs[part], len(read.sentences)))
        used, places = np.unique(both, return_inverse=True)
        here = batch(known, read.sentences.take(used), resources.paraphrases)
        hypotheses, references = np.split(places.astype(np.int32), 2)
        counts[part], values[part] = score_pairs(here, hypotheses, references, native=native)
    return counts, values


def _first_of_the_best(values: Floats, starts: Offsets) -> NDArray[np.intp]:
    """Place of each sample's highest value, the first of equal ones; ``starts`` is where samples begin."""
    if len(starts) == 1:
        return np.zeros(0, dtype=np.intp)
    highest = np.maximum.reduceat(values, starts[:-1])
    places = np.flatnonzero(values == np.repeat(highest, np.diff(starts)))
    return places[np.searchsorted(places, starts[:-1])]


def _read(captions: Captions) -> _Read:
    """Read captions as pycocoevalcap has the jar read them.

    It takes ``|||`` and then the first of every two spaces out of a hypothesis, and leaves references as they
    are, so that a caption may be other sentences as a reference than it is as a hypothesis.
    """
    lines = list(captions.tokens)
    as_hypothesis = np.arange(len(lines), dtype=np.int32)
    as_references: dict[int, list[int]] = {}
    for number, caption in enumerate(captions.tokens):
        if SEPARATOR in caption or "  " in caption:
            as_hypothesis[number] = len(lines)
            lines.append(caption.replace(SEPARATOR, "").replace("  ", " "))
        if SEPARATOR in caption:
            parts = caption.split(SEPARATOR)
            as_references[number] = list(range(len(lines), len(lines) + len(parts)))
            lines.extend(parts)
    references, starts = captions.references, captions.starts
    if as_references:
        split = [as_references.get(number, [number]) for number in references.tolist()]
        references = np.array([number for own in split for number in own], dtype=np.int32)
        starts = offsets([len(own) for own in split])[starts]
    sentences, words = _normalized(captions, lines)
    return _Read(sentences, words, as_hypothesis[captions.predictions], references, starts)


def _normalized(captions: Captions, lines: Sequence[str]) -> tuple[Sentences, list[str]]:
    """Normalise lines, the first of which are the captions; the words of plain ones are known."""
    known = captions.words
    own_lengths = np.diff(known.starts)
    is_plain = np.zeros(len(lines), dtype=bool)
    captions_are_plain = is_plain[: len(own_lengths)]
    captions_are_plain[:] = [_PLAIN.fullmatch(line) is not None for line in lines[: len(own_lengths)]]
    numbers = {word: number for number, word in enumerate(known.vocabulary)}
    normalized = [
        [numbers.setdefault(word, len(numbers)) for word in normalize(lines[number])]
        for number in np.flatnonzero(~is_plain).tolist()
    ]
    lengths = np.zeros(len(lines), dtype=np.int64)
    lengths[: len(own_lengths)] = own_lengths
    lengths[~is_plain] = [len(own) for own in normalized]
    words = np.zeros(int(lengths.sum()), dtype=np.int32)
    kept = np.repeat(is_plain, lengths)
    words[kept] = known.ids[np.repeat(captions_are_plain, own_lengths)]
    words[~kept] = [word for own in normalized for word in own]
    return Sentences(words, offsets(lengths)), list(numbers)
