"""Top-1 accuracy of answers that name a class; the rules are in :mod:`.normalizations`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np

from rsvp_eval.metrics.label_scorer import LabelScorer
from rsvp_eval.metrics.labels import Labels
from rsvp_eval.metrics.normalizations import Normalization, normalization_of
from rsvp_eval.scores import Scores


class AccuracyScorer(LabelScorer):
    """Accuracy over a growing set of answers. A missing answer is wrong.

    Args:
        labels: samples to begin with, see :class:`LabelScorer`.
        normalization: ``geochat``, ``earthmarker`` or ``lhrs``, or one of one's own.
        classes: names of all classes, which ``lhrs`` needs.

    Raises:
        UnknownNameError: if there is no normalisation of that name.
        UsageError: if it needs the classes and has none.
    """

    metrics: ClassVar[tuple[str, ...]] = ("accuracy",)

    def __init__(
        self,
        labels: Labels | None = None,
        *,
        normalization: str | Normalization = "geochat",
        classes: Sequence[str] = (),
    ) -> None:
        super().__init__(labels)
        self.normalization = normalization_of(normalization, classes)

    @property
    def rules(self) -> tuple[object, ...]:
        """The normalisation."""
        return (self.normalization,)

    @property
    def spec(self) -> str:
        """The normalisation, in words."""
        return f"accuracy normalization={self.normalization.spec} missing=zero"

    def score(self) -> Scores:
        """Score what was taken in so far: 1 for a right answer, 0 for a wrong one."""
        pairs = self.labels.pairs(self.normalization.answer, self.normalization.label)
        # What normalises to nothing names no class.
        named = np.array([bool(text) for text in pairs.texts], dtype=np.bool_)
        right = (pairs.predictions == pairs.targets) & named[pairs.predictions]
        return Scores.of_means("accuracy", pairs.best(right.astype(np.float64)), self.spec)


def accuracy(
    predictions: Iterable[str | None],
    targets: Iterable[str | Sequence[str]],
    *,
    normalization: str | Normalization = "geochat",
    classes: Sequence[str] = (),
) -> Scores:
    """Accuracy of answers.

    Args:
        predictions: answers; None where there is none.
        targets: the right class of each, or several any of which is right.
        normalization: ``geochat``, ``earthmarker`` or ``lhrs``.
        classes: names of all classes, which ``lhrs`` needs.

    Raises:
        UnknownNameError: if there is no normalisation of that name.
        UsageError: if it needs the classes and has none.
        ValueError: if the two differ in length or a sample has no target.
    """
    scorer = AccuracyScorer(Labels(), normalization=normalization, classes=classes)
    scorer.update(predictions, targets)
    return scorer.score()
