"""Marks of a row as shapes in the pixels of the picture that is drawn on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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

    A mark without finite coordinates, without area, or outside the image cannot. A quad without area gives
    way to the mark's box.

    Args:
        marks: of the row.
        size: width and height of the row's image in pixels.
    """
    shapes, not_drawable = [], []
    for mark in marks:
        clipped = (_clipped(corners, size) for corners in _outlines(mark))
        corners = next((found for found in clipped if found is not None), None)
        if corners is None:
            not_drawable.append(int(mark["index"]))
        else:
            shapes.append(Shape(int(mark["index"]), corners, _area(corners)))
    return shapes, not_drawable


def _outlines(mark: dict[str, Any]) -> Iterator[FloatArray]:
    """What a mark can be drawn as, best first: a point, or its quad before its box."""
    if mark["kind"] == "point":
        point = _numbers(mark.get("xy"), 2)
        if point is not None:
            yield point.reshape(1, 2)
        return
    quad, box = _numbers(mark.get("quad"), 8), _numbers(mark.get("xyxy"), 4)
    if quad is not None:
        yield _uncrossed(quad.reshape(4, 2))
    if box is not None:
        yield box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2)


def _numbers(values: Any, count: int) -> FloatArray | None:
    if values is None or len(values) != count:
        return None
    numbers = np.array(values, np.float64)
    return numbers if np.isfinite(numbers).all() else None


def _uncrossed(quad: FloatArray) -> FloatArray:
    """A quad whose sides cross, as annotators leave some, with its corners in order around it."""
    sides = np.roll(quad, -1, axis=0) - quad
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    if (turns > 0).sum() != 2 or (turns < 0).sum() != 2:
        return quad
    from_middle = quad - quad.mean(axis=0)
    return quad[np.argsort(np.arctan2(from_middle[:, 1], from_middle[:, 0]), kind="stable")]


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
