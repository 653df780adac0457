"""Scoring from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rsvp_eval.evaluation import Evaluation, InputFile
from rsvp_eval.inputs.align import align
from rsvp_eval.inputs.predictions import Predictions, read_predictions
from rsvp_eval.inputs.references import References, read_references
from rsvp_eval.inputs.rows import Row
from rsvp_eval.run import Options, evaluate
from rsvp_eval.tasks import Task, load, select


def score(
    task: str | Path | Task,
    predictions: Path | Mapping[str, str | None],
    references: Path | Mapping[str, str | Sequence[str]] | None = None,
    *,
    data: Path | None = None,
    source: str | None = None,
    split: str | None = None,
    options: Options | None = None,
) -> Evaluation:
    """Score predictions.

    Args:
        task: name of a shipped task, path of a task file, or a task.
        predictions: path of a JSONL file of ``{"id", "prediction"}``, or predictions by id.
        references: path of a JSONL file of ``{"id", "references"}``, or references by id.
        data: instead of references, a data set made by rsvp-build.
        source: one source of the data set; all that the task takes if None.
        split: a split of it; the task's own choice if None.
        options: metrics, protocol and other choices.

    Returns:
        The evaluation: ``evaluation.scores["cider"].values()`` are values, ``rsvp_eval.report`` writes it.

    Raises:
        EvalError: for anything wrong with what is read; see each subclass.
        ValueError: if neither or both of references and data are given.
    """
    if (references is None) == (data is None):
        raise ValueError("give either references or data")
    chosen = task if isinstance(task, Task) else load(task)
    options = options or Options()
    given = _predictions(predictions)
    inputs = _files(predictions=given)
    known: References | list[Row]
    splits = {}
    if data is not None:
        known = select(chosen, data, source=source, split=split)
        splits = {row.source: row.split for row in known}
        inputs["data"] = InputFile(str(data), _sha256(data / "dataset.json"))
    else:
        assert references is not None
        known = _references(references)
        inputs |= _files(references=known)
    aligned = align(chosen, known, given, protocol=options.protocol)
    return evaluate(chosen, aligned, options, inputs=inputs, data=data, splits=splits)


def _predictions(given: Path | Mapping[str, str | None]) -> Predictions:
    return Predictions.of(given) if isinstance(given, Mapping) else read_predictions(given)


def _references(given: Path | Mapping[str, str | Sequence[str]]) -> References:
    return References.of(given) if isinstance(given, Mapping) else read_references(given)


def _files(**sides: Predictions | References) -> dict[str, InputFile]:
    return {
        role: InputFile(str(side.path), side.sha256 or "")
        for role, side in sides.items()
        if side.path is not None
    }


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
