"""Shapes as pixels, exactly: a pixel belongs to a shape if its centre does.

Drawing libraries round corners to whole pixels and count both ends of an edge in, each in its own way. A
mark of a few pixels is the question itself here, so the rule is fixed and tested.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from earthmarker.prompts.letterbox import Letterbox

Shape = NDArray[np.bool_]


def fill(outline: NDArray[np.float64], size: int) -> Shape:
    """Pixels inside a closed outline, by the even-odd rule.

    Args:
        outline: (n, 2) float64 vertices in pixels; a side that lies on pixel centres belongs to the shape on
            its left and upper end only, so that shapes side by side share no pixel.
        size: side of the canvas, in pixels.

    Returns:
        (size, size) bool.
    """
    inside = np.zeros((size, size), dtype=bool)
    left, top = (int(v) for v in np.clip(np.floor(outline.min(axis=0)), 0, size))
    right, bottom = (int(v) for v in np.clip(np.ceil(outline.max(axis=0)), 0, size))
    flips = np.zeros((bottom - top, right - left + 1), dtype=np.int32)
    centres = np.arange(top, bottom) + 0.5
    for (x1, y1), (x2, y2) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        crossed = np.nonzero((centres >= min(y1, y2)) & (centres < max(y1, y2)))[0]
        if len(crossed):
            x = x1 + (centres[crossed] - y1) * ((x2 - x1) / (y2 - y1))
            first = np.clip(np.ceil(x - 0.5) - left, 0, right - left)
            np.add.at(flips, (crossed, first.astype(np.intp)), 1)
    inside[top:bottom, left:right] = np.cumsum(flips[:, :-1], axis=1) & 1
    return inside


def disc(centre: NDArray[np.float64], radius: float, size: int) -> Shape:
    """Pixels no farther than ``radius`` from ``centre`` (x, y), as (size, size) bool."""
    inside = np.zeros((size, size), dtype=bool)
    left, top = (int(v) for v in np.clip(np.floor(centre - radius), 0, size))
    right, bottom = (int(v) for v in np.clip(np.ceil(centre + radius), 0, size))
    across = (np.arange(left, right) + 0.5 - centre[0]) ** 2
    down = (np.arange(top, bottom) + 0.5 - centre[1]) ** 2
    inside[top:bottom, left:right] = across[None, :] + down[:, None] <= radius**2
    return inside


def stroke(outline: NDArray[np.float64], width: int, size: int) -> Shape:
    """Pixels of a line of ``width`` pixels along a closed outline, as (size, size) bool."""
    layer = Image.new("1", (size, size))
    closed = [(float(x), float(y)) for x, y in np.vstack([outline, outline[:1]]) - 0.5]
    ImageDraw.Draw(layer).line(closed, fill=1, width=width)
    return np.asarray(layer)


def scaled(mask: Shape, letterbox: Letterbox) -> Shape:
    """A mask of the image on the canvas.

    Where the canvas is coarser, a pixel of it is marked by any pixel of the mask with its centre in it, so
    that a thin mask stays whole; where it is finer, by the pixel of the mask that its own centre lies in.

    Args:
        mask: (height, width) bool.
        letterbox: how the image lies on the canvas.

    Returns:
        (size, size) bool.
    """
    size, side, (left, top) = letterbox.size, letterbox.side, letterbox.offset
    shape = np.zeros((size, size), dtype=bool)
    # In whole numbers, twice the centres, so that a centre on a border goes the same way everywhere.
    if side >= size:
        rows, columns = np.nonzero(mask)
        shape[
            (2 * (rows + top) + 1) * size // (2 * side), (2 * (columns + left) + 1) * size // (2 * side)
        ] = True
        return shape
    centres = (2 * np.arange(size) + 1) * side // (2 * size)
    y, x = centres - top, centres - left
    down, across = (y >= 0) & (y < letterbox.height), (x >= 0) & (x < letterbox.width)
    shape[np.ix_(down, across)] = mask[np.ix_(y[down], x[across])]
    return shape


def grown(shape: Shape, least: float) -> Shape:
    """A shape with what it lacks of ``least`` pixels across or down grown on, half on each side."""
    rows, columns = np.nonzero(shape)
    if not len(rows):
        return shape
    shape = shape.copy()
    for lines, places in ((shape, rows), (shape.T, columns)):
        for _ in range(int(np.ceil((least - np.ptp(places) - 1) / 2))):
            before = lines.copy()
            lines[1:] |= before[:-1]
            lines[:-1] |= before[1:]
    return shape


def edge(shape: Shape, width: int) -> Shape:
    """Pixels of a shape less than ``width`` from its outside; the border of the canvas is outside."""
    inner = shape
    for _ in range(width):
        padded = np.pad(inner, 1)
        inner = inner & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return shape & ~inner
