"""Samples of lmms-eval (``--log_samples``): JSON Lines with ``doc_id``, responses and ``target``.

``lmms_eval/loggers/evaluation_tracker.py`` writes them. The prediction is in ``filtered_resps`` or
``resps``. Responses are lists in lists, one for each request of the sample; ``resps`` is left out where it
says the same as ``filtered_resps``. ``target`` was passed through Python's ``str``, so that a list of
references stands there as Python would print it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from rsvp_eval.convert.records import Record, records
from rsvp_eval.inputs.jsonl import shown

TITLE = "samples of lmms-eval, JSON Lines with doc_id and filtered_resps or resps"


def matches(record: Record) -> bool:
    """Whether a file that begins with this record is one of these."""
    keys = record.value.keys()
    return "doc_id" in keys and bool({"filtered_resps", "resps"} & keys)


def read(path: Path, *, id_field: str | None = None) -> Iterator[tuple[Record, str, str | None]]:
    """Each record with its id and prediction.

    Args:
        path: the file.
        id_field: where the id is, such as ``doc.image_id``; None for ``doc_id``, the position in the data
            set.

    Raises:
        EvalError: the file or a record of it is not of this form, or a sample has several responses.
    """
    for record in records(path):
        yield record, record.identity(id_field or "doc_id"), _response(record)


def references(path: Path, *, id_field: str | None = None) -> Iterator[tuple[Record, str, list[str]]]:
    """Each record with its id and its target: a string, a list of them, or such a list as Python prints it.

    Raises:
        EvalError: as of :func:`read`, or there is no target.
    """
    for record in records(path):
        texts = record.texts("target")
        printed = _printed(texts[0]) if len(texts) == 1 else None
        yield record, record.identity(id_field or "doc_id"), printed or texts


def _response(record: Record) -> str | None:
    key = "filtered_resps" if "filtered_resps" in record.value else "resps"
    found = record.field(key)
    while isinstance(found, list) and len(found) == 1:
        found = found[0]
    if isinstance(found, str):
        return found
    if isinstance(found, list) and len(found) > 1 and all(isinstance(each, str | list) for each in found):
        record.fail(f"'{key}' has {len(found)} responses, and a prediction is one; log one for each sample")
    record.fail(f"'{key}' is {shown(record.value[key])}; expected one text, in lists or not")


def _printed(text: str) -> list[str] | None:
    """The list of strings that was printed as this text, if that is what it is."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    fits = isinstance(found, list) and found and all(isinstance(each, str) for each in found)
    return found if fits else None
