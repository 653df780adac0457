"""What is known of a row in words, against places and sizes worked out by hand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.captioning.known import facts, known_regions


def known(made, *marks, **changes):
    row = made.row(list(marks), **changes)
    return known_regions(row, [mark["index"] for mark in marks])


@pytest.mark.parametrize(
    ("xyxy", "place"),
    [
        ((0, 0, 40, 30), "at the top left (centre 5 % across, 5 % down)"),
        ((180, 135, 220, 165), "in the center (centre 50 % across, 50 % down)"),
        ((380, 280, 400, 300), "at the bottom right (centre 98 % across, 97 % down)"),
        ((0, 140, 40, 160), "on the left (centre 5 % across, 50 % down)"),
    ],
)
def test_place(made, xyxy, place):
    assert place in known(made, made.box(1, xyxy, "ship"))[0].known


def test_size_of_box_quad_and_cut_quad(made):
    square = made.box(1, (100, 100, 140, 120), "ship")
    # A rectangle of 50 x 10 whose long side runs along (3, 4): its box is 38 x 46.
    quad = [100.0, 106.0, 130.0, 146.0, 138.0, 140.0, 108.0, 100.0]
    turned = made.box(2, (100, 100, 138, 146), "ship", quad=quad)
    cut = made.box(3, (100, 100, 138, 146), "ship", quad=quad, flags=["clipped"])
    sizes = [re.search(r"[\d.]+ x [\d.]+ px.*", each.known)[0] for each in known(made, square, turned, cut)]
    assert sizes == ["40 x 20 px", "50 x 10 px", "38 x 46 px, cut by the edge of the image"]
    metres = [
        re.search(r"[\d.]+ x [\d.]+ m", each.known)[0] for each in known(made, square, turned, gsd=0.25)
    ]
    assert metres == ["10 x 5 m", "12 x 2.5 m"]


@pytest.mark.parametrize("gsd", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_without_a_sampling_distance_no_metres_are_given(made, gsd):
    row = made.row([made.box(1, (0, 0, 10, 10), "ship"), made.box(2, (20, 0, 30, 10), "ship")], gsd=gsd)
    assert "no sizes or distances in metres" in facts(row, [1, 2])
    assert not re.search(r"\d m\b", " ".join(r.known + r.nearest for r in known_regions(row, [1, 2])))


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        ((100, 0), "to its right"),
        ((80, 80), "to its lower right"),
        ((0, 100), "below it"),
        ((-80, 80), "to its lower left"),
        ((-100, 0), "to its left"),
        ((-80, -80), "to its upper left"),
        ((0, -100), "above it"),
        ((80, -80), "to its upper right"),
    ],
)
def test_the_direction_is_that_from_the_mark_to_its_neighbour(made, offset, said):
    x, y = 200 + offset[0], 150 + offset[1]
    one, other = made.box(1, (195, 145, 205, 155), "ship"), made.box(2, (x - 5, y - 5, x + 5, y + 5), "ship")
    first = known(made, one, other)[0]
    assert first.nearest == f"nearest to it is <Region 2>, {said}"


def test_containment_is_said_from_both_sides(made):
    outer, inner = known(made, made.box(1, (0, 0, 200, 200), "harbor"), made.box(2, (10, 10, 30, 30), "ship"))
    assert outer.nearest == "nearest to it is <Region 2>, which lies in it"
    assert inner.nearest == "nearest to it is <Region 1>, which it lies in"
    assert known(made, made.box(1, (0, 0, 9, 9), "ship"))[0].nearest == ""


def test_points_and_marks_without_a_class(made):
    point = made.box(1, (), None) | {"kind": "point", "xyxy": None, "xy": [200.0, 150.0]}
    text = made.box(2, (0, 0, 40, 40), None, caption="The ship on the left", flags=["occluded", "shared"])
    first, second = known(made, point, text)
    assert first.known == "<Region 1>: class unknown, in the center (centre 50 % across, 50 % down)"
    assert second.known.endswith('40 x 40 px, partly hidden, described by people as "The ship on the left"')


def test_photographs_are_not_said_to_be_seen_from_above(made):
    said = facts(made.row([made.box(1, (0, 0, 9, 9), "dog")], domain="natural"), [1])
    assert said.startswith("The image is a photograph.") and "ground" not in said


@given(seed=st.integers(0, 10_000), gsd=st.sampled_from([None, 0.3, 15.0]))
def test_every_drawn_mark_is_told_once_on_a_line_of_its_own(made, seed, gsd):
    row = made.Writer(seed).row(gsd=gsd)
    shown = [mark["index"] for mark in row["marks"]][::2]
    regions = known_regions(row, shown)
    assert [region.index for region in regions] == shown
    for region, mark in zip(regions, row["marks"][::2], strict=True):
        assert region.known.startswith(f"<Region {mark['index']}>: {mark['label']}, ")
        assert "\n" not in region.known + region.nearest
        neighbour = re.findall(r"<Region (\d+)>", region.nearest)
        assert len(neighbour) == min(1, len(shown) - 1)
        assert all(int(number) in shown and int(number) != region.index for number in neighbour)
        assert not re.search(r"\b(?:red|green|blue|yellow|orange|white|#[0-9a-f]{6}|rgb)\b", region.known)
