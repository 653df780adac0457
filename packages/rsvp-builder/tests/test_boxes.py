"""Objects become marks: what is cut, what is kept, and what is dropped with which reason."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rsvp_builder.errors import StrictError
from rsvp_builder.geometry import quad_bounds
from rsvp_builder.ledger import Drops, Reason
from rsvp_builder.marks.boxes import place_boxes
from rsvp_builder.record import Item, ObjectFlag, Objects
from rsvp_builder.tiling import Tiling, frames_of

NO_QUAD = [np.nan] * 8
WHOLE = Tiling(0)
SMALLEST = 1e-6


def rectangle(x1, y1, x2, y2):
    return [x1, y1, x2, y1, x2, y2, x1, y2]


def turned(cx, cy, w, h, angle):
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2 @ axes + [cx, cy]
    return corners.round(1).ravel().tolist()


def place(
    quads=(),
    *,
    boxes=None,
    of=None,
    sizes=((200, 150),),
    tiling=WHOLE,
    flags=None,
    difficult="keep",
    strict=False,
):
    """Marks of quads on images, and all that is needed to judge them."""
    quads = np.array(quads, np.float64).reshape(-1, 8)
    n = len(quads)
    item = np.zeros(n, np.int64) if of is None else np.array(of, np.int64)
    objects = Objects(
        item=item,
        line=np.arange(1, n + 1),
        class_id=np.arange(n) % 5,
        quad=quads,
        box=quad_bounds(quads) if boxes is None else np.array(boxes, np.float64).reshape(-1, 4),
        flags=np.array([0] * n if flags is None else flags, np.uint8),
    )
    before = [column.copy() for column in (objects.quad, objects.box, objects.flags)]
    items = [Item(f"train/P{i:04d}", "train", f"P{i:04d}.png", f"P{i:04d}.txt") for i in range(len(sizes))]
    frames = [frame for i, (w, h) in enumerate(sizes) for frame in frames_of(i, w, h, tiling)]
    drops, lost = Drops(strict), {}
    marks = place_boxes(
        objects, items, list(sizes), frames, min_area=tiling.min_area, difficult=difficult, lost=lost
    )
    for drop in lost.values():
        drops.add(drop)
    for was, now in zip(before, (objects.quad, objects.box, objects.flags), strict=True):
        np.testing.assert_array_equal(was, now)
    return SimpleNamespace(
        objects=objects,
        frames=frames,
        marks=marks,
        drops=drops.entries,
        reasons={drop.line - 1: drop.reason for drop in drops.entries},
        boxes=marks.box.tolist(),
        flags=[ObjectFlag(bits) for bits in marks.flags.tolist()],
    )


# On one whole image


def test_an_object_inside_is_marked_by_the_bounds_of_its_quad():
    quad = [10, 5, 30, 9, 26, 29, 6, 25]
    placed = place([quad])
    assert placed.boxes == [[6, 5, 30, 29]]
    assert placed.marks.quad.tolist() == [quad]
    assert placed.flags == [ObjectFlag(0)]
    assert placed.drops == []


def test_vertices_outside_are_clipped_not_rejected_and_the_quad_is_kept_as_it_is():
    quad = rectangle(-20, -10, 30, 40)
    placed = place([quad])
    assert placed.boxes == [[0, 0, 30, 40]]
    assert placed.marks.quad.tolist() == [quad]
    assert placed.flags == [ObjectFlag.CLIPPED]
    assert placed.drops == []


def test_the_box_of_a_clipped_object_is_that_of_the_part_inside_not_the_clipped_bounds():
    # A diamond over the left edge: its top and bottom vertices are outside.
    placed = place([[-10, 20, 30, 60, -10, 100, -50, 60]])
    assert placed.boxes == [[0, 30, 30, 90]]


def test_however_little_is_inside_a_whole_image_it_is_marked():
    placed = place([rectangle(-1000, 10, 0.5, 20)])
    assert placed.boxes == [[0, 10, 0.5, 20]]


def test_an_object_that_fills_the_image_to_its_edges_is_not_clipped():
    placed = place([rectangle(0, 0, 200, 150)])
    assert placed.boxes == [[0, 0, 200, 150]]
    assert placed.flags == [ObjectFlag(0)]


@pytest.mark.parametrize(
    "quad",
    [
        rectangle(-30, 10, -10, 20),
        rectangle(210, 10, 230, 20),
        rectangle(10, -30, 20, -10),
        rectangle(10, 160, 20, 180),
        rectangle(-30, 10, 0, 20),  # touches the edge from outside
        rectangle(200, 150, 220, 170),  # touches the corner
        [-40, 20, 20, -40, 0, -60, -60, 0],  # bounds overlap the image, the shape does not
    ],
    ids=["left", "right", "above", "below", "touching", "at the corner", "slanting past the corner"],
)
def test_an_object_outside_is_dropped_with_place_value_and_expectation(quad):
    placed = place([rectangle(1, 1, 9, 9), quad])
    assert placed.marks.source.tolist() == [0]
    (drop,) = placed.drops
    assert (drop.kind, drop.reason) == ("object", Reason.OUTSIDE_IMAGE)
    assert (drop.image_id, drop.file, drop.line) == ("train/P0000", "P0000.txt", 2)
    assert [float(value) for value in drop.value.split()] == quad
    assert drop.expected == "a shape inside the image of 200 x 150 px"


@pytest.mark.parametrize(
    "quad",
    [
        [10, 10] * 4,
        [10, 10, 20, 20, 30, 30, 40, 40],
        [10, 10, 40, 40, 10, 10, 40, 40],
        rectangle(10, 10, 10, 50),
        rectangle(10, 10, 50, 10),
        [10.1, 20.1, 10.2, 20.2, 10.3, 20.3, 10.4, 20.4],
        [-300, -300, -300, -300, -310, -310, -310, -310],
    ],
    ids=[
        "point",
        "slanting line",
        "there and back",
        "upright line",
        "level line",
        "decimals",
        "line outside",
    ],
)
@pytest.mark.parametrize("tiling", [WHOLE, Tiling(64, 16)], ids=["whole", "tiles"])
def test_a_shape_without_area_is_dropped_as_degenerate(quad, tiling):
    placed = place([quad], tiling=tiling)
    assert len(placed.marks) == 0
    (drop,) = placed.drops
    assert drop.reason is Reason.DEGENERATE
    assert [float(value) for value in drop.value.split()] == quad
    assert drop.expected == "a shape with an area"


def test_a_tiny_object_with_an_area_is_no_degenerate_one():
    assert place([rectangle(10, 10, 10.1, 10.1)]).drops == []


@pytest.mark.parametrize(
    "quad",
    [
        [12345.678, 10, 12345.678, 20, 12345.678, 30, 12345.678, 40],
        [1234567, 10, 1234568, 10, 1234568, 20, 1234567, 20],
    ],
    ids=["three decimals", "seven digits"],
)
def test_the_value_of_a_drop_is_what_was_read_to_the_last_digit(quad):
    (drop,) = place([quad]).drops
    assert [float(value) for value in drop.value.split()] == quad


def test_a_bow_tie_is_kept_with_all_it_covers():
    placed = place([[10, 10, 50, 50, 50, 10, 10, 50]])  # its shoelace area is zero
    assert placed.boxes == [[10, 10, 50, 50]]
    assert placed.drops == []


def test_both_halves_of_a_bow_tie_count_where_it_is_cut():
    # Half of it lies outside; what shows is the triangle on the right.
    placed = place([[-20, 10, 20, 50, 20, 10, -20, 50]])
    assert placed.boxes == [[0, 10, 20, 50]]
    assert placed.flags == [ObjectFlag.CLIPPED]
    # On tiles both triangles count: half of the shape is in each tile.
    bow_tie = [[80, 10, 120, 50, 120, 10, 80, 50]]
    halves = Tiling(100, 0, 0.49)
    assert place(bow_tie, sizes=[(200, 100)], tiling=halves).boxes == [[80, 10, 100, 50], [0, 10, 20, 50]]
    assert place(bow_tie, sizes=[(200, 100)], tiling=Tiling(100, 0, 0.51)).reasons == {
        0: Reason.SPLIT_BY_TILES
    }


def test_an_object_with_a_box_and_no_quad_is_marked_by_its_box():
    placed = place([NO_QUAD, NO_QUAD], boxes=[[10, 10, 30, 20], [-10, 140, 30, 170]])
    assert placed.boxes == [[10, 10, 30, 20], [0, 140, 30, 150]]
    assert np.isnan(placed.marks.quad).all()
    assert placed.flags == [ObjectFlag(0), ObjectFlag.CLIPPED]


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ([10, 10, 10, 20], Reason.DEGENERATE),
        ([30, 10, 10, 20], Reason.DEGENERATE),
        ([300, 10, 310, 20], Reason.OUTSIDE_IMAGE),
    ],
    ids=["no width", "inverted", "outside"],
)
def test_a_box_that_cannot_be_marked_is_dropped_and_shown(box, reason):
    placed = place([NO_QUAD], boxes=[box])
    (drop,) = placed.drops
    assert (drop.reason, drop.value) == (reason, " ".join(map(str, box)))


def test_boxes_and_quads_mix_on_tiles():
    placed = place(
        [NO_QUAD, rectangle(70, 10, 80, 20), NO_QUAD],
        boxes=[[10, 10, 20, 20], [70, 10, 80, 20], [60, 5, 70, 15]],
        sizes=[(100, 50)],
        tiling=Tiling(64, 16, 0.3),
    )
    assert placed.marks.source.tolist() == [0, 2, 1, 2]
    assert placed.boxes == [[10, 10, 20, 20], [60, 5, 64, 15], [34, 10, 44, 20], [24, 5, 34, 15]]


def test_difficult_objects_are_kept_with_their_flag():
    placed = place(
        [rectangle(1, 1, 9, 9), rectangle(-5, 1, 9, 9)],
        flags=[ObjectFlag.DIFFICULT, ObjectFlag.DIFFICULT | ObjectFlag.TRUNCATED],
    )
    assert placed.flags == [
        ObjectFlag.DIFFICULT,
        ObjectFlag.DIFFICULT | ObjectFlag.TRUNCATED | ObjectFlag.CLIPPED,
    ]
    assert placed.marks.flags.dtype == np.uint8


def test_difficult_objects_are_dropped_on_request_and_only_they():
    quads = [rectangle(1, 1, 9, 9)] * 3 + [[5, 5] * 4]
    flags = [ObjectFlag.DIFFICULT, ObjectFlag.TRUNCATED, ObjectFlag.DIFFICULT | 2, ObjectFlag.DIFFICULT]
    placed = place(quads, flags=flags, difficult="drop")
    assert placed.marks.source.tolist() == [1]
    assert placed.reasons == {0: Reason.DIFFICULT, 2: Reason.DIFFICULT, 3: Reason.DEGENERATE}


def test_class_and_line_go_with_the_object():
    placed = place([rectangle(x, 10, x + 5, 20) for x in (10, 500, 30, 40)])
    assert placed.marks.source.tolist() == [0, 2, 3]
    assert placed.marks.class_id.tolist() == [0, 2, 3]


def test_strict_stops_at_an_object_outside_but_not_at_one_split_by_tiles():
    with pytest.raises(StrictError, match=r"P0000\.txt:1: outside_image"):
        place([rectangle(300, 0, 310, 10)], strict=True)
    placed = place([rectangle(40, 0, 60, 10)], sizes=[(100, 50)], tiling=Tiling(50, 0), strict=True)
    assert placed.reasons == {0: Reason.SPLIT_BY_TILES}


@pytest.mark.parametrize("tiling", [WHOLE, Tiling(64, 16, 0.3)], ids=["whole", "tiles"])
def test_no_objects_give_no_marks(tiling):
    placed = place([], tiling=tiling)
    assert len(placed.marks) == 0
    assert placed.marks.box.shape == (0, 4)
    assert placed.marks.quad.shape == (0, 8)
    assert placed.drops == []


def test_coordinates_beyond_32_bits_are_cut_like_any_other():
    far = 2.0**33
    placed = place([rectangle(-far, 10, far, 20), rectangle(far, far, far + 5, far + 5)])
    assert placed.boxes == [[0, 10, 200, 20]]
    assert placed.reasons == {1: Reason.OUTSIDE_IMAGE}


@pytest.mark.parametrize("tiling", [WHOLE, Tiling(64, 16)], ids=["whole", "tiles"])
@pytest.mark.parametrize("far", [1e20, 1e200, 1e308])
def test_a_finite_but_absurd_coordinate_touches_no_other_object_and_raises_no_warning(far, tiling):
    placed = place([rectangle(10, 10, 20, 20), [10, 10, far, 20, far, 21, 10, 11]], tiling=tiling)
    assert placed.boxes[0] == [10, 10, 20, 20]
    assert (1 in placed.reasons) != (1 in placed.marks.source)
    assert not np.isnan(placed.marks.box).any()


# On tiles


def test_an_object_in_the_overlap_of_two_tiles_is_marked_in_both():
    placed = place([rectangle(50, 10, 60, 20)], sizes=[(112, 64)], tiling=Tiling(64, 16))
    assert [frame.window for frame in placed.frames] == [(0, 0, 64, 64), (48, 0, 112, 64)]
    assert placed.marks.frame.tolist() == [0, 1]
    assert placed.boxes == [[50, 10, 60, 20], [2, 10, 12, 20]]
    assert placed.marks.quad.tolist() == [rectangle(50, 10, 60, 20), rectangle(2, 10, 12, 20)]
    assert placed.flags == [ObjectFlag(0)] * 2
    assert placed.drops == []


def test_an_object_at_the_crossing_of_four_tiles_is_marked_in_all():
    placed = place([rectangle(50, 50, 60, 60)], sizes=[(112, 112)], tiling=Tiling(64, 16))
    assert placed.marks.frame.tolist() == [0, 1, 2, 3]
    assert placed.boxes == [[50, 50, 60, 60], [2, 50, 12, 60], [50, 2, 60, 12], [2, 2, 12, 12]]


def test_a_tile_that_holds_exactly_the_least_area_marks_the_object_and_cuts_its_box():
    # 30 of 40 px are in the left tile, which is min_area exactly; 10 in the right one.
    placed = place([rectangle(20, 10, 60, 20)], sizes=[(100, 50)], tiling=Tiling(50, 0, 0.75))
    assert placed.marks.frame.tolist() == [0]
    assert placed.boxes == [[20, 10, 50, 20]]
    assert placed.flags == [ObjectFlag.CLIPPED]
    assert placed.marks.quad.tolist() == [rectangle(20, 10, 60, 20)]


def test_an_object_of_which_every_tile_holds_too_little_is_dropped_as_split_by_tiles():
    quad = rectangle(20, 10, 60, 20)
    placed = place([quad], sizes=[(100, 50)], tiling=Tiling(50, 0, 0.76))
    assert len(placed.marks) == 0
    (drop,) = placed.drops
    assert (drop.reason, drop.line, drop.expected) == (
        Reason.SPLIT_BY_TILES,
        1,
        "a tile that holds 76% of the object",
    )
    assert [float(value) for value in drop.value.split()] == quad


def test_the_least_area_is_a_share_of_what_the_image_shows_of_the_object():
    # 1000 px wide, of which 60 are in the image, all of them in the first tile.
    placed = place([rectangle(-940, 10, 60, 20)], sizes=[(100, 50)], tiling=Tiling(64, 16, 0.9))
    assert placed.boxes == [[0, 10, 60, 20]]
    assert placed.flags == [ObjectFlag.CLIPPED]
    assert placed.drops == []


def test_with_a_least_area_of_one_only_whole_visible_objects_are_marked():
    quads = [rectangle(10, 10, 20, 20), rectangle(-10, 10, 20, 20), rectangle(45, 10, 51, 20)]
    placed = place(quads, sizes=[(100, 50)], tiling=Tiling(50, 0, 1))
    assert placed.marks.source.tolist() == [0, 1]
    assert placed.reasons == {2: Reason.SPLIT_BY_TILES}


def test_the_area_is_measured_on_the_quad_not_on_its_box():
    # A triangle-like kite: most of its area, but half of its box, lies left of the seam at 50.
    kite = [10, 0, 12, 40, 90, 20, 12, 0]
    polygon = shapely.Polygon(np.reshape(kite, (4, 2)))
    share = polygon.intersection(shapely.box(0, 0, 50, 50)).area / polygon.area
    assert share > 0.7 > 0.5 == pytest.approx((50 - 10) / (90 - 10))
    assert place([kite], sizes=[(100, 50)], tiling=Tiling(50, 0, 0.7)).marks.frame.tolist() == [0]


def test_whole_images_and_tiled_scenes_share_a_batch():
    placed = place(
        [rectangle(1, 1, 9, 9), rectangle(70, 1, 90, 9), rectangle(1, 1, 9, 9), rectangle(2, 2, 8, 8)],
        of=[0, 1, 1, 2],
        sizes=[(64, 64), (100, 64), (30, 30)],
        tiling=Tiling(64, 16),
    )
    assert placed.marks.frame.tolist() == [0, 1, 2, 3]
    assert placed.marks.source.tolist() == [0, 2, 1, 3]
    assert placed.boxes == [[1, 1, 9, 9], [1, 1, 9, 9], [34, 1, 54, 9], [2, 2, 8, 8]]


# Against a plain double loop over objects and tiles, with polygons made another way


def polygon_of(quad, box):
    """What a quad covers, crossing edges or not: the faces that its outline encloses."""
    if np.isnan(quad[0]):
        return shapely.box(*box)
    outline = shapely.union_all(
        [shapely.LineString(side) for side in pairwise([*np.reshape(quad, (4, 2)), quad[:2]])]
    )
    return shapely.union_all(list(shapely.get_parts(shapely.polygonize([outline]))))


def has_no_spike(quad):
    """A side that doubles back encloses nothing; where it sticks out, bounds are a matter of taste."""
    polygon = polygon_of(quad, None)
    if polygon.area < 1e-9:
        return True
    return polygon.area > 1e-3 and polygon.bounds == tuple(quad_bounds(np.array([quad]))[0])


ANYWHERE = st.integers(-100, 500).map(lambda half: half / 2)
ANY_QUAD = st.lists(ANYWHERE, min_size=8, max_size=8)
BOX = st.builds(
    lambda x, y, w, h: rectangle(x, y, x + w, y + h),
    ANYWHERE,
    ANYWHERE,
    st.integers(0, 90),
    st.integers(0, 90),
)
TURNED = st.builds(
    turned, ANYWHERE, ANYWHERE, st.floats(0.5, 120), st.floats(0.5, 120), st.floats(0, np.pi, allow_nan=False)
)
SMALL = st.builds(
    turned, st.floats(0, 200), st.floats(0, 150), st.floats(2, 15), st.floats(2, 15), st.floats(0, 3)
)
QUAD = st.one_of(BOX, TURNED, SMALL, ANY_QUAD).filter(has_no_spike)
TILINGS = st.builds(
    Tiling,
    st.sampled_from([0, 40, 64, 130, 300]),
    st.sampled_from([0, 7, 16, 39]),
    st.sampled_from([0.05, 0.31, 0.5, 0.7, 0.99, 1.0]),
)
SIZES = [(200, 150), (40, 40), (77, 141)]


@st.composite
def batches(draw):
    objects = draw(
        st.lists(st.tuples(st.integers(0, 2), QUAD, st.integers(0, 3), st.booleans()), max_size=12)
    )
    objects.sort(key=lambda entry: entry[0])
    quads = [quad for _, quad, _, _ in objects]
    boxes = quad_bounds(np.array(quads, np.float64).reshape(-1, 8))
    return {
        "of": [item for item, *_ in objects],
        "boxes": boxes,
        "quads": [NO_QUAD if only_box else quad for _, quad, _, only_box in objects],
        "flags": [flags for _, _, flags, _ in objects],
        "sizes": SIZES,
        "tiling": draw(TILINGS),
        "difficult": draw(st.sampled_from(["keep", "drop"])),
    }


def judge(batch):
    """Marks as {(object, frame): (bounds in the raw image, was cut)} and {object: reason}."""
    tiling, marks, reasons = batch["tiling"], {}, {}
    frames = [frame for i, (w, h) in enumerate(batch["sizes"]) for frame in frames_of(i, w, h, tiling)]
    for number, (item, quad, box, flags) in enumerate(
        zip(batch["of"], batch["quads"], batch["boxes"], batch["flags"], strict=True)
    ):
        shape = polygon_of(quad, box)
        if shape.area < SMALLEST:
            reasons[number] = Reason.DEGENERATE
            continue
        if flags & ObjectFlag.DIFFICULT and batch["difficult"] == "drop":
            reasons[number] = Reason.DIFFICULT
            continue
        width, height = batch["sizes"][item]
        visible = shape.intersection(shapely.box(0, 0, width, height))
        assume(visible.area < 1e-12 or visible.area > 1e-3)
        if visible.area < SMALLEST:
            reasons[number] = Reason.OUTSIDE_IMAGE
            continue
        for position, frame in enumerate(frames):
            if frame.item != item:
                continue
            window = shapely.box(*(frame.window or (0, 0, width, height)))
            part = visible.intersection(window)
            share = part.area / visible.area
            if not window.covers(shapely.box(*visible.bounds)):
                assume(abs(share - tiling.min_area) > 1e-9)  # a tie is decided by rounding
            else:
                share = 1
            if frame.window is None or share >= tiling.min_area:
                cut = not window.covers(shapely.box(*box))
                marks[number, position] = (part.bounds, cut)
        if not any(key[0] == number for key in marks):
            reasons[number] = Reason.SPLIT_BY_TILES
    return marks, reasons


@settings(max_examples=150)
@given(batches())
def test_a_double_loop_over_objects_and_tiles_finds_the_same_marks(batch):
    expected, reasons = judge(batch)
    placed = place(**batch)
    marks = placed.marks
    pairs = list(zip(marks.source.tolist(), marks.frame.tolist(), strict=True))
    assert set(pairs) == set(expected)
    assert len(pairs) == len(set(pairs))
    assert placed.reasons == reasons
    for row, (source, frame) in enumerate(pairs):
        bounds, cut = expected[source, frame]
        x, y = (placed.frames[frame].window or (0, 0))[:2]
        np.testing.assert_allclose(marks.box[row] + [x, y, x, y], bounds, atol=1e-7)
        assert bool(marks.flags[row] & ObjectFlag.CLIPPED) == cut


@given(batches())
def test_every_object_is_marked_or_dropped_and_dropped_once(batch):
    placed = place(**batch)
    marked = set(placed.marks.source.tolist())
    dropped = Counter(drop.line - 1 for drop in placed.drops)
    assert set(dropped.values()) <= {1}
    assert marked.isdisjoint(dropped)
    assert marked | set(dropped) == set(range(len(placed.objects)))
    for drop in placed.drops:
        assert drop.image_id == f"train/P{batch['of'][drop.line - 1]:04d}"
        assert drop.value
        assert drop.expected


@given(batches())
def test_boxes_lie_inside_their_frames_and_quads_are_the_sources_moved(batch):
    placed = place(**batch)
    marks, objects = placed.marks, placed.objects
    frames = [placed.frames[frame] for frame in marks.frame.tolist()]
    size = np.array([(f.width, f.height) for f in frames]).reshape(-1, 2)
    assert (marks.box[:, :2] >= 0).all()
    assert (marks.box[:, :2] < marks.box[:, 2:]).all()
    assert (marks.box[:, 2:] <= size).all()
    origin = np.array([(f.window or (0, 0))[:2] for f in frames], np.float64).reshape(-1, 2)
    np.testing.assert_array_equal(marks.quad, objects.quad[marks.source] - np.tile(origin, 4))
    np.testing.assert_array_equal(marks.class_id, objects.class_id[marks.source])
    np.testing.assert_array_equal(marks.flags & ~np.uint8(4), objects.flags[marks.source])
    assert [f.item for f in frames] == objects.item[marks.source].tolist()


@given(batches())
def test_marks_are_grouped_by_frame_and_within_it_in_the_order_of_the_source(batch):
    marks = place(**batch).marks
    pairs = list(zip(marks.frame.tolist(), marks.source.tolist(), strict=True))
    assert pairs == sorted(pairs)


@settings(max_examples=30)
@given(batches())
def test_what_becomes_of_an_object_does_not_depend_on_the_others(batch):
    together = place(**batch)
    for number in range(len(batch["of"])):
        one = {key: batch[key][number : number + 1] for key in ("of", "quads", "boxes", "flags")}
        alone = place(**{**batch, **one})
        own = together.marks.source == number
        assert together.marks.frame[own].tolist() == alone.marks.frame.tolist()
        assert together.marks.box[own].tolist() == alone.boxes
        assert together.reasons.get(number) == alone.reasons.get(0)


def test_boxes_cut_out_of_large_scenes_do_not_reach_over_the_edge_by_rounding():
    random = np.random.default_rng(7)
    for digits in (1, 6, 12):
        centre = random.uniform(0, 20_000, (3000, 1, 2))
        quads = (centre + random.normal(0, 120, (3000, 4, 2))).round(digits).reshape(-1, 8)
        placed = place(quads, sizes=[(19_999, 20_001)], tiling=Tiling(1024, 200, 0.3))
        assert len(placed.marks) > 1000
        size = np.array([(placed.frames[f].width, placed.frames[f].height) for f in placed.marks.frame])
        assert (placed.marks.box >= 0).all()
        assert (placed.marks.box[:, 2:] <= size).all()
        assert (placed.marks.box[:, :2] < placed.marks.box[:, 2:]).all()
