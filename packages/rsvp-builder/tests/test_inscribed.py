"""The deepest pixel of a mask, held against a search that compares every pixel with every other."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from rsvp_builder import inscribed
from rsvp_builder.inscribed import inscribed_point

SMALL = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@st.composite
def shapes(draw, largest=40):
    """Rectangles, discs and bands laid over each other, some cut out again."""
    height, width = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    y, x = np.mgrid[:height, :width]
    pixels = np.zeros((height, width), bool)
    for _ in range(draw(st.integers(1, 4))):
        cx, cy = draw(st.integers(0, width)), draw(st.integers(0, height))
        a, b = draw(st.integers(1, largest)), draw(st.integers(1, largest))
        kind = draw(st.sampled_from(["rectangle", "disc", "band"]))
        if kind == "rectangle":
            part = (abs(x - cx) < a) & (abs(y - cy) < b)
        elif kind == "disc":
            part = (x - cx) ** 2 + (y - cy) ** 2 < a * a
        else:
            part = abs((x - cx) * (b - largest // 2) - (y - cy) * (a - largest // 2)) < largest * 4
        pixels = pixels & ~part if draw(st.integers(0, 3)) == 0 else pixels | part
    return pixels


def middle(candidates):
    """Of (n, 2) rows and columns the one closest to their mean, by exact fractions."""
    mean = [Fraction(int(s), len(candidates)) for s in candidates.sum(axis=0)]
    y, x = min(candidates.tolist(), key=lambda p: ((p[0] - mean[0]) ** 2 + (p[1] - mean[1]) ** 2, p))
    return x, y


def by_comparing_all(pixels):
    padded = np.pad(pixels, 1)
    inside, outside = np.argwhere(padded), np.argwhere(~padded)
    depth = ((inside[:, None] - outside[None]) ** 2).sum(axis=2).min(axis=1)
    return (*middle(inside[depth == depth.max()] - 1), int(depth.max()))


def by_transform(pixels):
    """The same from scipy's floating-point distances, rounded to the whole squares that they are."""
    squared = np.rint(ndimage.distance_transform_edt(np.pad(pixels, 1))[1:-1, 1:-1] ** 2).astype(np.int64)
    return (*middle(np.argwhere(squared == squared.max())), int(squared.max()))


def picture(*rows):
    return np.array([[c == "#" for c in row] for row in rows])


@pytest.fixture(params=["bits", "transform"])
def way(request, monkeypatch):
    """Both ways to the point: small arrays take one, large arrays the other."""
    if request.param == "transform":
        monkeypatch.setattr(inscribed, "_LARGE", 0)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (picture("#"), (0, 0, 1)),
        (picture("#####"), (2, 0, 1)),
        (picture("####"), (1, 0, 1)),  # between two middles, the left one
        (picture("#", "#", "#", "#"), (0, 1, 1)),  # and the upper one
        (picture("##", "##"), (0, 0, 1)),
        (picture("####", "####", "####", "####"), (1, 1, 4)),
        (np.ones((6, 9), bool), (4, 2, 9)),
        (np.ones((9, 6), bool), (2, 4, 9)),
        (np.ones((5, 400), bool), (199, 2, 9)),
        # The corner pixel of an L is as deep as its arms; the mean lies off the mask.
        (picture("#...", "#...", "#...", "####"), (0, 2, 1)),
        # U: the middle of all candidates lies in the gap, the closest pixel is the middle of the bottom.
        (picture("#...#", "#...#", "#####"), (2, 2, 1)),
        # A ring has candidates all around; above and below are equally close, the upper one is taken.
        (picture("###", "#.#", "###"), (1, 0, 1)),
        # Two parts: the thicker one wins, not the larger one.
        (picture("##########.###", "##########.###", "...........###"), (12, 1, 4)),
        # Rows of a mask do not run on into the next one.
        (picture("..##", "##.."), (2, 0, 1)),
    ],
    ids=lambda value: str(value) if isinstance(value, tuple) else "x".join(map(str, value.shape)),
)
def test_known_shapes(pixels, expected):
    assert inscribed_point(pixels) == expected == by_comparing_all(pixels)


@given(SMALL)
def test_any_small_mask_agrees_with_comparing_all_pixels(pixels):
    assume(pixels.any())
    found = inscribed_point(pixels)
    assert found == by_comparing_all(pixels)
    assert pixels[found[1], found[0]]


@given(shapes())
def test_any_shape_agrees_with_comparing_all_pixels(pixels):
    assume(pixels.any())
    assert inscribed_point(pixels) == by_comparing_all(pixels)


@given(SMALL)
def test_the_way_of_large_masks_gives_the_same(pixels):
    assume(pixels.any())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inscribed, "_LARGE", 0)
        assert inscribed_point(pixels) == by_comparing_all(pixels)


@given(shapes(largest=120))
def test_larger_shapes_agree_with_the_distance_transform(pixels):
    assume(pixels.any())
    assert inscribed_point(pixels) == by_transform(pixels)


@given(shapes(largest=20), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_empty_rows_and_columns_around_a_mask_change_nothing(pixels, left, top, right, bottom):
    assume(pixels.any())
    x, y, depth = inscribed_point(pixels)
    assert inscribed_point(np.pad(pixels, ((top, bottom), (left, right)))) == (x + left, y + top, depth)


@pytest.mark.usefixtures("way")
def test_the_edge_of_the_array_is_outside():
    quarter = np.hypot(*np.mgrid[:60, :60]) < 50
    x, y, depth = inscribed_point(quarter)
    assert 15 < x < 25
    assert 15 < y < 25
    assert depth == min(x + 1, y + 1) ** 2


def test_masks_above_the_limit_of_the_bits_agree_with_the_distance_transform():
    y, x = np.mgrid[:420, :400]
    ring = ((x - 200) ** 2 + (y - 210) ** 2 < 190**2) & ((x - 170) ** 2 + (y - 190) ** 2 > 90**2)
    assert ring.size > inscribed._LARGE
    assert inscribed_point(ring) == by_transform(ring)
    assert inscribed._by_erosion(ring) == by_transform(ring)


def test_ties_are_exact_where_floats_would_round():
    # The mean of these columns differs from 5,000 by less than a float64 of its square can tell.
    pixels = np.zeros((1, 120_001), bool)
    pixels[0, 0::2] = True
    assert inscribed_point(pixels) == (60_000, 0, 1)
    pixels[0, 0], pixels[0, 59_998], pixels[0, 60_000] = False, True, False
    candidates = np.argwhere(pixels)
    assert inscribed_point(pixels) == (*middle(candidates), 1)


@pytest.mark.usefixtures("way")
def test_a_mask_without_pixels_is_refused():
    with pytest.raises(ValueError, match="no pixel"):
        inscribed_point(np.zeros((4, 5), bool))
    with pytest.raises(ValueError, match="no pixel"):
        inscribed_point(np.zeros((0, 0), bool))


def test_a_view_that_is_not_contiguous_gives_the_same():
    pixels = np.zeros((40, 30), bool)
    pixels[5:30, 3:9] = pixels[20:30, 3:25] = True
    assert inscribed_point(pixels[::2, ::2]) == by_comparing_all(pixels[::2, ::2])
    assert inscribed_point(pixels.T) == by_comparing_all(pixels.T)
