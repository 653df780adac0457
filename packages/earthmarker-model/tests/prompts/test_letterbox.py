"""An image on its square canvas, and the way back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from earthmarker.prompts import Letterbox
from earthmarker.prompts.letterbox import PADDING

sides = st.integers(1, 20_000)


@given(sides, sides, st.integers(14, 1024), st.data())
def test_points_go_to_the_canvas_and_back(width, height, size, data):
    letterbox = Letterbox(width, height, size)
    x, y = data.draw(st.floats(0, width)), data.draw(st.floats(0, height))
    point = np.array([x, y])
    canvas = letterbox.to_canvas(point)
    assert (canvas >= -1e-9).all() and (canvas <= size + 1e-6).all()
    assert np.allclose(letterbox.to_image(canvas), (x, y), atol=1e-6)
    assert np.array_equal(point, (x, y)), "the argument was changed"


@given(sides, sides)
def test_an_odd_pixel_of_padding_goes_to_the_right_or_the_bottom(width, height):
    letterbox = Letterbox(width, height, 512)
    left, top = letterbox.offset
    right, bottom = letterbox.side - width - left, letterbox.side - height - top
    assert 0 <= right - left <= 1 and 0 <= bottom - top <= 1
    assert min(left + right, top + bottom) == 0


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(8, 64), st.integers(0, 2**32 - 1))
def test_a_picture_is_padded_then_scaled(width, height, size, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    side = max(width, height)
    square = Image.new("RGB", (side, side), (122, 116, 104))
    square.paste(picture, ((side - width) // 2, (side - height) // 2))
    expected = square.resize((size, size), Image.Resampling.BICUBIC)
    assert np.array_equal(np.asarray(Letterbox(width, height, size).fit(picture)), np.asarray(expected))
    assert np.array_equal(np.asarray(picture), pixels)


@pytest.mark.parametrize(("width", "height"), [(600, 1), (1, 600), (600, 40), (40, 600)])
def test_strips_are_the_whole_picture(monkeypatch, width, height):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    letterbox = Letterbox(width, height, 64)
    at_once = np.asarray(letterbox.fit(Image.fromarray(pixels)))
    monkeypatch.setattr("earthmarker.prompts.letterbox._STRIP", 7 * 600)
    assert np.array_equal(np.asarray(letterbox.fit(Image.fromarray(pixels))), at_once)


def test_a_long_scene_needs_no_square_of_its_length():
    # The square would have 1.6 billion pixels.
    canvas = np.asarray(Letterbox(40_000, 40, 128).fit(Image.new("RGB", (40_000, 40), (200, 10, 30))))
    assert tuple(canvas[0, 0]) == tuple(canvas[-1, -1]) == PADDING
    assert canvas.shape == (128, 128, 3) and (canvas != PADDING).any()
