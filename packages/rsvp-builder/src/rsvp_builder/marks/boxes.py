"""Objects become box marks on frames: clipped to the image, assigned to tiles, nothing lost unsaid.

An object's *visible* shape is its quad (or box, where it has no quad) cut to the raw image. On a
whole image every object with a visible area is marked. On a tile an object is marked when the tile
holds at least ``min_area`` of that visible area, and its box is that of the part inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rsvp_builder.geometry import box_area, covered_area, repaired, shift_boxes, shift_quads
from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.marks import Difficult
from rsvp_builder.record import FloatArray, Frame, IntArray, Item, Marks, ObjectFlag, Objects

_SMALLEST_AREA = 1e-6
"""Square pixels below which a shape is a point or a line."""


@dataclass(frozen=True, slots=True)
class _Visible:
    """Visible shape of each object: bounds, area, and the clipped polygon where it was cut."""

    bounds: FloatArray
    area: FloatArray
    cut: dict[int, Any]


@np.errstate(over="ignore", invalid="ignore")
def place_boxes(
    objects: Objects,
    items: Sequence[Item],
    sizes: Sequence[tuple[int, int]],
    frames: Sequence[Frame],
    *,
    min_area: float,
    difficult: Difficult,
    lost: dict[int, Drop],
) -> Marks:
    """Mark every object on the frames of its image.

    Args:
        objects: annotated objects with boxes, grouped by item.
        items: the images that ``objects.item`` counts.
        sizes: width and height in pixels of each.
        frames: frames of all images, grouped by item in the same order.
        min_area: see :class:`rsvp_builder.tiling.Tiling`.
        difficult: what becomes of objects that the source calls difficult.
        lost: gets every object that ends on no frame: its position, and why.

    Returns:
        Marks grouped by frame, each in the order of the source.
    """

    def drop(which: npt.NDArray[np.bool_], reason: Reason, expected: Callable[[int], str]) -> None:
        for index in np.flatnonzero(which).tolist():
            item, line = items[objects.item[index]], int(objects.line[index])
            value, file = _coordinates(objects, index), item.label or ""
            lost[index] = Drop("object", reason, item.image_id, file, line, value, expected(index))

    has_quad = ~np.isnan(objects.quad[:, 0])
    area = np.where(has_quad, covered_area(np.nan_to_num(objects.quad)), box_area(objects.box))
    degenerate = ~(area >= _SMALLEST_AREA)  # also what is no number, of coordinates beyond all bounds
    drop(degenerate, Reason.DEGENERATE, lambda _: "a shape with an area")
    alive = ~degenerate
    if difficult == "drop":
        unwanted = alive & ((objects.flags & ObjectFlag.DIFFICULT) != 0)
        drop(unwanted, Reason.DIFFICULT, lambda _: "objects that are not difficult, by your settings")
        alive &= ~unwanted
    visible = _visible(objects, np.array(sizes, np.float64).reshape(-1, 2), area, alive)
    outside = alive & ~(visible.area >= _SMALLEST_AREA)
    drop(
        outside,
        Reason.OUTSIDE_IMAGE,
        lambda i: "a shape inside the image of {} x {} px".format(*sizes[objects.item[i]]),
    )
    alive &= ~outside
    marks = _on_frames(objects, visible, np.flatnonzero(alive), frames, min_area)
    alive[marks.source] = False
    drop(alive, Reason.SPLIT_BY_TILES, lambda _: f"a tile that holds {min_area:.0%} of the object")
    return marks


def _coordinates(objects: Objects, index: int) -> str:
    quad = objects.quad[index]
    return " ".join(f"{v:.15g}" for v in (objects.box[index] if np.isnan(quad[0]) else quad))


def _polygons(objects: Objects, which: IntArray) -> npt.NDArray[Any]:
    """Shapely polygons of objects; crossing quads are repaired."""
    import shapely

    quads = objects.quad[which]
    boxes = shapely.box(*objects.box[which].T)
    shapes = np.where(np.isnan(quads[:, 0]), boxes, shapely.polygons(np.nan_to_num(quads).reshape(-1, 4, 2)))
    return repaired(shapes)


def _visible(objects: Objects, sizes: FloatArray, area: FloatArray, alive: npt.NDArray[np.bool_]) -> _Visible:
    bounds, area = objects.box.copy(), area.copy()
    of_object = sizes[objects.item]
    inside = (bounds[:, :2] >= 0).all(axis=1) & (bounds[:, 2:] <= of_object).all(axis=1)
    crossing = np.flatnonzero(alive & ~inside)
    cut: dict[int, Any] = {}
    if len(crossing):
        import shapely

        width, height = of_object[crossing].T
        shapes = shapely.intersection(_polygons(objects, crossing), shapely.box(0, 0, width, height))
        bounds[crossing] = np.nan_to_num(shapely.bounds(shapes))
        area[crossing] = shapely.area(shapes)
        cut = dict(zip(crossing.tolist(), shapes, strict=True))
    return _Visible(bounds, area, cut)


def _on_frames(
    objects: Objects, visible: _Visible, alive: IntArray, frames: Sequence[Frame], min_area: float
) -> Marks:
    frame_item = np.array([f.item for f in frames], np.int64)
    first = np.searchsorted(frame_item, objects.item[alive], "left")
    count = np.searchsorted(frame_item, objects.item[alive], "right") - first
    windows = np.array([f.window or (0, 0, f.width, f.height) for f in frames], np.float64).reshape(-1, 4)
    tiled = np.array([f.window is not None for f in frames], bool)

    whole = (count == 1) & ~tiled[np.minimum(first, max(len(frames) - 1, 0))] if len(frames) else count > 0
    source, frame = alive[whole], first[whole]
    bounds = visible.bounds[source]
    was_cut = (objects.box[source] != bounds).any(axis=1)
    if not whole.all():
        found = _on_tiles(objects, visible, alive[~whole], first[~whole], count[~whole], windows, min_area)
        source = np.concatenate([source, found[0]])
        frame = np.concatenate([frame, found[1]])
        bounds = np.concatenate([bounds, found[2]])
        was_cut = np.concatenate([was_cut, (objects.box[found[0]] != found[2]).any(axis=1)])
        order = np.lexsort((source, frame))
        source, frame, bounds, was_cut = source[order], frame[order], bounds[order], was_cut[order]
    dx, dy = -windows[frame, 0], -windows[frame, 1]
    return Marks(
        frame=frame,
        source=source,
        class_id=objects.class_id[source],
        box=shift_boxes(bounds, dx, dy),
        quad=shift_quads(objects.quad[source], dx, dy),
        flags=objects.flags[source] | np.where(was_cut, ObjectFlag.CLIPPED, 0).astype(np.uint8),
        text=None if objects.text is None else objects.text[source],
    )


def _on_tiles(
    objects: Objects,
    visible: _Visible,
    which: IntArray,
    first: IntArray,
    count: IntArray,
    windows: FloatArray,
    min_area: float,
) -> tuple[IntArray, IntArray, FloatArray]:
    """Pairs (object, frame) that keep enough of the object, with the bounds of the part inside."""
    source, frame = _overlapping(visible.bounds[which], first, count, windows)
    source = which[source]
    bounds, window = visible.bounds[source], windows[frame]
    inside = (bounds[:, :2] >= window[:, :2]).all(axis=1) & (bounds[:, 2:] <= window[:, 2:]).all(axis=1)
    keep: npt.NDArray[np.bool_] = np.array(inside)
    bounds = bounds.copy()
    crossing = np.flatnonzero(~inside)
    if len(crossing):
        import shapely

        owners, position = np.unique(source[crossing], return_inverse=True)
        shapes = _polygons(objects, owners)
        for index, owner in enumerate(owners.tolist()):
            shapes[index] = visible.cut.get(owner, shapes[index])
        parts = shapely.intersection(shapes[position], shapely.box(*window[crossing].T))
        enough = shapely.area(parts) >= min_area * shapely.area(shapes)[position]
        keep[crossing] = enough
        bounds[crossing[enough]] = shapely.bounds(parts[enough])
    return source[keep], frame[keep], bounds[keep]


def _overlapping(
    bounds: FloatArray, first: IntArray, count: IntArray, windows: FloatArray
) -> tuple[IntArray, IntArray]:
    """All pairs of an object and a tile of its own image whose boxes overlap."""
    sources, frames = [], []
    for start in np.unique(first):
        rows = np.flatnonzero(first == start)
        tiles = windows[start : start + count[rows[0]]]
        boxes = bounds[rows]
        # Tiles form a grid, so columns and rows are tested apart: objects x (columns + rows).
        left, column = np.unique(tiles[:, 0], return_inverse=True)
        top, line = np.unique(tiles[:, 1], return_inverse=True)
        right = tiles[np.unique(column, return_index=True)[1], 2]
        bottom = tiles[np.unique(line, return_index=True)[1], 3]
        across = (boxes[:, None, 0] < right) & (boxes[:, None, 2] > left)
        down = (boxes[:, None, 1] < bottom) & (boxes[:, None, 3] > top)
        for position, tile in enumerate(range(start, start + len(tiles))):
            hit = rows[across[:, column[position]] & down[:, line[position]]]
            sources.append(hit)
            frames.append(np.full(len(hit), tile, np.int64))
    if not sources:
        empty = np.zeros(0, np.int64)
        return empty, empty
    return np.concatenate(sources), np.concatenate(frames)
