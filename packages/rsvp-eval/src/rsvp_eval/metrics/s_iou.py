"""S-IoU: how many words two labels share.

``|P & T| / |P | T|`` with the sets of lower-cased words, set apart by whitespace. After ``SemanticIOU`` in
Osprey's ``osprey/eval/lvis_paco_eval.py``, which divides by zero if neither label has a word; the value is 0
then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np

from rsvp_eval.metrics.label_scorer import ProtocolScorer
from rsvp_eval.metrics.labels import Flags, Labels, Pairs
from rsvp_eval.metrics.protocols import Protocol
from rsvp_eval.scores import Floats, Scores


class SIoUScorer(ProtocolScorer):
    """S-IoU over a growing set of labels."""

    metrics: ClassVar[tuple[str, ...]] = ("s_iou",)

    @property
    def spec(self) -> str:
        """Protocol, and what becomes of missing predictions."""
        return f"s_iou protocol={self.protocol.name} missing={self.protocol.missing.replace(' ', '-')}"

    def similarities(self, pairs: Pairs) -> Floats:
        """S-IoU of each distinct pair, (p,) float64."""
        words = [_words(text) for text in pairs.texts]
        both = zip(pairs.predictions.tolist(), pairs.targets.tolist(), strict=True)
        return np.array([_s_iou(words[p], words[t]) for p, t in both], dtype=np.float64)

    @property
    def undefined(self) -> Flags:
        """(n,) bool: samples where neither the prediction nor any target has a word. Their score is 0."""
        pairs = self.pairs
        wordless = np.array([not _words(text) for text in pairs.texts], dtype=np.float64)
        undefined = wordless[pairs.predictions] * wordless[pairs.targets]
        flags: Flags = ~pairs.missing & (pairs.best(1.0 - undefined) == 0)
        return flags


def s_iou(
    predictions: Iterable[str | None],
    targets: Iterable[str | Sequence[str]],
    *,
    protocol: str | Protocol = "osprey",
) -> Scores:
    """S-IoU of labels.

    Args:
        predictions: answers about one mark each; None where there is none.
        targets: the right label of each, or several any of which is right.
        protocol: ``osprey``, ``sphinxv``, ``videorefer`` or ``strict``.

    Raises:
        UnknownNameError: if there is no protocol of that name.
        ValueError: if the two differ in length or a sample has no target.
    """
    scorer = SIoUScorer(Labels(), protocol=protocol)
    scorer.update(predictions, targets)
    return scorer.score()


def _words(label: str) -> frozenset[str]:
    return frozenset(label.lower().split())


def _s_iou(prediction: frozenset[str], target: frozenset[str]) -> float:
    union = len(prediction | target)
    return len(prediction & target) / union if union else 0.0
