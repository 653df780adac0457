"""One run as a table: table.md, and what the terminal shows after a score."""

from __future__ import annotations

from pathlib import Path

from rsvp_eval.files import write_text
from rsvp_eval.report import families
from rsvp_eval.report.grid import Grid
from rsvp_eval.report.results import Metric, Results

FILE = "table.md"

COLUMNS = ("Task", "n", "Metric", "↑", "Value (x100)", "±95%", "Protocol")
NUMERIC = frozenset({1, 4, 5})


def table_of(results: Results) -> Grid:
    """A row a metric; cautions, reasons and counts are notes below."""
    task = results.task
    rows = [
        (
            task.name,
            "" if metric.n is None else f"{metric.n:,}",
            families.title(name),
            "↑" if metric.higher_is_better else "↓",
            display(metric),
            half_width(metric),
            task.protocol or "–",
        )
        for name, metric in results.metrics.items()
    ]
    return Grid(task.title or task.name, COLUMNS, rows, NUMERIC, tuple(notes_of(results)))


def write_table(results: Results, folder: Path) -> Path:
    """Write table.md into ``folder``.

    Raises:
        EvalError: if it cannot be written.
    """
    path = folder / FILE
    write_text(path, table_of(results).markdown())
    return path


def display(metric: Metric) -> str:
    """The value times 100, two decimals; a dash where there is none."""
    return "–" if metric.value is None else f"{metric.value * 100:.2f}"


def half_width(metric: Metric) -> str:
    """Half the 95 % interval, times 100; its ends, which need not lie evenly, are in results.json."""
    if metric.ci95 is None:
        return "–"
    return f"{(metric.ci95[1] - metric.ci95[0]) * 50:.2f}"


def notes_of(results: Results) -> list[str]:
    """What a reader of the numbers must know."""
    notes = ["Partial: only a part of the samples was scored."] if results.partial else []
    notes += [f"Caution: {caution}" for caution in results.cautions]
    notes += [
        f"{families.title(name)} is missing: {metric.reason}"
        for name, metric in results.metrics.items()
        if metric.value is None
    ]
    reasons = {m.interval_reason for m in results.metrics.values() if m.value is not None}
    notes += [f"No interval: {reason}" for reason in sorted(r for r in reasons if r)]
    if results.bootstrap is not None and any(m.ci95 for m in results.metrics.values()):
        b = results.bootstrap
        notes.append(
            f"Intervals: percentile bootstrap of {b.draws:,} draws over {b.clusters:,} {b.cluster}s, "
            f"seed {b.seed}."
        )
    counts = ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in results.counts.items() if n)
    if counts:
        notes.append(f"Counts: {counts}.")
    return notes
