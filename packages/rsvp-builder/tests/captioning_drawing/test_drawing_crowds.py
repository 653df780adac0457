"""Crowds and odd coordinates: when a part is sent because numbers lack room, and what is still drawn."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rsvp_builder.captioning.drawing import DrawingSettings, draw
from rsvp_builder.captioning.drawing.pen import numbers_of
from rsvp_builder.captioning.drawing.shapes import shapes_of
from rsvp_builder.captioning.request import Subject

SIZE = (900, 900)


def box(index: int, x: float, y: float, wide: float, high: float, **more) -> dict:
    xyxy = [x, y, x + wide, y + high]
    return {"index": index, "kind": "box", "xyxy": xyxy, "xy": None, "quad": None, "label": "car"} | more


def parked(columns: int, rows: int) -> list[dict]:
    """Cars larger and farther apart than ``legible``, but closer than numbers are wide."""
    return [
        box(1 + columns * r + c, 330 + 17 * c, 330 + 36 * r, 14, 31)
        for r in range(rows)
        for c in range(columns)
    ]


def drawn(marks: list[dict], **options):
    buffer = io.BytesIO()
    Image.new("RGB", SIZE, "#607080").save(buffer, "PNG", compress_level=1)
    row = {"id": "r", "width": SIZE[0], "height": SIZE[1], "window": None, "marks": marks}
    return draw(Subject(row, buffer.getvalue()), DrawingSettings(format="png", **options))


def places_of(
    marks: list[dict], scale: float = 1.0, x: float = 0, y: float = 0, size: tuple[int, int] = SIZE
):
    shapes, _ = shapes_of(marks, SIZE)
    shapes = sorted((s.moved(x, y, scale) for s in shapes), key=lambda s: (-s.area, s.index))
    return numbers_of(size, shapes, DrawingSettings())


def test_numbers_without_room_are_a_crowd_though_each_mark_is_legible():
    marks = parked(5, 4)
    assert max(place.away for place in places_of(marks)) > 1
    found = drawn(marks)
    [part] = found.choice["parts"]
    assert part["marks"] == list(range(1, 21))
    x1, y1, x2, y2 = part["box"]
    scale = found.pictures[1].width / (x2 - x1)
    in_part = places_of(marks, scale, x1, y1, (found.pictures[1].width, found.pictures[1].height))
    assert len(in_part) == 20
    assert max(place.away for place in in_part) <= 1
    assert y2 > y1


def test_a_few_marks_side_by_side_are_no_crowd():
    found = drawn(parked(4, 1))
    assert found.choice == {"mode": "whole", "left_out": []}


@pytest.mark.parametrize("options", [{"max_parts": 0}, {"legible": 0}, {"numbers": False}])
def test_a_crowd_is_sent_whole_where_parts_are_switched_off(options: dict):
    found = drawn(parked(5, 4), **options)
    assert len(found.pictures) == 1
    assert found.shown == tuple(range(1, 21))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(300, 500), st.floats(300, 500)), min_size=2, max_size=25))
def test_distance_told_is_that_of_the_tag_from_its_mark(corners):
    marks = [box(i, x, y, 9, 7) for i, (x, y) in enumerate(corners, start=1)]
    shapes, _ = shapes_of(marks, SIZE)
    by_index = {s.index: shapely.Polygon(s.corners) for s in shapes}
    for place in places_of(marks):
        gap = by_index[place.index].distance(shapely.box(*place.box))
        high = place.box[3] - place.box[1]
        assert place.away == 0 or not place.inside
        if math.isfinite(place.away):
            # The tag's middle lies on a ray from the mark's, moved by that many heights.
            assert gap <= place.away * high + 5
        if place.away == 0:
            assert gap <= 5


def test_hardly_a_line_runs_under_another_number():
    """Eight heaps of twenty marks: 44 lines do where places are chosen without regard to it."""
    led = under = 0
    for seed in range(8):
        corners = np.random.default_rng(seed).uniform(380, 480, (20, 2))
        marks = [box(i, x, y, 9, 7) for i, (x, y) in enumerate(corners.tolist(), start=1)]
        places = places_of(marks)
        tags = {place.index: shapely.box(*place.box) for place in places}
        for place in places:
            mark = shapely.box(*marks[place.index - 1]["xyxy"])
            line = shapely.shortest_line(tags[place.index].centroid, mark)
            led += place.away > 0
            under += sum(line.intersects(t.buffer(-1)) for i, t in tags.items() if i != place.index)
    assert led > 40
    assert under <= 20


def test_above_and_below_come_before_the_corners():
    [place] = places_of([box(1, 400, 400, 10, 10)])
    assert (place.box[0] + place.box[2]) / 2 == pytest.approx(405, abs=1)
    assert place.box[3] <= 400
    [under] = places_of([box(1, 400, 0, 10, 10)])
    assert (under.box[0] + under.box[2]) / 2 == pytest.approx(405, abs=1)
    assert under.box[1] >= 10


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(4)), st.floats(0, math.pi), st.floats(30, 200), st.floats(30, 200))
def test_a_rectangle_is_the_same_in_any_order_of_its_corners(order, angle: float, wide: float, high: float):
    """Annotators leave quads whose sides cross; the shoelace formula gives those little area or none."""
    corners = np.array([(-wide, -high), (wide, -high), (wide, high), (-wide, high)]) / 2
    turn = np.array([(math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))])
    quad = (corners @ turn.T + 450)[list(order)]
    shapes, lost = shapes_of([box(1, 300, 300, 300, 300, quad=quad.ravel().tolist())], SIZE)
    assert lost == []
    [shape] = shapes
    assert shape.area == pytest.approx(wide * high, rel=1e-9)
    whole = shapely.MultiPoint(quad).convex_hull
    assert shapely.Polygon(shape.corners).symmetric_difference(whole).area < 1e-6 * whole.area


def test_a_quad_with_a_corner_turned_in_stays_as_it_is():
    quad = [300, 300, 500, 300, 340, 340, 300, 500]
    [shape], _ = shapes_of([box(1, 300, 300, 200, 200, quad=quad)], SIZE)
    assert shape.corners.ravel().tolist() == quad


@pytest.mark.parametrize(
    "quad",
    [[400, 400, 420, 400, 440, 400, 450, 400], [math.nan] * 8, [1.0] * 7, []],
    ids=["a line", "no numbers", "too few", "empty"],
)
def test_a_quad_that_cannot_be_drawn_gives_way_to_the_box(quad: list[float]):
    with_box = drawn([box(1, 400, 380, 50, 40, quad=quad)])
    assert with_box == drawn([box(1, 400, 380, 50, 40)])


@pytest.mark.parametrize("bad", [{"xyxy": [1.0, 2.0]}, {"xyxy": []}, {"kind": "point", "xy": [3.0]}])
def test_coordinates_of_the_wrong_number_are_left_out(bad: dict):
    found = drawn([box(1, 100, 100, 300, 300), box(2, 0, 0, 9, 9) | bad])
    assert found.shown == (1,)
    assert found.choice["left_out"] == [2]
