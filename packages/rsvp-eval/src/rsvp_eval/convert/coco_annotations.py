"""COCO caption annotations: one JSON object with ``images`` and ``annotations``. They are references only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rsvp_eval.convert.records import Record, document
from rsvp_eval.errors import EvalError
from rsvp_eval.inputs.jsonl import shown

TITLE = "COCO caption annotations, one JSON object with images and annotations (references only)"


def matches(record: Record) -> bool:
    """Whether a file that consists of this record is one of these."""
    return isinstance(record.value.get("annotations"), list)


def references(path: Path, *, id_field: str | None = None) -> Iterator[tuple[Record, str, list[str]]]:
    """Each annotation with the id of its image and its caption; an image has several.

    Args:
        path: the file.
        id_field: key of the image whose value is the id, such as ``file_name``; None for ``image_id``.

    Raises:
        EvalError: the file or an annotation of it is not of this form, or an image is missing.
    """
    whole = document(path)
    if not isinstance(whole, dict) or not isinstance(whole.get("annotations"), list):
        raise EvalError(f"{path}: expected an object with 'annotations', read {shown(whole)}")
    names = _names(path, whole, id_field) if id_field else None
    for number, value in enumerate(whole["annotations"], 1):
        record = _record(path, "annotation", number, value)
        key = record.identity("image_id")
        if names is not None:
            if key not in names:
                record.fail(f"image {key} is not among 'images', so it has no '{id_field}'")
            key = names[key]
        yield record, key, record.texts("caption")


def _names(path: Path, whole: dict[str, object], id_field: str) -> dict[str, str]:
    images = whole.get("images")
    if not isinstance(images, list):
        raise EvalError(f"{path}: no list 'images' to take '{id_field}' from")
    found = (_record(path, "image", number, value) for number, value in enumerate(images, 1))
    return {record.identity("id"): record.identity(id_field) for record in found}


def _record(path: Path, what: str, number: int, value: object) -> Record:
    where = f"{path}: {what} {number}"
    if not isinstance(value, dict):
        raise EvalError(f"{where}: expected an object, read {shown(value)}")
    return Record(where, value)
