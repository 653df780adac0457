"""Where the numbers go: inside their marks where these are thickest, or beside them on a line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from rsvp_builder.captioning.drawing.shapes import Shape
from rsvp_builder.inscribed import inscribed_point

_RASTER = 160
"""Longest side, in cells, of the raster in which the thickest part of a mark is looked for."""

_MOST_COVERED = 0.35
"""Share of a mark that its own number may hide; above it, the number goes outside."""

_WHOLE = 0.9
"""Share of the picture from which a mark counts as the whole of it: its number goes into a corner."""

_DIRECTIONS = 16
_REACHES = (0.0, 1.0, 2.2, 3.6, 5.4, 8.0)

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """A number's place.

    Attributes:
        index: the mark's index.
        box: ``x1 y1 x2 y2`` of its tag in pixels, inside the picture.
        anchor: x y of the mark that the tag belongs to: the thickest part, or the point.
        inside: whether the tag lies on the anchor; else a line leads to it.
    """

    index: int
    box: Box
    anchor: tuple[float, float]
    inside: bool


def place_numbers(
    shapes: Sequence[Shape], tags: Sequence[tuple[float, float]], width: int, height: int, disc: float
) -> list[Place]:
    """Find a place for each number, in the order given.

    Args:
        shapes: marks, the larger first.
        tags: width and height of each one's tag in pixels.
        width: of the picture in pixels.
        height: of the picture in pixels.
        disc: radius of the disc of a point in pixels.

    Returns:
        A place for each. No tag covers an earlier one where there is room for both.
    """
    places: list[Place] = []
    for number, (shape, size) in enumerate(zip(shapes, tags, strict=True)):
        later = [s for s in shapes[number + 1 :] if not s.is_point]
        taken = [place.box for place in places]
        anchor, depth = _anchor(shape, later, taken, width, height)
        if shape.area >= _WHOLE * width * height:
            box: Box | None = _first_free(_corner_boxes(size, width, height), taken)
        else:
            box = _inside(shape, anchor, depth, size, taken, width, height)
        inside = box is not None
        if box is None:
            reach = disc if shape.is_point else 0.0
            box = _outside(shape, anchor, size, reach, shapes, taken, width, height)
        places.append(Place(shape.index, box, anchor, inside))
    return places


def _anchor(
    shape: Shape, later: Sequence[Shape], taken: Sequence[Box], width: int, height: int
) -> tuple[tuple[float, float], float]:
    """The thickest part of what is seen of a mark, and how far from there it reaches, in pixels.

    Later marks lie on top of it, and tags too; if nothing is left, they are left out of account.
    """
    if shape.is_point:
        x, y = shape.corners[0].tolist()
        return (x, y), 0.0
    x1, y1, x2, y2 = shape.bounds
    x1, y1, x2, y2 = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
    if x2 <= x1 or y2 <= y1:
        return (min(max(x1, 0.0), width - 1.0), min(max(y1, 0.0), height - 1.0)), 0.0
    scale = min(4.0, _RASTER / max(x2 - x1, y2 - y1))
    size = (max(1, math.ceil((x2 - x1) * scale)), max(1, math.ceil((y2 - y1) * scale)))
    raster = Image.new("1", size)
    pen = ImageDraw.Draw(raster)
    pen.polygon(_points(shape, x1, y1, scale), fill=1)
    whole = np.array(raster)
    for other in later:
        a1, b1, a2, b2 = other.bounds
        if a1 < x2 and a2 > x1 and b1 < y2 and b2 > y1:
            pen.polygon(_points(other, x1, y1, scale), fill=0)
    for a1, b1, a2, b2 in taken:
        pen.rectangle(
            [((a1 - x1) * scale, (b1 - y1) * scale), ((a2 - x1) * scale, (b2 - y1) * scale)], fill=0
        )
    seen = np.array(raster)
    if not seen.any():
        seen = whole if whole.any() else np.ones_like(whole)
    column, row, depth = inscribed_point(seen)
    centre = (x1 + (column + 0.5) / scale, y1 + (row + 0.5) / scale)
    return centre, math.sqrt(depth) / scale


def _points(shape: Shape, x: float, y: float, scale: float) -> list[tuple[float, float]]:
    # A pixel belongs to the polygon if its centre does; Pillow draws to pixel centres at whole numbers.
    return [(float(a), float(b)) for a, b in (shape.corners - (x, y)) * scale - 0.5]


def _inside(
    shape: Shape,
    anchor: tuple[float, float],
    depth: float,
    size: tuple[float, float],
    taken: Sequence[Box],
    width: int,
    height: int,
) -> Box | None:
    """The tag centred on the anchor, if the mark is thick enough there and large enough to stay seen."""
    wide, high = size
    if shape.is_point or depth < high / 2 or wide * high > _MOST_COVERED * shape.area:
        return None
    box = _fitted(anchor[0] - wide / 2, anchor[1] - high / 2, size, width, height)
    return None if any(overlap(box, other) for other in taken) else box


def _corner_boxes(size: tuple[float, float], width: int, height: int) -> Iterator[Box]:
    wide, high = size
    gap = high / 3
    for x, y in ((gap, gap), (width - wide - gap, gap), (gap, height - high - gap)):
        yield _fitted(x, y, size, width, height)


def _first_free(boxes: Iterator[Box], taken: Sequence[Box]) -> Box | None:
    return next((box for box in boxes if not any(overlap(box, other) for other in taken)), None)


def _outside(
    shape: Shape,
    anchor: tuple[float, float],
    size: tuple[float, float],
    reach: float,
    shapes: Sequence[Shape],
    taken: Sequence[Box],
    width: int,
    height: int,
) -> Box:
    """The cheapest place around the mark: off other tags first, then off marks, then near."""
    wide, high = size
    x1, y1, x2, y2 = shape.bounds
    half = ((x2 - x1) / 2 + reach + wide / 2 + 2, (y2 - y1) / 2 + reach + high / 2 + 2)
    centre = ((x1 + x2) / 2, (y1 + y2) / 2) if not shape.is_point else anchor
    others = [_clearance(s, reach) for s in shapes]
    best: tuple[float, Box] | None = None
    for step, away in enumerate(_REACHES):
        for turn in range(_DIRECTIONS):
            angle = 2 * math.pi * (turn + 12) / _DIRECTIONS  # above the mark first
            dx, dy = math.cos(angle), math.sin(angle)
            # On the edge of the rectangle around the mark in which a tag just touches it.
            stretch = 1 / max(abs(dx) / half[0], abs(dy) / half[1])
            x = centre[0] + dx * (stretch + away * high) - wide / 2
            y = centre[1] + dy * (stretch + away * high) - high / 2
            box = _fitted(x, y, size, width, height)
            moved = abs(box[0] - x) + abs(box[1] - y)
            cost = 40 * sum(overlap(box, other) for other in taken) / (wide * high)
            cost += sum(min(overlap(box, other), wide * high) for other in others) / (wide * high)
            cost += 0.15 * step + moved / high
            if best is None or cost < best[0] - 1e-9:
                best = (cost, box)
        if best is not None and best[0] <= 0.15 * step + 1e-9:
            break
    assert best is not None
    return best[1]


def _clearance(shape: Shape, reach: float) -> Box:
    """What a tag must keep off: the bounds of a mark, a little wider, or the disc of a point."""
    x1, y1, x2, y2 = shape.bounds
    margin = reach if shape.is_point else 1.0
    return x1 - margin, y1 - margin, x2 + margin, y2 + margin


def _fitted(x: float, y: float, size: tuple[float, float], width: int, height: int) -> Box:
    """A tag moved into the picture; one larger than the picture begins at its corner."""
    x = max(0.0, min(x, width - size[0]))
    y = max(0.0, min(y, height - size[1]))
    return x, y, x + size[0], y + size[1]


def overlap(a: Box, b: Box) -> float:
    """Area that two boxes share, in square pixels."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, high)
