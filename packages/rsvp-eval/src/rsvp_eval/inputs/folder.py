"""The folder of a data set made by rsvp-build: which files it has, and what is in them.

::

    FOLDER/dataset.json                             the sources that are complete
    FOLDER/data/<source>/*.parquet                  rows
    FOLDER/planned/<source>/*.parquet               rows that wait for a captioner's answer

docs/dataset-format.md states what a row is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import polars as pl

from rsvp_eval.errors import EvalError

T = TypeVar("T")


class Content(NamedTuple):
    """How many rows of one kind a data set has.

    Attributes:
        source: name of the source.
        split: split of the release.
        task: what is asked.
        granularity: ``image``, ``region`` or ``point``.
        rows: how many.
    """

    source: str
    split: str
    task: str
    granularity: str
    rows: int


def sources(folder: Path) -> list[str]:
    """The complete sources of a data set.

    Raises:
        EvalError: this is no finished data set.
    """
    path = folder / "dataset.json"
    if not path.is_file():
        begun = sorted(plan.parent.name for plan in folder.glob(".build/*/plan.json"))
        if begun:
            hint = f"the build of {', '.join(begun)} has not finished: rerun it, it resumes"
        elif not folder.is_dir():
            hint = "there is no such folder"
        else:
            hint = "give the folder that `rsvp-build --out` wrote"
        raise EvalError(f"{folder}: not a finished data set (no dataset.json); {hint}")
    try:
        return sorted(str(name) for name in json.loads(path.read_bytes())["sources"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvalError(f"{path}: damaged ({error}); rerun the build to write it anew") from error


def shards(folder: Path, chosen: Sequence[str], *, planned: bool = False) -> list[Path]:
    """The files of some sources, sorted within each.

    Args:
        folder: the data set.
        chosen: names of sources.
        planned: the files of planned rows instead.
    """
    kind = "planned" if planned else "data"
    return [path for name in chosen for path in sorted((folder / kind / name).glob("*.parquet"))]


def contents(folder: Path, *, planned: bool = False) -> list[Content]:
    """What a data set has, sorted; with ``planned``, its planned rows instead.

    Raises:
        EvalError: this is no finished data set, or a file of it is damaged.
    """
    files = shards(folder, sources(folder), planned=planned)
    if not files:
        return []
    keys = ["source", "split", "task", "granularity"]
    frame = read(folder, lambda: pl.scan_parquet(files).group_by(keys).len().sort(keys).collect())
    return [Content(*row) for row in frame.iter_rows()]


def unanswered(folder: Path, tasks: Sequence[str], rows: int) -> EvalError:
    """That rows of some tasks are all planned."""
    return EvalError(
        f"{folder}: its {rows:,} rows of {' and '.join(tasks)} are planned: they ask, and nobody has "
        "answered, so there is nothing to score against. Have them captioned first, or score against a file "
        "of references with -r"
    )


def read(folder: Path, query: Callable[[], T]) -> T:
    """Run a query over files of a data set.

    Raises:
        EvalError: a file is damaged, or its rows are not of the published form.
    """
    try:
        return query()
    except pl.exceptions.ColumnNotFoundError as error:
        column = str(error).split("\n", 1)[0]
        raise EvalError(
            f"{folder}: its rows are not those of rsvp-build: there is no column {column}; build it anew"
        ) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        problem = str(error).split("\n", 1)[0]
        raise EvalError(f"{folder}: a Parquet file of it cannot be read: {problem}; build it anew") from error
