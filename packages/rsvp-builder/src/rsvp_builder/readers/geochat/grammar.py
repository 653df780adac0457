"""The text of GeoChat's grounded captions: phrases, their boxes, and where the prose cites them.

``<p>two ships</p> {<x1><y1><x2><y2>|<a>}<delim>{..}``: whole percents of the picture's width and height
from its top left, then degrees. Sound and broken texts are read alike: a phrase ends where another begins,
a box may stand inside its phrase or follow another without ``<delim>``, and what begins as a box but is none
is told and not kept.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"(?P<open><p>)|(?P<close></p>)|(?P<delim><delim>)"
    # What would be taken for something of ours, or means nothing.
    r"|(?P<noise><unk>|<Region \d+>)"
    r"|(?P<box>\{(?=\s*[<|])(?:<unk>|[\s<>|\-\d.])*\}?)",
    re.IGNORECASE,
)
_NUMBER = r"\s*<\s*(-?\d{1,9}(?:\.\d{1,9})?)\s*>\s*"
_BOX = re.compile(rf"\{{{_NUMBER * 4}(?:\|{_NUMBER})?\}}")

Numbers = tuple[float, float, float, float, float]
"""``x1 y1 x2 y2`` in percent, and an angle in degrees."""


@dataclass(slots=True)
class Cited:
    """A box that the text cites.

    Attributes:
        raw: as it stands in the text.
        phrase: what it belongs to; empty where it stands behind no phrase.
        numbers: None where it is no box.
    """

    raw: str
    phrase: str
    numbers: Numbers | None


@dataclass(slots=True)
class Caption:
    """A grounded caption.

    Attributes:
        prose: the text with ``<Region k>`` for each box, k from 1 in the order of ``boxes``.
        boxes: every box that was met.
    """

    prose: str = ""
    boxes: list[Cited] = field(default_factory=list)


def parse(text: str) -> Caption:
    """Read a grounded caption; every text is one, if need be without a box."""
    reading = _Reading()
    at = 0
    for token in _TOKEN.finditer(text):
        reading.words(text[at : token.start()])
        at = token.end()
        match token.lastgroup:
            case "open":
                reading.end_phrase()
                reading.phrase, reading.inside = "", []
            case "close":
                reading.end_phrase()
            case "box":
                reading.box(token[0])
    reading.words(text[at:])
    prose = " ".join("".join(reading.pieces).split())
    # Boxes of one phrase are cited in a row.
    prose = re.sub(r"(?<=>) (?=<Region \d+>)", "", prose)
    return Caption(prose, reading.boxes)


class _Reading:
    """How far a text was read.

    Attributes:
        pieces: of the prose.
        boxes: those that were met.
        phrase: what the next box belongs to; empty for nothing.
        inside: words of a phrase that has begun and not ended, None outside of one.
    """

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.boxes: list[Cited] = []
        self.phrase = ""
        self.inside: list[str] | None = None
        self._first = 0  # the first box inside the phrase that has begun

    def words(self, words: str) -> None:
        """Take up plain text."""
        self.pieces.append(words)
        if self.inside is not None:
            if not self.inside:
                self._first = len(self.boxes)
            self.inside.append(words)
            self.phrase = " ".join("".join(self.inside).split())
        elif words.strip():
            self.phrase = ""

    def end_phrase(self) -> None:
        """End the phrase that has begun, if one has."""
        if self.inside is not None:
            for box in self.boxes[self._first :]:
                box.phrase = box.phrase or self.phrase
            self.inside = None

    def box(self, raw: str) -> None:
        """Take up a box."""
        self.boxes.append(Cited(raw.strip(), self.phrase, _numbers(raw)))
        self.pieces.append(f" <Region {len(self.boxes)}>{' ' if raw[-1].isspace() else ''}")


def _numbers(raw: str) -> Numbers | None:
    match = _BOX.fullmatch(raw.strip())
    if match is None:
        return None
    x1, y1, x2, y2 = (float(match[group]) for group in range(1, 5))
    return x1, y1, x2, y2, float(match[5] or 0)


_QUARTERS = {0.0: (1.0, 0.0), 90.0: (0.0, 1.0), 180.0: (-1.0, 0.0), 270.0: (0.0, -1.0)}


def to_quad(numbers: Numbers, width: int, height: int) -> tuple[float, ...]:
    """Corners of a box in pixels, ``x1 y1 .. x4 y4``.

    The rectangle is turned about its centre as ``bbox_and_angle_to_polygon`` of the official demo does, so a
    positive angle turns clockwise on screen and 90 degrees swap the sides; but in pixels, since percents of
    a picture that is not square would shear it.

    Args:
        numbers: percents and degrees.
        width: of the picture in pixels.
        height: of the picture in pixels.
    """
    x1, y1, x2, y2, angle = numbers
    x, y = (x1 + x2) / 200 * width, (y1 + y2) / 200 * height
    half_w, half_h = abs(x2 - x1) / 200 * width, abs(y2 - y1) / 200 * height
    turn = math.radians(angle)
    # Most boxes are turned by a quarter, and are to have whole coordinates then.
    cos, sin = _QUARTERS.get(angle % 360, (math.cos(turn), math.sin(turn)))
    corners = ((-half_w, -half_h), (half_w, -half_h), (half_w, half_h), (-half_w, half_h))
    return tuple(v for u, t in corners for v in (cos * u - sin * t + x, sin * u + cos * t + y))
