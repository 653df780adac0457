"""Masks of instances, held pixel for pixel against pycocotools and plain comparisons."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from rsvp_builder.masks import Crop, PackedMask, PolygonMask, RleMask, id_map_masks

# pycocotools 2.0.11 on numpy 2; only the tests use its decoder.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WIDTH, HEIGHT = 40, 30
# Whole numbers, tenths and fifths are where rounding decides; the image is 40 x 30 px.
COORDINATE = st.one_of(
    st.integers(-15, 55).map(float),
    st.integers(-150, 550).map(lambda v: v / 10),
    st.floats(-15, 55, allow_nan=False),
)
RINGS = st.lists(
    st.lists(st.tuples(COORDINATE, COORDINATE), min_size=3, max_size=8).map(np.array), min_size=1, max_size=3
).map(tuple)
IMAGES = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def ring(*corners):
    return np.array(corners, float)


def on_image(crop, height=HEIGHT, width=WIDTH):
    full = np.zeros((height, width), bool)
    if crop is not None:
        h, w = crop.pixels.shape
        full[crop.y : crop.y + h, crop.x : crop.x + w] = crop.pixels
    return full


def as_coco_draws(rings, height=HEIGHT, width=WIDTH):
    codes = coco.frPyObjects([r.reshape(-1) for r in rings], height, width)
    return coco.decode(coco.merge(codes)).astype(bool)


def is_tight(crop):
    edges = [crop.pixels[0], crop.pixels[-1], crop.pixels[:, 0], crop.pixels[:, -1]]
    return all(edge.any() for edge in edges)


@given(RINGS)
def test_polygons_are_drawn_as_pycocotools_draws_them(rings):
    crop = PolygonMask(rings, WIDTH, HEIGHT).crop()
    expected = as_coco_draws(rings)
    if expected.any():
        np.testing.assert_array_equal(on_image(crop), expected)
        assert is_tight(crop)
        assert not crop.thin
    elif crop is not None:
        assert crop.thin
        assert is_tight(crop)


@given(RINGS, *[st.sampled_from([0, 3, 500, 900])] * 2)
def test_far_from_the_origin_too(rings, x, y):
    # Where rings that were moved near the origin first would be rounded otherwise.
    moved = tuple(r + np.array([x, y]) for r in rings)
    expected = as_coco_draws(moved, HEIGHT + y, WIDTH + x)
    crop = PolygonMask(moved, WIDTH + x, HEIGHT + y).crop()
    if expected.any():
        np.testing.assert_array_equal(on_image(crop, HEIGHT + y, WIDTH + x), expected)


def test_parts_are_joined_and_a_part_inside_another_is_no_hole():
    outer, inner = ring([2, 2], [20, 2], [20, 20], [2, 20]), ring([8, 8], [12, 8], [12, 12], [8, 12])
    apart = ring([30, 2], [35, 2], [35, 6], [30, 6])
    crop = PolygonMask((outer, inner, apart), WIDTH, HEIGHT).crop()
    assert (crop.x, crop.y, crop.pixels.shape) == (2, 2, (18, 33))
    assert crop.pixels.sum() == 18 * 18 + 5 * 4


def test_a_crossing_outline_leaves_holes_where_it_winds_twice():
    # A pentagram: the pentagon in the middle is wound twice and lies outside by COCO's rule.
    angle = np.pi * 4 / 5 * np.arange(5)
    star = np.stack([20 + 14 * np.sin(angle), 15 - 14 * np.cos(angle)], axis=1)
    crop = PolygonMask((star,), WIDTH, HEIGHT).crop()
    np.testing.assert_array_equal(on_image(crop), as_coco_draws((star,)))
    assert not crop.pixels[15 - crop.y, 20 - crop.x]


def test_a_polygon_over_the_whole_image_and_beyond_is_the_image():
    crop = PolygonMask((ring([-5, -5], [99, -5], [99, 99], [-5, 99]),), WIDTH, HEIGHT).crop()
    assert (crop.x, crop.y) == (0, 0)
    assert crop.pixels.shape == (HEIGHT, WIDTH)
    assert crop.pixels.all()


@pytest.mark.parametrize(
    ("corners", "pixels"),
    [
        ([[10, 5], [10, 9], [10, 5]], [(10, y) for y in range(5, 10)]),  # no width
        ([[10, 5], [14, 5], [12, 5]], [(x, 5) for x in range(10, 15)]),  # no height
        ([[10, 5.2], [14, 5.2], [14, 5.3], [10, 5.3]], [(x, 5) for x in range(10, 15)]),  # a sliver
        ([[3, 3], [6, 6], [3, 3]], [(3, 3), (4, 4), (5, 5), (6, 6)]),  # a slanting line
        ([[7, 8], [7, 8], [7, 8]], [(7, 8)]),  # a point
        ([[7.3, 8.2], [7.4, 8.2], [7.3, 8.3]], [(7, 8)]),  # within a pixel
        ([[7, 8]], [(7, 8)]),  # one vertex
        ([[7, 8], [9, 8]], [(7, 8), (8, 8), (9, 8)]),  # two vertices, which COCO would take for a box
        ([[40, 10], [40, 12], [40, 10]], [(39, 10), (39, 11), (39, 12)]),  # on the right border
        ([[3, 30], [4, 30], [3, 30]], [(3, 29), (4, 29)]),  # on the lower border
        ([[0.95, 5], [10.9, 5], [0.95, 5]], [(x, 5) for x in range(11)]),  # without a gap
        ([[9, 9], [9, 9 + 2e-311], [9, 9]], [(9, 9)]),  # too short to divide by
        ([[0, 0], [0, 2e-311], [0, 0]], [(0, 0)]),
        ([[-5, 5], [5, -5], [-5, 5]], [(0, 0)]),  # touching the corner of the image
        ([[38, 5], [60, 5], [38, 5]], [(38, 5), (39, 5)]),  # reaching out of the image
        ([[-20, -20], [2.5, 2.5], [-20, -20]], [(0, 0), (1, 1), (2, 2)]),  # coming in over the corner
    ],
)
def test_what_is_too_thin_to_have_pixels_is_its_outline(corners, pixels):
    crop = PolygonMask((ring(*corners),), WIDTH, HEIGHT).crop()
    assert crop.thin
    assert sorted((x, y) for y, x in np.argwhere(on_image(crop))) == sorted(pixels)
    assert is_tight(crop)


@pytest.mark.parametrize(
    "corners",
    [
        [[-9, 3], [-2, 3], [-2, 9]],  # left of the image
        [[50, 3], [60, 3], [55, 9]],  # right of it
        [[3, 31], [9, 31], [9, 40]],  # below
        [[-10, 5], [5, -10], [-10, -10]],  # around a corner: its bounds meet the image, it does not
        [],
    ],
)
def test_what_lies_outside_the_image_has_no_mask(corners):
    assert PolygonMask((ring(*corners).reshape(-1, 2),), WIDTH, HEIGHT).crop() is None
    assert PolygonMask((), WIDTH, HEIGHT).crop() is None


@given(RINGS)
def test_a_polygon_with_a_vertex_in_the_image_has_a_mask(rings):
    inside = [((r > 0) & (r < [WIDTH, HEIGHT])).all(axis=1).any() for r in rings]
    if any(inside):
        assert PolygonMask(rings, WIDTH, HEIGHT).crop().pixels.any()


@given(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=6).map(np.array))
def test_a_path_there_and_back_is_the_pixels_that_it_passes(corners):
    corners = corners.round(6)  # GEOS takes for equal what lies closer
    crop = PolygonMask((np.concatenate([corners, corners[::-1]]),), WIDTH, HEIGHT).crop()
    assume(crop is not None and crop.thin)
    path = shapely.LineString([*corners, corners[-1]])
    cells = [shapely.box(x, y, x + 1, y + 1) for y, x in np.argwhere(on_image(crop)).tolist()]
    assert all(path.distance(cell) < 1e-9 for cell in cells)
    inside = path.intersection(shapely.box(0, 0, WIDTH, HEIGHT))
    assert inside.difference(shapely.union_all(cells).buffer(0.75)).is_empty


@pytest.mark.parametrize(
    ("rings", "message"),
    [
        ((np.zeros(6),), r"shape \(6,\)"),
        ((np.zeros((2, 3)),), r"shape \(2, 3\)"),
        ((ring([1, 2], [3, np.nan], [4, 5]),), "nan"),
        ((ring([1, 2], [np.inf, 3], [4, 5]),), "inf"),
        ((ring([1, 2], [3e8, 3], [4, 5]),), "300000000"),
        ((ring([1, 2], [900_000, 3], [4, 5]),), "outline is"),
    ],
)
def test_polygons_that_nothing_can_draw_are_refused(rings, message):
    with pytest.raises(ValueError, match=message):
        PolygonMask(rings, WIDTH, HEIGHT)


def test_an_image_without_pixels_is_refused():
    with pytest.raises(ValueError, match="0 x 30 px"):
        PolygonMask((), 0, 30)
    with pytest.raises(ValueError, match="40 x 0 px"):
        RleMask((0, 40), b"0")


@given(IMAGES, st.booleans())
def test_run_length_codes_are_read_as_pycocotools_reads_them(image, as_text):
    code = coco.encode(np.asfortranarray(image, np.uint8))
    counts = code["counts"].decode() if as_text else code["counts"]
    crop = RleMask(tuple(code["size"]), counts).crop()
    assert (crop is None) == (not image.any())
    np.testing.assert_array_equal(on_image(crop, *image.shape), image)
    if crop:
        assert is_tight(crop)
        assert [crop.x, crop.y, *crop.pixels.shape[::-1]] == coco.toBbox(code).astype(int).tolist()


@given(st.integers(0, 2**32 - 1), st.integers(1, 3000), st.integers(1, 3000))
def test_long_runs_take_several_characters(seed, height, width):
    rng = np.random.default_rng(seed)
    image = np.zeros((height, width), np.uint8, order="F")
    for x, y, w, h in rng.integers(0, 1500, (3, 4)):
        image[y : y + h, x : x + w] = 1
    code = coco.encode(image)
    crop = RleMask((height, width), code["counts"]).crop()
    if crop is None:
        assert not image.any()
    else:
        h, w = crop.pixels.shape
        assert crop.pixels.sum() == image.sum()
        np.testing.assert_array_equal(crop.pixels, image[crop.y : crop.y + h, crop.x : crop.x + w])


@given(IMAGES)
def test_plain_lengths_are_read_too(image):
    flat = image.T.reshape(-1)
    heads = [0, *(np.flatnonzero(flat[1:] != flat[:-1]) + 1), len(flat)]
    lengths = [*([0] if flat[0] else []), *np.diff(heads).tolist()]
    assert np.array_equal(on_image(RleMask(image.shape, lengths).crop(), *image.shape), image)


def test_runs_of_no_length_do_not_widen_the_box():
    crop = RleMask((4, 5), [0, 0, 9, 2, 3, 0, 6]).crop()
    assert (crop.x, crop.y, crop.pixels.shape) == (2, 1, (2, 1))


def test_an_empty_code_has_no_mask():
    code = coco.encode(np.zeros((30, 40), np.uint8, order="F"))
    assert RleMask((30, 40), code["counts"]).crop() is None


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (b"", "empty"),
        (b"a", "empty or ends within"),
        (b"01 ", "byte 3 of the mask's code is 32"),
        ("é", "byte 1"),
        (b"oooooooooooo0", "more than 7 digits"),
        (b"4", "hold 4 pixels, expected 4 x 5"),
        (b"N", "run 1 of the mask is -2 long"),
        ([25, 3, -8], "run 1 of the mask is 25 long"),
        ([2**62, 2**62, 20], "expected 0 to 20"),
        ([10.0, 10.0], "whole numbers"),
        (["a"], "whole numbers"),
        ([], "hold 0 pixels"),
    ],
)
def test_broken_codes_are_refused(counts, message):
    with pytest.raises(ValueError, match=message):
        RleMask((4, 5), counts)


@given(st.binary(max_size=30))
def test_any_bytes_are_a_mask_or_are_refused(counts):
    try:
        mask = RleMask((4, 5), counts)
    except ValueError:
        return
    crop = mask.crop()
    assert crop is None or crop.pixels.any()


@given(IMAGES, st.integers(0, 9000), st.integers(0, 9000))
def test_packed_masks_give_back_their_pixels(pixels, x, y):
    crop = PackedMask.of(x, y, pixels).crop()
    if crop is None:
        assert not pixels.any()
    else:
        assert (crop.x, crop.y) == (x, y)
        assert crop.pixels.dtype == bool
        np.testing.assert_array_equal(crop.pixels, pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint32, np.int64])
@given(data=st.data())
def test_instances_of_an_id_map_are_the_pixels_of_each_id(dtype, data):
    shape = data.draw(st.tuples(st.integers(0, 9), st.integers(0, 9)))
    ids = data.draw(arrays(dtype, shape, elements=st.sampled_from([0, 1, 2, 7, 200]), fill=st.nothing()))
    masks = id_map_masks(ids)
    assert [number for number, _ in masks] == sorted(set(ids.flat) - {0})
    for number, mask in masks:
        crop = mask.crop()
        np.testing.assert_array_equal(on_image(crop, *ids.shape), ids == number)
        assert is_tight(crop)


@pytest.mark.parametrize("count", [254, 255, 256, 257, 70_000])
def test_many_instances_keep_apart(count):
    # Around the numbers that fit into one byte and two.
    side = int(np.ceil(np.sqrt(count)))
    ids = np.zeros((side, 2 * side), np.uint32)
    place = np.random.default_rng(0).permutation(side * side)[:count]
    ids[place // side, place % side * 2] = np.arange(1, count + 1) * 5 + 4_592_855
    masks = id_map_masks(ids)
    assert len(masks) == count
    for rank in (0, 1, count // 2, count - 2, count - 1):
        number, mask = masks[rank]
        assert number == (rank + 1) * 5 + 4_592_855
        crop = mask.crop()
        assert crop.pixels.tolist() == [[True]]
        assert ids[crop.y, crop.x] == number


def test_an_id_in_two_parts_is_one_instance():
    ids = np.zeros((5, 20), np.int64)
    ids[1:3, 2:4] = ids[4, 15:18] = 9
    [(number, mask)] = id_map_masks(ids)
    assert number == 9
    crop = mask.crop()
    assert (crop.x, crop.y, crop.pixels.shape) == (2, 1, (4, 16))
    assert crop.pixels.sum() == 7


@pytest.mark.parametrize(
    "mask",
    [
        PolygonMask((ring([2, 2], [20, 3], [11, 19]),), WIDTH, HEIGHT),
        PolygonMask((ring([2, 2], [20, 2], [11, 2]),), WIDTH, HEIGHT),
        RleMask((3, 3), [4, 1, 4]),
        PackedMask.of(3, 4, np.ones((2, 3), bool)),
    ],
    ids=["polygon", "line", "code", "packed"],
)
def test_masks_survive_a_pickle_and_are_no_larger_than_what_they_were_made_of(mask):
    data = pickle.dumps(mask)
    assert len(data) < 500
    again, crop = pickle.loads(data).crop(), mask.crop()
    assert isinstance(again, Crop)
    assert (again.x, again.y, again.thin) == (crop.x, crop.y, crop.thin)
    np.testing.assert_array_equal(again.pixels, crop.pixels)
