"""Converting a file: which format it is, its records, and the file that is written."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO

from rsvp_eval.convert.records import Record, document, records
from rsvp_eval.errors import EvalError, UnknownNameError, UsageError
from rsvp_eval.inputs.jsonl import shown

FORMATS = {
    name: f"rsvp_eval.convert.{name}"
    for name in ("coco", "coco_annotations", "llava", "lmms_eval", "sphinxv")
}
"""Format -> its module: ``TITLE``, ``matches``, and ``read`` (predictions), ``references``, or both."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written.

    Attributes:
        format: that of the input.
        records: records read.
        written: lines written, one an id.
        null: predictions that are null.
        duplicates: predictions that came again word for word, and were written once.
    """

    format: str
    records: int
    written: int
    null: int = 0
    duplicates: int = 0


def convert(
    format: str, path: Path, out: Path, *, references: bool = False, id_field: str | None = None
) -> Converted:
    """Write a file of predictions, or of references, from a file of another format.

    The file appears under its name whole or not at all; an earlier one of that name is replaced.

    Args:
        format: one of :data:`FORMATS`, or ``auto``.
        path: the file to read, ``.gz`` or not.
        out: the file to write, gzipped if its name ends in ``.gz``.
        references: write the references that the file holds, not its predictions.
        id_field: where a record has its id, if not where the format says; ``doc.image_id`` looks inside
            ``doc``.

    Raises:
        UnknownNameError: there is no such format.
        UsageError: the format has no predictions, or no references, or input and output are one file.
        EvalError: the file is not of that format, or an id has two predictions. The message names file and
            record.
    """
    name, module = _format(format, path)
    what = "references" if references else "read"
    if not hasattr(module, what):
        lacking, other = ("references", "drop") if references else ("predictions", "give")
        raise UsageError(f"{path}: files of format {name} hold no {lacking}; {other} --references")
    if out.exists() and path.exists() and out.samefile(path):
        raise UsageError(f"{out}: is the file to convert; write to another")
    if references:
        return _references(name, module.references(path, id_field=id_field), path, out)
    return _predictions(name, module.read(path, id_field=id_field), path, out)


def read(
    path: Path, *, format: str = "auto", id_field: str | None = None
) -> Iterator[tuple[str, str | None]]:
    """Id and prediction of each record of a file, in order; None where the prediction is null.

    Raises:
        EvalError, UnknownNameError, UsageError: as of :func:`convert`.
    """
    name, module = _format(format, path)
    if not hasattr(module, "read"):
        raise UsageError(f"{path}: files of format {name} hold no predictions")
    return ((key, answer) for _, key, answer in module.read(path, id_field=id_field))


def detect(path: Path) -> str:
    """The format of a file, by its first record.

    Raises:
        EvalError: it is of none of the formats, or of this package's own already.
    """
    first = _first(path)
    fitting = [name for name, module in _modules().items() if module.matches(first)]
    if len(fitting) == 1:
        return fitting[0]
    keys = shown(", ".join(first.value), quoted=False)
    if "id" in first.value and {"prediction", "references", "reference"} & first.value.keys():
        raise EvalError(
            f"{first.where}: this is the format of rsvp-eval already; there is nothing to convert"
        )
    known = "; ".join(f"{name}: {module.TITLE}" for name, module in _modules().items())
    found = f"may be {' or '.join(fitting)}: say which" if fitting else f"of no known format ({known})"
    raise EvalError(f"{first.where}: {found}; keys read: {keys}")


def _format(format: str, path: Path) -> tuple[str, ModuleType]:
    name = detect(path) if format == "auto" else format.replace("-", "_")
    if name not in FORMATS:
        raise UnknownNameError("format", format, [*FORMATS, "auto"])
    return name, import_module(FORMATS[name])


def _modules() -> dict[str, ModuleType]:
    return {name: import_module(module) for name, module in FORMATS.items()}


def _first(path: Path) -> Record:
    try:
        first = next(records(path), None)
    except EvalError:
        # One object over several lines is no JSON Lines, but may be a document.
        whole = document(path)
        if not isinstance(whole, dict):
            raise
        first = Record(str(path), whole)
    if first is None:
        raise EvalError(f"{path}: nothing in it")
    return first


def _predictions(
    name: str, found: Iterable[tuple[Record, str, str | None]], path: Path, out: Path
) -> Converted:
    by_id: dict[str, str | None] = {}
    read = 0
    for record, key, answer in found:
        read += 1
        if by_id.setdefault(key, answer) != answer:
            record.fail(
                f"id {shown(key)} has another prediction already: {shown(by_id[key])}, and here "
                f"{shown(answer)}. Where this is no unique id, name the key of one with --id-field"
            )
    _refuse_nothing(path, read)
    _write(out, ({"id": key, "prediction": answer} for key, answer in by_id.items()))
    null = sum(answer is None for answer in by_id.values())
    return Converted(name, read, len(by_id), null, read - len(by_id))


def _references(
    name: str, found: Iterable[tuple[Record, str, list[str]]], path: Path, out: Path
) -> Converted:
    by_id: dict[str, list[str]] = {}
    read = 0
    for _, key, texts in found:
        read += 1
        by_id.setdefault(key, []).extend(texts)
    _refuse_nothing(path, read)
    _write(out, ({"id": key, "references": texts} for key, texts in by_id.items()))
    return Converted(name, read, len(by_id))


def _refuse_nothing(path: Path, read: int) -> None:
    if not read:
        raise EvalError(f"{path}: no records in it")


def _write(out: Path, lines: Iterable[dict[str, object]]) -> None:
    encoder = json.JSONEncoder(ensure_ascii=False)
    try:
        with _replacing(out) as file:
            for line in lines:
                file.write(encoder.encode(line).encode() + b"\n")
    except UnicodeEncodeError as error:
        raise EvalError(
            f"{out}: not written: half of a surrogate pair, \\u{ord(error.object[error.start]):04x}, stands "
            f"in the line of id {line['id']!r}; write the input anew with whole characters"
        ) from error
    except OSError as error:
        raise EvalError(f"{out}: cannot be written: {error.strerror or error}") from error


@contextmanager
def _replacing(out: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes its name only when it is complete."""
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            if out.suffix == ".gz":
                with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
                    yield packed  # type: ignore[misc]
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
