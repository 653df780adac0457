"""SPICE of captions: parsed by the user's own SPICE, scored here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Protocol

import numpy as np

from rsvp_eval.captions import Captions
from rsvp_eval.metrics.scorer import CaptionScorer
from rsvp_eval.metrics.spice.graph import Proposition, propositions_of
from rsvp_eval.metrics.spice.home import synonyms
from rsvp_eval.metrics.spice.run import SpiceParser
from rsvp_eval.metrics.spice.score import evaluate
from rsvp_eval.metrics.spice.tuples import Parse, Synsets
from rsvp_eval.scores import Scores


class CaptionParser(Protocol):
    """What turns captions into tuples.

    Attributes:
        spec: everything that decides the tuples.
    """

    @property
    def spec(self) -> str:
        """Everything that decides the tuples."""

    def __call__(self, captions: Sequence[str]) -> list[Parse]:
        """Tuples of each caption: ``(object,)``, ``(object, attribute)``, ``(subject, object, relation)``."""


class SpiceScorer(CaptionScorer):
    """SPICE over a growing set of samples.

    The parser gets captions as the PTB tokeniser leaves them, which is how ``COCOEvalCap`` of pycocoevalcap
    hands them to SPICE. The value over a set is the mean of F over its samples.

    Args:
        captions: as in :class:`CaptionScorer`.
        parser: of captions; the user's SPICE by default. Its end-to-end run is unverified, see :mod:`.run`.
        synsets: of a word; those of METEOR's WordNet tables by default, as in SPICE.
    """

    metrics: ClassVar[tuple[str, ...]] = ("spice",)

    def __init__(
        self,
        captions: Captions | None = None,
        *,
        parser: CaptionParser | None = None,
        synsets: Synsets | None = None,
    ) -> None:
        super().__init__(captions)
        self._parser = SpiceParser() if parser is None else parser
        self._synsets = synsets

    def score(self) -> Scores:
        """Score what was taken in so far.

        Raises:
            UnavailableError: SPICE is not there or does not run, or cannot parse a caption, which is named.
            EvalError: the cache of parses cannot be used.
        """
        captions = self.captions
        parses = self._parser(captions.tokens) if len(captions) else []
        synsets = synonyms() if self._synsets is None and len(captions) else self._synsets
        graphs: dict[tuple[int, ...], list[Proposition]] = {}
        done: dict[tuple[int, ...], float] = {}
        samples = np.empty(len(captions))
        references, starts = captions.references.tolist(), captions.starts.tolist()
        for i, prediction in enumerate(captions.predictions.tolist()):
            own = tuple(references[starts[i] : starts[i + 1]])
            sample = (prediction, *own)
            if sample not in done:
                assert synsets is not None
                for key in ((prediction,), own):
                    if key not in graphs:
                        graphs[key] = propositions_of([parses[c] for c in key], synsets)
                done[sample] = evaluate(graphs[prediction,], graphs[own]).f
            samples[i] = done[sample]
        tokens = "none" if captions.tokenize is None else "corenlp-3.4.1"
        spec = f"spice-1.0 {self._parser.spec} synsets=meteor-1.5 ptb={tokens}"
        return Scores.of_means("spice", samples, spec)


def spice(
    predictions: Iterable[str],
    references: Iterable[Sequence[str]],
    *,
    parser: CaptionParser | None = None,
    synsets: Synsets | None = None,
) -> Scores:
    """SPICE of predictions.

    Args:
        predictions: one a sample.
        references: one or more a sample.
        parser: of captions; the user's SPICE by default.
        synsets: of a word; those of METEOR's WordNet tables by default.

    Raises:
        ValueError: the two differ in length, or a sample has no reference.
        UnavailableError: SPICE is not there or does not run, or cannot parse a caption, which is named.
        EvalError: the cache of parses cannot be used.
    """
    scorer = SpiceScorer(parser=parser, synsets=synsets)
    scorer.update(predictions, references)
    return scorer.score()
