"""Boxes, quads and their clipping: pure functions on arrays.

Pixels, origin top left, x right, y down. Boxes are (n, 4) ``x1 y1 x2 y2``, half-open; quads are
(n, 8) ``x1 y1 .. x4 y4``. Everything is float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rsvp_builder.record import FloatArray


def quad_bounds(quads: FloatArray) -> FloatArray:
    """Axis-aligned bounds of quads: (n, 8) -> (n, 4)."""
    x, y = quads[:, 0::2], quads[:, 1::2]
    if not len(quads):
        return np.zeros((0, 4))
    return np.stack([x.min(axis=1), y.min(axis=1), x.max(axis=1), y.max(axis=1)], axis=1)


def quad_area(quads: FloatArray) -> FloatArray:
    """Area in square pixels by the shoelace formula: (n, 8) -> (n,); crossing quads count less.

    Coordinates are taken relative to the first vertex, so that a small quad far from the origin
    keeps its precision.
    """
    x = quads[:, 0::2] - quads[:, :1]
    y = quads[:, 1::2] - quads[:, 1:2]
    cross = x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y
    area: FloatArray = np.abs(cross.sum(axis=1)) / 2
    return area


def covered_area(quads: FloatArray) -> FloatArray:
    """As :func:`quad_area`, but a quad whose edges cross counts with all that it covers."""
    area = quad_area(quads)
    edges = np.roll(quads, -2, axis=1) - quads
    following = np.roll(edges, -2, axis=1)
    turns = edges[:, 0::2] * following[:, 1::2] - edges[:, 1::2] * following[:, 0::2]
    # A quad that turns one way only is convex; the few others are left to GEOS.
    doubtful = np.flatnonzero((turns > 0).any(axis=1) & (turns < 0).any(axis=1))
    if len(doubtful):
        import shapely

        area[doubtful] = shapely.area(repaired(shapely.polygons(quads[doubtful].reshape(-1, 4, 2))))
    return area


def repaired(shapes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Shapely geometries with the invalid ones, such as crossing quads, made valid."""
    import shapely

    fixed = np.array(shapes)
    broken = ~shapely.is_valid(fixed)
    fixed[broken] = shapely.make_valid(fixed[broken], method="structure", keep_collapsed=False)
    return fixed


def box_area(boxes: FloatArray) -> FloatArray:
    """Area in square pixels: (n, 4) -> (n,); 0 for an empty or inverted box."""
    area: FloatArray = np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
    return area


def clip_boxes(boxes: FloatArray, width: npt.ArrayLike, height: npt.ArrayLike) -> FloatArray:
    """Boxes cut to images of the given size, (n,) or scalar each; an outside box becomes empty."""
    width, height = np.asarray(width, np.float64), np.asarray(height, np.float64)
    zero = np.zeros_like(width)
    clipped = [
        np.clip(boxes[:, 0], zero, width),
        np.clip(boxes[:, 1], zero, height),
        np.clip(boxes[:, 2], zero, width),
        np.clip(boxes[:, 3], zero, height),
    ]
    return np.stack(clipped, axis=1)


def shift_quads(quads: FloatArray, dx: npt.ArrayLike, dy: npt.ArrayLike) -> FloatArray:
    """Quads moved by (dx, dy), scalars or (n,) each."""
    moved = quads.copy()
    moved[:, 0::2] += np.asarray(dx, np.float64).reshape(-1, 1)
    moved[:, 1::2] += np.asarray(dy, np.float64).reshape(-1, 1)
    return moved


def shift_boxes(boxes: FloatArray, dx: npt.ArrayLike, dy: npt.ArrayLike) -> FloatArray:
    """Boxes moved by (dx, dy), scalars or (n,) each."""
    moved = boxes.copy()
    moved[:, 0::2] += np.asarray(dx, np.float64).reshape(-1, 1)
    moved[:, 1::2] += np.asarray(dy, np.float64).reshape(-1, 1)
    return moved
