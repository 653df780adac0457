"""Dense scenes: which marks are drawn, and which parts are sent enlarged beside the whole picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rsvp_builder.captioning.drawing.shapes import Shape

_MARGIN = 0.35
"""Of a part's longer side, around its marks."""

_LARGEST = 6.0
"""Most times that a part is enlarged against the whole picture; above it there is only blur."""

_LEAST_GAIN = 1.4
"""A part that is enlarged less than this shows nothing new."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the picture.

    Attributes:
        box: ``x1 y1 x2 y2`` in whole pixels of the row's image.
        shapes: marks that it is about, in the pixels of the row's image.
    """

    box: tuple[int, int, int, int]
    shapes: tuple[Shape, ...]


def largest_first(shapes: Sequence[Shape], most: int) -> tuple[list[Shape], list[int]]:
    """Marks in the order of drawing, at most ``most``, and the indices of those left out."""
    order = sorted(shapes, key=lambda shape: (-shape.area, shape.index))
    return order[:most], sorted(shape.index for shape in order[most:])


def parts_of(
    shapes: Sequence[Shape], size: tuple[int, int], scale: float, legible: float, most: int, max_side: int
) -> list[Part]:
    """Parts in which marks become legible that are not so in the whole picture.

    Args:
        shapes: marks in the pixels of the row's image.
        size: width and height of the row's image.
        scale: pixels of the whole picture as it is sent for one of the row's image.
        legible: pixels that a mark's longer side needs.
        most: most parts.
        max_side: longest side of a sent picture.
    """
    small = [s for s in shapes if not s.is_point and _longer(s) * scale < legible]
    if not small or most < 1:
        return []
    groups = [small]
    while len(groups) < most:
        groups.sort(key=_spread, reverse=True)
        widest = groups[0]
        if len(widest) < 2 or _spread(widest) < max(size) / 8:
            break
        groups[:1] = _halves(widest)
    found = []
    for group in groups:
        box = _around(group, size, legible / _longer_of(group))
        gain = min(max_side / max(box[2] - box[0], box[3] - box[1]) / scale, _LARGEST)
        if gain >= _LEAST_GAIN:
            found.append(Part(box, tuple(group)))
    return sorted(found, key=lambda part: (part.box[1], part.box[0]))


def _longer(shape: Shape) -> float:
    x1, y1, x2, y2 = shape.bounds
    return max(x2 - x1, y2 - y1)


def _longer_of(group: Sequence[Shape]) -> float:
    return min(_longer(shape) for shape in group)


def _bounds(group: Sequence[Shape]) -> tuple[float, float, float, float]:
    boxes = [shape.bounds for shape in group]
    return (
        min(b[0] for b in boxes),
        min(b[1] for b in boxes),
        max(b[2] for b in boxes),
        max(b[3] for b in boxes),
    )


def _spread(group: Sequence[Shape]) -> float:
    x1, y1, x2, y2 = _bounds(group)
    return max(x2 - x1, y2 - y1)


def _halves(group: Sequence[Shape]) -> list[list[Shape]]:
    """Cut a group at the widest gap between the middles of its marks, along its longer axis."""
    x1, y1, x2, y2 = _bounds(group)
    axis = 0 if x2 - x1 >= y2 - y1 else 1
    middles = sorted((shape.corners[:, axis].mean(), shape.index, shape) for shape in group)
    gaps = [middles[i + 1][0] - middles[i][0] for i in range(len(middles) - 1)]
    cut = max(range(len(gaps)), key=lambda i: (gaps[i], -abs(i - len(gaps) / 2))) + 1
    return [[m[2] for m in middles[:cut]], [m[2] for m in middles[cut:]]]


def _around(group: Sequence[Shape], size: tuple[int, int], wanted: float) -> tuple[int, int, int, int]:
    """A window around a group with some of its surroundings, inside the picture, not too narrow."""
    x1, y1, x2, y2 = _bounds(group)
    side = max(x2 - x1, y2 - y1)
    least = max(96.0, max(size) / (_LARGEST * max(1.0, wanted)))
    margin = max(_MARGIN * side, (least - side) / 2)
    return (
        max(0, math.floor(x1 - margin)),
        max(0, math.floor(y1 - margin)),
        min(size[0], math.ceil(x2 + margin)),
        min(size[1], math.ceil(y2 + margin)),
    )
