"""Answers to the rows of a data set, as the predictions that rsvp-eval reads."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from earthmarker.data import Row, RowDataset, RowIndex
from earthmarker.errors import EarthMarkerError
from earthmarker.inference.batch import Answerer

_POOL = 32  # batches that rows are sorted by length among


def predict(
    answerer: Answerer,
    index: RowIndex,
    out: Path,
    *,
    batch: int = 8,
    name: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Answer rows into a file of ``{"id", "prediction", "model", "latency_s"}``, one a line.

    A run that was killed goes on where it was: batches do not depend on what is there already, so the answers
    are those of an undisturbed run.

    Args:
        answerer: model, processor and length of answers.
        index: the rows.
        out: the file; rows that it answers already are left out.
        batch: rows answered at a time.
        name: of the model, for the lines.
        progress: told rows answered and rows in all.

    Returns:
        How many rows were answered now.

    Raises:
        EarthMarkerError: if the file holds something else, a row cannot be read, or memory does not suffice.
    """
    done = _done(out)
    rows = RowDataset(index)
    answered = 0
    with out.open("a", encoding="utf-8") as file:
        for numbers in batches(index, batch):
            if all(index.ids[i] in done for i in numbers):
                continue
            began = time.perf_counter()
            answers = _answers(answerer, [rows[int(i)] for i in numbers])
            latency = (time.perf_counter() - began) / len(numbers)
            for i, answer in zip(numbers, answers, strict=True):
                if index.ids[i] in done:
                    continue
                line = {"id": index.ids[i], "prediction": answer, "latency_s": round(latency, 4)}
                file.write(json.dumps(line | ({"model": name} if name else {}), ensure_ascii=False) + "\n")
                answered += 1
            file.flush()
            if progress is not None:
                progress(len(done) + answered, len(index))
    return answered


def _answers(answerer: Answerer, rows: list[Row]) -> list[str]:
    try:
        return answerer(rows)
    except torch.OutOfMemoryError as error:
        raise EarthMarkerError(
            f"out of memory answering {len(rows)} rows at a time: give a smaller --batch; what is answered "
            "stays, and the same command goes on"
        ) from error


def batches(index: RowIndex, batch: int) -> list[NDArray[np.int64]]:
    """Row numbers of each batch: rows of like length together, near each other in the data set."""
    order = np.arange(len(index))
    plan: list[NDArray[np.int64]] = []
    for start in range(0, len(order), batch * _POOL):
        pool = order[start : start + batch * _POOL]
        pool = pool[np.argsort(index.length[pool], kind="stable")]
        plan += [pool[k : k + batch] for k in range(0, len(pool), batch)]
    return plan


def _done(out: Path) -> set[str]:
    """Ids answered already; a last line that was cut is taken off the file."""
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        return set()
    data = out.read_bytes()
    whole = data.rfind(b"\n") + 1
    done = set()
    for number, line in enumerate(data[:whole].splitlines(), 1):
        try:
            done.add(str(json.loads(line)["id"]))
        except (ValueError, KeyError, TypeError) as error:
            raise EarthMarkerError(
                f"{out}:{number}: not a line of predictions ({error}); give another file, or remove this one"
            ) from error
    if whole < len(data):
        with out.open("r+b") as file:
            file.truncate(whole)
    return done
