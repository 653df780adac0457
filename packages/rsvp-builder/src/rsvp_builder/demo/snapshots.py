"""Small pictures of a few things each, for miniature releases whose traps lie in their files."""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from rsvp_builder.demo.drawing import Scene

Box = tuple[float, float, float, float]
Quad = tuple[float, ...]

_GSD = 0.5


@dataclass(frozen=True, slots=True)
class Sight:
    """A thing in a picture.

    Attributes:
        token: what the release calls it; empty for what is drawn and not annotated.
        kind: shape to draw, as :mod:`rsvp_builder.demo.shapes` names it, or ``crossroad``, ``junction``,
            ``parking`` or ``overpass``.
        x: its centre in pixels.
        y: its centre in pixels.
        width: pixels across.
        length: pixels along.
        heading: degrees clockwise on screen; 0 points up.
    """

    token: str
    kind: str
    x: float
    y: float
    width: float
    length: float
    heading: float = 0

    @property
    def quad(self) -> Quad:
        """``x1 y1 .. x4 y4`` clockwise on screen, from the left of its head."""
        cos, sin = math.cos(math.radians(self.heading)), math.sin(math.radians(self.heading))
        w, h = self.width / 2, self.length / 2
        corners = ((-w, -h), (w, -h), (w, h), (-w, h))
        return tuple(v for u, t in corners for v in (self.x + u * cos - t * sin, self.y + u * sin + t * cos))

    @property
    def box(self) -> Box:
        """Bounds of the quad, moved outwards to whole pixels."""
        xs, ys = self.quad[0::2], self.quad[1::2]
        # A rounding error of the turn must not push a side to the next pixel.
        x1, y1 = math.floor(min(xs) + 1e-6), math.floor(min(ys) + 1e-6)
        x2, y2 = math.ceil(max(xs) - 1e-6), math.ceil(max(ys) - 1e-6)
        return float(x1), float(y1), float(x2), float(y2)


def draw(size: tuple[int, int], ground: str, sights: Sequence[Sight], key: Sequence[int]) -> Image.Image:
    """A picture of some things.

    Args:
        size: width and height in pixels.
        ground: what they lie on, as :data:`rsvp_builder.demo.drawing.GROUND` names it.
        sights: the things; earlier ones lie below.
        key: decides everything that is left to chance.
    """
    scene = Scene(size, _GSD, np.random.default_rng(tuple(key)), ground)
    for sight in sights:
        if sight.kind in _GROUNDS:
            for part, material in _GROUNDS[sight.kind]:
                scene.cover([_inside(sight, u, v) for u, v in part], material)
        else:
            scene.stamp(sight.kind, sight.x, sight.y, sight.heading, sight.width, sight.length)
    return scene.picture()


def encoded(picture: Image.Image, form: Literal["JPEG", "PNG"]) -> bytes:
    """The bytes of a picture's file."""
    buffer = io.BytesIO()
    if form == "PNG":
        picture.save(buffer, form, compress_level=6, compress_type=zlib.Z_RLE)
    else:
        picture.save(buffer, form, quality=88)
    return buffer.getvalue()


def _band(left: float, top: float, right: float, bottom: float) -> tuple[tuple[float, float], ...]:
    return (left, top), (right, top), (right, bottom), (left, bottom)


_GROUNDS = {
    "crossroad": ((_band(-0.3, -1, 0.3, 1), "asphalt"), (_band(-1, -0.3, 1, 0.3), "asphalt")),
    "junction": ((_band(-0.3, -1, 0.3, 0.3), "asphalt"), (_band(-1, -0.3, 1, 0.3), "asphalt")),
    "parking": ((_band(-1, -1, 1, 1), "asphalt"), (_band(-0.9, -0.06, 0.9, 0.06), "paving")),
    "overpass": ((_band(-1, -0.35, 1, 0.35), "asphalt"), (_band(-0.3, -1, 0.3, 1), "concrete")),
}
"""Things that are ground cover: polygons from -1 to 1 across and along, and their materials."""


def _inside(sight: Sight, u: float, v: float) -> tuple[float, float]:
    cos, sin = math.cos(math.radians(sight.heading)), math.sin(math.radians(sight.heading))
    x, y = u * sight.width / 2, v * sight.length / 2
    return sight.x + x * cos - y * sin, sight.y + x * sin + y * cos
