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
        corners: (n, 2) float64 x y of its outline, quad before box; one corner for a point.
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

    def moved(self, x: float, y: float, scale: float) -> Shape:
        """In a picture that begins at ``x y`` of this one and is ``scale`` times as large."""
        return Shape(self.index, (self.corners - (x, y)) * scale, self.area * scale * scale)


def shapes_of(marks: Iterable[dict[str, Any]]) -> tuple[list[Shape], list[int]]:
    """The marks that can be drawn, in the pixels of the row's image, and the indices of those that cannot.

    A mark without finite coordinates, or without area, cannot.
    """
    shapes, not_drawable = [], []
    for mark in marks:
        corners = _corners(mark)
        if corners is None:
            not_drawable.append(int(mark["index"]))
            continue
        area = _area(corners)
        if len(corners) > 1 and area <= 0:
            not_drawable.append(int(mark["index"]))
        else:
            shapes.append(Shape(int(mark["index"]), corners, area))
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
    return corners if np.isfinite(corners).all() else None


def _area(corners: FloatArray) -> float:
    """Shoelace formula."""
    x, y = corners[:, 0], corners[:, 1]
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
