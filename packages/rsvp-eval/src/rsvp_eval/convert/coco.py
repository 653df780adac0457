"""COCO caption results: a JSON list of ``{"image_id": 42, "caption": "..."}``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rsvp_eval.convert.records import Record, records

TITLE = "COCO caption results, a JSON list of image_id and caption"


def matches(record: Record) -> bool:
    """Whether a file that begins with this record is one of these."""
    return {"image_id", "caption"} <= record.value.keys()


def read(path: Path, *, id_field: str | None = None) -> Iterator[tuple[Record, str, str | None]]:
    """Each record with its id and prediction.

    Args:
        path: the file.
        id_field: where the id is; None for ``image_id``.

    Raises:
        EvalError: the file or a record of it is not of this form.
    """
    for record in records(path):
        yield record, record.identity(id_field or "image_id"), record.answer("caption")
