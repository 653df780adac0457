"""How a line is written, from a template such as ``(x1,y1),(x2,y2),class`` or ``class x1 y1 x2 y2``.

A template with commas separates its fields by commas, any other by blanks (spaces or tabs, any number).
Punctuation in it stands in every line. Blanks around fields and punctuation, and one separator too many
at the end of a line, are tolerated. What a name means:

=======================  ==========================================================
``x1 y1 x2 y2``          corners of a box, top left and bottom right, half-open
``x1 y1 .. x4 y4``       vertices of a quad, in the order of the source
``left top width height``  a box; beside a quad it is the box of its own that the source gives
``class``                class token; without it the folder of the file is the class
any other                a number that is read and checked; ``layout.flags`` may give it a meaning
=======================  ==========================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FIELD = re.compile(r"([^\w\s]*)(\w+)([^\w\s]*)")
_CORNERS = ("x1", "y1", "x2", "y2")
_VERTICES = tuple(f"{axis}{corner}" for corner in range(1, 5) for axis in "xy")
_EXTENT = ("left", "top", "width", "height")
_PLACES: tuple[list[tuple[str, ...]], ...] = ([_CORNERS], [_VERTICES], [_EXTENT], [_VERTICES, _EXTENT])


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a line: its name, and the punctuation that stands before and after it."""

    name: str
    before: str
    after: str

    @property
    def bare(self) -> bool:
        """Whether it has no punctuation."""
        return not (self.before or self.after)

    def token(self, text: str) -> str:
        """What stands between the punctuation.

        Raises:
            ValueError: the punctuation is not there.
        """
        inner = text.strip()
        if len(inner) < len(self.before) + len(self.after):
            raise ValueError(text)
        if not (inner.startswith(self.before) and inner.endswith(self.after)):
            raise ValueError(text)
        return inner[len(self.before) : len(inner) - len(self.after)].strip()


@dataclass(frozen=True)
class Form:
    """A parsed template.

    Attributes:
        template: as the manifest has it.
        comma: whether commas separate the fields, and not blanks.
        fields: in the order of a line.
        quad: names of the eight numbers of the quad; empty where a line has none.
        box: names of the four numbers of the box; empty where the quad gives it.
    """

    template: str
    comma: bool
    fields: tuple[Field, ...]
    quad: tuple[str, ...]
    box: tuple[str, ...]

    @property
    def has_class(self) -> bool:
        """Whether a line tells its class."""
        return any(field.name == "class" for field in self.fields)

    @property
    def box_is_extent(self) -> bool:
        """Whether the box is told by its top left and its size."""
        return self.box == _EXTENT

    def split(self, line: str) -> list[str]:
        """The fields of a line as they stand, one separator too many at its end left out."""
        text = line.strip()
        return text.removesuffix(",").split(",") if self.comma else text.split()


def parse_form(template: str) -> Form:
    """Parse a template.

    Raises:
        ValueError: it is none; the message says why.
    """
    comma = "," in template
    fields = tuple(_field(part) for part in (template.split(",") if comma else template.split()))
    names = [field.name for field in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{template!r} names {twice[0]!r} twice")
    groups = [group for group in (_VERTICES, _EXTENT, _CORNERS) if set(group) <= set(names)]
    if _VERTICES in groups:
        groups.remove(_CORNERS)
    placed = {name for name in names if name in (*_VERTICES, *_EXTENT)}
    if groups not in _PLACES or placed != {name for group in groups for name in group}:
        raise ValueError(
            f"{template!r} must have x1 y1 x2 y2, or x1 y1 .. x4 y4, or left top width height, "
            "or the last two of them"
        )
    quad = _VERTICES if _VERTICES in groups else ()
    box = next((group for group in groups if group != _VERTICES), ())
    return Form(template, comma, fields, quad, box)


def _field(part: str) -> Field:
    match = _FIELD.fullmatch(part.strip())
    if not match:
        raise ValueError(f"{part!r} is no name of a field")
    return Field(match[2], match[1], match[3])
