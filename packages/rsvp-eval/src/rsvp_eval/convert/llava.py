"""Answers files of LLaVA and its descendants, GeoChat among them: JSON Lines with ``question_id``.

LLaVA (``llava/eval/model_vqa.py``) writes ``question_id``, ``prompt``, ``text``, ``answer_id``,
``model_id`` and ``metadata``; GeoChat (``geochat/eval/batch_geochat_scene.py``) writes ``question_id``,
``image_id``, ``answer`` and ``ground_truth``. The answer is ``answer`` where there is one, else ``text``:
LLaVA's questions files have ``text`` too, but neither ``answer_id`` nor ``model_id``, and are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rsvp_eval.convert.records import Record, records

TITLE = "answers of LLaVA or GeoChat, JSON Lines with question_id and text or answer"


def matches(record: Record) -> bool:
    """Whether a file that begins with this record is one of these."""
    keys = record.value.keys()
    return "question_id" in keys and bool({"text", "answer"} & keys) and "prediction" not in keys


def read(path: Path, *, id_field: str | None = None) -> Iterator[tuple[Record, str, str | None]]:
    """Each record with its id and prediction.

    Args:
        path: the file.
        id_field: where the id is; None for ``question_id``.

    Raises:
        EvalError: the file or a record of it is not of this form.
    """
    for record in records(path):
        yield record, record.identity(id_field or "question_id"), record.answer(_key(record))


def references(path: Path, *, id_field: str | None = None) -> Iterator[tuple[Record, str, list[str]]]:
    """Each record with its id and ``ground_truth``, which GeoChat's have.

    Raises:
        EvalError: as of :func:`read`, or there is no ground truth.
    """
    for record in records(path):
        yield record, record.identity(id_field or "question_id"), record.texts("ground_truth")


def _key(record: Record) -> str:
    keys = record.value.keys()
    if "answer" in keys and "text" in keys:
        record.fail("both 'answer' and 'text', and nothing says which one the model gave; keep one of them")
    if "answer" in keys:
        return "answer"
    if "image" in keys and not {"answer_id", "model_id"} & keys:
        record.fail("this is a question ('image' and 'text', no 'answer_id'); give the file of answers")
    return "text"
