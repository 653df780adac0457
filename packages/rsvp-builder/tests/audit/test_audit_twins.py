"""Annotation twins: found in every orientation within the tolerance, and nothing else."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from rsvp_builder.audit.transforms import TRANSFORMS
from rsvp_builder.audit.twins import Layout, find_twins, same_layouts, usable

LABELS = ("ship", "plane", "bridge")


@st.composite
def layouts(draw, most=6):
    width, height = draw(st.integers(60, 300)), draw(st.integers(60, 300))
    boxes, labels = [], []
    for _ in range(draw(st.integers(1, most))):
        x1, y1 = draw(st.integers(0, width - 20)), draw(st.integers(0, height - 20))
        boxes.append((x1, y1, draw(st.integers(x1 + 5, width - 2)), draw(st.integers(y1 + 5, height - 2))))
        labels.append(draw(st.sampled_from(LABELS)))
    return Layout(width, height, np.array(boxes, float), tuple(labels))


def turned(layout, transform, shift=0.0, order=None):
    boxes = transform.of_boxes(layout.boxes, layout.width, layout.height) + shift
    order = range(len(boxes)) if order is None else order
    size = (layout.height, layout.width) if transform.swaps else (layout.width, layout.height)
    return Layout(*size, boxes[list(order)], tuple(layout.labels[n].upper() for n in order))


def brute(one, other, tolerance):
    """All transforms that make two layouts equal, by assigning boxes to each other."""
    found = set()
    if len(one.boxes) != len(other.boxes):
        return found
    for transform in TRANSFORMS:
        moved = turned(one, transform)
        if (moved.width, moved.height) != (other.width, other.height):
            continue
        cost = np.full((len(one.boxes), len(one.boxes)), 1e6)
        for i, box in enumerate(moved.boxes):
            for j, target in enumerate(other.boxes):
                apart = np.abs(box - target).max()
                if apart <= tolerance + 1e-9 and moved.labels[i].lower() == other.labels[j].lower():
                    cost[i, j] = apart
        rows, columns = linear_sum_assignment(cost)
        if cost[rows, columns].max() <= tolerance + 1e-9:
            found.add(transform)
    return found


@given(layouts(), st.sampled_from(TRANSFORMS), st.data())
def test_a_turned_copy_is_a_twin(layout, transform, data):
    noise = np.array([[data.draw(st.integers(-2, 2)) for _ in range(4)] for _ in layout.boxes], float)
    order = data.draw(st.permutations(range(len(layout.boxes))))
    [twin] = find_twins([layout, turned(layout, transform, noise, order)])
    assert (twin.first, twin.second) == (0, 1)
    assert transform in dict(twin.turns)
    assert dict(twin.turns)[transform] <= np.abs(noise).max()
    assert list(twin.turns) == sorted(twin.turns, key=lambda turn: turn[1])


@settings(max_examples=60)
@given(st.lists(layouts(most=2), min_size=2, max_size=6), st.sampled_from([0.0, 2.0, 30.0]), st.data())
def test_what_brute_force_finds_is_found(some, tolerance, data):
    some = [*some, turned(some[0], data.draw(st.sampled_from(TRANSFORMS)), shift=1.0)]
    expected = {
        (i, j): turns
        for (i, one), (j, other) in combinations(enumerate(some), 2)
        if (turns := brute(one, other, tolerance))
    }
    found = {(t.first, t.second): {turn for turn, _ in t.turns} for t in find_twins(some, tolerance)}
    assert found == expected


def test_an_edge_too_far_another_label_or_another_size_is_no_twin():
    base = Layout(100, 80, np.array([[10.0, 10, 30, 20], [50, 40, 70, 60]]), ("ship", "plane"))
    moved = base.boxes.copy()
    moved[0, 2] += 2.5
    others = [
        Layout(100, 80, moved, base.labels),
        Layout(100, 80, base.boxes, ("plane", "ship")),
        Layout(100, 81, base.boxes, base.labels),
        Layout(100, 80, base.boxes[:1], base.labels[:1]),
        Layout(100, 80, np.concatenate([base.boxes, base.boxes[:1]]), (*base.labels, "ship")),
    ]
    for other in others:
        assert find_twins([base, other]) == []


def test_boxes_on_top_of_each_other_are_assigned_one_to_one():
    one = Layout(100, 100, np.array([[10.0, 10, 30, 30], [11, 11, 31, 31], [60, 5, 70, 9]]), ("a",) * 3)
    other = Layout(100, 100, np.array([[12.0, 12, 32, 32], [10, 10, 30, 30], [60, 5, 70, 9]]), ("a",) * 3)
    doubled = Layout(100, 100, np.array([[10.0, 10, 30, 30], [60, 5, 70, 9], [60, 5, 70, 9]]), ("a",) * 3)
    assert len(find_twins([one, other])) == 1
    assert find_twins([one, doubled]) == []


def test_layouts_that_say_nothing_are_left_out():
    whole = Layout(100, 80, np.array([[0.0, 0, 100, 80]]), ("airport",))
    none = Layout(100, 80, np.empty((0, 4)), ())
    both = Layout(100, 80, np.array([[0.0, 0, 100, 80], [1, 2, 30, 40]]), ("airport", "plane"))
    assert [usable(layout) for layout in (whole, none, both)] == [False, False, True]
    assert find_twins([whole, whole, none, none, both]) == []
    assert same_layouts([whole, both, none, both, whole]) == [[1, 3]]


@given(layouts(), st.data())
def test_equal_layouts_are_grouped_whatever_their_order(layout, data):
    order = data.draw(st.permutations(range(len(layout.boxes))))
    again = turned(layout, TRANSFORMS[0], order=order)
    shifted = turned(layout, TRANSFORMS[0], shift=0.5)
    assert same_layouts([layout, again, shifted]) == [[0, 1], [2]]


def test_many_layouts_take_no_quadratic_time():
    rng = np.random.default_rng(4)
    corners = rng.integers(0, 700, (8_000, 2))
    boxes = np.concatenate([corners, corners + rng.integers(10, 100, (8_000, 2))], axis=1).astype(float)
    some = [Layout(800, 800, box[None], ("airport",)) for box in boxes]
    some.append(turned(some[17], TRANSFORMS[6]))
    found = find_twins(some)
    assert (17, 8_000) in {(t.first, t.second) for t in found}
    assert len(found) < 1000


def hrrsd(samples):
    """The real layouts, read straight from the XML: 1-based inclusive corners become half-open."""
    read = {}
    for path in sorted((samples / "HRRSD" / "OPT2017" / "Annotations").glob("[0-9]*.xml")):
        root = ET.parse(path).getroot()
        size = [int(root.findtext(f"size/{side}")) for side in ("width", "height")]
        boxes = [
            [
                int(node.findtext(f"bndbox/{edge}")) - edge.endswith("min")
                for edge in ("xmin", "ymin", "xmax", "ymax")
            ]
            for node in root.iter("object")
        ]
        names = tuple(node.findtext("name") for node in root.iter("object"))
        read[path.stem] = Layout(*size, np.array(boxes, float).reshape(-1, 4), names)
    return read


def test_transformed_copies_of_hrrsd_are_found(samples):
    read = hrrsd(samples)
    names, some = list(read), list(read.values())
    assert len(some) > 250
    expected = {
        (i, j)
        for (i, one), (j, other) in combinations(enumerate(some), 2)
        if sorted((one.width, one.height)) == sorted((other.width, other.height)) and brute(one, other, 2.0)
    }
    found = {(t.first, t.second) for t in find_twins(some)}
    assert found == expected
    assert len(found) >= 1, f"no copies among {names}"


@pytest.mark.parametrize("count", [3000])
def test_a_crowd_of_boxes_needs_little_memory(count):
    rng = np.random.default_rng(6)
    corners = rng.uniform(0, 3900, (count, 2))
    one = Layout(4000, 3000, np.concatenate([corners, corners + 15], axis=1), ("car",) * count)
    [twin] = find_twins([one, turned(one, TRANSFORMS[7], order=rng.permutation(count).tolist())])
    assert twin.turns[0][0] == TRANSFORMS[7]
