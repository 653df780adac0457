"""Pictures of any kind on the canvas of the experts."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from earthmarker import EarthMarkerImageProcessor
from earthmarker.errors import EarthMarkerError
from earthmarker.pictures import PictureError, as_rgb, picture_of
from earthmarker.prompts.letterbox import PADDING

MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
STD = np.array([0.26862954, 0.26130258, 0.27577711])
SIZE = 48
PROCESSOR = EarthMarkerImageProcessor(size={"height": SIZE, "width": SIZE})


def canvas(image):
    return PROCESSOR(image, return_tensors="pt")["pixel_values"][0].numpy()


def by_hand(image):
    """Pad to a square with Accessory's colour, scale with Pillow, normalise; (3, side, side)."""
    width, height = image.size
    side = max(width, height)
    square = Image.new("RGB", (side, side), tuple(int(v * 255) for v in MEAN))
    square.paste(image, ((side - width) // 2, (side - height) // 2))
    pixels = np.asarray(square.resize((SIZE, SIZE), Image.Resampling.BICUBIC)) / 255
    return ((pixels - MEAN) / STD).transpose(2, 0, 1)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 120), st.integers(1, 120), st.integers(0, 2**32 - 1))
def test_a_canvas_is_padded_scaled_and_normalised(width, height, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    got = canvas(image)
    assert got.shape == (3, SIZE, SIZE) and got.dtype == np.float32
    assert np.abs(got - by_hand(image)).max() < 1e-5
    assert np.array_equal(np.asarray(image), pixels)


def test_the_padding_is_the_mean_colour_of_clip():
    assert PADDING == (122, 116, 104) == tuple(int(v * 255) for v in MEAN)
    got = canvas(Image.new("RGB", (40, 10), (255, 0, 0)))
    # Rounding down leaves padding within one level of what is zero after normalisation.
    assert np.abs(got[:, 0]).max() < 1 / 255 / STD.min() and np.abs(got[:, SIZE // 2]).min() > 1


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3000, 2), (SIZE, SIZE)])
def test_extreme_shapes(size):
    image = Image.new("RGB", size, (10, 200, 30))
    got = canvas(image)
    assert np.isfinite(got).all() and np.abs(got - by_hand(image)).max() < 1e-5


def test_many_sizes_make_one_batch():
    images = [Image.new("RGB", s) for s in ((5, 9), (90, 20), (SIZE, SIZE))]
    assert PROCESSOR(images, return_tensors="pt")["pixel_values"].shape == (3, 3, SIZE, SIZE)


GREY = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4


def test_grey_is_colour_with_equal_bands():
    for image in (Image.fromarray(GREY), GREY, GREY[..., None], GREY[None], torch.from_numpy(GREY)):
        assert np.array_equal(np.asarray(picture_of(image)), np.repeat(GREY[..., None], 3, axis=-1))


def test_two_levels_are_black_and_white():
    pixels = np.asarray(as_rgb(Image.fromarray(GREY > 100)))
    assert np.array_equal(pixels[..., 0], np.where(GREY > 100, 255, 0))


def test_a_palette_is_looked_up():
    image = Image.frombytes("P", (2, 2), bytes([0, 1, 1, 0]))
    image.putpalette([10, 20, 30, 200, 100, 50])
    assert [as_rgb(image).getpixel(p) for p in ((0, 0), (1, 0))] == [(10, 20, 30), (200, 100, 50)]


def test_what_is_transparent_is_white_and_not_what_lies_hidden_there():
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0] = [(200, 10, 10, 255), (200, 10, 10, 0), (0, 0, 0, 128)]
    expected = [(200, 10, 10), (255, 255, 255), (127, 127, 127)]
    for image in (Image.fromarray(pixels), pixels):
        assert np.abs(np.asarray(picture_of(image))[0].astype(int) - expected).max() <= 1
    grey = Image.new("LA", (1, 1), (0, 0))
    assert as_rgb(grey).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_deep_pictures_are_stretched_and_not_cut_white(kind):
    deep = np.linspace(300, 9000, 10_000).reshape(100, 100).astype(kind)
    pixels = np.asarray(as_rgb(Image.fromarray(deep)))[..., 0].ravel()
    assert pixels[0] == 0 and pixels[-1] == 255 and (np.diff(pixels.astype(int)) >= 0).all()
    assert len(np.unique(pixels)) == 256
    # Linear between the percentiles.
    low, high = np.percentile(deep, (1, 99))
    expected = np.clip((deep.ravel() - low) / (high - low), 0, 1) * 255
    assert np.abs(pixels - expected).max() <= 0.5 + 1e-3


def test_deep_pictures_with_gaps():
    deep = np.full((4, 4), np.nan, np.float32)
    assert not np.asarray(as_rgb(Image.fromarray(deep))).any()
    deep[0] = (1, 2, 3, 4)
    assert np.asarray(as_rgb(Image.fromarray(deep)))[0, 3, 0] == 255


def test_arrays_in_either_order_are_the_same_picture():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    expected = canvas(Image.fromarray(pixels))
    for form in (
        pixels,
        pixels.transpose(2, 0, 1),
        torch.from_numpy(pixels),
        torch.from_numpy(pixels).movedim(-1, 0),
    ):
        assert np.array_equal(canvas(form), expected)


@pytest.mark.parametrize(
    "value",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((5, 5, 7), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 3), np.uint8),
    ],
)
def test_what_is_no_picture(value):
    with pytest.raises(PictureError, match=r"is no picture: expected an image.*0\.\.255") as caught:
        picture_of(value)
    assert isinstance(caught.value, EarthMarkerError)


def test_nothing_given_is_changed():
    image = Image.new("P", (3, 3), 1)
    image.info["transparency"] = 1
    before = (image.mode, image.tobytes(), dict(image.info))
    as_rgb(image)
    assert (image.mode, image.tobytes(), dict(image.info)) == before
