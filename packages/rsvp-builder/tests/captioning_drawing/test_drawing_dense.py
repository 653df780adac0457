"""Dense scenes: enlarged parts beside the whole picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rsvp_builder.captioning.drawing import DrawingSettings, draw
from rsvp_builder.captioning.drawing.dense import parts_of
from rsvp_builder.captioning.drawing.shapes import shapes_of
from rsvp_builder.captioning.request import Subject


def box(index: int, x: float, y: float, wide: float, high: float | None = None) -> dict:
    xyxy = [x, y, x + wide, y + (high or wide)]
    return {"index": index, "kind": "box", "xyxy": xyxy, "xy": None, "quad": None, "label": "car"}


def point(index: int, x: float, y: float) -> dict:
    return {"index": index, "kind": "point", "xyxy": None, "xy": [x, y], "quad": None, "label": "car"}


def drawn(marks: list[dict], size: tuple[int, int], image: Image.Image | None = None, **options):
    buffer = io.BytesIO()
    (image or Image.new("RGB", size, "#607080")).save(buffer, "PNG", compress_level=1)
    row = {"id": "r", "width": size[0], "height": size[1], "window": None, "marks": marks}
    return draw(Subject(row, buffer.getvalue()), DrawingSettings(**{"format": "png"} | options))


def car_park(columns: int, rows: int, x: float, y: float, first: int = 1) -> list[dict]:
    return [
        box(first + columns * r + c, x + 12 * c, y + 22 * r, 8, 18)
        for r in range(rows)
        for c in range(columns)
    ]


def test_a_picture_with_large_marks_is_sent_alone():
    found = drawn([box(1, 100, 100, 200), box(2, 500, 500, 90)], (1024, 1024))
    assert len(found.pictures) == 1
    assert found.choice == {"mode": "whole", "left_out": []}


def test_a_crowd_gets_a_part_in_which_every_mark_has_its_number():
    found = drawn([*car_park(10, 2, 400, 300), box(21, 50, 600, 300)], (1024, 1024))
    assert found.choice["mode"] == "tiled"
    [part] = found.choice["parts"]
    assert part["marks"] == list(range(1, 21))
    x1, y1, x2, y2 = part["box"]
    assert x1 <= 400
    assert y1 <= 300
    assert x2 - x1 == y2 - y1 <= 512
    assert [(p.width, p.height) for p in found.pictures] == [(1024, 1024), (1024, 1024)]
    assert found.shown == tuple(range(1, 22))


def test_two_crowds_get_a_part_each():
    marks = [*car_park(6, 2, 100, 120), *car_park(6, 2, 850, 850, 13)]
    found = drawn(marks, (1024, 1024))
    assert [p["marks"] for p in found.choice["parts"]] == [list(range(1, 13)), list(range(13, 25))]


def test_points_that_crowd_are_taken_apart():
    marks = [point(1 + 5 * r + c, 300 + 9 * c, 400 + 9 * r) for r in range(4) for c in range(5)]
    found = drawn(marks, (800, 800))
    assert [p["marks"] for p in found.choice["parts"]] == [list(range(1, 21))]


def test_numbers_of_a_part_do_not_fill_the_whole_picture():
    """Most numbers of a crowd have no room beside their marks there, and are not led away."""
    marks = car_park(12, 3, 300, 300)
    with_parts = np.asarray(Image.open(io.BytesIO(drawn(marks, (1024, 1024)).pictures[0].content)), np.int16)
    without = drawn(marks, (1024, 1024), max_parts=0)
    heap = np.asarray(Image.open(io.BytesIO(without.pictures[0].content)), np.int16)
    ground = np.array((0x60, 0x70, 0x80))
    inked, heaped = (int((a != ground).any(axis=2).sum()) for a in (with_parts, heap))
    assert inked < 0.7 * heaped
    assert without.shown == tuple(range(1, 37))


def test_a_part_shows_what_is_there():
    """The object of a mark lies in the part where its box says, at the scale of the part."""
    size, marks = (2400, 1800), [box(1, 1500, 900, 12), box(2, 1560, 960, 14)]
    image = Image.new("RGB", size, "#202020")
    image.paste("#f0f0f0", (1500, 900, 1512, 912))
    found = drawn(marks, size, image)
    [part] = found.choice["parts"]
    x1, y1, x2, _ = part["box"]
    sent = Image.open(io.BytesIO(found.pictures[1].content)).convert("L")
    scale = sent.width / (x2 - x1)
    inside = sent.getpixel((round((1506 - x1) * scale), round((906 - y1) * scale)))
    beside = sent.getpixel((round((1480 - x1) * scale), round((906 - y1) * scale)))
    assert inside > 225
    assert beside < 45


def test_huge_picture_with_small_marks():
    rng = np.random.default_rng(5)
    marks = [box(i, *rng.uniform(0, 5900, 2).tolist(), 30) for i in range(1, 21)]
    shapes, _ = shapes_of(marks, (6000, 6000))
    parts = parts_of(shapes, (6000, 6000), 1536 / 6000, 16, 4, 1024)
    assert len(parts) == 4
    assert all(1024 / (p.box[2] - p.box[0]) * 6000 / 1536 >= 1.9 for p in parts)
    assert len({s.index for p in parts for s in p.shapes}) >= 12


@pytest.mark.parametrize("options", [{"max_parts": 0}, {"legible": 0}])
def test_parts_can_be_switched_off(options: dict):
    found = drawn(car_park(10, 2, 400, 300), (1024, 1024), **options)
    assert len(found.pictures) == 1
    assert found.shown == tuple(range(1, 21))


def test_three_hundred_ships_are_capped_and_told():
    rng = np.random.default_rng(2)
    marks = [box(i, *rng.uniform(0, 850, 2).tolist(), 40, 12) for i in range(1, 301)]
    found = drawn(marks, (1200, 900))
    assert len(found.shown) == 40
    assert len(found.choice["left_out"]) == 260
    assert not set(found.shown) & set(found.choice["left_out"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 2900), st.floats(0, 1900), st.floats(1, 99)),
        max_size=30,
        unique_by=lambda m: m[:2],
    ),
    st.integers(0, 6),
    st.floats(0.1, 1.5),
)
def test_parts_are_squares_in_the_picture_with_their_marks(places, most: int, scale: float):
    size = (3000, 2000)
    marks = [box(i, *place) if i % 4 else point(i, *place[:2]) for i, place in enumerate(places, start=1)]
    shapes, _ = shapes_of(marks, size)
    parts = parts_of(shapes, size, scale, 16, most, 1024)
    assert len(parts) <= most
    assert [p.box[1] for p in parts] == sorted(p.box[1] for p in parts)
    for part in parts:
        x1, y1, x2, y2 = part.box
        assert 0 <= x1 < x2 <= size[0]
        assert 0 <= y1 < y2 <= size[1]
        assert x2 - x1 == y2 - y1 or y2 - y1 == size[1]
        assert 1024 / max(x2 - x1, y2 - y1) / scale >= 1.9
        assert part.shapes
        held = {
            s.index
            for s in shapes
            if s.corners[:, 0].min() >= x1
            and s.corners[:, 1].min() >= y1
            and s.corners[:, 0].max() <= x2
            and s.corners[:, 1].max() <= y2
        }
        assert {s.index for s in part.shapes} == held
    if most and not parts:
        crowded = [s for s in shapes if not s.is_point and s.longer * scale < 16]
        assert not crowded or 1024 / (2 * scale) >= max(size)
