"""samples.jsonl: a line a sample, with its scores and the statistics that values of any subset come from."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rsvp_eval.errors import EvalError
from rsvp_eval.evaluation import Evaluation
from rsvp_eval.files import atomic
from rsvp_eval.inputs.jsonl import JsonLines
from rsvp_eval.report.build import statistics_kind
from rsvp_eval.report.results import Family
from rsvp_eval.scores import Floats

FILE = "samples.jsonl"


@dataclass(frozen=True, slots=True)
class ScoredSample:
    """A line of samples.jsonl.

    Attributes:
        id: the sample's id.
        image: image that it lies on, or None.
        label: its class, or None.
        prediction: what was answered, or None.
        references: what may be answered.
        scores: by metric; NaN where there is none.
        stats: by family, of those that are not means of scores.
    """

    id: str
    image: str | None
    label: str | None
    prediction: str | None
    references: tuple[str, ...]
    scores: dict[str, float]
    stats: dict[str, list[float]]


def write_samples(evaluation: Evaluation, folder: Path, *, tokens: Sequence[str] | None = None) -> Path:
    """Write samples.jsonl into ``folder``. Numbers are written so that they read back to the same bits.

    Args:
        evaluation: what was found out.
        folder: where to.
        tokens: each sample's prediction, tokenised; written as ``hyp_tok``.

    Raises:
        EvalError: if it cannot be written.
    """
    path = folder / FILE
    families = evaluation.scores
    names = [name for scores in families.values() for name in scores.metrics]
    columns = [scores.samples for scores in families.values()]
    kept = {name: scores for name, scores in families.items() if statistics_kind(scores) == "stats"}
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    with atomic(path) as file:
        for i, sample in enumerate(evaluation.samples):
            line: dict[str, Any] = {"id": sample.id}
            if sample.row != sample.id:
                line["row"] = sample.row
            line["image_id"] = sample.image
            line["class"] = sample.label
            line["hyp"] = sample.prediction
            line["refs"] = sample.references
            if tokens is not None:
                line["hyp_tok"] = tokens[i]
            values = (v for column in columns for v in column[i].tolist())
            line["scores"] = {name: _number(value) for name, value in zip(names, values, strict=True)}
            if kept:
                line["stats"] = {
                    name: [_number(v) for v in scores.statistics[i].tolist()] for name, scores in kept.items()
                }
            file.write(encode(line))
            file.write("\n")
    return path


def read_samples(path: Path) -> Iterator[ScoredSample]:
    """Read samples.jsonl.

    Args:
        path: the file, or the folder that it lies in.

    Raises:
        EvalError: there is none, or a line of it is not ours; the message names it.
    """
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise EvalError(f"{path}: no {FILE} there; give the folder that `rsvp-eval score -o` wrote")
    lines = JsonLines(file)
    for record in lines:
        try:
            yield ScoredSample(
                id=_string(record["id"]),
                image=None if record.get("image_id") is None else _string(record["image_id"]),
                label=record.get("class"),
                prediction=record["hyp"],
                references=tuple(record["refs"]),
                scores={name: _float(v) for name, v in record["scores"].items()},
                stats={name: [_float(v) for v in row] for name, row in record.get("stats", {}).items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else str(error)
            lines.fail(f"not a line of samples of rsvp-eval: {what}; score again to write it anew")


def statistics_of(samples: Sequence[ScoredSample], name: str, family: Family) -> Floats:
    """The statistics of a family: (samples, columns) float64.

    Raises:
        EvalError: if a sample lacks them or has another number of them.
    """
    if family.statistics == "scores":
        rows = [[s.scores.get(metric, math.nan) for metric in family.metrics] + [1.0] for s in samples]
    else:
        rows = [s.stats.get(name, []) for s in samples]
    for sample, row in zip(samples, rows, strict=True):
        if len(row) != len(family.columns):
            raise EvalError(
                f"sample {sample.id}: {len(row)} statistics of {name}, expected {len(family.columns)}; "
                "results.json and samples.jsonl are of different runs, or one is damaged: score again"
            )
    return np.array(rows, dtype=np.float64).reshape(len(samples), len(family.columns))


def _number(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    # Counts are written as such; both forms read back to the same float.
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value


def _float(value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise TypeError(f"{value!r} is no number")


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"{value!r} is no string")
