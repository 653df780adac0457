"""Marks that can be drawn, and the messages about those that cannot."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthmarker.errors import EarthMarkerError
from earthmarker.prompts import (
    Box,
    MarkError,
    Mask,
    Point,
    Polygon,
    check_citations,
    check_marks,
    looks_like_xywh,
)
from earthmarker.prompts.marks import area, clipped

W, H = 640, 480
SQUARE = Polygon(((10, 10), (90, 10), (90, 90), (10, 90)))


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        (Box(10, 10, 10, 50), r"mark 1: box 10 10 10 50 has no area.*x, y, width, height"),
        (Box(300, 200, 40, 30), r"box 300 200 40 30 has no area"),
        (Box(math.nan, 0, 5, 5), r"box nan 0 5 5 has a coordinate that is not finite"),
        (Box(0, 0, math.inf, 5), r"not finite"),
        (Box(640, 0, 700, 50), r"box 640 0 700 50 lies outside the image of 640 x 480 pixels"),
        (Box(-50, -50, 0, 0), r"lies outside"),
        (Point(-0.1, 5), r"point -0.1 5 lies outside the image of 640 x 480 pixels; coordinates are pixels"),
        (Point(5, 480.5), r"lies outside"),
        (Point(5, math.nan), r"not finite"),
        (Polygon(((1, 1), (5, 5))), r"polygon of 2 vertices has no area"),
        (Polygon(((1, 1), (5, 5), (9, 9))), r"has no area"),
        (Polygon(((700, 1), (800, 1), (800, 90))), r"polygon 700 1, 800 1, 800 90 lies outside"),
        (Polygon(((1, 1), (5, 5), (9, math.inf))), r"not finite"),
        (Mask(np.zeros((H, W), bool)), r"the mask is empty"),
        (Mask(np.ones((W, H), bool)), r"mask of \(640, 480\), but the image is \(height 480, width 640\)"),
    ],
)
def test_what_cannot_be_drawn_is_refused(mark, message):
    with pytest.raises(MarkError, match=message) as caught:
        check_marks([mark], W, H, 20)
    assert isinstance(caught.value, EarthMarkerError) and isinstance(caught.value, ValueError)


def test_a_polygon_around_a_corner_that_does_not_touch_the_image_lies_outside():
    # Its box overlaps the image, the polygon itself does not.
    around = Polygon(((-50, -50), (300, -50), (300, -10), (-10, -10), (-10, 300), (-50, 300)))
    with pytest.raises(MarkError, match="outside"):
        check_marks([around], W, H, 20)


def test_the_message_counts_marks_from_one():
    with pytest.raises(MarkError, match=r"mark 3: "):
        check_marks([Point(1, 1), SQUARE, Box(5, 5, 5, 9)], W, H, 20)


@pytest.mark.parametrize(
    "mark",
    [Box(-10, -10, 5, 5), Box(0, 0, W, H), Point(0, 0), Point(W, H), SQUARE, Box(600, 0, 1e6, 1)],
)
def test_what_reaches_over_the_edge_may_be_drawn(mark):
    check_marks([mark], W, H, 20)


def test_more_marks_than_the_model_tells_apart_are_refused_and_never_cut():
    check_marks([Point(i, 1) for i in range(20)], W, H, 20)
    with pytest.raises(MarkError, match=r"21 marks, but the model tells 20 apart.*max_marks"):
        check_marks([Point(i, 1) for i in range(21)], W, H, 20)


coordinates = st.floats(-40, 60, allow_nan=False)


@settings(deadline=None)
@given(coordinates, coordinates, coordinates, coordinates)
def test_clipping_a_box_is_clipping_its_numbers(x1, y1, x2, y2):
    (x1, x2), (y1, y2) = sorted((x1, x2)), sorted((y1, y2))
    part = clipped(Box(x1, y1, x2, y2).outline, 30, 20)
    wide, tall = (max(0.0, min(b, limit) - max(a, 0)) for a, b, limit in ((x1, x2, 30), (y1, y2, 20)))
    assert area(part) == pytest.approx(wide * tall, abs=1e-6)
    assert (part >= 0).all() and (part <= (30, 20)).all()


@settings(deadline=None)
@given(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=3))
def test_clipping_on_both_sides_of_a_line_keeps_all_area(triangle):
    outline = np.array(triangle)
    shifted = outline + 100
    left, right = clipped(shifted, 110, 1000), clipped(shifted - (110, 0), 1000, 1000)
    assert area(left) + area(right) == pytest.approx(area(outline), abs=1e-6)


def test_area_of_a_small_shape_far_from_the_corner():
    assert area(np.array([(1e8, 1e8), (1e8 + 1, 1e8), (1e8, 1e8 + 1)])) == 0.5


@pytest.mark.parametrize(
    "question",
    [
        "What is <Region 7>?",
        "Compare <Mark 1> with <Mark 4>.",
        "Please identify the category of region 4 in the image.",
        "<region 0>",
        "points 9",
    ],
)
def test_a_question_about_a_mark_that_is_not_there(question):
    with pytest.raises(MarkError, match=r"cites mark \d \(.*but there are 3 marks.*give the mark"):
        check_citations(question, [Point(1, 1)] * 3)


@pytest.mark.parametrize(
    "question",
    [
        "<Region 1> and <Region 3>",
        "region 2?",
        "How many regions?",
        "point 4.5 degrees",
        "Are there 7 planes?",
    ],
)
def test_other_questions_are_let_through(question):
    check_citations(question, [Point(1, 1)] * 3)


def test_one_mark_is_spoken_of_as_one():
    with pytest.raises(MarkError, match="there is 1 mark,"):
        check_citations("region 2", [SQUARE])


@pytest.mark.parametrize(
    ("boxes", "suspected"),
    [
        ([(10, 10, 100, 100)], False),
        ([(300, 200, 40, 30)], True),  # degenerate as corners, fits as sizes
        ([(300, 200, 400, 30)], False),  # degenerate, and too large as sizes
        ([(10, 10, 50, 60)] * 4, False),
        ([(10 + i, 10, 50, 60) for i in range(5)], True),  # all in one quarter
        ([*[(10 + i, 10, 50, 60) for i in range(5)], (400, 300, 600, 420)], False),
        ([(0, 0, W, H)] * 9, False),  # whole images either way
        ([], False),
    ],
)
def test_sizes_given_for_corners_are_suspected(boxes, suspected):
    assert looks_like_xywh([Box(*b) for b in boxes], W, H) is suspected


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 600), st.floats(0, 400)), min_size=1), st.data())
def test_boxes_of_which_one_lies_to_the_lower_right_are_never_suspected(corners, data):
    boxes = [Box(x, y, data.draw(st.floats(x + 1, W)), data.draw(st.floats(y + 1, H))) for x, y in corners]
    boxes.append(Box(400, 300, 600, 450))
    assert not looks_like_xywh(boxes, W, H)
