"""The form of results.json: numbers on the reference's own scale, and all that they depend on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rsvp_eval.errors import EvalError
from rsvp_eval.files import write_text

SCHEMA: Literal["rsvp-eval/1"] = "rsvp-eval/1"
FILE = "results.json"

LISTED = 1000
"""Ids of each list that are kept; the list says how many there are."""


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Finite = Annotated[float | None, BeforeValidator(_finite)]
"""A number, or null: NaN and infinity are no JSON."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class TaskOf(_Model):
    """What was scored; see :class:`rsvp_eval.evaluation.Evaluation`."""

    name: str
    version: int
    sha256: str
    title: str = ""
    kind: str = ""
    protocol: str | None = None
    published: str | None = None
    splits: dict[str, str] = {}


class Metric(_Model):
    """One metric over all samples.

    Attributes:
        value: on the reference's own scale; null where there is none.
        reason: why ``value`` is null.
        scale: largest possible value.
        display: the value times 100, two decimals, as papers print it.
        stderr: standard error, from the bootstrap.
        ci95: ends of the 95 % interval.
        interval_reason: why there is no interval.
        n: samples that it is over.
        higher_is_better: more is better.
        spec: everything that decides the number.
        family: metrics of one family come from the same statistics.
    """

    value: Finite
    reason: str | None = None
    scale: float | None = None
    display: Finite = None
    stderr: Finite = None
    ci95: tuple[float, float] | None = None
    interval_reason: str | None = None
    n: int | None = None
    higher_is_better: bool = True
    spec: str | None = None
    family: str | None = None


class Family(_Model):
    """How the values of its metrics come from samples.jsonl.

    Attributes:
        metrics: names of its m metrics.
        combine: ``mean``, or the family whose module turns sums of statistics into values; null where only
            the scorer can.
        statistics: ``scores`` if a sample's statistics are its m scores and 1, ``stats`` if they are listed
            under the family's name.
        columns: what the statistics count.
    """

    metrics: tuple[str, ...]
    combine: str | None
    statistics: Literal["scores", "stats"]
    columns: tuple[str, ...]


class GroupValue(_Model):
    """One metric over the samples of a group."""

    value: Finite
    n: int


class Ids(_Model):
    """Ids of one kind, the first :data:`LISTED` of ``total``."""

    total: int
    ids: tuple[str, ...]


class Input(_Model):
    """A file that went into the score."""

    path: str
    sha256: str


class Draws(_Model):
    """The bootstrap: ``draws`` resamplings of ``clusters`` images, or samples where no image is named."""

    draws: int
    seed: int
    clusters: int
    cluster: Literal["image", "sample"] = "image"


class Confusion(_Model):
    """Rows are what is right, columns what was answered; the last column is none of the classes."""

    classes: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]


class Results(_Model):
    """Everything in results.json."""

    schema_name: Literal["rsvp-eval/1"] = Field(default=SCHEMA, alias="schema")
    task: TaskOf
    n: int
    metrics: dict[str, Metric]
    families: dict[str, Family] = {}
    groups: dict[str, dict[str, dict[str, GroupValue]]] = {}
    confusion: Confusion | None = None
    counts: dict[str, int] = {}
    lists: dict[str, Ids] = {}
    cautions: tuple[str, ...] = ()
    bootstrap: Draws | None = None
    inputs: dict[str, Input] = {}
    env: dict[str, str] = {}
    partial: bool = False
    started: str = ""
    seconds: dict[str, float] = {}

    def write(self, folder: Path) -> Path:
        """Write results.json into ``folder``.

        Raises:
            EvalError: if it cannot be written.
        """
        content = self.model_dump(mode="json", by_alias=True)
        content["metrics"] = {name: _lean(metric) for name, metric in content["metrics"].items()}
        path = folder / FILE
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1)
        write_text(path, text + "\n")
        return path


def read_results(path: Path) -> Results:
    """Read results.json.

    Args:
        path: the file, or the folder that it lies in.

    Raises:
        EvalError: there is none, it is not ours, or it is damaged. The message says which.
    """
    file = path / FILE if path.is_dir() else path
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise EvalError(
            f"{path}: no {FILE} there; give the folder that `rsvp-eval score -o` wrote"
        ) from error
    except OSError as error:
        raise EvalError(f"{file}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise EvalError(f"{file}: not JSON ({error}); score again to write it anew") from error
    found = content.get("schema") if isinstance(content, dict) else None
    if found != SCHEMA:
        said = f"its schema is {found!r}" if found is not None else "it names no schema"
        raise EvalError(f"{file}: not results of rsvp-eval: {said}, expected {SCHEMA!r}")
    try:
        return Results.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise EvalError(
            f"{file}: {key}: {first['msg']} (read {str(first['input'])[:80]!r}); score again to write it anew"
        ) from error


def _lean(metric: dict[str, object]) -> dict[str, object]:
    """A metric without the keys that say nothing: reasons where there is a value, and the rest where not."""
    if metric["value"] is None and metric["spec"] is None:
        return {"value": None, "reason": metric["reason"]}
    return {k: v for k, v in metric.items() if v is not None or k not in ("reason", "interval_reason")}
