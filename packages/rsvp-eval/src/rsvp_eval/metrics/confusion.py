"""Which class is taken for which, and how well each one is found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.errors import EvalError, UsageError
from rsvp_eval.metrics.normalizations import Normalization, normalization_of
from rsvp_eval.scores import Floats

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Confusion:
    """Answers by true class.

    Attributes:
        classes: names of the c classes.
        matrix: (c, c + 1) int64: row i has the answers to samples of class i, by the class that they name;
            the last column has those that name none, missing ones among them.
        missing: (c,) int64, samples of each class without an answer.
    """

    classes: tuple[str, ...]
    matrix: Counts
    missing: Counts

    @property
    def support(self) -> Counts:
        """(c,) int64, samples of each class."""
        support: Counts = self.matrix.sum(axis=1)
        return support

    @property
    def predicted(self) -> Counts:
        """(c,) int64, answers that name each class."""
        predicted: Counts = self.matrix[:, :-1].sum(axis=0)
        return predicted

    @property
    def precision(self) -> Floats:
        """(c,) float64, share of right answers among those that name a class; 0 for one that none names."""
        return _ratio(self.matrix.diagonal(), self.predicted)

    @property
    def recall(self) -> Floats:
        """(c,) float64, share of a class's samples that are answered right; 0 for one without samples."""
        return _ratio(self.matrix.diagonal(), self.support)

    @property
    def f1(self) -> Floats:
        """(c,) float64, harmonic mean of precision and recall; 0 where both are."""
        return _ratio(2 * self.matrix.diagonal(), self.predicted + self.support)

    @property
    def accuracy(self) -> float:
        """Share of right answers; NaN without samples."""
        total = int(self.matrix.sum())
        return int(self.matrix.diagonal().sum()) / total if total else float("nan")

    @property
    def macro_precision(self) -> float:
        """Mean precision of the classes that have samples; NaN without any."""
        return _mean(self.precision, self.support > 0)

    @property
    def macro_recall(self) -> float:
        """Mean recall of the classes that have samples (balanced accuracy); NaN without any."""
        return _mean(self.recall, self.support > 0)

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that have samples; NaN without any."""
        return _mean(self.f1, self.support > 0)

    def __add__(self, other: Confusion) -> Confusion:
        """The confusion of both sets of samples.

        Raises:
            ValueError: if the two have other classes.
        """
        if other.classes != self.classes:
            raise ValueError("confusions over different classes cannot be added")
        return Confusion(self.classes, self.matrix + other.matrix, self.missing + other.missing)


def confusion(
    predictions: Iterable[str | None],
    targets: Iterable[str],
    classes: Sequence[str],
    *,
    normalization: str | Normalization = "geochat",
) -> Confusion:
    """Count which classes the answers name.

    Args:
        predictions: answers; None where there is none.
        targets: true class of each.
        classes: names of all classes.
        normalization: ``geochat``, ``earthmarker`` or ``lhrs``.

    Raises:
        EvalError: if a target is none of the classes.
        UnknownNameError: if there is no normalisation of that name.
        UsageError: if two classes are one once normalised, or one is empty then.
        ValueError: if predictions and targets differ in length.
    """
    rule = normalization_of(normalization, classes)
    numbers = _numbered(classes, rule)
    other = len(classes)
    answers: dict[str | None, int] = {None: other}
    labels: dict[str, int] = {}
    rows, columns, missing = [], [], []
    for prediction, target in zip(predictions, targets, strict=True):
        if prediction not in answers:
            answers[prediction] = numbers.get(rule.answer(prediction or ""), other)
        if target not in labels:
            labels[target] = _number_of(target, numbers, rule, classes)
        rows.append(labels[target])
        columns.append(answers[prediction])
        missing.append(prediction is None)
    row = np.array(rows, dtype=np.int64)
    flat = row * (other + 1) + np.array(columns, dtype=np.int64)
    matrix = np.bincount(flat, minlength=other * (other + 1)).reshape(other, other + 1).astype(np.int64)
    gone = np.bincount(row[np.array(missing, dtype=np.bool_)], minlength=other).astype(np.int64)
    return Confusion(tuple(classes), matrix, gone)


def _numbered(classes: Sequence[str], rule: Normalization) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for number, name in enumerate(classes):
        text = rule.label(name)
        if not text:
            raise UsageError(f"class '{name}' is empty under normalisation '{rule.name}'.")
        first = numbers.setdefault(text, number)
        if first != number:
            raise UsageError(
                f"classes '{classes[first]}' and '{name}' are one under normalisation '{rule.name}'; "
                "name each class once."
            )
    return numbers


def _number_of(target: str, numbers: dict[str, int], rule: Normalization, classes: Sequence[str]) -> int:
    number = numbers.get(rule.label(target))
    if number is None:
        known = ", ".join(classes[:20]) + (", ..." if len(classes) > 20 else "")
        raise EvalError(f"target '{target}' is none of the {len(classes)} classes: {known}.")
    return number


def _ratio(part: Counts, whole: Counts) -> Floats:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _mean(values: Floats, chosen: NDArray[np.bool_]) -> float:
    return float(values[chosen].mean()) if chosen.any() else float("nan")
