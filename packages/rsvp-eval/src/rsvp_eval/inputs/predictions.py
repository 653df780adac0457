"""Predictions: ``{"id": ..., "prediction": ...}``, one a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from rsvp_eval.answers.parse import joined
from rsvp_eval.errors import EvalError
from rsvp_eval.inputs.jsonl import CONVERT, JsonLines, Object, identity, shown, text

LIMIT = 100_000
"""Most characters of a text; a longer one is a mistake rather than an answer."""

_ELSEWHERE = ("answer", "text", "response", "output", "pred", "filtered_resps", "resps")
"""Keys under which other formats keep the answer."""


@dataclass(frozen=True)
class Predictions:
    """What a model answered.

    Attributes:
        by_id: whole answer by id, in the order of the file.
        null: ids whose prediction is null: the model gave none.
        lines: lines with a prediction.
        repeated: ids that came again with the same prediction, as often as they did.
        empty: ids of blank predictions.
        path: the file; None where they came from Python.
        sha256: of the file.
    """

    by_id: dict[str, str]
    null: tuple[str, ...] = ()
    lines: int = 0
    repeated: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    path: Path | None = None
    sha256: str | None = None

    @property
    def duplicates(self) -> int:
        """Lines that repeat an earlier one."""
        return len(self.repeated)

    @classmethod
    def of(cls, by_id: Mapping[str, str | None]) -> Predictions:
        """Predictions that are in memory already, by id.

        Raises:
            EvalError: there is none, or one is neither a string nor None.
        """
        for key, value in by_id.items():
            if not isinstance(value, str | None):
                raise EvalError(f"prediction of {key!r} is {shown(value)}; expected a string or None")
        if not by_id:
            raise EvalError("there are no predictions")
        given = {key: value for key, value in by_id.items() if value is not None}
        empty = tuple(key for key, value in given.items() if not value.strip())
        return cls(given, tuple(by_id.keys() - given.keys()), len(by_id), (), empty)


def read_predictions(path: Path, *, limit: int = LIMIT) -> Predictions:
    """Read a file of predictions, ``.jsonl`` or ``.jsonl.gz``.

    A line is ``{"id": ..., "prediction": ...}``; ``caption`` is taken for ``prediction`` where there is
    none. An id is a string or a whole number. A prediction is a string, null where the model gave none, or
    the list of turns of a conversation (strings, or messages with ``role`` and ``content``). Other keys are
    not looked at.

    Args:
        path: the file.
        limit: most characters of a prediction.

    Raises:
        EvalError: the file cannot be read or has no predictions, a line is not of this form, or an id comes
            twice with different predictions. The message names file and line.
    """
    lines = JsonLines(path)
    by_id: dict[str, str | None] = {}
    repeated: list[str] = []
    read = 0
    for record in lines:
        read += 1
        key = identity(lines, record)
        answer = _answer(lines, record, limit)
        if by_id.setdefault(key, answer) != answer:
            _conflict(lines, key, by_id[key], answer)
        if len(by_id) + len(repeated) < read:
            repeated.append(key)
    if not by_id:
        raise EvalError(f"{path}: no predictions in it; expected lines such as {EXAMPLE}")
    given = {key: answer for key, answer in by_id.items() if answer is not None}
    null = tuple(key for key, answer in by_id.items() if answer is None) if len(given) < len(by_id) else ()
    empty = tuple(key for key, answer in given.items() if not answer or answer.isspace())
    return Predictions(given, null, read, tuple(repeated), empty, path, lines.sha256)


EXAMPLE = '{"id": "a1", "prediction": "<Region 1>: ship"}'


def _answer(lines: JsonLines, record: Object, limit: int) -> str | None:
    key = "prediction"
    if key not in record:
        key = "caption"
        if key not in record:
            _no_answer(lines, record)
    value = record[key]
    if value is None:
        return None
    if type(value) is list:
        value = _turns(lines, key, value)
    return text(lines, key, value, limit)


def _turns(lines: JsonLines, key: str, turns: list[Any]) -> str:
    for turn in turns:
        said = turn.get("content") if isinstance(turn, dict) else turn
        if not isinstance(said, str):
            lines.fail(f"'{key}' holds {shown(turn)}; the turns of a conversation are strings or messages")
    return joined(turns)


def _no_answer(lines: JsonLines, record: Object) -> NoReturn:
    there = [key for key in _ELSEWHERE if key in record]
    hint = f"; it has '{there[0]}' instead{CONVERT}" if there else f"; expected a line such as {EXAMPLE}"
    lines.fail(f"no 'prediction'; keys read: {shown(', '.join(record), quoted=False)}{hint}")


def _conflict(lines: JsonLines, key: str, first: str | None, second: str | None) -> NoReturn:
    lines.fail(
        f"id {shown(key)} has another prediction already: {shown(first)}, and here {shown(second)}. "
        "An id has one prediction: drop one of the two"
    )
