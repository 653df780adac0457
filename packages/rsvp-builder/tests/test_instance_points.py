"""One point for each instance of an image: inside its mask, on no other instance if that is possible."""

from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco
from scipy import ndimage

from rsvp_builder.marks import instance_points
from rsvp_builder.marks.instance_points import representative_points
from rsvp_builder.masks import PackedMask, PolygonMask, RleMask, id_map_masks, inscribed_point

# pycocotools 2.0.11 on numpy 2; only the tests use its decoder.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WIDTH, HEIGHT = 60, 50


def box(x1, y1, x2, y2):
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], float)


def polygon(*rings):
    return PolygonMask(rings, WIDTH, HEIGHT)


def by_full_images(pictures):
    """The rule on whole images: x, y, squared depth, shared of each (h, w) bool picture of an instance."""

    def deepest(picture):
        distance = ndimage.distance_transform_edt(np.pad(picture, 1))[1:-1, 1:-1]
        squared = np.rint(distance**2).astype(int)
        found = np.argwhere(squared == squared.max())
        total, n = found.sum(axis=0), len(found)
        away = ((n * found - total) ** 2).sum(axis=1)
        y, x = found[np.lexsort((found[:, 1], found[:, 0], away))[0]].tolist()
        return x, y, int(squared.max())

    points = []
    for index, picture in enumerate(pictures):
        others = np.zeros_like(picture)
        for other, another in enumerate(pictures):
            if other != index:
                others |= another
        x, y, depth = deepest(picture)
        shared = bool(others[y, x])
        if shared and (picture & ~others).any():
            x, y, depth = deepest(picture & ~others)
            shared = False
        points.append((x, y, depth, shared))
    return points


def rows(points):
    columns = (*points.pixel.T, points.squared_radius, points.shared)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@st.composite
def images(draw):
    """Up to six instances of rectangles and dots on an image of 24 x 20 px, overlapping as they like."""
    pictures = []
    for _ in range(draw(st.integers(1, 6))):
        picture = np.zeros((20, 24), bool)
        for _ in range(draw(st.integers(1, 3))):
            x, y = draw(st.integers(0, 23)), draw(st.integers(0, 19))
            picture[y : y + draw(st.integers(1, 12)), x : x + draw(st.integers(1, 12))] = True
        pictures.append(picture)
    return pictures


@given(images(), st.sampled_from(["code", "packed", "mixed"]))
def test_the_rule_is_that_of_whole_images(pictures, kind):
    masks = []
    for index, picture in enumerate(pictures):
        if kind == "packed" or (kind == "mixed" and index % 2):
            masks.append(PackedMask.of(0, 0, picture))
        else:
            code = coco.encode(np.asfortranarray(picture, np.uint8))
            masks.append(RleMask(tuple(code["size"]), code["counts"]))
    points = representative_points(masks)
    assert rows(points) == by_full_images(pictures)
    assert points.found.all()
    assert all(picture[y, x] for picture, (x, y) in zip(pictures, points.pixel.tolist(), strict=True))


@given(images())
def test_comparing_in_small_portions_changes_nothing(pictures):
    masks = [PackedMask.of(0, 0, picture) for picture in pictures]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instance_points, "_AT_ONCE", 1)
        assert rows(representative_points(masks)) == by_full_images(pictures)


@given(images(), st.randoms(use_true_random=False))
def test_the_order_of_instances_does_not_matter(pictures, random):
    order = list(range(len(pictures)))
    random.shuffle(order)
    masks = [PackedMask.of(0, 0, picture) for picture in pictures]
    straight = rows(representative_points(masks))
    assert rows(representative_points([masks[i] for i in order])) == [straight[i] for i in order]


def test_an_instance_under_another_is_marked_where_it_is_free():
    court, player = polygon(box(0, 10, 40, 20)), polygon(box(16, 12, 22, 17))
    points = representative_points([court, player])
    # Alone, the court is marked where the player stands. Free are columns 0 to 15 and 22 to 39, deepest
    # at 4 to 11 and 26 to 35, whose mean is 20.3.
    assert rows(representative_points([court])) == [(19, 14, 25, False)]
    assert rows(points)[0] == (26, 14, 25, False)
    assert points.shared.tolist() == [False, True]


def test_an_instance_that_others_cover_wholly_keeps_its_point_and_says_so():
    small, large = polygon(box(10, 10, 15, 15)), polygon(box(5, 5, 40, 40))
    halves = [polygon(box(50, 0, 55, 9)), polygon(box(50, 0, 55, 5)), polygon(box(50, 5, 55, 9))]
    points = representative_points([small, large, *halves])
    assert points.pixel[0].tolist() == [12, 12]
    assert points.shared.tolist() == [True, False, True, True, True]


def test_instances_that_overlap_elsewhere_keep_their_points():
    left, right = polygon(box(0, 0, 20, 20)), polygon(box(18, 0, 38, 20))
    points = representative_points([left, right])
    assert rows(points) == [(9, 9, 100, False), (27, 9, 100, False)]


def test_bounds_that_overlap_are_not_yet_masks_that_do():
    corner = polygon(np.array([[0, 0], [30, 0], [30, 4], [4, 4], [4, 30], [0, 30]], float))
    within = polygon(box(10, 10, 20, 20))
    alone = [representative_points([mask]) for mask in (corner, within)]
    assert rows(representative_points([corner, within])) == [row for one in alone for row in rows(one)]


def test_instances_without_a_mask_or_outside_the_image_have_no_point():
    points = representative_points([None, polygon(box(70, 5, 80, 9)), polygon(box(3, 5, 8, 9)), None])
    assert points.found.tolist() == [False, False, True, False]
    assert points.pixel[[0, 1, 3]].tolist() == [[-1, -1]] * 3
    assert points.squared_radius.tolist() == [0, 0, 4, 0]
    np.testing.assert_array_equal(points.point, [[np.nan] * 2, [np.nan] * 2, [5.5, 6.5], [np.nan] * 2])


def test_a_thin_instance_is_told():
    line = polygon(np.array([[3, 5], [13, 5], [3, 5]], float))
    points = representative_points([line, polygon(box(20, 20, 30, 30))])
    assert points.thin.tolist() == [True, False]
    assert points.pixel[0].tolist() == [8, 5]
    assert points.squared_radius[0] == 1


def test_no_instances_give_empty_columns():
    points = representative_points([])
    assert len(points) == 0
    assert points.pixel.shape == points.point.shape == (0, 2)
    assert points.pixel.dtype == points.squared_radius.dtype == np.int64
    assert points.found.dtype == points.thin.dtype == points.shared.dtype == bool


def test_a_ring_is_marked_on_the_ring_and_a_frame_filler_in_the_middle():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    squared = (x - 30) ** 2 + (y - 25) ** 2
    ring = (squared < 20**2) & (squared >= 12**2)
    points = representative_points([PackedMask.of(0, 0, ring), PackedMask.of(0, 0, ~ring & (x >= 0))])
    assert ring[points.pixel[0, 1], points.pixel[0, 0]]
    full = representative_points([PackedMask.of(0, 0, np.ones((HEIGHT, WIDTH), bool))])
    assert full.pixel.tolist() == [[29, 24]]


@pytest.fixture(scope="module")
def nwpu(samples):
    """Masks of NWPU VHR-10 by image, with the ids of their annotations."""
    [path] = samples.glob("nwpu_vhr10/*/annotations.json")
    release = json.loads(path.read_text())
    sizes = {image["id"]: (image["width"], image["height"]) for image in release["images"]}
    found = defaultdict(list)
    for annotation in release["annotations"]:
        rings = tuple(np.array(part, float).reshape(-1, 2) for part in annotation["segmentation"])
        found[annotation["image_id"]].append(
            (annotation["id"], PolygonMask(rings, *sizes[annotation["image_id"]]))
        )
    return found


def picture_of(mask):
    codes = coco.frPyObjects([ring.reshape(-1) for ring in mask.rings], mask.height, mask.width)
    return coco.decode(coco.merge(codes)).astype(bool)


def test_every_instance_of_nwpu_vhr10_is_marked_inside_its_mask(nwpu):
    seen = 0
    for instances in nwpu.values():
        masks = [mask for _, mask in instances]
        points = representative_points(masks)
        assert points.found.all()
        assert not points.thin.any()
        assert not points.shared.any()
        assert (points.squared_radius >= 4).all()
        for mask, (x, y) in zip(masks, points.pixel.tolist(), strict=True):
            assert picture_of(mask)[y, x]
        seen += len(masks)
    assert seen == 3921


def test_two_courts_in_one_instance_are_marked_on_one_of_them(nwpu):
    [mask] = [mask for of in nwpu.values() for number, mask in of if number == 1094]
    parts = [PolygonMask((part,), mask.width, mask.height) for part in mask.rings]
    assert len(parts) == 2
    both, single = representative_points([mask]), representative_points(parts)
    assert rows(both) == by_full_images([picture_of(mask)])
    # The centroid lies on neither. The courts are equally thick, to the pixel.
    centroid = np.argwhere(picture_of(mask)).mean(axis=0).astype(int)
    assert not picture_of(mask)[tuple(centroid)]
    assert single.squared_radius.tolist() == [both.squared_radius[0]] * 2
    on = [picture_of(part)[both.pixel[0, 1], both.pixel[0, 0]] for part in parts]
    assert sum(on) == 1


def test_an_outline_that_crosses_itself_is_marked(nwpu):
    [mask] = [mask for of in nwpu.values() for number, mask in of if number == 143]
    crop = mask.crop()
    x, y, depth = inscribed_point(crop.pixels)
    picture = picture_of(mask)
    assert [(crop.x + x, crop.y + y, depth, False)] == by_full_images([picture])
    assert picture[crop.y + y, crop.x + x]


@pytest.mark.parametrize(("name", "count"), [("P0003", 59), ("P0004", 116)])
def test_every_id_of_isaid_is_marked_inside_its_mask(samples, name, count):
    with Image.open(samples / f"isaid/val/images/{name}_instance_id_RGB.png") as image:
        channels = np.asarray(image).astype(np.uint32)
    ids = channels[..., 0] | channels[..., 1] << 8 | channels[..., 2] << 16
    numbers, masks = zip(*id_map_masks(ids), strict=True)
    assert len(numbers) == count
    points = representative_points(masks)
    assert ids[points.pixel[:, 1], points.pixel[:, 0]].tolist() == list(numbers)
    assert points.found.all()
    assert not (points.thin | points.shared).any()
    # One transform of the whole map is enough here: background keeps these instances apart, or it does
    # not, and then it can only be larger.
    everywhere = np.rint(ndimage.distance_transform_edt(np.pad(ids > 0, 1))[1:-1, 1:-1] ** 2)
    assert (points.squared_radius <= everywhere[points.pixel[:, 1], points.pixel[:, 0]]).all()
    for number, point in list(zip(numbers, rows(points), strict=True))[::12]:
        assert [point] == by_full_images([ids == number])
