"""The samples to look at: those that a metric likes least and most."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

from rsvp_eval.errors import UnknownNameError
from rsvp_eval.evaluation import Evaluation
from rsvp_eval.report.families import LOWER_IS_BETTER

PREFERRED = ("ss", "cider", "meteor", "rouge_l", "spice", "s_iou", "accuracy")
"""Metrics to choose by if none is asked for; finely graded ones first."""


@dataclass(frozen=True)
class Extremes:
    """Indices of samples.

    Attributes:
        metric: that they are chosen by.
        worst: the worst first.
        best: the best first; no sample is in both.
        tied_worst: samples that share the score of the last of ``worst``, it included.
        tied_best: likewise of ``best``.
    """

    metric: str
    worst: list[int]
    best: list[int]
    tied_worst: int
    tied_best: int


def extremes(evaluation: Evaluation, count: int, metric: str | None = None) -> Extremes | None:
    """Choose samples. Among equal scores the choice is arbitrary, but the same every time.

    Args:
        evaluation: what was found out.
        count: most samples of each kind.
        metric: to choose by; None for the first of :data:`PREFERRED` that there is.

    Returns:
        None if there is no score to choose by.

    Raises:
        UnknownNameError: if there is no such metric.
    """
    columns = {
        name: scores.samples[:, i]
        for scores in evaluation.scores.values()
        for i, name in enumerate(scores.metrics)
    }
    if metric is None:
        metric = next((name for name in (*PREFERRED, *columns) if name in columns), None)
        if metric is None:
            return None
    elif metric not in columns:
        raise UnknownNameError("metric", metric, columns)
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    values = [sign * v for v in columns[metric].tolist()]
    # By hash, so that equal scores show different classes and not the first in the file.
    shuffled = [hashlib.sha256(sample.id.encode()).digest() for sample in evaluation.samples]
    ranked = sorted(
        (i for i, value in enumerate(values) if math.isfinite(value)), key=lambda i: (values[i], shuffled[i])
    )
    worst = ranked[: min(count, len(ranked) // 2)]
    best = ranked[len(worst) :][::-1][:count]
    return Extremes(metric, worst, best, _tied(values, worst), _tied(values, best))


def _tied(values: list[float], chosen: list[int]) -> int:
    return values.count(values[chosen[-1]]) if chosen else 0
