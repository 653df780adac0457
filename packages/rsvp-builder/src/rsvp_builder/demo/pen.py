"""A pen that draws in an object's own frame, whatever the object's size and heading.

``u`` runs across and ``v`` along the object, both from -1 to 1, with the head at ``v = -1``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from rsvp_builder.demo.palette import Colour, shaded

UV: TypeAlias = tuple[float, float]


class Pen:
    """Draws on a transparent tile in ``u, v``; radii and line widths count in half the shorter side."""

    def __init__(
        self, tile: Image.Image, margin: int, width: float, length: float, rng: np.random.Generator
    ) -> None:
        self.rng = rng
        self.aspect = length / width
        self._draw = ImageDraw.Draw(tile)
        self._half = (width / 2, length / 2)
        self._middle = (margin + width / 2, margin + length / 2)
        self._unit = min(self._half)

    def choose(self, colours: Sequence[Colour]) -> Colour:
        """One of the colours, a little lighter or darker."""
        return shaded(colours[int(self.rng.integers(len(colours)))], float(self.rng.uniform(0.93, 1.05)))

    def polygon(self, fill: Colour, *points: UV) -> None:
        """A filled polygon."""
        self._draw.polygon([self._at(*p) for p in points], fill=fill)

    def mirrored(self, fill: Colour, *points: UV) -> None:
        """A filled polygon and its mirror image across the long axis."""
        self.polygon(fill, *points)
        self.polygon(fill, *((-u, v) for u, v in points))

    def rect(self, fill: Colour, u0: float, v0: float, u1: float, v1: float, corner: float = 0.0) -> None:
        """A filled rectangle, its corners rounded by a radius."""
        box = [*self._at(u0, v0), *self._at(u1, v1)]
        self._draw.rounded_rectangle(box, corner * self._unit, fill=fill)

    def frame(
        self, fill: Colour, width: float, u0: float, v0: float, u1: float, v1: float, corner: float = 0.0
    ) -> None:
        """The outline of a rectangle."""
        box = [*self._at(u0, v0), *self._at(u1, v1)]
        self._draw.rounded_rectangle(box, corner * self._unit, outline=fill, width=self._thick(width))

    def oval(self, fill: Colour, u: float, v: float, ru: float, rv: float) -> None:
        """A filled ellipse with radii in ``u`` and ``v``."""
        self._draw.ellipse([*self._at(u - ru, v - rv), *self._at(u + ru, v + rv)], fill=fill)

    def disc(self, fill: Colour, u: float, v: float, radius: float) -> None:
        """A filled circle."""
        self._draw.ellipse(self._circle(u, v, radius), fill=fill)

    def ring(self, fill: Colour, width: float, u: float, v: float, radius: float) -> None:
        """A circle's outline."""
        self._draw.ellipse(self._circle(u, v, radius), outline=fill, width=self._thick(width))

    def arc(
        self, fill: Colour, width: float, u: float, v: float, radius: float, start: float, end: float
    ) -> None:
        """A part of a circle's outline, from one angle to another, in degrees clockwise from the right."""
        self._draw.arc(self._circle(u, v, radius), start, end, fill=fill, width=self._thick(width))

    def sector(self, fill: Colour, u: float, v: float, radius: float, start: float, end: float) -> None:
        """A filled piece of pie."""
        self._draw.pieslice(self._circle(u, v, radius), start, end, fill=fill)

    def line(self, fill: Colour, width: float, *points: UV) -> None:
        """A line through points."""
        self._draw.line([self._at(*p) for p in points], fill=fill, width=self._thick(width), joint="curve")

    def _at(self, u: float, v: float) -> UV:
        return self._middle[0] + u * self._half[0], self._middle[1] + v * self._half[1]

    def _circle(self, u: float, v: float, radius: float) -> list[float]:
        (x, y), r = self._at(u, v), radius * self._unit
        return [x - r, y - r, x + r, y + r]

    def _thick(self, width: float) -> int:
        return max(1, round(width * self._unit))


@dataclass(frozen=True, slots=True)
class Footprint:
    """A shape with its usual size.

    Attributes:
        paint: draws it.
        width: metres across.
        length: metres along.
        height: metres of what casts its shadow.
        round: looks the same from all sides, hence is never turned.
    """

    paint: Callable[[Pen], None]
    width: float
    length: float
    height: float = 0.0
    round: bool = False
