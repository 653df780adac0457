"""Outlines of the drawn shapes, for releases that annotate instances by polygon or mask."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from rsvp_builder.demo.drawing import Point, Scene, turned

Ring = list[Point]
BoolArray = npt.NDArray[np.bool_]

_ROUND = 24
"""Corners of what is round."""


def _circle(u: float, v: float, radius: float, start: float = 0, end: float = 360) -> Ring:
    steps = _ROUND * (end - start) / 360
    angles = (math.radians(start + i * 360 / _ROUND) for i in range(round(steps) + (end - start < 360)))
    return [(u + radius * math.cos(a), v + radius * math.sin(a)) for a in angles]


def _mirrored(right: Ring) -> Ring:
    return [*right, *((-u, v) for u, v in reversed(right) if u)]


_BLOCK: Ring = [(-1, -1), (1, -1), (1, 1), (-1, 1)]

# In a shape's own frame, as :mod:`rsvp_builder.demo.pen` has it; what is not here fills its frame.
_OUTLINES: dict[str, Ring] = {
    "plane": _mirrored(
        [
            (0, -1), (0.1, -0.75), (0.105, -0.24), (0.98, 0.3), (1, 0.42), (0.4, 0.22), (0.105, 0.22),
            (0.105, 0.5), (0.05, 0.7), (0.36, 0.9), (0.37, 0.98), (0.03, 1),
        ]
    ),
    "ship": _mirrored([(0, -1), (0.5, -0.86), (0.94, -0.62), (1, -0.2), (0.9, 1)]),
    "storage-tank": _circle(0, 0, 1),
    "roundabout": _circle(0, 0, 1),
    "baseball-diamond": [(-1, -1), *_circle(-1, -1, 2, 0, 90)],
    "harbor": [(-0.36, -1), (0.36, -1), (0.36, 1), (-0.36, 1)],
}  # fmt: skip
_HOLES: dict[str, Ring] = {"roundabout": _circle(0, 0, 0.5)}


@dataclass(frozen=True, slots=True)
class Stamp:
    """A drawn thing: shape, centre, heading in degrees, width and length, in pixels."""

    shape: str
    x: float
    y: float
    heading: float
    width: float
    length: float

    def outline(self) -> Ring:
        """Its outer outline in pixels."""
        return self._placed(_OUTLINES.get(self.shape, _BLOCK))

    def quad(self) -> Ring:
        """The turned rectangle around it, from the left of its head."""
        return self._placed(_BLOCK)

    def mask(self, size: tuple[int, int]) -> BoolArray:
        """Its pixels, holes left out: (height, width) bool of a picture of width and height ``size``."""
        pixels = filled(size, [self.outline()])
        hole = _HOLES.get(self.shape)
        return pixels if hole is None else pixels & ~filled(size, [self._placed(hole)])

    def _placed(self, ring: Ring) -> Ring:
        metres = [(u * self.width / 2, v * self.length / 2) for u, v in ring]
        return turned(metres, self.heading, self.x, self.y)


def filled(size: tuple[int, int], rings: Iterable[Sequence[Point]]) -> BoolArray:
    """The pixels of a union of polygons, their edges included: (height, width) bool."""
    width, height = size
    pixels = np.zeros((height, width), bool)
    for ring in rings:
        canvas = Image.new("L", size)
        # Corners are corners of pixels, but the pen speaks of their middles.
        ImageDraw.Draw(canvas).polygon([(x - 0.5, y - 0.5) for x, y in ring], fill=1, outline=1)
        pixels |= np.asarray(canvas, bool)
    return pixels


def bounds(pixels: BoolArray) -> tuple[float, float, float, float]:
    """The half-open box of a mask that has a pixel."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def draw(size: tuple[int, int], base: str, stamps: Sequence[Stamp], seed: Sequence[int]) -> Image.Image:
    """A picture of things on one ground cover."""
    scene = Scene(size, 0.5, np.random.default_rng(seed), base)
    for stamp in stamps:
        scene.stamp(stamp.shape, stamp.x, stamp.y, stamp.heading, stamp.width, stamp.length)
    return scene.picture()
