"""From what a run found out to what results.json says."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from numpy.typing import NDArray

from rsvp_eval import __version__
from rsvp_eval.bootstrap import DRAWS, SEED, Bootstrap, Interval, clusters_of, intervals
from rsvp_eval.evaluation import Evaluation
from rsvp_eval.report import families
from rsvp_eval.report.results import (
    LISTED,
    Confusion,
    Draws,
    Family,
    GroupValue,
    Ids,
    Input,
    Metric,
    Results,
    TaskOf,
)
from rsvp_eval.scores import Scores, mean

_LIBRARIES = ("numpy", "polars", "pydantic", "rapidfuzz")


def results_of(
    evaluation: Evaluation, *, draws: int = DRAWS, seed: int = SEED, started: datetime | None = None
) -> Results:
    """Values with their intervals, groups and counts.

    Args:
        evaluation: what was found out.
        draws: of the bootstrap; 0 for no intervals.
        seed: of the bootstrap.
        started: when the run began; now, if not given.

    Raises:
        ValueError: if a family has not one row for each sample.
    """
    n = len(evaluation.samples)
    for name, scores in evaluation.scores.items():
        if len(scores.samples) != n or len(scores.statistics) != n:
            raise ValueError(f"{name}: {len(scores.samples)} rows of scores for {n} samples")
    bootstrap = Bootstrap(clusters_of(evaluation.samples), draws, seed)
    found = intervals(evaluation.scores, bootstrap)
    task = TaskOf(
        name=evaluation.task_name,
        version=evaluation.task_version,
        sha256=evaluation.task_sha256,
        title=evaluation.title,
        kind=evaluation.kind,
        protocol=evaluation.protocol,
        published=evaluation.published,
        splits=dict(evaluation.splits),
    )
    return Results(
        task=task,
        n=n,
        metrics=_metrics(evaluation, found),
        families={name: _family(name, scores) for name, scores in evaluation.scores.items()},
        groups=_groups(evaluation),
        confusion=_confusion(evaluation),
        counts=dict(evaluation.counts),
        lists={
            name: Ids(total=len(ids), ids=tuple(ids[:LISTED]))
            for name, ids in evaluation.lists.items()
            if ids
        },
        cautions=tuple(evaluation.notes),
        bootstrap=Draws(
            draws=draws,
            seed=seed,
            clusters=bootstrap.size,
            cluster="image" if any(s.image is not None for s in evaluation.samples) else "sample",
        ),
        inputs={role: Input(path=file.path, sha256=file.sha256) for role, file in evaluation.inputs.items()},
        env=_environment() | dict(evaluation.env),
        partial=evaluation.partial,
        started=(started or datetime.now(UTC)).isoformat(timespec="seconds"),
        seconds={name: round(time, 3) for name, time in evaluation.seconds.items()},
    )


def statistics_kind(scores: Scores) -> str:
    """``scores`` if the statistics of each sample are its scores and 1, else ``stats``."""
    expected = np.concatenate([scores.samples, np.ones((len(scores.samples), 1))], axis=1)
    return "scores" if np.array_equal(scores.statistics, expected, equal_nan=True) else "stats"


def _metrics(evaluation: Evaluation, found: Mapping[str, Interval]) -> dict[str, Metric]:
    metrics: dict[str, Metric] = {}
    for family, scores in evaluation.scores.items():
        for name, value in scores.values().items():
            metrics[name] = _metric(family, name, value, scores, found[name])
    for name, reason in evaluation.missing.items():
        metrics.setdefault(name, Metric(value=None, reason=reason))
    return dict(sorted(metrics.items(), key=lambda item: families.order(item[0])))


def _metric(family: str, name: str, value: float, scores: Scores, around: Interval) -> Metric:
    finite = math.isfinite(value)
    ends = None if around.low is None or around.high is None else (around.low, around.high)
    return Metric(
        value=value if finite else None,
        reason=None if finite else _lack(name, value, scores),
        scale=scores.scale,
        display=round(value * 100, 2) if finite else None,
        stderr=around.stderr if finite else None,
        ci95=ends if finite else None,
        interval_reason=around.reason if finite else "there is no value",
        n=_counted(scores),
        higher_is_better=name not in families.LOWER_IS_BETTER,
        spec=scores.spec,
        family=family,
    )


def _counted(scores: Scores, chosen: NDArray[np.intp] | None = None) -> int:
    """Samples that a value is over: of means, those with a weight; some protocols leave samples out."""
    rows = scores.statistics if chosen is None else scores.statistics[chosen]
    if scores.combine is not mean or not len(rows):
        return len(rows)
    weight = float(rows[:, -1].sum())
    return round(weight) if math.isfinite(weight) else len(rows)


def _lack(name: str, value: float, scores: Scores) -> str:
    if not len(scores.samples):
        return "there is no sample"
    own = scores.samples[:, scores.metrics.index(name)]
    bad = int((~np.isfinite(own)).sum())
    return f"the value is {value}: {bad} of {len(own)} samples have no finite score"


def _family(name: str, scores: Scores) -> Family:
    return Family(
        metrics=scores.metrics,
        combine=families.rule_of(name, scores.combine),
        statistics="scores" if statistics_kind(scores) == "scores" else "stats",
        columns=families.columns_of(name, scores),
    )


def _groups(evaluation: Evaluation) -> dict[str, dict[str, dict[str, GroupValue]]]:
    """Values by class, if samples have one."""
    members: dict[str, list[int]] = {}
    for i, sample in enumerate(evaluation.samples):
        if sample.label is not None:
            members.setdefault(sample.label, []).append(i)
    if not members or not evaluation.scores:
        return {}
    classes: dict[str, dict[str, GroupValue]] = {}
    for label in sorted(members):
        chosen = np.array(members[label], dtype=np.intp)
        values = {
            name: GroupValue(value=value, n=_counted(scores, chosen))
            for scores in evaluation.scores.values()
            for name, value in scores.values(chosen).items()
        }
        classes[label] = {name: values[name] for name in sorted(values, key=families.order)}
    return {"class": classes}


def _confusion(evaluation: Evaluation) -> Confusion | None:
    if evaluation.confusion is None:
        return None
    rows: Sequence[Sequence[int]] = np.asarray(evaluation.confusion.matrix).tolist()
    return Confusion(classes=tuple(evaluation.confusion.classes), matrix=tuple(tuple(row) for row in rows))


def _environment() -> dict[str, str]:
    found = {"rsvp_eval": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
