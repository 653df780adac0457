"""Marks of a row as shapes in the pixels of the picture that is drawn on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rsvp_builder.record import FloatArray


@dataclass(frozen=True, slots=True)
class Shape:
    """A mark in some picture.

    Attributes:
        index: its number in the row.
        corners: (n, 2) float64 x y of its outline, quad before box, cut off at the edges of the row's image;
            one corner for a point.
        area: in square pixels, 0 for a point.
    """

    index: int
    corners: FloatArray
    area: float

    @property
    def is_point(self) -> bool:
        """Whether it is a point."""
        return len(self.corners) == 1

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """``x1 y1 x2 y2``."""
        (x1, y1), (x2, y2) = self.corners.min(axis=0), self.corners.max(axis=0)
        return float(x1), float(y1), float(x2), float(y2)

    @property
    def longer(self) -> float:
        """The longer side of its bounds, in pixels."""
        x1, y1, x2, y2 = self.bounds
        return max(x2 - x1, y2 - y1)

    def moved(self, x: float, y: float, scale: float) -> Shape:
        """In a picture that begins at ``x y`` of this one and is ``scale`` times as large."""
        return Shape(self.index, (self.corners - (x, y)) * scale, self.area * scale * scale)


def shapes_of(marks: Iterable[dict[str, Any]], size: tuple[int, int]) -> tuple[list[Shape], list[int]]:
    """The marks that can be drawn, in the pixels of the row's image, and the indices of those that cannot.

    A mark without finite coordinates, without area, or outside the image cannot.

    Args:
        marks: of the row.
        size: width and height of the row's image in pixels.
    """
    shapes, not_drawable = [], []
    for mark in marks:
        corners = _corners(mark)
        if corners is not None:
            corners = _clipped(corners, size)
        if corners is None:
            not_drawable.append(int(mark["index"]))
        else:
            shapes.append(Shape(int(mark["index"]), corners, _area(corners)))
    return shapes, not_drawable


def _corners(mark: dict[str, Any]) -> FloatArray | None:
    values: Any = mark.get("xy") if mark["kind"] == "point" else mark.get("quad")
    if values is None:
        box = mark.get("xyxy")
        if box is None:
            return None
        x1, y1, x2, y2 = box
        values = [x1, y1, x2, y1, x2, y2, x1, y2]
    corners = np.array(values, np.float64).reshape(-1, 2)
    return corners if len(corners) and np.isfinite(corners).all() else None


def _clipped(corners: FloatArray, size: tuple[int, int]) -> FloatArray | None:
    """What lies in the image, after Sutherland and Hodgman (1974); None if that has no area."""
    if len(corners) == 1:
        return corners if (corners >= 0).all() and (corners <= size).all() else None
    for axis, limit, sign in ((0, 0, 1), (0, size[0], -1), (1, 0, 1), (1, size[1], -1)):
        depths = sign * (corners[:, axis] - limit)
        if (depths >= 0).all():
            continue
        kept = []
        for i in range(len(corners)):
            a, b, from_a, from_b = corners[i - 1], corners[i], depths[i - 1], depths[i]
            if (from_a < 0) != (from_b < 0):
                crossing = a + (b - a) * (from_a / (from_a - from_b))
                crossing[axis] = limit
                kept.append(crossing)
            if from_b >= 0:
                kept.append(b)
        if not kept:
            return None
        corners = np.array(kept)
    return corners if _area(corners) > 0 else None


def _area(corners: FloatArray) -> float:
    """Shoelace formula."""
    x, y = (corners - corners[0]).T  # near zero, where differences of products lose least
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
