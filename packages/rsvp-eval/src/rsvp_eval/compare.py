"""Is one run better than another? A paired test of two result folders, from what is stored in them.

Samples are matched by id. The difference of a metric is B's value minus A's over the matched samples,
combined from summed statistics. Its interval is a paired bootstrap over images; its p-value is that of an
approximate randomisation test (Noreen 1989), which exchanges the two runs' answers to whole images at random
and counts how often the difference is at least as large. Nothing is scored again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.bootstrap import DRAWS, SEED, Bootstrap, Interval, clusters_of, interval
from rsvp_eval.errors import EvalError
from rsvp_eval.report import families
from rsvp_eval.report.results import Family, Results, read_results
from rsvp_eval.report.samples import ScoredSample, read_samples, statistics_of
from rsvp_eval.sample import Sample
from rsvp_eval.scores import Combine, Floats

SCHEMA = "rsvp-eval-comparison/1"

Pairs = Sequence[tuple[ScoredSample, ScoredSample]]

_SHOWN = 5
"""Ids or reasons that a message names."""


@dataclass(frozen=True)
class Difference:
    """One metric of two runs, over the samples that both have.

    Attributes:
        metric: its name.
        a: value of A, on the reference's own scale.
        b: value of B.
        difference: ``b - a``.
        interval: of the difference.
        p_value: two-sided; None where there is none.
        wins: samples that B has a better score on.
        ties: samples with equal scores, or with none on a side.
        losses: samples that A has a better score on.
        higher_is_better: more is better.
        spec: everything that decides the number.
    """

    metric: str
    a: float
    b: float
    difference: float
    interval: Interval
    p_value: float | None
    wins: int
    ties: int
    losses: int
    higher_is_better: bool
    spec: str


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    Attributes:
        a: the first folder.
        b: the second.
        task: name of the task.
        differences: by metric.
        n: samples that both have.
        clusters: images that these lie on.
        only_a: ids that only A has, which are left out.
        only_b: ids that only B has.
        left_out: metrics that could not be compared, with the reason.
        notes: what else to know.
        draws: of the bootstrap and of the randomisation.
        seed: of both.
    """

    a: str
    b: str
    task: str
    differences: Sequence[Difference]
    n: int
    clusters: int
    only_a: Sequence[str] = ()
    only_b: Sequence[str] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    draws: int = DRAWS
    seed: int = SEED

    def as_json(self) -> dict[str, Any]:
        """What is written as JSON, without NaN."""
        found = {"schema": SCHEMA} | asdict(self)
        cleaned: dict[str, Any] = _cleaned(found)
        return cleaned


def compare(a: Path, b: Path, *, draws: int = DRAWS, seed: int = SEED, force: bool = False) -> Comparison:
    """Compare two result folders.

    Args:
        a: folder of the first run.
        b: folder of the second.
        draws: of the bootstrap and of the randomisation test.
        seed: of both.
        force: compare runs of different tasks, protocols, metrics or references all the same, and say so.

    Raises:
        EvalError: a folder holds no results of ours, the runs have no sample in common, or they differ in
            what decides the numbers.
    """
    first, second = read_results(a), read_results(b)
    ours, theirs = _by_id(a), _by_id(b)
    common = [key for key in ours if key in theirs]
    if not common:
        raise EvalError(
            f"{a} and {b} have no sample in common: ids such as {_some(ours)} there, {_some(theirs)} here. "
            "Score both against the same references"
        )
    pairs = [(ours[key], theirs[key]) for key in common]
    problems = [*_unlike(first, second), *_unlike_samples(pairs)]
    if problems and not force:
        raise EvalError(
            f"{a} and {b} cannot be compared: "
            + "; ".join(problems)
            + ". Give --force to compare all the same"
        )
    shown = [Sample(s.id, s.id, None, (), image=s.image) for s, _ in pairs]
    bootstrap = Bootstrap(clusters_of(shown), draws, seed)
    left_out: dict[str, str] = {}
    stored = [_Stored.of(*found, pairs) for found in _families(first, second, left_out)]
    differences = _differences(first, stored, pairs, bootstrap)
    return Comparison(
        a=str(a),
        b=str(b),
        task=first.task.name,
        differences=sorted(differences, key=lambda d: families.order(d.metric)),
        n=len(common),
        clusters=bootstrap.size,
        only_a=[key for key in ours if key not in theirs],
        only_b=[key for key in theirs if key not in ours],
        left_out=left_out,
        notes=[*(f"forced: {problem}" for problem in problems), *_notes(first, second, common, pairs)],
        draws=draws,
        seed=seed,
    )


def _by_id(folder: Path) -> dict[str, ScoredSample]:
    found: dict[str, ScoredSample] = {}
    for sample in read_samples(folder):
        if sample.id in found:
            raise EvalError(f"{folder}: sample {sample.id} stands twice in samples.jsonl; score again")
        found[sample.id] = sample
    return found


def _unlike(first: Results, second: Results) -> Iterator[str]:
    """What decides the numbers and is not the same on both sides."""
    a, b = first.task, second.task
    if a.name != b.name:
        yield f"the tasks differ ({a.name} and {b.name})"
    elif (a.version, a.sha256) != (b.version, b.sha256):
        yield f"the files of task {a.name} differ (versions {a.version} and {b.version})"
    if a.protocol != b.protocol:
        yield f"the protocols differ ({a.protocol} and {b.protocol})"
    for name, metric in first.metrics.items():
        other = second.metrics.get(name)
        if other is not None and None not in (metric.spec, other.spec) and metric.spec != other.spec:
            yield f"{families.title(name)} was computed in two ways ({metric.spec} and {other.spec})"


def _unlike_samples(pairs: Pairs) -> Iterator[str]:
    unlike = [x.id for x, y in pairs if x.references != y.references]
    if unlike:
        yield f"{len(unlike):,} of {len(pairs):,} samples have other references ({_some(unlike)})"
    moved = [x.id for x, y in pairs if x.image != y.image]
    if moved:
        yield f"{len(moved):,} of {len(pairs):,} samples lie on another image ({_some(moved)})"


def _families(
    first: Results, second: Results, left_out: dict[str, str]
) -> Iterator[tuple[str, Family, Combine]]:
    """Families that both runs have the statistics of; the other metrics go to ``left_out``."""
    for name in dict.fromkeys([*first.metrics, *second.metrics]):
        for side, results in (("A", first), ("B", second)):
            metric = results.metrics.get(name)
            if metric is None:
                left_out.setdefault(name, f"{side} has not computed it")
            elif metric.family is None:
                left_out.setdefault(name, f"it is missing in {side}: {metric.reason}")
    for name, family in first.families.items():
        other = second.families.get(name)
        combine = None if family.combine is None else families.combine_by(family.combine)
        reason = None
        if other is None:
            continue
        if other.model_dump() != family.model_dump():
            reason = "the two runs store different statistics of it"
        elif combine is None:
            reason = "its value does not follow from stored statistics"
        if combine is not None and reason is None:
            yield name, family, combine
        else:
            left_out.update(dict.fromkeys(family.metrics, str(reason)))


@dataclass(frozen=True)
class _Stored:
    """Statistics of a family in both runs, (n, k) each."""

    family: Family
    combine: Combine
    a: Floats
    b: Floats

    @classmethod
    def of(cls, name: str, family: Family, combine: Combine, pairs: Pairs) -> _Stored:
        first = statistics_of([x for x, _ in pairs], name, family)
        second = statistics_of([y for _, y in pairs], name, family)
        return cls(family, combine, first, second)


def _differences(
    results: Results, stored: Sequence[_Stored], pairs: Pairs, bootstrap: Bootstrap
) -> list[Difference]:
    if not stored:
        return []
    # All families at once, so that they see the same draws and these are made once.
    a = np.concatenate([s.a for s in stored], axis=1)
    b = np.concatenate([s.b for s in stored], axis=1)
    drawn, exchanged = _drawn(a, b, bootstrap), _exchanged(a, b, bootstrap)
    found: list[Difference] = []
    start = 0
    for own in stored:
        columns = slice(start, start + own.a.shape[1])
        start = columns.stop
        values = [own.combine(side.sum(axis=0)) for side in (own.a, own.b)]
        draws = (
            None if drawn is None else own.combine(drawn[1][:, columns]) - own.combine(drawn[0][:, columns])
        )
        swaps = None
        if exchanged is not None:
            swaps = own.combine(exchanged[1][:, columns]) - own.combine(exchanged[0][:, columns])
        for i, metric in enumerate(own.family.metrics):
            around = _no_interval(bootstrap) if draws is None else interval(draws[:, i])
            difference = float(values[1][i] - values[0][i])
            higher = results.metrics[metric].higher_is_better
            wins, losses = _wins(metric, pairs, higher_is_better=higher)
            found.append(
                Difference(
                    metric=metric,
                    a=float(values[0][i]),
                    b=float(values[1][i]),
                    difference=difference,
                    interval=around,
                    p_value=None if swaps is None else _p_value(difference, swaps[:, i]),
                    wins=wins,
                    ties=len(pairs) - wins - losses,
                    losses=losses,
                    higher_is_better=higher,
                    spec=results.metrics[metric].spec or "",
                )
            )
    return found


def _wins(metric: str, pairs: Pairs, *, higher_is_better: bool) -> tuple[int, int]:
    own = np.array([[x.scores.get(metric, math.nan), y.scores.get(metric, math.nan)] for x, y in pairs])
    gain = (own[:, 1] - own[:, 0]) * (1 if higher_is_better else -1)
    return int((gain > 0).sum()), int((gain < 0).sum())


def _drawn(a: Floats, b: Floats, bootstrap: Bootstrap) -> tuple[Floats, Floats] | None:
    """Sums of both runs over draws of images, (draws, k) each; both see the same draws."""
    if bootstrap.size < 2 or bootstrap.draws < 2:
        return None
    sums = bootstrap.sums(np.concatenate([a, b], axis=1))
    return sums[:, : a.shape[1]], sums[:, a.shape[1] :]


def _no_interval(bootstrap: Bootstrap) -> Interval:
    if bootstrap.size < 2:
        return Interval(reason="all samples lie on one image, so nothing can be said about others")
    return Interval(reason="no bootstrap was asked for")


def _exchanged(a: Floats, b: Floats, bootstrap: Bootstrap) -> tuple[Floats, Floats] | None:
    """Sums of both runs if their answers to some images are exchanged, (draws, k) each."""
    if bootstrap.size < 2 or bootstrap.draws < 1:
        return None
    gap = bootstrap.within(b - a)
    with np.errstate(invalid="ignore"):
        moved = np.concatenate([flips @ gap for flips in bootstrap.flips()])
    return a.sum(axis=0) + moved, b.sum(axis=0) - moved


def _p_value(difference: float, exchanged: NDArray[np.float64]) -> float | None:
    if not math.isfinite(difference) or not np.isfinite(exchanged).all():
        return None
    # Sums in another order differ in their last bits, which must not make a tie a smaller difference.
    slack = 1e-9 * max(1.0, abs(difference))
    as_large = int((np.abs(exchanged) >= abs(difference) - slack).sum())
    return (as_large + 1) / (len(exchanged) + 1)


def _notes(
    first: Results,
    second: Results,
    common: Sequence[str],
    pairs: Pairs,
) -> Iterator[str]:
    for side, results in (("A", first), ("B", second)):
        if results.partial:
            yield f"{side} is partial: only a part of its samples was scored"
        if results.n != len(common):
            yield (
                f"values of {side} are over {len(common):,} of its {results.n:,} samples, so they differ "
                "from those in its results.json"
            )
        unanswered = sum(s.prediction is None for s in (p[side == "B"] for p in pairs))
        if unanswered:
            yield f"{unanswered:,} of the samples have no answer in {side}"
    if "cider" in first.families and {first.n, second.n} != {len(common)}:
        yield "CIDEr's document frequencies are those of each run's own corpus, and the two corpora differ"
    yield "each p-value is of its metric alone, not corrected for looking at several"


def _some(ids: Sequence[str] | Mapping[str, object]) -> str:
    listed = list(ids)
    return ", ".join(listed[:_SHOWN]) + (" ..." if len(listed) > _SHOWN else "")


def _cleaned(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: _cleaned(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(v) for v in value]
    return value
