"""Points on frames: each once, inside, and where a tile has the most around it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.ledger import Reason
from rsvp_builder.marks.points import box_points, place_points
from rsvp_builder.record import Item, ObjectFlag, Objects
from rsvp_builder.tiling import Tiling, frames_of

NAN = np.nan


def objects_of(n, item=None, boxes=None, quads=None, flags=None):
    return Objects(
        item=np.zeros(n, np.int64) if item is None else np.array(item, np.int64),
        line=np.arange(1, n + 1),
        class_id=np.arange(n) % 3,
        quad=np.full((n, 8), NAN) if quads is None else np.array(quads, float).reshape(n, 8),
        box=np.full((n, 4), NAN) if boxes is None else np.array(boxes, float).reshape(n, 4),
        flags=np.zeros(n, np.uint8) if flags is None else np.array(flags, np.uint8),
    )


def place(points, sizes=((200, 150),), item=None, tiling=None, **columns):
    points = np.array(points, float).reshape(-1, 2)
    objects = objects_of(len(points), item, **columns)
    items = [Item(f"train/{i}", "train", f"{i}.png", f"{i}.txt") for i in range(len(sizes))]
    tiling = tiling or Tiling(0)
    frames = [frame for i, (w, h) in enumerate(sizes) for frame in frames_of(i, w, h, tiling)]
    lost = {}
    return place_points(objects, points, items, list(sizes), frames, lost=lost), frames, lost


def test_a_point_keeps_its_place_class_and_flags_on_a_whole_image():
    marks, _, lost = place([[3.5, 7.5], [199.5, 149.5]], flags=[ObjectFlag.SHARED, 0])
    assert marks.point.tolist() == [[3.5, 7.5], [199.5, 149.5]]
    assert marks.class_id.tolist() == [0, 1]
    assert marks.flags.tolist() == [ObjectFlag.SHARED, 0]
    assert np.isnan(marks.box).all() and np.isnan(marks.quad).all()
    assert lost == {}


@pytest.mark.parametrize("point", [[-0.5, 3], [3, -1], [200, 3], [3, 150], [NAN, 3], [np.inf, 3]])
def test_a_point_outside_its_image_is_lost_with_the_reason(point):
    marks, _, lost = place([point, [1, 1]])
    assert marks.source.tolist() == [1]
    assert lost[0].reason == Reason.OUTSIDE_IMAGE
    assert "200 x 150" in lost[0].expected


@given(st.data())
def test_on_tiles_each_point_is_marked_once_where_it_is_farthest_from_the_edge(data):
    size, overlap = data.draw(st.integers(20, 90)), data.draw(st.integers(0, 19))
    sizes = data.draw(st.lists(st.tuples(st.integers(1, 300), st.integers(1, 300)), min_size=1, max_size=3))
    item, points = [], []
    for number, (width, height) in enumerate(sizes):
        for _ in range(data.draw(st.integers(0, 8))):
            item.append(number)
            x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
            points.append((x + 0.5, y + 0.5))
    marks, frames, lost = place(points, tuple(sizes), item, Tiling(size, overlap))
    assert lost == {}
    assert sorted(marks.source.tolist()) == list(range(len(points)))
    assert (np.diff(marks.frame) >= 0).all()
    for source, frame, moved in zip(marks.source, marks.frame, marks.point, strict=True):
        chosen = frames[frame]
        x1, y1 = (chosen.window or (0, 0))[:2]
        assert chosen.item == item[source]
        assert (moved[0] + x1, moved[1] + y1) == points[source]

        def depth(frame, point=points[source]):
            a, b, c, d = frame.window or (0, 0, frame.width, frame.height)
            return min(point[0] - a, c - point[0], point[1] - b, d - point[1])

        best = max(depth(frame) for frame in frames if frame.item == item[source])

        assert depth(chosen) == best


def test_a_box_gives_its_centre_and_a_quad_its_own():
    boxes = [[0, 0, 10, 20], [0, 0, 30, 30]]
    quads = [[NAN] * 8, [10, 0, 30, 10, 20, 30, 0, 20]]
    assert box_points(objects_of(2, boxes=boxes, quads=quads)).tolist() == [[5, 10], [15, 15]]


def test_what_has_no_box_gives_no_point():
    assert np.isnan(box_points(objects_of(1))).all()
