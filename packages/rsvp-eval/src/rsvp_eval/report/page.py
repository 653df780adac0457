"""report.html: one file that needs nothing else, no network and no script."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rsvp_eval.evaluation import Evaluation
from rsvp_eval.files import write_text
from rsvp_eval.report import families
from rsvp_eval.report.extremes import PREFERRED, Extremes, extremes
from rsvp_eval.report.heat import heat
from rsvp_eval.report.picture import Drawing, data_uri, drawing
from rsvp_eval.report.results import Metric, Results
from rsvp_eval.report.words import Piece, pieces

FILE = "report.html"

SAMPLES = 12
"""Most samples of each kind, worst and best."""

_CLASSES = 120
_REFERENCES = 6
_IDS = 50


@dataclass(frozen=True)
class Bar:
    """A value as a bar; all lengths in percent of ``full``.

    Attributes:
        title: metric.
        told: the value, times 100.
        full: what the whole width stands for, times 100.
        width: of the bar; None where there is no value.
        low: where the interval begins; None without one.
        span: length of the interval.
        around: the interval in words, or why there is none.
        spec: how it was computed, or why there is no value.
    """

    title: str
    told: str
    full: str
    width: float | None
    low: float | None
    span: float
    around: str
    spec: str


@dataclass(frozen=True)
class Card:
    """A sample to look at."""

    id: str
    label: str | None
    image: str | None
    drawing: Drawing | None
    prediction: list[Piece] | None
    references: list[list[Piece]]
    more_references: int
    scores: list[tuple[str, str]]


def write_page(
    evaluation: Evaluation,
    results: Results,
    folder: Path,
    *,
    metric: str | None = None,
    samples: int = SAMPLES,
) -> Path:
    """Write report.html into ``folder``.

    Args:
        evaluation: what was found out; samples and pictures come from here.
        results: the same as results.json has it.
        folder: where to.
        metric: that the worst and best samples are chosen by; None for a suitable one.
        samples: most samples of each kind.

    Raises:
        UnknownNameError: if there is no such metric.
        EvalError: the data set cannot be read, or the page cannot be written.
    """
    chosen = extremes(evaluation, samples, metric)
    worst, best = _cards(evaluation, chosen)
    environment = Environment(
        loader=PackageLoader("rsvp_eval.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = resources.files("rsvp_eval.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    page = environment.get_template("report.html.j2").render(
        style=Markup(style),  # noqa: S704 - our own file
        results=results,
        bars=[_bar(name, own) for name, own in results.metrics.items()],
        classes=_classes(results),
        heat=heat(results.confusion) if results.confusion is not None else None,
        chosen=chosen,
        chosen_title=families.title(chosen.metric) if chosen is not None else "",
        worst=worst,
        best=best,
        pictured=evaluation.data is not None,
        ids_shown=_IDS,
    )
    path = folder / FILE
    write_text(path, page)
    return path


def _bar(name: str, metric: Metric) -> Bar:
    title = families.title(name)
    if metric.value is None:
        return Bar(title, "–", "", None, None, 0.0, "", metric.reason or "")
    full = metric.scale or 1.0
    around, low, span = metric.interval_reason or "no interval", None, 0.0
    if metric.ci95 is not None:
        ends = metric.ci95
        around = f"{ends[0] * 100:.2f} to {ends[1] * 100:.2f}"
        low = _percent(ends[0], full)
        span = _percent(ends[1], full) - low
    told = f"{metric.value * 100:.2f}"
    return Bar(
        title, told, f"{full * 100:.0f}", _percent(metric.value, full), low, span, around, metric.spec or ""
    )


def _percent(value: float, full: float) -> float:
    return round(min(max(value / full, 0.0), 1.0) * 100, 3)


def _classes(results: Results) -> dict[str, Any] | None:
    """Per-class bars: each metric on its own scale, or up to its largest value if the scale is beyond 1."""
    groups = results.groups.get("class")
    if not groups:
        return None
    metrics = [name for name in results.metrics if any(name in values for values in groups.values())]
    first = next(name for name in ("accuracy", *PREFERRED, *metrics) if name in metrics)
    full = {name: _full(results.metrics[name], [v[name].value for v in groups.values()]) for name in metrics}

    def key(label: str) -> tuple[float, str]:
        value = groups[label][first].value
        return (-value if value is not None else 1.0, label)

    rows = [
        {
            "label": label,
            "n": max(value.n for value in groups[label].values()),
            "cells": [_cell(groups[label][name].value, full[name]) for name in metrics],
        }
        for label in sorted(groups, key=key)
    ]
    return {
        "heads": [(families.title(name), f"{full[name] * 100:.0f}") for name in metrics],
        "rows": rows[:_CLASSES],
        "total": len(rows),
        "sorted_by": families.title(first),
    }


def _full(metric: Metric, values: list[float | None]) -> float:
    scale = metric.scale or 1.0
    return scale if scale <= 1.0 else max([value for value in values if value is not None] or [1.0]) or 1.0


def _cell(value: float | None, full: float) -> tuple[str, float]:
    return ("–", 0.0) if value is None else (f"{value * 100:.1f}", _percent(value, full))


def _cards(evaluation: Evaluation, chosen: Extremes | None) -> tuple[list[Card], list[Card]]:
    if chosen is None:
        return [], []
    indices = [*chosen.worst, *chosen.best]
    found = {}
    if evaluation.data is not None and indices:
        from rsvp_eval.inputs.pictures import pictures

        found = pictures(evaluation.data, {evaluation.samples[i].row for i in indices})
    uris = {row: None if picture.bytes is None else data_uri(picture.bytes) for row, picture in found.items()}
    cards = []
    for i in indices:
        sample = evaluation.samples[i]
        picture, uri = found.get(sample.row), uris.get(sample.row)
        prediction = sample.prediction
        cards.append(
            Card(
                id=sample.id,
                label=sample.label,
                image=sample.image,
                drawing=None if picture is None or uri is None else drawing(picture, uri, sample.mark),
                prediction=None if prediction is None else pieces(prediction, sample.references),
                references=[pieces(r, [prediction or ""]) for r in sample.references[:_REFERENCES]],
                more_references=max(0, len(sample.references) - _REFERENCES),
                scores=_scores(evaluation, i),
            )
        )
    return cards[: len(chosen.worst)], cards[len(chosen.worst) :]


def _scores(evaluation: Evaluation, index: int) -> list[tuple[str, str]]:
    found = {
        name: value
        for scores in evaluation.scores.values()
        for name, value in zip(scores.metrics, scores.samples[index].tolist(), strict=True)
    }
    return [(families.title(name), f"{found[name] * 100:.1f}") for name in sorted(found, key=families.order)]
