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
    x, y = quads.T[0::2], quads.T[1::2]
    return np.stack([x.min(axis=0), y.min(axis=0), x.max(axis=0), y.max(axis=0)], axis=1)


def quad_area(quads: FloatArray) -> FloatArray:
    """Area in square pixels: (n, 8) -> (n,); crossing quads count less.

    Half the cross product of the diagonals, which is the shoelace formula for four vertices, and keeps
    its precision far from the origin.
    """
    x1, y1, x2, y2, x3, y3, x4, y4 = quads.T
    area: FloatArray = np.abs((x3 - x1) * (y4 - y2) - (x4 - x2) * (y3 - y1)) / 2
    return area


def covered_area(quads: FloatArray) -> FloatArray:
    """As :func:`quad_area`, but a quad whose edges cross counts with all that it covers."""
    area = quad_area(quads)
    x, y = quads.T[0::2], quads.T[1::2]
    dx, dy = x[[1, 2, 3, 0]] - x, y[[1, 2, 3, 0]] - y
    turns = dx * dy[[1, 2, 3, 0]] - dy * dx[[1, 2, 3, 0]]
    # A quad that turns one way only is convex; the few others are left to GEOS.
    doubtful = np.flatnonzero((turns > 0).any(axis=0) & (turns < 0).any(axis=0))
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
