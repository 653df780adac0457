"""Marks: the places on an image that a question is about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earthmarker.errors import EarthMarkerError

_MANY = 5  # boxes that are unlikely to lie all in one quarter of an image


class MarkError(EarthMarkerError, ValueError):
    """A mark that cannot be drawn; the message says which, what was read and what to change."""


@dataclass(frozen=True)
class Box:
    """A box ``x1 y1 x2 y2`` in pixels of the image, half-open."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def outline(self) -> NDArray[np.float64]:
        """(4, 2) float64 corners."""
        return np.array([(self.x1, self.y1), (self.x2, self.y1), (self.x2, self.y2), (self.x1, self.y2)])


@dataclass(frozen=True)
class Point:
    """A point in pixels of the image; the centre of pixel (0, 0) is (0.5, 0.5)."""

    x: float
    y: float

    @property
    def outline(self) -> NDArray[np.float64]:
        """(1, 2) float64, the point itself."""
        return np.array([(self.x, self.y)], dtype=np.float64)


@dataclass(frozen=True)
class Polygon:
    """A closed free-form outline, three or more vertices ``(x, y)`` in pixels of the image."""

    vertices: tuple[tuple[float, float], ...]

    @property
    def outline(self) -> NDArray[np.float64]:
        """(n, 2) float64 vertices."""
        return np.array(self.vertices, dtype=np.float64).reshape(-1, 2)


@dataclass(frozen=True, eq=False)
class Mask:
    """A mask of the image's own size.

    Attributes:
        pixels: (height, width) bool.
    """

    pixels: NDArray[np.bool_]

    @property
    def outline(self) -> NDArray[np.float64]:
        """(4, 2) float64 corners of the box around the mask; empty for an empty mask."""
        rows, columns = np.nonzero(np.any(self.pixels, axis=1))[0], np.nonzero(np.any(self.pixels, axis=0))[0]
        if not len(rows):
            return np.zeros((0, 2))
        return Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1).outline


Mark = Box | Point | Polygon | Mask


def check_marks(marks: Sequence[Mark], width: int, height: int, most: int) -> None:
    """Refuse what cannot be drawn on an image of ``width`` x ``height``.

    Args:
        marks: marks, numbered from 1 in this order.
        width: of the image, in pixels.
        height: of the image, in pixels.
        most: as many marks as the model has identities for.

    Raises:
        MarkError: for more marks than ``most``, a coordinate that is not finite, a mark without area or
            wholly outside the image, a mask of another size.
    """
    if len(marks) > most:
        raise MarkError(
            f"{len(marks)} marks, but the model tells {most} apart: ask in several turns or images, "
            "or configure and train it with a larger max_marks"
        )
    for index, mark in enumerate(marks, 1):
        _check(mark, f"mark {index}", width, height)


def _check(mark: Mark, name: str, width: int, height: int) -> None:
    if isinstance(mark, Mask) and mark.pixels.shape != (height, width):
        raise MarkError(
            f"{name}: mask of {mark.pixels.shape}, but the image is (height {height}, width {width})"
        )
    outline = mark.outline
    if not np.isfinite(outline).all():
        raise MarkError(f"{name}: {_written(mark)} has a coordinate that is not finite")
    if not len(outline):
        raise MarkError(f"{name}: the mask is empty")
    x1, y1 = outline[0]
    if isinstance(mark, Box) and not (mark.x2 > mark.x1 and mark.y2 > mark.y1):
        raise MarkError(
            f"{name}: {_written(mark)} has no area; boxes are x1 y1 x2 y2 with x1 < x2 and y1 < y2 "
            "(was it x, y, width, height?)"
        )
    if isinstance(mark, Polygon) and (len(outline) < 3 or math.isclose(area(outline), 0.0, abs_tol=1e-9)):
        raise MarkError(f"{name}: polygon of {len(outline)} vertices has no area")
    if isinstance(mark, Point):
        outside = not (0 <= x1 <= width and 0 <= y1 <= height)
    else:
        outside = not isinstance(mark, Mask) and area(clipped(outline, width, height)) <= 0
    if outside:
        raise MarkError(
            f"{name}: {_written(mark)} lies outside the image of {width} x {height} pixels; coordinates are "
            "pixels of the image from its top left corner, neither parts of one nor thousandths"
        )


def _written(mark: Mark) -> str:
    """A mark as a user would write it."""
    kind = type(mark).__name__.lower()
    if isinstance(mark, Box):
        return f"{kind} {mark.x1:g} {mark.y1:g} {mark.x2:g} {mark.y2:g}"
    shown = [f"{x:g} {y:g}" for x, y in mark.outline[:4]]
    return f"{kind} {', '.join(shown)}{', ...' if len(mark.outline) > 4 else ''}"


def area(outline: NDArray[np.float64]) -> float:
    """Area by the shoelace formula, in square pixels."""
    if len(outline) < 3:
        return 0.0
    # From a vertex of its own, since products of far coordinates would drown a small shape.
    x, y = (outline - outline[0]).T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def clipped(outline: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """The part of a closed outline that lies on the image (Sutherland and Hodgman, 1974).

    Args:
        outline: (n, 2) float64 vertices.
        width: of the image, in pixels.
        height: of the image, in pixels.

    Returns:
        (m, 2) float64 vertices, none if nothing lies on the image. Parts of a shape that the edge cuts in
        pieces are joined by lines along the edge, which have no area.
    """
    for axis, limit, sign in ((0, 0, 1), (0, width, -1), (1, 0, 1), (1, height, -1)):
        within = sign * (outline[:, axis] - limit)
        kept: list[NDArray[np.float64]] = []
        for i in range(len(outline)):
            here, there = within[i - 1], within[i]
            if (here < 0 < there) or (there < 0 < here):
                cut = outline[i - 1] + (outline[i] - outline[i - 1]) * (here / (here - there))
                cut[axis] = limit
                kept.append(cut)
            if there >= 0:
                kept.append(outline[i])
        outline = np.array(kept, dtype=np.float64).reshape(-1, 2)
    return outline


def looks_like_xywh(boxes: Sequence[Box], width: int, height: int) -> bool:
    """Whether boxes said to be ``x1 y1 x2 y2`` are rather ``x y width height``.

    Read as sizes, all of them must fit into the image. Then either some are degenerate as corners, or five or
    more do not begin in the corner of the image, where both readings are the same: as corners all their
    centres would lie in the upper left quarter, which scattered boxes do once in a thousand times. Fewer
    boxes may well lie there and are not suspected.
    """
    degenerate = any(b.x2 <= b.x1 or b.y2 <= b.y1 for b in boxes)
    fits = all(
        b.x2 > 0 and b.y2 > 0 and b.x1 + b.x2 <= width + 1 and b.y1 + b.y2 <= height + 1 for b in boxes
    )
    telling = sum(b.x1 > 1 or b.y1 > 1 for b in boxes)
    return fits and (degenerate or telling >= _MANY)
