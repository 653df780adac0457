"""Windows for crops, their hashes against imagehash, and aligning."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from PIL import Image

from rsvp_builder.audit.fingerprint import fingerprint
from rsvp_builder.audit.verify import PLAIN, SAME, align, contrast, enough, is_whole, score
from rsvp_builder.audit.windows import SMALLEST, packed, window_hashes, windows


def thumbnails(images):
    return np.stack([np.asarray(i.convert("L").resize((64, 64), Image.Resampling.BOX)) for i in images])


@pytest.mark.parametrize("proportion", [1.0, 1.05, 1.33, 0.6, 3.0, 9.0])
def test_windows_lie_inside_and_keep_proportions_or_are_square(proportion):
    found = windows(proportion)
    width, height = found[:, 2] - found[:, 0], found[:, 3] - found[:, 1]
    assert (found >= 0).all() and (found <= 1 + 1e-12).all()
    own, square = np.isclose(width, height), np.isclose(width * proportion, height)
    assert (own | square).all()
    assert (width * height >= SMALLEST**2 - 1e-9).all()
    assert np.isclose(width[own].min(), 0.5) and width[own].max() < 1
    assert square.any() == (max(proportion, 1 / proportion) <= 4 and proportion != 1.05)


def test_any_crop_has_a_window_that_is_near():
    """What the hash's tolerance rests on: a twentieth in size and of a side in place."""
    rng = np.random.default_rng(1)
    found = windows(1.0)
    for _ in range(300):
        side = rng.uniform(0.5, 0.95)
        x, y = rng.uniform(0, 1 - side, 2)
        apart = np.abs(found - np.array([x, y, x + side, y + side])).max(axis=1)
        assert apart.min() <= 0.08 * side


def test_window_hashes_are_close_to_imagehash(scenes):
    greys = thumbnails(scenes.values())
    hashes = window_hashes(greys, 1.0)
    differing = []
    for number in range(len(greys)):
        image = Image.fromarray(greys[number])
        for place in range(0, len(windows(1.0)), 37):
            box = tuple(64 * windows(1.0)[place])
            cut = image.resize((32, 32), Image.Resampling.LANCZOS, box=box)
            expected = packed(imagehash.phash(cut).hash.reshape(1, 64))[0]
            differing.append(int(np.bitwise_count(hashes[number, place] ^ expected)))
    assert np.mean(differing) < 1.5 and max(differing) <= 6


def test_alignment_finds_the_window(scenes):
    rng = np.random.default_rng(2)
    images, truth = list(scenes.values()), []
    parts = []
    for image in images:
        side = int(rng.integers(190, 290))
        x, y = rng.integers(0, 320 - side, 2).tolist()
        parts.append(image.crop((x, y, x + side, y + side)))
        truth.append((x / 320, y / 320, (x + side) / 320, (y + side) / 320))
    start = np.array(truth) + rng.uniform(-0.02, 0.02, (len(images), 4))
    found, scores = align(thumbnails(images), thumbnails(parts), start.clip(0, 1))
    assert enough(found, scores).all()
    assert np.abs(found - np.array(truth)).max() < 0.01
    assert not is_whole(found).any()


def test_strange_pictures_do_not_agree(scenes):
    greys = thumbnails(scenes.values())
    others = np.roll(greys, 1, axis=0)
    whole = np.tile([0.0, 0.0, 1.0, 1.0], (len(greys), 1))
    assert (score(greys, greys) > 0.999).all()
    assert (score(greys, others) < 0.5).all()
    found, scores = align(greys, others, whole)
    assert not enough(found, scores).any()


def test_a_shared_black_border_does_not_speak_for_the_rest(scenes):
    greys = thumbnails(scenes.values()).copy()
    greys[:, :, :30] = 0
    assert (score(greys, np.roll(greys, 1, axis=0)) < SAME - 0.15).all()


def test_brightness_and_contrast_do_not_count(scenes):
    greys = thumbnails(scenes.values())
    assert (score(greys, (greys * 0.6 + 30).astype(np.uint8)) > 0.97).all()


def test_plain_pictures_are_known_as_such(scenes, encode):
    flat = fingerprint(encode(Image.new("RGB", (100, 80), "#224466"))).grey
    ramp = np.tile(np.linspace(80, 160, 64).astype(np.uint8), (64, 1))
    assert (contrast(np.stack([flat, ramp])) < PLAIN).all()
    assert (contrast(thumbnails(scenes.values())) > PLAIN).all()
