"""A baseline by name, over the rows that it may learn from and those it is asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rsvp_eval.baselines.blind import blind
from rsvp_eval.baselines.retrieval import retrieval
from rsvp_eval.baselines.text_only import text_only
from rsvp_eval.baselines.texts import texts_of
from rsvp_eval.errors import EvalError, UnknownNameError
from rsvp_eval.inputs.rows import Row

Baseline = Callable[[Sequence[Row], Sequence[Row], Path], Iterator[tuple[str, str]]]

BASELINES: dict[str, Baseline] = {"blind": blind, "text-only": text_only, "retrieval": retrieval}


def baseline(name: str, fit: Sequence[Row], ask: Sequence[Row], folder: Path) -> Iterator[tuple[str, str]]:
    """Answer rows by a baseline.

    Args:
        name: ``blind``, ``text-only`` or ``retrieval``.
        fit: rows to learn from. Those on an image of ``ask`` are left out, so that no answer leaks.
        ask: rows to answer.
        folder: the data set, for the pictures.

    Returns:
        Ids and answers, in the order of ``ask``.

    Raises:
        UnknownNameError: if there is no such baseline.
        EvalError: if nothing is left to learn from.
    """
    if name not in BASELINES:
        raise UnknownNameError("baseline", name, BASELINES)
    asked = {_picture(row) for row in ask}
    tasks = {row.task for row in ask}
    left = [row for row in fit if _picture(row) not in asked and row.task in tasks]
    if not any(text for row in left for text in texts_of(row)):
        raise EvalError(
            f"nothing to learn from: of {len(fit):,} rows none is of {' or '.join(sorted(tasks))}, has an "
            "answer and lies on an image that is not evaluated; build a training split too, or name one "
            "with --fit-split"
        )
    return BASELINES[name](left, ask, folder)


def _picture(row: Row) -> tuple[str, str]:
    """The raw image of a row whatever split it is listed in; ``image_id`` begins with the split."""
    return row.source, row.image_id.partition("/")[2] or row.image_id


def write_baseline(
    name: str,
    task_name: str,
    data: Path,
    out: Path,
    *,
    source: str | None = None,
    split: str | None = None,
    fit_split: str | None = None,
) -> int:
    """Answer the rows of a task and write predictions.

    Args:
        name: of the baseline.
        task_name: name of a shipped task, or path of a task file.
        data: a data set made by rsvp-build.
        out: JSONL to write.
        source: one source of the data set.
        split: the split to answer; the task's own choice if None.
        fit_split: the split to learn from; all if None, without the images that are answered.

    Returns:
        How many rows were answered.

    Raises:
        EvalError: see :func:`baseline`, and for what is wrong with the data set.
    """
    import json

    from rsvp_eval.files import write_text
    from rsvp_eval.inputs.rows import read_rows
    from rsvp_eval.tasks import load, select

    task = load(task_name)
    ask = select(task, data, source=source, split=split)
    sources = sorted({row.source for row in ask})
    fit = read_rows(data, task=task.data.tasks, source=sources, split=fit_split)
    lines = [
        json.dumps({"id": key, "prediction": answer, "model": f"baseline:{name}"}, ensure_ascii=False) + "\n"
        for key, answer in baseline(name, fit, ask, data)
    ]
    write_text(out, "".join(lines))
    return len(lines)
