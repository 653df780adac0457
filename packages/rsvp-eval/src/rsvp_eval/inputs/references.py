"""References: ``{"id": ..., "references": [...]}``, one a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rsvp_eval.errors import EvalError
from rsvp_eval.inputs.jsonl import JsonLines, Object, identity, shown, text
from rsvp_eval.inputs.predictions import LIMIT

EXAMPLE = '{"id": "a1", "references": ["a ship in the harbor"]}'


@dataclass(frozen=True, slots=True)
class Reference:
    """What may be answered to one id.

    Attributes:
        texts: one or more.
        image: image that the sample lies on, where it is known.
        label: its class, where there is one.
    """

    texts: tuple[str, ...]
    image: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class References:
    """What may be answered.

    Attributes:
        by_id: references by id, in the order of the file.
        blank: ids that have a blank string among their references.
        path: the file; None where they came from Python.
        sha256: of the file.
    """

    by_id: dict[str, Reference]
    blank: tuple[str, ...] = ()
    path: Path | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, by_id: Mapping[str, str | Sequence[str]]) -> References:
        """References that are in memory already, by id: one string or several.

        Raises:
            EvalError: there is none, an id has none, or one is no string.
        """
        if not by_id:
            raise EvalError("there are no references")
        found = {}
        for key, given in by_id.items():
            texts = (given,) if isinstance(given, str) else tuple(given)
            if not texts or not all(isinstance(t, str) for t in texts):
                raise EvalError(f"references of {key!r} are {shown(given)}; expected one string or more")
            found[key] = Reference(texts)
        return cls(found, _blank(found))


def read_references(path: Path, *, limit: int = LIMIT) -> References:
    """Read a file of references, ``.jsonl`` or ``.jsonl.gz``.

    A line is ``{"id": ..., "references": [...]}`` or ``{"id": ..., "reference": ...}``, and may have
    ``image_id`` (the cluster of confidence intervals) and ``class`` (for scores by class).

    Args:
        path: the file.
        limit: most characters of a reference.

    Raises:
        EvalError: the file cannot be read or has no references, a line is not of this form or has no
            reference, or an id comes twice. The message names file and line.
    """
    lines = JsonLines(path)
    by_id: dict[str, Reference] = {}
    for record in lines:
        key = identity(lines, record)
        if key in by_id:
            lines.fail(f"id {shown(key)} came before; all references of an id go in one line")
        image, label = (_optional(lines, record, name) for name in ("image_id", "class"))
        by_id[key] = Reference(_texts(lines, record, limit), image, label)
    if not by_id:
        raise EvalError(f"{path}: no references in it; expected lines such as {EXAMPLE}")
    return References(by_id, _blank(by_id), path, lines.sha256)


def _texts(lines: JsonLines, record: Object, limit: int) -> tuple[str, ...]:
    if "references" not in record:
        if "reference" not in record:
            keys = shown(", ".join(record), quoted=False)
            lines.fail(f"no 'references'; keys read: {keys}; expected a line such as {EXAMPLE}")
        return (text(lines, "reference", record["reference"], limit),)
    given = record["references"]
    if type(given) is not list:
        lines.fail(f"'references' is {shown(given)}; expected a list of strings")
    if not given:
        lines.fail("'references' is empty; a sample needs at least one, so give one or drop the line")
    return tuple(text(lines, "references", each, limit) for each in given)


def _optional(lines: JsonLines, record: Object, key: str) -> str | None:
    value = record.get(key)
    if value is None or type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    lines.fail(f"'{key}' is {shown(value)}; expected a string")


def _blank(by_id: Mapping[str, Reference]) -> tuple[str, ...]:
    return tuple(key for key, own in by_id.items() if any(not t or t.isspace() for t in own.texts))
