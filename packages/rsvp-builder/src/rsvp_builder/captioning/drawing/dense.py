"""Dense scenes: which marks are drawn, and which parts are sent enlarged beside the whole picture."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np

from rsvp_builder.captioning.drawing.shapes import Shape

_GAINS = (6.0, 4.0, 3.0, 2.0)
"""How often a part may be enlarged against the whole picture; more is only blur, less shows nothing new."""

_ENOUGH = 0.9
"""Share of the small marks that the parts of the stronger gains must reach; else the next is tried."""

_READABLE = 2.0
"""Times ``legible`` to which marks are enlarged, where nothing else decides."""

_SPACED = 4.0
"""The same where numbers have no room beside their marks: about the width of two."""

_MARGIN = 0.15
"""Of a part's side, on each side of its marks: something of their surroundings."""

Window = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the picture.

    Attributes:
        box: ``x1 y1 x2 y2`` in whole pixels of the row's image.
        shapes: the marks that lie in it, in the pixels of the row's image and the order given.
    """

    box: Window
    shapes: tuple[Shape, ...]


def largest_first(shapes: Sequence[Shape], most: int) -> tuple[list[Shape], list[int]]:
    """Marks in the order of drawing, at most ``most``, and the indices of those left out."""
    order = sorted(shapes, key=lambda shape: (-shape.area, shape.index))
    return order[:most], sorted(shape.index for shape in order[most:])


def parts_of(
    shapes: Sequence[Shape],
    size: tuple[int, int],
    scale: float,
    legible: float,
    most: int,
    side: int,
    crowded: Container[int] = (),
) -> list[Part]:
    """Parts in which marks become legible that are not so in the whole picture: small ones and crowded ones.

    Windows are squares, of the strongest gain at which at most ``most`` of them reach nearly all small marks;
    at the weakest, as many as they reach. Each is laid where it holds most of what is left.

    Args:
        shapes: marks in the pixels of the row's image.
        size: width and height of the row's image.
        scale: pixels of the whole picture as it is sent for one of the row's image.
        legible: pixels that a mark's longer side needs, and the distance to the next mark.
        most: most parts.
        side: longest side of a part as it is sent.
        crowded: indices of marks whose numbers have no room beside them in the whole picture.

    Returns:
        The parts from top to bottom.
    """
    spans = _spans(shapes)
    small = [s for s, span in zip(shapes, spans, strict=True) if span * scale < legible or s.index in crowded]
    if not small or most < 1:
        return []
    times = _SPACED if any(s.index in crowded for s in small) else _READABLE
    needed = times * legible / (scale * min(spans))
    strongest = min((gain for gain in _GAINS if gain >= needed), default=_GAINS[0])
    gains = [gain for gain in _GAINS if gain <= strongest]
    found: list[Window] = []
    for gain in gains:
        window = side / (scale * gain)
        if window >= max(size):
            break  # such a part would be the whole picture
        found, reached = _cover(small, size, window, side / (scale * gains[0]), most)
        if reached >= _ENOUGH * len(small):
            break
    parts = [Part(window, tuple(s for s in shapes if _holds(window, s))) for window in found]
    return sorted(parts, key=lambda part: (part.box[1], part.box[0]))


def _spans(shapes: Sequence[Shape]) -> list[float]:
    """What must be legible of each mark: its longer side, or the distance to the next one of its kind.

    Boxes that overlap do not count as next to each other, nor do points closer than a pixel: no enlarging
    takes them apart.
    """
    bounds = np.array([s.bounds for s in shapes]).reshape(-1, 4)
    points = np.array([s.is_point for s in shapes], bool)
    centres = (bounds[:, :2] + bounds[:, 2:]) / 2
    far = np.hypot(*(centres[:, None] - centres).transpose(2, 0, 1))
    over = (bounds[:, None, :2] < bounds[:, 2:]) & (bounds[:, :2] < bounds[:, None, 2:])
    far[over.all(axis=2) | (points[:, None] != points) | (far < 1)] = np.inf
    longer = np.where(points, np.inf, (bounds[:, 2:] - bounds[:, :2]).max(axis=1))
    return [float(span) for span in np.minimum(longer, far.min(axis=1, initial=np.inf))]


def _cover(
    small: Sequence[Shape], size: tuple[int, int], side: float, least: float, most: int
) -> tuple[list[Window], int]:
    """Windows laid one after another where they hold most, and how many marks they hold together.

    Args:
        small: marks to hold.
        size: width and height of the picture.
        side: of a window, in its pixels.
        least: side of a window that holds little.
        most: most windows.
    """
    bounds = np.array([s.bounds for s in small])
    room = side * (1 - 2 * _MARGIN)
    left = np.ones(len(small), bool)
    windows: list[Window] = []
    while left.any() and len(windows) < most:
        # A window that holds most can be moved until a mark touches its left edge, and one its upper edge.
        x, y = bounds[left, 0], bounds[left, 1]
        across = (bounds[:, 0] >= x[:, None]) & (bounds[:, 2] <= x[:, None] + room)
        down = (bounds[:, 1] >= y[:, None]) & (bounds[:, 3] <= y[:, None] + room)
        held = (across & left).astype(np.int64) @ down.T.astype(np.int64)
        column, row = np.unravel_index(int(held.argmax()), held.shape)
        group = across[column] & down[row] & left
        if not group.any():
            break  # a mark that is larger than the window
        window = _around(bounds[group], size, side, least)
        windows.append(window)
        left &= ~group
        left &= np.array([not _holds(window, s) for s in small])
    return windows, int((~left).sum())


def _around(
    bounds: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    size: tuple[int, int],
    side: float,
    least: float,
) -> Window:
    """The square around a group with some of its surroundings, moved into the picture."""
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    longer = float((high - low).max()) / (1 - 2 * _MARGIN)
    side = math.ceil(min(side, max(longer, least)))
    edges = []
    for axis in (0, 1):
        length = min(side, size[axis])
        begin = round((low[axis] + high[axis] - length) / 2)
        edges.append((min(max(0, begin), size[axis] - length), length))
    (x, width), (y, height) = edges
    return x, y, x + width, y + height


def _holds(window: Window, shape: Shape) -> bool:
    x1, y1, x2, y2 = shape.bounds
    return window[0] <= x1 and window[1] <= y1 and x2 <= window[2] and y2 <= window[3]
