"""An answer as the page shows it: text, and the numbers of marks in the colours of the drawing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rsvp_builder.captioning.drawing import colour_of

_CITED = re.compile(r"(<(?:Region|Mark) \d{1,6}>)")
_NUMBER = re.compile(r"<(?:Region|Mark) (\d{1,6})>")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; ``mark`` is set where it cites one, ``style`` then has its colours."""

    text: str
    mark: int | None = None
    style: str = ""


def pieces_of(text: str) -> list[Piece]:
    """The pieces of one line of an answer."""
    pieces = []
    for part in filter(None, _CITED.split(text)):
        match = _NUMBER.fullmatch(part)
        pieces.append(Piece(part, int(match[1]), style_of(int(match[1]))) if match else Piece(part))
    return pieces


def style_of(index: int) -> str:
    """Colour and ink of a mark's number, as the declarations of a style attribute."""
    fill, ink = colour_of(index)
    return f"--c:{fill};--on:{ink}"
