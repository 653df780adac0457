"""The messages of a row as what the page says: plain text, and lines that belong to a mark."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rsvp_builder.gallery.marks import colour_of

_LINE = re.compile(r"<(Region|Mark) (\d{1,6})>:[ \t]*(.*)", re.DOTALL)
_MENTION = re.compile(r"(<(?:Region|Mark) \d{1,6}>)")
_NAME = re.compile(r"<(Region|Mark) (\d{1,6})>")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; ``mark`` is set if it names one, as in ``<Region 3>``."""

    text: str
    mark: int | None = None
    colour: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A part of a message: about one mark (``<Region 3>: ship``), or about none.

    Attributes:
        pieces: its text, without the name of its mark.
        name: ``<Region 3>``, or empty.
        mark: the number of its mark.
        colour: the number of the colour of its mark.
        notes: what the data set knows about the mark and the text does not say: label, flags.
    """

    pieces: list[Piece]
    name: str = ""
    mark: int | None = None
    colour: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One message."""

    role: str
    lines: list[Line]

    @property
    def side(self) -> str:
        """The class of its bubble."""
        return self.role if self.role in ("user", "assistant", "system") else "other"


def read_turns(messages: Iterable[dict[str, Any] | None], marks: Iterable[dict[str, Any]]) -> list[Turn]:
    """The messages of a row, with the marks that their lines speak of."""
    by_index = {mark.get("index"): mark for mark in marks}
    turns = []
    for message in messages:
        said = message or {}
        lines = [_line(part, by_index) for part in _split(said.get("content") or "")]
        turns.append(Turn(said.get("role") or "?", lines))
    return turns


def mentioned(turns: Iterable[Turn]) -> set[int]:
    """The numbers of the marks that any line speaks of."""
    lines = [line for turn in turns for line in turn.lines]
    named = {line.mark for line in lines}
    named |= {piece.mark for line in lines for piece in line.pieces}
    return {mark for mark in named if mark is not None}


def _split(content: str) -> list[str]:
    """The parts of a message: a new one begins where a line begins with the name of a mark."""
    parts: list[str] = []
    for line in content.split("\n"):
        if parts and not _LINE.match(line):
            parts[-1] += "\n" + line
        else:
            parts.append(line)
    return parts


def _line(text: str, marks: dict[Any, dict[str, Any]]) -> Line:
    match = _LINE.match(text)
    if match is None:
        return Line(_pieces(text))
    index = int(match[2])
    notes = _notes(marks[index], match[3]) if index in marks else ("no such mark",)
    return Line(_pieces(match[3]), f"<{match[1]} {index}>", index, colour_of(index), notes)


def _pieces(text: str) -> list[Piece]:
    pieces = []
    for part in filter(None, _MENTION.split(text)):
        match = _NAME.fullmatch(part)
        index = int(match[2]) if match else None
        pieces.append(Piece(part, index, colour_of(index) if index is not None else 0))
    return pieces


def _notes(mark: dict[str, Any], text: str) -> tuple[str, ...]:
    label = mark.get("label")
    labels = (label,) if label and label != text else ()
    return (*labels, *(flag for flag in mark.get("flags") or [] if flag))
