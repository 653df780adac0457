"""The eight flips and rotations mean the same for pixels, for boxes and for Pillow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsvp_builder.audit.transforms import TRANSFORMS, Transform

turns = st.sampled_from(TRANSFORMS)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_pixels_turn_as_pillow_turns_them(transform):
    pixels = np.arange(35, dtype=np.uint8).reshape(5, 7)
    image = Image.fromarray(pixels)
    expected = image if transform == 0 else image.transpose(Image.Transpose[transform.name])
    assert np.array_equal(transform.of_pixels(pixels), np.asarray(expected))
    assert np.array_equal(transform.of_pixels(np.stack([pixels] * 3))[2], np.asarray(expected))


@given(turns, st.integers(2, 12), st.integers(2, 12), st.data())
def test_a_box_turns_with_the_pixels_it_covers(transform, width, height, data):
    x = sorted(data.draw(st.sets(st.integers(0, width), min_size=2, max_size=2)))
    y = sorted(data.draw(st.sets(st.integers(0, height), min_size=2, max_size=2)))
    covered = np.zeros((height, width), bool)
    covered[y[0] : y[1], x[0] : x[1]] = True
    [[x1, y1, x2, y2]] = transform.of_boxes(np.array([[x[0], y[0], x[1], y[1]]], float), width, height)
    turned = transform.of_pixels(covered)
    again = np.zeros_like(turned)
    again[int(y1) : int(y2), int(x1) : int(x2)] = True
    assert np.array_equal(turned, again)


@given(turns)
def test_the_inverse_undoes_it(transform):
    pixels = np.arange(12).reshape(3, 4)
    assert np.array_equal(transform.inverse.of_pixels(transform.of_pixels(pixels)), pixels)


def test_all_eight_differ():
    pixels = np.arange(12).reshape(3, 4)
    assert len({(t.of_pixels(pixels).shape, t.of_pixels(pixels).tobytes()) for t in Transform}) == 8
