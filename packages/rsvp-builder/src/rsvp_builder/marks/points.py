"""Points become point marks on frames, each on one frame only.

On tiles that overlap, a point goes to the tile in which it lies farthest from the edge, where it has
the most context; among equals to the first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.record import FloatArray, Frame, IntArray, Item, Marks, Objects


def box_points(objects: Objects) -> FloatArray:
    """A point for each object that has a box: (n, 2), the centre of its quad or box.

    The mean of a rectangle's vertices is its centre; of a quad that is none, it still lies inside as
    long as the quad is convex.
    """
    centre = (objects.box[:, :2] + objects.box[:, 2:]) / 2
    corners = objects.quad.reshape(-1, 4, 2).mean(axis=1)
    found: FloatArray = np.where(np.isnan(corners), centre, corners)
    return found


def place_points(
    objects: Objects,
    points: FloatArray,
    items: Sequence[Item],
    sizes: Sequence[tuple[int, int]],
    frames: Sequence[Frame],
    *,
    lost: dict[int, Drop],
) -> Marks:
    """Mark every point on one frame of its image.

    Args:
        objects: what the points stand for, grouped by item.
        points: (n, 2) x and y of each in pixels of the raw image.
        items: the images that ``objects.item`` counts.
        sizes: width and height in pixels of each.
        frames: frames of all images, grouped by item in the same order.
        lost: gets every object whose point is outside its image: its position, and why.

    Returns:
        Marks grouped by frame, each in the order of the source.
    """
    size = np.array(sizes, np.float64).reshape(-1, 2)[objects.item]
    inside = ((points >= 0) & (points < size)).all(axis=1)  # false too for what is no number
    for index in np.flatnonzero(~inside).tolist():
        item, line = items[objects.item[index]], int(objects.line[index])
        value = "{:.15g} {:.15g}".format(*points[index])
        expected = "a point inside the image of {} x {} px".format(*sizes[objects.item[index]])
        lost[index] = Drop(
            "object", Reason.OUTSIDE_IMAGE, item.image_id, item.label or "", line, value, expected
        )
    source = np.flatnonzero(inside)
    frame = _frame_of(objects.item[source], points[source], frames)
    order = np.lexsort((source, frame))
    source, frame = source[order], frame[order]
    windows = np.array([f.window or (0, 0, f.width, f.height) for f in frames], np.float64).reshape(-1, 4)
    return Marks(
        frame=frame,
        source=source,
        class_id=objects.class_id[source],
        box=np.full((len(source), 4), np.nan),
        quad=np.full((len(source), 8), np.nan),
        flags=objects.flags[source],
        point=points[source] - windows[frame, :2],
        text=None if objects.text is None else objects.text[source],
    )


def _frame_of(item: IntArray, points: FloatArray, frames: Sequence[Frame]) -> IntArray:
    frame_item = np.array([f.item for f in frames], np.int64)
    windows = np.array([f.window or (0, 0, f.width, f.height) for f in frames], np.float64).reshape(-1, 4)
    chosen = np.searchsorted(frame_item, item, "left")
    for number in np.unique(item).tolist():
        first, last = np.searchsorted(frame_item, [number, number + 1])
        if last - first > 1:
            of_item = np.flatnonzero(item == number)
            chosen[of_item] = first + _innermost(points[of_item], windows[first:last])
    return chosen


def _innermost(points: FloatArray, tiles: FloatArray) -> IntArray:
    """Of each point the tile whose edge is farthest from it."""
    # Tiles form a grid, so a column and a row are chosen apart: points x (columns + rows).
    best = []
    for axis in (0, 1):
        edges = np.unique(tiles[:, [axis, axis + 2]], axis=0)
        depth = np.minimum(points[:, axis, None] - edges[:, 0], edges[:, 1] - points[:, axis, None])
        best.append(edges[np.argmax(depth, axis=1), 0])
    place = {(x, y): number for number, (x, y) in enumerate(tiles[:, :2].tolist())}
    return np.array([place[key] for key in zip(*(b.tolist() for b in best), strict=True)], np.int64)
