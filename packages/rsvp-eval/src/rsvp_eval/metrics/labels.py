"""Predicted and true labels of a growing set of samples, each distinct one cleaned and scored once.

Labels come from short lists: thousands of regions have tens of distinct labels. All label metrics of a run
share one :class:`Labels`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.scores import Floats

Clean = Callable[[str], str]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

MISSING = -1
"""Number of a prediction that is not there."""


@dataclass(frozen=True)
class Pairs:
    """Cleaned labels, and which of them meet.

    Attributes:
        texts: distinct labels, cleaned.
        predictions: (p,) int64, label predicted in each distinct pair, by number.
        targets: (p,) int64, its target.
        of_targets: (t,) int64, the pair of each target of each sample, one sample after the other; of a
            sample without a prediction, any.
        starts: (n + 1,) int64, where each sample's targets begin in ``of_targets``.
        missing: (n,) bool, samples without a prediction.
        empty: (n,) bool, samples whose prediction is empty once cleaned.
    """

    texts: list[str]
    predictions: Ints
    targets: Ints
    of_targets: Ints
    starts: Ints
    missing: Flags
    empty: Flags

    def best(self, values: Floats) -> Floats:
        """The value of each sample's best target; 0 without a prediction.

        Args:
            values: (p,) float64, value of each distinct pair.

        Returns:
            (n,) float64.
        """
        if not len(self.missing):
            return np.zeros(0)
        best = np.maximum.reduceat(values[self.of_targets], self.starts[:-1])
        return np.where(self.missing, 0.0, best)


class Labels:
    """Samples of one prediction, or none, and one or more accepted targets each.

    A sample of several targets has the score of the best one. The label tasks have one target a sample.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._predictions = array("q")
        self._targets = array("q")
        self._starts = array("q", [0])
        self._pairs: dict[tuple[Clean, Clean], Pairs] = {}

    def __len__(self) -> int:
        return len(self._predictions)

    def add(self, prediction: str | None, targets: str | Sequence[str]) -> None:
        """Add a sample.

        Args:
            prediction: the answer about one mark; None where there is none.
            targets: what is right: a label, or several any of which is.

        Raises:
            ValueError: if there is no target.
        """
        accepted = [targets] if isinstance(targets, str) else targets
        if not accepted:
            raise ValueError("a sample needs at least one target")
        self._predictions.append(MISSING if prediction is None else self._number(prediction))
        self._targets.extend([self._number(target) for target in accepted])
        self._starts.append(len(self._targets))
        self._pairs.clear()

    def update(self, predictions: Iterable[str | None], targets: Iterable[str | Sequence[str]]) -> None:
        """Add samples.

        Raises:
            ValueError: if the two differ in length or a sample has no target.
        """
        for prediction, own in zip(predictions, targets, strict=True):
            self.add(prediction, own)

    def merge(self, other: Labels) -> None:
        """Add the samples of another set behind those of this one."""
        labels = list(other._numbers)
        for prediction, first, last in zip(
            list(other._predictions), list(other._starts), list(other._starts)[1:], strict=False
        ):
            own = [labels[number] for number in other._targets[first:last]]
            self.add(None if prediction == MISSING else labels[prediction], own)

    def _number(self, label: str) -> int:
        return self._numbers.setdefault(label, len(self._numbers))

    @property
    def texts(self) -> list[str]:
        """The distinct labels as they came, by number."""
        return list(self._numbers)

    @property
    def predictions(self) -> Ints:
        """(n,) int64, number of each sample's prediction, ``MISSING`` where there is none."""
        return np.array(self._predictions, dtype=np.int64)

    @property
    def targets(self) -> Ints:
        """int64, numbers of all samples' targets, one sample after the other."""
        return np.array(self._targets, dtype=np.int64)

    @property
    def starts(self) -> Ints:
        """(n + 1,) int64, where each sample's targets begin in ``targets``."""
        return np.array(self._starts, dtype=np.int64)

    @property
    def missing(self) -> Flags:
        """(n,) bool, samples without a prediction."""
        missing: Flags = self.predictions == MISSING
        return missing

    def pairs(self, prediction: Clean, target: Clean) -> Pairs:
        """The samples with their labels cleaned; kept until a sample is added.

        Args:
            prediction: cleans a prediction.
            target: cleans a target.
        """
        key = (prediction, target)
        if key not in self._pairs:
            self._pairs[key] = self._cleaned(prediction, target)
        return self._pairs[key]

    def _cleaned(self, prediction: Clean, target: Clean) -> Pairs:
        numbers: dict[str, int] = {}
        texts = self.texts
        predicted, missing = self.predictions, self.missing
        predictions = _renumbered(np.where(missing, 0, predicted), ~missing, texts, prediction, numbers)
        everything = np.ones(len(self._targets), dtype=np.bool_)
        targets = _renumbered(self.targets, everything, texts, target, numbers)
        repeated = np.repeat(predictions, np.diff(self.starts))
        keys, of_targets = np.unique(repeated * max(len(numbers), 1) + targets, return_inverse=True)
        first, second = np.divmod(keys, max(len(numbers), 1))
        empty = ~missing & (predictions == numbers.get("", -1))
        return Pairs(list(numbers), first, second, of_targets, self.starts, missing, empty)


def _renumbered(
    labels: Ints, present: Flags, texts: Sequence[str], clean: Clean, numbers: dict[str, int]
) -> Ints:
    """Numbers of labels once cleaned, added to ``numbers`` where they are new; 0 for what is not present."""
    distinct, inverse = np.unique(labels[present], return_inverse=True)
    cleaned = [clean(texts[label]) for label in distinct]
    renumbered = np.array([numbers.setdefault(label, len(numbers)) for label in cleaned], dtype=np.int64)
    result = np.zeros(len(labels), dtype=np.int64)
    result[present] = renumbered[inverse]
    return result
