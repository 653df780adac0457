"""Results of SPHINX-V: a JSON list with ``question_id``, ``prediction`` and ``answer``.

That is what ``accessory/eval/infer_and_save.py`` of AFeng-x/Draw-and-Understand writes, with ``image_name``
and ``question`` besides. Predictions and answers have a line a region, ``Region 1: ...``. Whether
``question_id`` is unique in every one of its data sets is unverified; where it is not, the conversion stops,
and another key can be named for the id.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rsvp_eval.convert.records import Record, records

TITLE = "results of SPHINX-V (Draw-and-Understand), a JSON list with question_id and prediction"


def matches(record: Record) -> bool:
    """Whether a file that begins with this record is one of these."""
    return {"question_id", "prediction"} <= record.value.keys()


def read(path: Path, *, id_field: str | None = None) -> Iterator[tuple[Record, str, str | None]]:
    """Each record with its id and prediction.

    Args:
        path: the file.
        id_field: where the id is; None for ``question_id``.

    Raises:
        EvalError: the file or a record of it is not of this form.
    """
    for record in records(path):
        yield record, record.identity(id_field or "question_id"), record.answer("prediction")


def references(path: Path, *, id_field: str | None = None) -> Iterator[tuple[Record, str, list[str]]]:
    """Each record with its id and answer, the lines of all regions together.

    Raises:
        EvalError: as of :func:`read`, or there is no answer.
    """
    for record in records(path):
        yield record, record.identity(id_field or "question_id"), record.texts("answer")
