"""Shapes as pixels, against rasterisers that look at every pixel by itself."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from earthmarker.prompts import Letterbox
from earthmarker.prompts.raster import disc, edge, fill, grown, scaled

SIZE = 24
places = st.floats(-6, SIZE + 6, allow_nan=False, width=32)


def inside(x, y, outline):
    """Even-odd: how many sides does a ray to the left cross?"""
    crossings = 0
    for (x1, y1), (x2, y2) in zip(outline, [*outline[1:], outline[0]], strict=True):
        if (y1 <= y) != (y2 <= y) and x1 + (y - y1) * ((x2 - x1) / (y2 - y1)) <= x:
            crossings += 1
    return crossings % 2 == 1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(places, places), min_size=3, max_size=7))
def test_a_polygon_covers_the_pixels_whose_centres_it_holds(vertices):
    shape = fill(np.array(vertices, dtype=np.float64), SIZE)
    expected = [[inside(x + 0.5, y + 0.5, vertices) for x in range(SIZE)] for y in range(SIZE)]
    assert np.array_equal(shape, expected)


@given(st.integers(0, 10), st.integers(0, 10), st.integers(1, 10), st.integers(1, 10))
def test_a_box_of_whole_pixels_is_these_pixels(x, y, width, height):
    shape = fill(np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], float), SIZE)
    expected = np.zeros((SIZE, SIZE), bool)
    expected[y : y + height, x : x + width] = True
    assert np.array_equal(shape, expected)


@settings(deadline=None)
@given(st.lists(places, min_size=4, max_size=4))
def test_boxes_side_by_side_share_no_pixel_and_leave_none_out(edges):
    a, b, c, _ = sorted(edges)
    left, right, both = (
        fill(np.array([(x1, 2), (x2, 2), (x2, 9), (x1, 9)], float), SIZE)
        for x1, x2 in ((a, b), (b, c), (a, c))
    )
    assert not (left & right).any() and np.array_equal(left | right, both)


@settings(deadline=None)
@given(places, places, st.floats(0.5, 12))
def test_a_disc_covers_the_pixels_near_its_centre(x, y, radius):
    shape = disc(np.array([x, y]), radius, SIZE)
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    assert np.array_equal(shape, (columns - x) ** 2 + (rows - y) ** 2 <= radius**2)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32 - 1), st.sampled_from([0.02, 0.5]))
def test_a_mask_marks_by_centres(width, height, seed, part):
    mask = np.random.default_rng(seed).random((height, width)) < part
    letterbox = Letterbox(width, height, SIZE)
    shape = scaled(mask, letterbox)
    (left, top), side = letterbox.offset, letterbox.side
    expected = np.zeros((SIZE, SIZE), bool)
    half, across = Fraction(1, 2), Fraction(SIZE, side)  # exact, since centres fall on borders
    for row, column in np.argwhere(mask).tolist():
        expected[floor((row + top + half) * across), floor((column + left + half) * across)] = True
    if side < SIZE:
        for row in range(SIZE):
            for column in range(SIZE):
                y, x = floor((row + half) / across) - top, floor((column + half) / across) - left
                expected[row, column] = 0 <= y < height and 0 <= x < width and mask[y, x]
    assert np.array_equal(shape, expected)


def test_one_pixel_of_a_huge_mask_is_not_lost():
    mask = np.zeros((5000, 9000), bool)
    mask[4321, 8765] = True
    shape = scaled(mask, Letterbox(9000, 5000, 512))
    assert np.argwhere(shape).tolist() == [[int((4321.5 + 2000) * 512 / 9000), int(8765.5 * 512 / 9000)]]


@pytest.mark.parametrize(("rows", "columns", "least"), [(1, 1, 3), (1, 6, 3), (2, 2, 5), (4, 4, 3)])
def test_small_shapes_grow_to_what_can_be_seen(rows, columns, least):
    shape = np.zeros((SIZE, SIZE), bool)
    shape[10 : 10 + rows, 8 : 8 + columns] = True
    before = shape.copy()
    larger = grown(shape, least)
    down, across = (np.ptp(i) + 1 for i in np.nonzero(larger))
    assert least <= down <= max(rows, least + 1) and least <= across <= max(columns, least + 1)
    assert (larger | shape == larger).all() and np.array_equal(shape, before)


@pytest.mark.parametrize("corner", [(0, 0), (SIZE - 1, SIZE - 1)])
def test_growing_does_not_come_in_on_the_other_side(corner):
    shape = np.zeros((SIZE, SIZE), bool)
    shape[corner] = True
    far = np.argwhere(grown(shape, 5)) - corner
    assert np.abs(far).max() == 2


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_an_edge_is_what_lies_near_the_outside(seed, width):
    shape = np.random.default_rng(seed).random((12, 12)) < 0.85
    assume(shape.any())
    outside = [
        (r, c) for r in range(-1, 13) for c in range(-1, 13) if not (0 <= r < 12 > c >= 0 and shape[r, c])
    ]
    expected = [
        [bool(shape[r, c]) and min(abs(r - a) + abs(c - b) for a, b in outside) <= width for c in range(12)]
        for r in range(12)
    ]
    assert np.array_equal(edge(shape, width), expected)
