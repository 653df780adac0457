"""Captions from geometry: their exact words, and where one word gives way to the next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.catalog import shipped
from rsvp_builder.geometry import quad_bounds
from rsvp_builder.record import Marks
from rsvp_builder.tasks import Asked, task
from rsvp_builder.tasks.region_caption import POSITIONS, SIZES, phrase, position_of, size_of

NO_QUAD = [np.nan] * 8


def marks_of(boxes, quads=None, class_ids=None):
    boxes = np.array(boxes, np.float64).reshape(-1, 4)
    n = len(boxes)
    return Marks(
        frame=np.arange(n),
        source=np.arange(n),
        class_id=np.array([0] * n if class_ids is None else class_ids, np.int64),
        box=boxes,
        quad=np.array([NO_QUAD] * n if quads is None else quads, np.float64).reshape(-1, 8),
        flags=np.zeros(n, np.uint8),
    )


def asked(marks, sizes, labels):
    return Asked(marks, sizes, labels, np.arange(len(marks) + 1), [])


def captions(marks, width, height, labels=("plane",)):
    sizes = np.tile([float(width), float(height)], (len(marks), 1))
    return task("region_caption").answer(asked(marks, sizes, list(labels))).lines.to_pylist()


def size_word(box, width, height, quad=None):
    marks = marks_of([box], None if quad is None else [quad])
    return SIZES[size_of(marks, np.array([[width, height]], float))[0]]


def position_word(x, y, width, height):
    marks = marks_of([[x - 1, y - 1, x + 1, y + 1]])
    return POSITIONS[position_of(marks, np.array([[width, height]], float))[0]]


def test_the_example_of_the_paper():
    assert captions(marks_of([[0, 300, 300, 600]]), 900, 900) == ["A big plane on the left"]


def test_every_combination_of_size_and_position_reads_as_documented():
    third, sides = 1000.0, {"small ": 50, "": 150, "big ": 400}
    boxes, expected = [], []
    for row in range(3):
        for column in range(3):
            for size, side in sides.items():
                x, y = third * column + 300, third * row + 300
                boxes.append([x, y, x + side, y + side])
                position = [
                    ["at the top left", "at the top", "at the top right"],
                    ["on the left", "in the center", "on the right"],
                    ["at the bottom left", "at the bottom", "at the bottom right"],
                ][row][column]
                expected.append(f"A {size}plane {position}")
    assert captions(marks_of(boxes), 3000, 3000) == expected
    assert len(set(expected)) == len(SIZES) * len(POSITIONS)


@pytest.mark.parametrize(
    ("box", "word"),
    [
        ([0, 0, 10, 99], "small"),  # 990 of a million
        ([0, 0, 10, 99.99], "small"),
        ([0, 0, 10, 100], ""),  # 0.1 % exactly
        ([0, 0, 100, 99.99], ""),
        ([0, 0, 100, 100], "big"),  # 1 % exactly
        ([0, 0, 1000, 1000], "big"),
    ],
)
def test_below_a_thousandth_is_small_and_from_a_hundredth_big(box, word):
    assert size_word(box, 1000, 1000) == word


def test_size_is_a_share_of_the_marks_own_frame():
    marks = marks_of([[0, 0, 50, 50]] * 3)
    sizes = np.array([[100.0, 100], [1000, 1000], [5000, 5000]])
    assert [SIZES[i] for i in size_of(marks, sizes)] == ["big", "", "small"]


def test_the_area_is_that_of_the_quad_where_there_is_one():
    thin_diagonal = [0, 0, 4, 0, 200, 196, 200, 200]
    assert size_word([0, 0, 200, 200], 1000, 1000) == "big"
    assert size_word([0, 0, 200, 200], 1000, 1000, thin_diagonal) == "small"


def test_the_area_is_at_most_that_of_the_box_where_the_quad_was_cut():
    quad = [-960, 0, 40, 0, 40, 40, -960, 40]
    assert size_word([0, 0, 40, 20], 1000, 1000, quad) == "small"


def test_a_quad_whose_edges_cross_is_as_big_as_what_it_covers():
    bow_tie = [100, 100, 500, 500, 500, 100, 100, 500]  # 8 % of the frame
    assert size_word([100, 100, 500, 500], 1000, 1000, bow_tie) == "big"


def test_marks_with_and_without_quads_mix():
    small = [10, 10, 20, 10, 20, 20, 10, 20]
    marks = marks_of([[0, 0, 900, 900], quad_bounds(np.array([small], float))[0]], [NO_QUAD, small])
    assert [SIZES[i] for i in size_of(marks, np.full((2, 2), 1000.0))] == ["big", "small"]


@pytest.mark.parametrize(
    ("x", "y", "word"),
    [
        (299.5, 450, "on the left"),
        (300, 450, "in the center"),  # a third belongs to what begins there
        (599.5, 450, "in the center"),
        (600, 450, "on the right"),
        (450, 299.5, "at the top"),
        (450, 300, "in the center"),
        (450, 599.5, "in the center"),
        (450, 600, "at the bottom"),
        (300, 300, "in the center"),
        (299.5, 299.5, "at the top left"),
        (600, 600, "at the bottom right"),
        (0, 0, "at the top left"),
        (900, 0, "at the top right"),
        (0, 900, "at the bottom left"),
        (900, 900, "at the bottom right"),
    ],
)
def test_thirds_begin_at_their_left_and_upper_edge(x, y, word):
    assert position_word(x, y, 900, 900) == word


def test_thirds_are_those_of_width_and_height_each():
    assert position_word(350, 50, 900, 90) == "in the center"
    assert position_word(50, 350, 90, 900) == "in the center"


@given(st.integers(1, 3000), st.integers(1, 3000), st.data())
def test_every_box_inside_a_frame_has_a_position_and_a_mirrored_box_the_mirrored_one(width, height, data):
    x1, x2 = sorted(data.draw(st.lists(st.integers(0, 2 * width), min_size=2, max_size=2, unique=True)))
    y1, y2 = sorted(data.draw(st.lists(st.integers(0, 2 * height), min_size=2, max_size=2, unique=True)))
    box = np.array([x1, y1, x2, y2]) / 2
    mirrored = [width - box[2], height - box[3], width - box[0], height - box[1]]
    sizes = np.array([[width, height]] * 2, float)
    one, other = position_of(marks_of([box, mirrored]), sizes).tolist()
    assert 0 <= one < 9
    centre = (box[:2] + box[2:]) * 3 / 2 / [width, height]
    if not np.isclose(centre % 1, [0, 0]).any() and not np.isclose(centre % 1, [1, 1]).any():
        assert other == 8 - one


@pytest.mark.parametrize(
    ("label", "start"),
    [
        ("airport", "An airport"),
        ("airplane", "An airplane"),
        ("expressway toll station", "An expressway toll station"),
        ("island", "An island"),
        ("overpass", "An overpass"),
        ("oil tank", "An oil tank"),
        ("umbrella", "An umbrella"),
        ("A220", "An A220"),
        ("plane", "A plane"),
        ("ship", "A ship"),
        ("harbor", "A harbor"),
        ("helipad", "A helipad"),
        ("yacht", "A yacht"),
        ("university", "A university"),
        ("unit of storage", "A unit of storage"),
        ("used car lot", "A used car lot"),
        ("eucalyptus grove", "A eucalyptus grove"),
        ("one-way road", "A one-way road"),
        ("utility truck", "A utility truck"),
    ],
)
def test_articles_go_by_sound(label, start):
    assert phrase(label, "", "at the top") == f"{start} at the top"


def test_the_article_is_that_of_the_size_word_where_there_is_one():
    assert phrase("airport", "big", "in the center") == "A big airport in the center"
    assert phrase("airport", "small", "in the center") == "A small airport in the center"
    assert phrase("university", "big", "in the center") == "A big university in the center"


@pytest.mark.parametrize(
    "label", ["large vehicle", "small vehicle", "Small Car", "huge crane", "tiny house", "big tank"]
)
@pytest.mark.parametrize("size", SIZES)
def test_a_label_with_a_size_in_it_gets_no_second(label, size):
    assert phrase(label, size, "at the top") == f"A {label} at the top"


@pytest.mark.parametrize("label", ["largemouth bass pond", "bigfoot", "smallholding"])
def test_a_label_that_merely_begins_like_a_size_gets_one(label):
    assert phrase(label, "big", "at the top") == f"A big {label} at the top"


def test_each_mark_gets_the_caption_of_its_own_class():
    marks = marks_of([[0, 0, 10, 10]] * 3, class_ids=[2, 0, 1])
    labels = ["airport", "ship", "large vehicle"]
    assert captions(marks, 3000, 3000, labels) == [
        "A large vehicle at the top left",
        "A small airport at the top left",
        "A small ship at the top left",
    ]


def test_captions_are_derived_and_kept_as_captions():
    answers = task("region_caption").answer(asked(marks_of([[0, 0, 1, 1]]), np.full((1, 2), 10.0), ["ship"]))
    assert (answers.provenance, answers.captions) == ("derived", answers.lines)


def test_no_marks_give_no_captions():
    assert captions(marks_of([]), 10, 10) == []


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_shipped_class_makes_sensible_captions(name):
    for label in shipped()[name].classes.values():
        for size in SIZES:
            words = phrase(label, size, "at the top").split()
            assert words[0] in ("A", "An")
            assert (words[0] == "An") == (words[1][0].lower() in "aeiou")
            assert sum(word in ("small", "big", "large") for word in words) <= 1
