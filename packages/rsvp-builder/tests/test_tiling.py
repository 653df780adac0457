"""Cutting scenes into tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rsvp_builder.record import Frame
from rsvp_builder.tiling import Tiling, frames_of, starts


def devkit_starts(length, size, gap):
    """The loop of ImgSplit.SplitSingle in CAPTAIN-WHU/DOTA_devkit, along one edge."""
    found, position, slide = [], 0, size - gap
    while position < length:
        if position + size >= length:
            position = max(length - size, 0)
        found.append(position)
        if position + size >= length:
            break
        position += slide
    return found


@st.composite
def grids(draw):
    size = draw(st.integers(1, 400))
    return draw(st.integers(1, 3000)), size, draw(st.integers(0, size - 1))


@given(grids())
def test_tiles_begin_where_the_devkit_begins_them(grid):
    length, size, overlap = grid
    assume(length / (size - overlap) < 2000)
    assert starts(length, size, overlap) == devkit_starts(length, size, overlap)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (1, [0]),
        (1023, [0]),
        (1024, [0]),
        (1025, [0, 1]),
        (1848, [0, 824]),
        (1849, [0, 824, 825]),
        (2000, [0, 824, 976]),
        (4000, [0, 824, 1648, 2472, 2976]),
    ],
)
def test_1024_px_with_200_px_overlap_as_in_the_devkit(length, expected):
    assert starts(length, 1024, 200) == expected


@given(grids())
def test_neighbours_overlap_as_asked_and_the_last_at_least_so(grid):
    length, size, overlap = grid
    begin = starts(length, size, overlap)
    steps = np.diff(begin)
    assert (steps > 0).all()
    assert (steps[:-1] == size - overlap).all()
    assert (steps <= size - overlap).all()
    assert begin[0] == 0
    assert begin[-1] + size == length or begin == [0]


@given(st.integers(1, 120), st.integers(1, 120), st.integers(1, 50), st.data())
def test_tiles_cover_every_pixel_and_stay_inside_the_scene(width, height, size, data):
    tiling = Tiling(size, data.draw(st.integers(0, size - 1)))
    covered = np.zeros((height, width), bool)
    frames = frames_of(3, width, height, tiling)
    for frame in frames:
        x1, y1, x2, y2 = frame.window or (0, 0, frame.width, frame.height)
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height
        assert (frame.item, frame.width, frame.height) == (3, x2 - x1, y2 - y1)
        assert (frame.width, frame.height) == (min(size, width), min(size, height)) or frame.window is None
        covered[y1:y2, x1:x2] = True
    assert covered.all()
    assert len({frame.window for frame in frames}) == len(frames)


@pytest.mark.parametrize("size", [(1024, 1024), (1, 1), (1024, 7), (7, 1024)])
def test_an_image_that_fits_in_a_tile_stays_whole(size):
    assert frames_of(5, *size, Tiling(1024, 200)) == [Frame(5, None, *size)]


def test_tile_size_zero_cuts_nothing():
    assert frames_of(0, 30_000, 20_000, Tiling(0)) == [Frame(0, None, 30_000, 20_000)]


def test_a_scene_longer_than_a_tile_in_one_direction_is_cut_in_that_one():
    frames = frames_of(0, 1500, 600, Tiling(1024, 200))
    assert [frame.window for frame in frames] == [(0, 0, 1024, 600), (476, 0, 1500, 600)]
    assert [(frame.width, frame.height) for frame in frames] == [(1024, 600)] * 2


def test_tiles_come_row_by_row_from_the_top_and_the_last_ones_are_moved_back_inside():
    frames = frames_of(0, 25, 22, Tiling(10, 2))
    assert [frame.window for frame in frames] == [
        (x, y, x + 10, y + 10) for y in (0, 8, 12) for x in (0, 8, 15)
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {"size": -1},
        {"size": 100, "overlap": 100},
        {"size": 100, "overlap": 101},
        {"size": 100, "overlap": -1},
        {"min_area": 0},
        {"min_area": -0.1},
        {"min_area": 1.001},
        {"min_area": float("nan")},
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(settings):
    with pytest.raises(ValueError, match=r"overlap|min_area"):
        Tiling(**settings)


def test_the_extremes_of_the_settings_are_allowed():
    assert Tiling(size=0, overlap=200).size == 0
    assert Tiling(size=1, overlap=0, min_area=1).min_area == 1
    assert Tiling(size=100, overlap=99).overlap == 99
