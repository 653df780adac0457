"""A comparison of two runs as a table and as JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path

from rsvp_eval.compare import Comparison, Difference
from rsvp_eval.files import write_text
from rsvp_eval.report import families
from rsvp_eval.report.grid import Grid

COLUMNS = (
    "Metric",
    "↑",
    "A (x100)",
    "B (x100)",
    "B − A",
    "95% interval",
    "p",
    "B better",
    "equal",
    "A better",
)


def table_of_comparison(comparison: Comparison) -> Grid:
    """A row a metric; what was left out and what to know are notes below."""
    notes = [
        f"A: {comparison.a}",
        f"B: {comparison.b}",
        f"{comparison.n:,} samples of both in {comparison.clusters:,} clusters (images, where named); "
        f"bootstrap and randomisation by cluster with {comparison.draws:,} draws, seed {comparison.seed}.",
    ]
    for side, ids in (("A", comparison.only_a), ("B", comparison.only_b)):
        if ids:
            more = " ..." if len(ids) > 5 else ""
            notes.append(f"{len(ids):,} samples are only in {side} and left out: {', '.join(ids[:5])}{more}")
    notes += [f"{families.title(name)} is left out: {why}" for name, why in comparison.left_out.items()]
    reasons = {d.interval.reason for d in comparison.differences}
    notes += [f"No interval: {reason}" for reason in sorted(r for r in reasons if r)]
    notes += comparison.notes
    rows = [_row(d, comparison.draws) for d in comparison.differences]
    return Grid(f"{comparison.task}: B against A", COLUMNS, rows, frozenset({2, 3, 4, 5, 6, 7, 8, 9}), notes)


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Write a comparison as JSON.

    Raises:
        EvalError: if it cannot be written.
    """
    text = json.dumps(comparison.as_json(), ensure_ascii=False, allow_nan=False, indent=1)
    write_text(path, text + "\n")


def _row(d: Difference, draws: int) -> tuple[str, ...]:
    low, high = d.interval.low, d.interval.high
    ends = "–" if low is None or high is None else f"{low * 100:+.2f} to {high * 100:+.2f}"
    least = 1 / (draws + 1)
    if d.p_value is None:
        p = "–"
    elif d.p_value <= least * 1.001:
        p = f"≤ {least:.2g}"
    else:
        p = f"{d.p_value:.3f}"
    return (
        families.title(d.metric),
        "↑" if d.higher_is_better else "↓",
        *(f"{value * 100:.2f}" if math.isfinite(value) else "–" for value in (d.a, d.b)),
        f"{d.difference * 100:+.2f}" if math.isfinite(d.difference) else "–",
        ends,
        p,
        f"{d.wins:,}",
        f"{d.ties:,}",
        f"{d.losses:,}",
    )
