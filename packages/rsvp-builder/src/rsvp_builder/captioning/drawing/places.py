"""Where the numbers go: inside their marks where these are thickest, or beside them on a line."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from rsvp_builder.captioning.drawing.shapes import Shape
from rsvp_builder.inscribed import inscribed_point

_RASTER = 160
"""Longest side, in cells, of the raster in which the thickest part of a mark is looked for."""

_MOST_COVERED = 0.15
"""Share of a mark that its own number may hide; above it, the number goes outside."""

_WHOLE = 0.9
"""Share of the picture from which a mark counts as the whole of it: its number goes into a corner."""

_DIRECTIONS = 16
_TURNS = sorted(range(_DIRECTIONS), key=lambda turn: (turn % 8 > 0, turn % 4 > 0, turn % 2 > 0))
"""Above and below first, then beside, then at the corners, where a number may be taken for a neighbour's."""

_REACHES = (0.0, 1.0, 2.2, 3.6, 5.4, 8.0)
"""How far a number may stand from its mark, in heights of its tag."""

_NEAR = 1
"""How many of these reaches are tried for a number that may be left out."""

_ON_A_HOLDER = 0.05
"""What it costs to stand on a mark that holds the number's own; on any other mark it costs 1."""

_ON_A_LINE = 0.5
"""What it costs to stand on the line of another number."""

_UNDER_A_NUMBER = 1.0
"""What it costs to have one's line run under another number: one would read that one at its end."""

Box = tuple[float, float, float, float]
"""``x1 y1 x2 y2``."""

Line = tuple[float, float, float, float]
"""From ``x1 y1`` to ``x2 y2``."""


@dataclass(frozen=True, slots=True)
class Place:
    """A number's place.

    Attributes:
        index: the mark's index.
        box: ``x1 y1 x2 y2`` of its tag in pixels, inside the picture.
        anchor: x y of the mark that the tag belongs to: the thickest part, or the point.
        inside: whether the tag lies in the mark, else beside it.
        away: how far it had to be moved off its mark, in heights of its tag; 0 where it touches.
    """

    index: int
    box: Box
    anchor: tuple[float, float]
    inside: bool
    away: float = 0.0


def place_numbers(
    shapes: Sequence[Shape],
    tags: Sequence[tuple[int, int]],
    size: tuple[int, int],
    ring: float,
    optional: Container[int] = (),
) -> list[Place]:
    """Find a place for each number, in the order given.

    Args:
        shapes: marks, the larger first.
        tags: width and height of each one's tag in pixels.
        size: width and height of the picture in pixels.
        ring: radius of the ring of a point in pixels.
        optional: indices of marks whose numbers stand in another picture too: such a number is left out
            unless it can stand in its mark, or touch it and keep off all others.

    Returns:
        A place for each that has one. No tag covers another: where all places near a mark are taken, the
        nearest free one in the picture is used, and a number for which there is none gets no place.
    """
    places: list[Place] = []
    lines: list[Line] = []
    for number, (shape, tag) in enumerate(zip(shapes, tags, strict=True)):
        later = [s for s in shapes[number + 1 :] if not s.is_point]
        taken = [place.box for place in places]
        anchor, depth = _anchor(shape, later, taken, size)
        if shape.area >= _WHOLE * size[0] * size[1]:
            box: Box | None = _first_free(_corner_boxes(tag, size), taken)
        else:
            box = _inside(shape, anchor, depth, tag, taken, size)
        inside = box is not None
        away = 0.0
        if box is None:
            reach = ring if shape.is_point else 0.0
            may_miss = shape.index in optional
            found = _outside(shape, anchor, tag, reach, shapes, taken, lines, size, may_miss)
            if found is not None:
                box, away = found
            elif not may_miss:
                box, away = _nearest_free(anchor, tag, taken, size), math.inf
        if box is not None:
            places.append(Place(shape.index, box, anchor, inside, away))
            if away:
                lines.append(_line(box, shape.bounds))
    return places


def _anchor(
    shape: Shape, later: Sequence[Shape], taken: Sequence[Box], size: tuple[int, int]
) -> tuple[tuple[float, float], float]:
    """The thickest part of what is seen of a mark, and how far from there it reaches, in pixels.

    Later marks lie on top of it, and tags too; if nothing is left, they are left out of account.
    """
    if shape.is_point:
        x, y = shape.corners[0].tolist()
        return (x, y), 0.0
    x1, y1, x2, y2 = shape.bounds
    x1, y1, x2, y2 = max(x1, 0.0), max(y1, 0.0), min(x2, float(size[0])), min(y2, float(size[1]))
    scale = min(4.0, _RASTER / max(x2 - x1, y2 - y1))
    cells = (max(1, math.ceil((x2 - x1) * scale)), max(1, math.ceil((y2 - y1) * scale)))
    raster = Image.new("1", cells)
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
    tag: tuple[int, int],
    taken: Sequence[Box],
    size: tuple[int, int],
) -> Box | None:
    """The tag centred on the anchor, if the mark is thick enough there and large enough to stay seen."""
    wide, high = tag
    if shape.is_point or depth < high / 2 or wide * high > _MOST_COVERED * shape.area:
        return None
    box = _fitted(anchor[0] - wide / 2, anchor[1] - high / 2, tag, size)
    return None if any(overlap(box, other) for other in taken) else box


def _corner_boxes(tag: tuple[int, int], size: tuple[int, int]) -> Iterator[Box]:
    wide, high = tag
    gap = high / 3
    right, bottom = size[0] - wide - gap, size[1] - high - gap
    for x, y in ((gap, gap), (right, gap), (gap, bottom), (right, bottom)):
        yield _fitted(x, y, tag, size)


def _first_free(boxes: Iterator[Box], taken: Sequence[Box]) -> Box | None:
    return next((box for box in boxes if not any(overlap(box, other) for other in taken)), None)


def _outside(
    shape: Shape,
    anchor: tuple[float, float],
    tag: tuple[int, int],
    reach: float,
    shapes: Sequence[Shape],
    taken: Sequence[Box],
    lines: Sequence[Line],
    size: tuple[int, int],
    may_miss: bool,
) -> tuple[Box, float] | None:
    """The cheapest free place around the mark, and how far away it is: off other marks first, then near."""
    wide, high = tag
    x1, y1, x2, y2 = shape.bounds
    half = ((x2 - x1) / 2 + reach + wide / 2 + 2, (y2 - y1) / 2 + reach + high / 2 + 2)
    centre = ((x1 + x2) / 2, (y1 + y2) / 2) if not shape.is_point else anchor
    others = [(_clearance(s, reach), _weight(s, shape)) for s in shapes]
    best: tuple[float, Box, float] | None = None
    for step, away in enumerate(_REACHES[:_NEAR] if may_miss else _REACHES):
        if best is not None and best[0] <= 0.15 * step:
            break
        for turn in _TURNS:
            angle = 2 * math.pi * (turn / _DIRECTIONS - 0.25)  # 0 is above the mark
            dx, dy = math.cos(angle), math.sin(angle)
            # On the edge of the rectangle around the mark in which a tag just touches it.
            stretch = 1 / max(abs(dx) / half[0], abs(dy) / half[1])
            x = centre[0] + dx * (stretch + away * high) - wide / 2
            y = centre[1] + dy * (stretch + away * high) - high / 2
            box = _fitted(x, y, tag, size)
            if any(overlap(box, other) for other in taken):
                continue
            covered = sum(weight * min(overlap(box, other), wide * high) for other, weight in others)
            covered /= wide * high
            if may_miss and covered > _ON_A_HOLDER:
                continue
            moved = max(0.0, abs(box[0] - x) + abs(box[1] - y) - 2)
            cost = covered + 0.15 * step + moved / high
            if best is not None and cost >= best[0] - 1e-9:
                continue
            cost += _ON_A_LINE * sum(_crosses(line, box) for line in lines)
            if away:
                line = _line(box, shape.bounds)
                cost += _UNDER_A_NUMBER * sum(_crosses(line, other) for other in taken)
            if best is None or cost < best[0] - 1e-9:
                best = (cost, box, away)
    return best[1:] if best is not None else None


def _line(box: Box, bounds: Box) -> Line:
    """About where the line of a number runs: from the middle of its tag to the nearest edge of its mark."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return x, y, min(max(x, bounds[0]), bounds[2]), min(max(y, bounds[1]), bounds[3])


def _crosses(line: Line, box: Box) -> bool:
    """Whether a line and a box have a point in common (Liang and Barsky, 1984)."""
    enters, leaves = 0.0, 1.0
    for axis in (0, 1):
        begin, along = line[axis], line[axis + 2] - line[axis]
        if along == 0:
            if not box[axis] < begin < box[axis + 2]:
                return False
            continue
        a, b = (box[axis] - begin) / along, (box[axis + 2] - begin) / along
        enters, leaves = max(enters, min(a, b)), min(leaves, max(a, b))
    return enters < leaves


def _weight(other: Shape, shape: Shape) -> float:
    """What it costs to put a mark's number on another mark, or on itself."""
    a1, b1, a2, b2 = other.bounds
    x1, y1, x2, y2 = shape.bounds
    holds = a1 <= x1 and b1 <= y1 and x2 <= a2 and y2 <= b2 and other.area > shape.area
    return _ON_A_HOLDER if holds else 1.0


def _nearest_free(
    anchor: tuple[float, float], tag: tuple[int, int], taken: Sequence[Box], size: tuple[int, int]
) -> Box | None:
    """The free place of the picture that is nearest to a mark, in steps of half a tag."""
    wide, high = tag
    xs = np.arange(0, size[0] - wide + 1, max(1, wide // 2), dtype=np.float64)
    ys = np.arange(0, size[1] - high + 1, max(1, high // 2), dtype=np.float64)
    free = np.ones((len(ys), len(xs)), bool)
    for x1, y1, x2, y2 in taken:
        free &= ~(((ys < y2) & (ys + high > y1))[:, None] & ((xs < x2) & (xs + wide > x1)))
    if not free.any():
        return None
    far = (ys + high / 2 - anchor[1])[:, None] ** 2 + (xs + wide / 2 - anchor[0]) ** 2
    row, column = np.unravel_index(int(np.where(free, far, np.inf).argmin()), far.shape)
    return _fitted(float(xs[column]), float(ys[row]), tag, size)


def _clearance(shape: Shape, reach: float) -> Box:
    """What a tag must keep off: the bounds of a mark, a little wider, or the ring of a point."""
    x1, y1, x2, y2 = shape.bounds
    margin = reach if shape.is_point else 1.0
    return x1 - margin, y1 - margin, x2 + margin, y2 + margin


def _fitted(x: float, y: float, tag: tuple[int, int], size: tuple[int, int]) -> Box:
    """A tag moved into the picture, on whole pixels; it is no larger than the picture."""
    left = max(0, min(round(x), size[0] - tag[0]))
    top = max(0, min(round(y), size[1] - tag[1]))
    return float(left), float(top), float(left + tag[0]), float(top + tag[1])


def overlap(a: Box, b: Box) -> float:
    """Area that two boxes share, in square pixels."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, high)
