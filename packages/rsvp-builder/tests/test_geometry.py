"""Boxes and quads as arrays, held against shapely and plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rsvp_builder.geometry import box_area, quad_area, quad_bounds, shift_boxes, shift_quads

COORDINATE = st.floats(-5000, 5000, allow_nan=False, width=32)
QUADS = arrays(np.float64, st.tuples(st.integers(1, 8), st.just(8)), elements=COORDINATE)
BOXES = arrays(np.float64, st.tuples(st.integers(1, 8), st.just(4)), elements=COORDINATE)
SHIFT = st.integers(-30_000, 30_000)


@given(QUADS)
def test_bounds_of_quads_are_those_of_shapely(quads):
    np.testing.assert_array_equal(
        quad_bounds(quads), shapely.bounds(shapely.polygons(quads.reshape(-1, 4, 2)))
    )


@given(arrays(np.float64, (8,), elements=COORDINATE))
def test_area_of_a_simple_quad_is_that_of_shapely(quad):
    polygon = shapely.Polygon(quad.reshape(4, 2))
    assume(polygon.is_valid)
    # Exact up to rounding in products of two extents.
    spread = np.prod(np.ptp(quad.reshape(4, 2), axis=0))
    assert quad_area(quad[None])[0] == pytest.approx(polygon.area, rel=1e-9, abs=1e-12 * (1 + spread))


@given(
    st.floats(1, 500),
    st.floats(1, 500),
    st.floats(0, 2 * np.pi),
    st.booleans(),
    st.integers(0, 3),
    SHIFT,
    SHIFT,
)
def test_area_depends_neither_on_rotation_nor_on_direction_nor_on_the_first_vertex(
    w, h, angle, back, first, x, y
):
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]]) @ [
        [np.cos(angle), np.sin(angle)],
        [-np.sin(angle), np.cos(angle)],
    ] + [x, y]
    corners = np.roll(corners[:: -1 if back else 1], first, axis=0)
    assert quad_area(corners.reshape(1, 8))[0] == pytest.approx(w * h, rel=1e-6)


@pytest.mark.parametrize(
    "quad",
    [[5, 5, 5, 5, 5, 5, 5, 5], [0, 0, 10, 10, 20, 20, 30, 30], [3, 0, 3, 50, 3, 50, 3, 0]],
    ids=["point", "slanting line", "upright line"],
)
def test_a_point_or_a_line_has_no_area(quad):
    assert quad_area(np.array([quad], float)).tolist() == [0]


def test_a_concave_quad_has_the_area_that_it_covers():
    assert quad_area(np.array([[0.0, 0, 10, 0, 2, 2, 0, 10]])).tolist() == [20]


def test_halves_of_a_crossing_quad_cancel_out():
    assert quad_area(np.array([[0.0, 0, 10, 10, 10, 0, 0, 10]])).tolist() == [0]


@pytest.mark.parametrize("origin", [2.0**31, 2.0**33, -(2.0**33)])
def test_beyond_32_bits_coordinates_keep_their_fractions(origin):
    quad = np.array([[0.25, 0.5, 3.25, 0.5, 3.25, 2.5, 0.25, 2.5]]) + origin
    assert quad_area(quad).tolist() == [6]
    assert (quad_bounds(quad) - origin).tolist() == [[0.25, 0.5, 3.25, 2.5]]
    assert box_area(quad_bounds(quad)).tolist() == [6]
    assert shift_quads(quad, -origin, -origin).tolist() == [[0.25, 0.5, 3.25, 0.5, 3.25, 2.5, 0.25, 2.5]]


def test_the_area_of_a_scene_above_32_bits_does_not_overflow():
    side = 100_000
    assert box_area(np.array([[0.0, 0, side, side]])).tolist() == [1e10]
    assert quad_area(np.array([[0.0, 0, side, 0, side, side, 0, side]])).tolist() == [1e10]


@given(BOXES)
def test_an_inverted_or_empty_box_has_no_area_and_others_have_width_times_height(boxes):
    for box, area in zip(boxes.tolist(), box_area(boxes).tolist(), strict=True):
        x1, y1, x2, y2 = box
        assert area == ((x2 - x1) * (y2 - y1) if x2 > x1 and y2 > y1 else 0)


@given(QUADS, SHIFT, SHIFT)
def test_a_shift_moves_bounds_as_it_moves_vertices(quads, dx, dy):
    moved = shift_quads(quads, dx, dy)
    np.testing.assert_array_equal(quad_bounds(moved), shift_boxes(quad_bounds(quads), dx, dy))
    np.testing.assert_array_equal(moved[:, 0::2], quads[:, 0::2] + dx)
    np.testing.assert_array_equal(moved[:, 1::2], quads[:, 1::2] + dy)


def test_each_row_is_shifted_by_its_own_offset_and_the_argument_is_left_alone():
    boxes = np.array([[0.0, 0, 1, 1], [0.0, 0, 1, 1]])
    quads = np.zeros((2, 8))
    assert shift_boxes(boxes, [10, 20], [1, 2]).tolist() == [[10, 1, 11, 2], [20, 2, 21, 3]]
    assert shift_quads(quads, [10, 20], [1, 2]).tolist() == [[10, 1] * 4, [20, 2] * 4]
    assert boxes.tolist() == [[0, 0, 1, 1]] * 2
    assert not quads.any()


def test_a_missing_quad_stays_missing_when_it_is_shifted():
    assert np.isnan(shift_quads(np.full((1, 8), np.nan), 5, 5)).all()


def test_nothing_gives_nothing():
    none = np.zeros((0, 8))
    assert quad_bounds(none).shape == (0, 4)
    assert quad_area(none).shape == (0,)
    assert box_area(none[:, :4]).shape == (0,)
    assert shift_quads(none, np.zeros(0), np.zeros(0)).shape == (0, 8)
    assert shift_boxes(none[:, :4], 1, 1).shape == (0, 4)
