"""Several runs as one table for each task: ``rsvp-eval table OUT...``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rsvp_eval.errors import UnknownNameError
from rsvp_eval.report import families
from rsvp_eval.report.grid import Grid
from rsvp_eval.report.results import Metric, Results, read_results
from rsvp_eval.report.table import display, half_width

CSV_COLUMNS = (
    "run",
    "task",
    "task_version",
    "protocol",
    "partial",
    "n",
    "metric",
    "value",
    "scale",
    "display",
    "stderr",
    "ci95_low",
    "ci95_high",
    "spec",
    "reason",
)


@dataclass(frozen=True)
class Run:
    """Results and the name that tables give them."""

    name: str
    results: Results


def read_runs(paths: Sequence[Path]) -> list[Run]:
    """Read result folders; each is named by as much of the end of its path as tells it from the others.

    Raises:
        EvalError: one of them holds no results of ours.
    """
    folders = [path.parent if path.is_file() else path for path in paths]
    parts = [folder.resolve().parts for folder in folders]
    names = [_tail(own, [p for j, p in enumerate(parts) if j != i]) for i, own in enumerate(parts)]
    return [Run(name, read_results(path)) for name, path in zip(names, paths, strict=True)]


def tables_of(runs: Sequence[Run], *, sort: str | None = None) -> list[Grid]:
    """A table for each task and version: rows are runs, columns metrics.

    A metric that two runs computed in different ways has a column for each way: numbers that may not be
    compared never stand in one. What else differs (samples, references, a part only) is marked and told.

    Args:
        runs: the runs.
        sort: metric to sort runs by, best first, those without a value last; else they keep their order.

    Raises:
        UnknownNameError: if no run has the metric to sort by.
    """
    if sort is not None:
        known = {name for run in runs for name in run.results.metrics}
        if sort not in known:
            raise UnknownNameError("metric", sort, known)
    groups: dict[tuple[str, int, str], list[Run]] = {}
    for run in runs:
        task = run.results.task
        groups.setdefault((task.name, task.version, task.sha256), []).append(run)
    names = [f"{name} {version}" for name, version, _ in groups]
    return [
        _table(_sorted(own, sort), ambiguous=names.count(f"{key[0]} {key[1]}") > 1)
        for key, own in groups.items()
    ]


def csv_of(runs: Sequence[Run]) -> str:
    """A line for each metric of each run, with its spec, numbers in full."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for run in runs:
        results = run.results
        task = results.task
        for name, m in results.metrics.items():
            low, high = m.ci95 or (None, None)
            head = (run.name, task.name, task.version, task.protocol, results.partial, m.n, name)
            writer.writerow((*head, m.value, m.scale, m.display, m.stderr, low, high, m.spec, m.reason))
    return file.getvalue()


def _tail(own: Sequence[str], others: Sequence[Sequence[str]]) -> str:
    for length in range(1, len(own)):
        if all(tuple(own[-length:]) != tuple(other[-length:]) for other in others):
            return "/".join(own[-length:])
    return str(Path(*own))


def _sorted(runs: Sequence[Run], metric: str | None) -> list[Run]:
    if metric is None:
        return list(runs)

    def key(run: Run) -> tuple[bool, float]:
        found = run.results.metrics.get(metric)
        if found is None or found.value is None:
            return True, 0.0
        return False, -found.value if found.higher_is_better else found.value

    return sorted(runs, key=key)


def _table(runs: Sequence[Run], *, ambiguous: bool) -> Grid:
    columns = _columns(runs)
    marks = _Marks()
    specs: list[str] = []
    heads = ["Run", "n", "Protocol"]
    for (metric, _), spec in columns.items():
        several = sum(name == metric for name, _ in columns) > 1
        heads.append(families.title(metric) + (f" {marks.of(f'spec {spec}')}" if several else ""))
        if not several:
            specs.append(f"{families.title(metric)}: {spec or 'not computed by any run'}")
    rows = []
    for run in runs:
        results = run.results
        said = list(_differences(run, runs))
        name = " ".join([run.name, *(marks.of(note) for note in said)])
        cells = [_cell(results.metrics.get(metric), key) for (metric, key) in columns]
        rows.append([name, f"{results.n:,}", results.task.protocol or "–", *cells])
    task = runs[0].results.task
    title = f"{task.title or task.name} ({task.name}, version {task.version})"
    if ambiguous:
        title += f", task file {task.sha256[:12]}"
    notes = ["Values times 100, ± half the 95 % interval.", *marks.notes(), *dict.fromkeys(specs)]
    notes += [
        f"{run.name}: {families.title(name)} is missing: {metric.reason}"
        for run in runs
        for name, metric in run.results.metrics.items()
        if metric.value is None
    ]
    return Grid(title, heads, rows, frozenset(range(len(heads))) - {0, 2}, notes)


def _columns(runs: Sequence[Run]) -> dict[tuple[str, str | None], str | None]:
    """Columns as (metric, spec); a metric that no run computed has one without spec."""
    found: dict[tuple[str, str | None], str | None] = {}
    for run in runs:
        for name, metric in run.results.metrics.items():
            if metric.spec is not None:
                found[name, metric.spec] = metric.spec
    computed = {name for name, _ in found}
    for run in runs:
        for name in run.results.metrics:
            if name not in computed:
                found[name, None] = None
    return dict(sorted(found.items(), key=lambda item: families.order(item[0][0])))


def _cell(metric: Metric | None, spec: str | None) -> str:
    if metric is None or metric.value is None or metric.spec != spec:
        return "–"
    return display(metric) if metric.ci95 is None else f"{display(metric)} ± {half_width(metric)}"


def _differences(run: Run, runs: Sequence[Run]) -> Iterator[str]:
    """What keeps a run from being compared with the others of its table."""
    results = run.results
    if results.partial:
        yield "partial: only a part of the samples was scored"
    others = [other.results for other in runs if other is not run]
    if any(other.n != results.n for other in others):
        yield "runs with this mark differ in the number of samples"
    if any(other.task.protocol != results.task.protocol for other in others):
        yield "runs with this mark differ in their protocol"
    if any(_references(other.inputs) != _references(results.inputs) for other in others):
        yield "runs with this mark were scored against different references"
    if any(other.task.splits != results.task.splits for other in others):
        yield "runs with this mark were scored on different splits"


def _references(inputs: Mapping[str, object]) -> list[object]:
    """Everything but the predictions, by hash where there is one."""
    return [
        (role, getattr(file, "sha256", None))
        for role, file in sorted(inputs.items())
        if role != "predictions"
    ]


class _Marks:
    """Numbers of footnotes, each text once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, note: str) -> str:
        return f"[{self._numbers.setdefault(note, len(self._numbers) + 1)}]"

    def notes(self) -> list[str]:
        return [f"[{number}] {note}" for note, number in self._numbers.items()]
