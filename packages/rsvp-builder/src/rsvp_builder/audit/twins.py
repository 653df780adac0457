"""Annotation twins: layouts of boxes that one of the eight flips and rotations makes equal.

They need no pixels. Of each box four numbers stay the same however the picture is turned: the larger
and the smaller distance of its centre from the middle lines, and its longer and shorter side. Sorted over
the boxes of a layout, none of them changes by more than the edges did, and so do their means and
extremes: layouts that are twins lie near each other in that space, where a k-d tree finds them.
Finding costs n log n for n layouts, plus the candidates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rsvp_builder.audit.transforms import TRANSFORMS, Transform
from rsvp_builder.record import FloatArray, IntArray

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

TOLERANCE = 2.0
"""Pixels by which an edge may differ: copies were turned, and their boxes rounded or drawn again."""

_SLACK = 1e-6
_FILLS = 0.98
_MOST_ASSIGNED = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The annotated boxes of a picture.

    Attributes:
        width: of the picture in pixels.
        height: of the picture in pixels.
        boxes: (n, 4) float64.
        labels: label of each box; letter case does not count.
    """

    width: int
    height: int
    boxes: FloatArray
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Twin:
    """Two layouts that are the same but for turning.

    Attributes:
        first: position of the one.
        second: position of the other, larger than ``first``.
        turns: every transform of the first that gives the second, with the largest difference of an
            edge in pixels; the nearest first.
    """

    first: int
    second: int
    turns: tuple[tuple[Transform, float], ...]


def usable(layout: Layout) -> bool:
    """Whether a layout says anything: at least one box that is not the whole picture."""
    if not len(layout.boxes) or layout.width <= 0 or layout.height <= 0:
        return False
    sides = layout.boxes[:, 2:] - layout.boxes[:, :2]
    filling = (sides >= _FILLS * np.array([layout.width, layout.height])).all(axis=1)
    return not bool(filling.all())


def same_layouts(layouts: Sequence[Layout]) -> list[list[int]]:
    """Group usable layouts that are equal as they stand; groups of one included.

    Returns:
        Positions, ascending in each group.
    """
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, layout in enumerate(layouts):
        if usable(layout):
            boxes = sorted(zip(map(str.casefold, layout.labels), layout.boxes.round(3).tolist(), strict=True))
            key = (layout.width, layout.height, *((label, *box) for label, box in boxes))
            groups[key].append(number)
    return list(groups.values())


def find_twins(layouts: Sequence[Layout], tolerance: float = TOLERANCE) -> list[Twin]:
    """All pairs of usable layouts that are twins.

    Args:
        layouts: what to compare; equal ones should be given once, see :func:`same_layouts`.
        tolerance: pixels by which an edge may differ.
    """
    from scipy.spatial import cKDTree

    families: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, layout in enumerate(layouts):
        if usable(layout):
            labels = tuple(sorted(map(str.casefold, layout.labels)))
            size = (min(layout.width, layout.height), max(layout.width, layout.height))
            families[(size, labels)].append(number)
    twins = []
    for members in families.values():
        if len(members) > 1:
            features = np.array([_invariants(layouts[m]) for m in members])
            near = cKDTree(features).query_pairs(tolerance + _SLACK, p=np.inf, output_type="ndarray")
            for one, other in np.sort(near, axis=1).tolist():
                first, second = members[one], members[other]
                turns = matching_turns(layouts[first], layouts[second], tolerance)
                if turns:
                    twins.append(Twin(first, second, turns))
    return sorted(twins, key=lambda twin: (twin.first, twin.second))


def _invariants(layout: Layout) -> FloatArray:
    """Numbers that no transform changes, and an edge moved by one pixel by one at most: (12,)."""
    x1, y1, x2, y2 = layout.boxes.T
    off_x = np.abs((x1 + x2 - layout.width) / 2)
    off_y = np.abs((y1 + y2 - layout.height) / 2)
    half_width, half_height = (x2 - x1) / 2, (y2 - y1) / 2
    kept = (
        np.maximum(off_x, off_y),
        np.minimum(off_x, off_y),
        np.maximum(half_width, half_height),
        np.minimum(half_width, half_height),
    )
    return np.array([f(values) for values in kept for f in (np.mean, np.min, np.max)])


def matching_turns(one: Layout, other: Layout, tolerance: float) -> tuple[tuple[Transform, float], ...]:
    """The transforms that turn one layout into another, with their largest difference; nearest first."""
    from scipy.spatial import cKDTree

    if len(one.boxes) != len(other.boxes):
        return ()
    codes: dict[str, int] = {}
    one_codes, other_codes = (
        np.array([codes.setdefault(label.casefold(), len(codes)) for label in layout.labels], np.int64)
        for layout in (one, other)
    )
    tree = cKDTree(_apart_by_label(other.boxes, other_codes))
    found = []
    for transform in TRANSFORMS:
        size = (one.height, one.width) if transform.swaps else (one.width, one.height)
        if size == (other.width, other.height):
            turned = _apart_by_label(transform.of_boxes(one.boxes, one.width, one.height), one_codes)
            difference = _difference(turned, tree, tolerance + _SLACK)
            if difference is not None:
                found.append((transform, difference))
    return tuple(sorted(found, key=lambda turn: (turn[1], turn[0])))


def _apart_by_label(boxes: FloatArray, codes: IntArray) -> FloatArray:
    """Boxes with a fifth coordinate that keeps those of other labels out of reach: (n, 5)."""
    return np.column_stack([boxes, codes * 1e9])


def _difference(boxes: FloatArray, tree: cKDTree, reach: float) -> float | None:
    """Largest difference of an edge when every box is given a partner, or None if that cannot be done."""
    distance, partner = tree.query(boxes, p=np.inf, distance_upper_bound=reach)
    if not np.isfinite(distance).all():
        return None
    if len(np.unique(partner)) == len(partner):
        return float(distance.max())
    if len(boxes) > _MOST_ASSIGNED:  # boxes on top of each other in a crowd that large: not worth the memory
        return None
    from scipy.optimize import linear_sum_assignment

    apart = np.abs(boxes[:, None] - tree.data[None]).max(axis=2)
    ones, others = linear_sum_assignment(np.where(apart <= reach, apart, 1e9))
    largest = float(apart[ones, others].max())
    return largest if largest <= reach else None
