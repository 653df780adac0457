"""Marks drawn as an image of their own."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from earthmarker.prompts import Box, Letterbox, MarkError, Mask, Point, Polygon, PromptStyle, draw_prompt
from earthmarker.prompts.palette import colour

PLAIN = PromptStyle(digits=False)
SIZE = 96


def drawn(marks, width, height, size=SIZE, style=PLAIN, **kwargs):
    return np.asarray(draw_prompt(marks, width, height, size, style=style, **kwargs))


def where(canvas, index):
    """Pixels in the colour of a mark."""
    return (canvas == colour(index)).all(axis=-1)


sides = st.integers(8, 3000)


@st.composite
def scenes(draw, most=20):
    """Width, height and boxes and points on it."""
    width, height = draw(sides), draw(sides)
    marks = []
    for _ in range(draw(st.integers(1, most))):
        x, y = draw(st.floats(0, width - 1)), draw(st.floats(0, height - 1))
        if draw(st.booleans()):
            marks.append(Point(x, y))
        else:
            marks.append(Box(x, y, draw(st.floats(x + 0.5, width)), draw(st.floats(y + 0.5, height))))
    return width, height, marks


@settings(deadline=None, max_examples=60)
@given(sides, sides, st.data())
def test_a_box_lies_where_the_letterbox_says_within_a_pixel(width, height, data):
    x1, y1 = data.draw(st.floats(0, width * 0.9)), data.draw(st.floats(0, height * 0.9))
    box = Box(
        x1, y1, data.draw(st.floats(x1 + width / 20, width)), data.draw(st.floats(y1 + height / 20, height))
    )
    rows, columns = np.nonzero(where(drawn([box], width, height), 1))
    low, high = Letterbox(width, height, SIZE).to_canvas(np.array([(x1, y1), (box.x2, box.y2)]))
    for got, (a, b) in ((columns, (low[0], high[0])), (rows, (low[1], high[1]))):
        if b - a >= 3:
            assert abs(got.min() - a) <= 0.5 + 1e-6 and abs(got.max() + 1 - b) <= 0.5 + 1e-6
        else:
            assert 3 <= np.ptp(got) + 1 <= 4 and a - 3 <= got.min() and got.max() + 1 <= b + 3
    assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)


@settings(deadline=None, max_examples=60)
@given(sides, sides, st.data())
def test_a_point_is_a_disc_about_it(width, height, data):
    x, y = data.draw(st.floats(0, width)), data.draw(st.floats(0, height))
    style = PromptStyle(digits=False, radius=0.05, least=2)
    got = where(drawn([Point(x, y)], width, height, style=style), 1)
    cx, cy = Letterbox(width, height, SIZE).to_canvas(np.array([x, y]))
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    assert np.array_equal(got, np.hypot(columns - cx, rows - cy) <= 0.05 * SIZE)
    assert got.any()


@pytest.mark.parametrize(("radius", "least", "expected"), [(0.1, 3, 20), (0.001, 3, 3)])
def test_the_disc_grows_with_the_canvas_but_never_below_the_least(radius, least, expected):
    canvas = drawn([Point(50, 50)], 100, 100, 200, PromptStyle(digits=False, radius=radius, least=least))
    assert where(canvas, 1).sum() == pytest.approx(np.pi * expected**2, rel=0.15)


@settings(deadline=None, max_examples=50)
@given(scenes())
def test_every_mark_is_seen_unless_smaller_ones_cover_it(scene):
    width, height, marks = scene
    canvas = drawn(marks, width, height)
    alone = [where(drawn([m], width, height), 1) for m in marks]
    for i, own in enumerate(alone):
        over = np.zeros_like(own)
        for j, other in enumerate(alone):
            if j != i and (other.sum(), -j) <= (own.sum(), -i):
                over |= other
        # Exactly what no smaller mark covers is in its colour; of two as large the later lies on top.
        assert np.array_equal(where(canvas, i + 1), own & ~over)
    assert np.array_equal((canvas != 0).any(axis=-1), np.logical_or.reduce(alone))


@settings(deadline=None, max_examples=25)
@given(scenes(5), st.sampled_from(["filled", "outline", "overlay"]))
def test_nothing_given_is_changed(scene, shape):
    width, height, marks = scene
    width, height = min(width, 60), min(height, 60)
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture, mask = Image.fromarray(pixels), np.zeros((height, width), bool)
    mask[1:4, 2:7] = True
    marks = [*(Point(min(m.outline[0, 0], width), min(m.outline[0, 1], height)) for m in marks), Mask(mask)]
    before = copy.deepcopy([m.outline for m in marks])
    first = drawn(marks, width, height, style=PromptStyle(shape=shape), picture=picture)
    assert np.array_equal(first, drawn(marks, width, height, style=PromptStyle(shape=shape), picture=picture))
    assert all(np.array_equal(a, m.outline) for a, m in zip(before, marks, strict=True))
    assert np.array_equal(np.asarray(picture), pixels) and mask.sum() == 15


@pytest.mark.parametrize(
    ("over", "within"),
    [
        (Box(-50, 20, 40, 60), Box(0, 20, 40, 60)),
        (Box(60, 40, 900, 900), Box(60, 40, 100, 80)),
        (Box(-9, -9, 999, 999), Box(0, 0, 100, 80)),
        (Polygon(((-100, 20), (40, 20), (40, 60), (-100, 60))), Box(0, 20, 40, 60)),
    ],
)
def test_what_reaches_over_the_edge_is_cut_off_there(over, within):
    # The image is wider than high, so that there is padding which must stay black.
    assert np.array_equal(drawn([over], 100, 80), drawn([within], 100, 80))


@pytest.mark.parametrize("box", [Box(0, 0, 1, 4000), Box(3999, 0, 4000, 4000), Box(0, 3999.5, 4000, 4000)])
def test_thin_boxes_are_widened_to_what_can_be_seen(box):
    got = where(drawn([box], 4000, 4000, 512), 1)
    assert sorted(np.ptp(i) + 1 for i in np.nonzero(got)) == [3, 512]


def test_a_thin_slanted_polygon_is_whole():
    got = where(drawn([Polygon(((0, 0), (4000, 2001), (4000, 2000)))], 4000, 4000, 512), 1)
    assert got.any(axis=0).all(), "a column of the line is missing"
    assert got.sum() < 512 * 8


@pytest.mark.parametrize("index", [1, 9, 10, 20])
def test_digits_lie_inside_their_mark_and_tell_it_apart(index):
    marks = [*(Point(1, 1) for _ in range(index - 1)), Box(100, 100, 400, 300)]
    with_digits = drawn(marks, 500, 500, 256, PromptStyle(radius=0.01))
    plain = drawn(marks, 500, 500, 256, PromptStyle(radius=0.01, digits=False))
    written = (with_digits != plain).any(axis=-1)
    rows, columns = np.nonzero(written & where(plain, index))
    assert written[51:154, 51:205].any() and np.ptp(rows) >= 10
    # In the middle: digits of a font are not symmetric, so to some pixels.
    assert abs(columns.mean() - 127.5) < 4 and abs(rows.mean() - 102) < 4


def test_the_same_place_with_another_number_looks_different():
    pictures = [
        drawn([*([Point(2, 2)] * k), Box(20, 20, 90, 90)], 100, 100, style=PromptStyle(palette=False))
        for k in range(12)
    ]
    for a in range(12):
        for b in range(a):
            assert (pictures[a] != pictures[b]).any()


@settings(deadline=None, max_examples=30)
@given(scenes(8))
def test_digits_never_cover_another_mark(scene):
    width, height, marks = scene
    plain, numbered = (
        drawn(marks, width, height, 256, PromptStyle(digits=digits)) for digits in (False, True)
    )
    changed = (plain != numbered).any(axis=-1)
    for i in range(len(marks)):
        own = where(plain, i + 1)
        if (own & changed).any():
            rows, columns = np.nonzero(own & changed)
            block = own[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            assert block.all(), "a number reaches out of its mark"
        # Digits take a part of the colour, never all of it.
        assert (own & ~changed).sum() >= 0.25 * own.sum()


def test_a_small_mark_stays_a_colour():
    canvas = drawn([Box(50, 50, 54, 54)], 100, 100, style=PromptStyle())
    assert where(canvas, 1).sum() == (canvas != 0).any(axis=-1).sum() > 0


def test_the_number_moves_out_from_under_a_smaller_mark():
    marks = [Box(0, 0, 100, 100), Box(30, 30, 70, 70)]
    plain, numbered = (drawn(marks, 100, 100, 256, PromptStyle(digits=d)) for d in (False, True))
    changed = (plain != numbered).any(axis=-1)
    assert (changed & where(plain, 1)).sum() > 20 and (changed & where(plain, 2)).sum() > 20


def test_outlines_are_hollow():
    canvas = drawn([Box(20, 20, 80, 80)], 96, 96, style=PromptStyle(shape="outline", digits=False))
    got = where(canvas, 1)
    assert got[20:23, 20:80].all() and got[20:80, 77:80].all() and not got[23:77, 23:77].any()
    assert got.sum() == 60 * 60 - 54 * 54


def test_an_overlay_is_half_the_picture_and_half_the_colour():
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (60, 90, 3), dtype=np.uint8))
    style = PromptStyle(shape="overlay", digits=False)
    canvas = drawn([Box(0, 0, 45, 60)], 90, 60, style=style, picture=picture).astype(int)
    bare = np.asarray(Letterbox(90, 60, SIZE).fit(picture)).astype(int)
    marked = where(drawn([Box(0, 0, 45, 60)], 90, 60), 1)
    assert np.abs(canvas - (bare + colour(1)) / 2)[marked].max() <= 0.5
    assert np.array_equal(canvas[~marked], bare[~marked])
    with pytest.raises(ValueError, match="give it"):
        draw_prompt([Box(0, 0, 5, 5)], 90, 60, SIZE, style=style)


def test_without_the_palette_all_marks_are_white():
    canvas = drawn([Point(20, 20), Point(70, 70)], 96, 96, style=PromptStyle(palette=False, digits=False))
    assert {tuple(c) for c in canvas.reshape(-1, 3)} == {(0, 0, 0), (255, 255, 255)}


def test_the_whole_image_is_marked_and_the_padding_is_not():
    canvas = drawn([Box(0, 0, 200, 100)], 200, 100)
    assert where(canvas, 1)[24:72].all() and not canvas[:24].any() and not canvas[72:].any()


def test_twenty_marks_in_a_crowd_all_have_their_colour():
    marks = [Box(x, y, x + 30, y + 30) for y in range(0, 120, 31) for x in range(0, 150, 31)]
    canvas = drawn(marks, 155, 124, 256, PromptStyle())
    assert len(marks) == 20 and all(where(canvas, i + 1).sum() > 500 for i in range(20))


def test_more_marks_than_there_are_identities():
    with pytest.raises(MarkError, match="5 marks, but the model tells 4 apart"):
        draw_prompt([Point(i, i) for i in range(5)], 50, 50, SIZE, most=4)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shape": "fill"}, "expected one of filled, outline, overlay"),
        ({"least": 0}, "positive"),
        ({"radius": 2}, "part"),
    ],
)
def test_a_style_that_is_none(fields, message):
    with pytest.raises(ValueError, match=message):
        PromptStyle(**fields)
