"""The colours of marks are far apart, for everyone."""

import itertools

import numpy as np
import pytest

from earthmarker.prompts.palette import colour, ink

BLACK = (0, 0, 0)
TWENTY = [colour(i) for i in range(1, 21)]
# Linear RGB as seen with a missing kind of cone (Machado, Oliveira and Fernandes 2009, severity 1.0).
SIGHTS = {
    "most": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


def lab(colour, sight):
    """CIELAB (D65) of an sRGB colour."""
    rgb = np.array(colour) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(SIGHTS[sight] @ linear, 0, 1) / (0.95047, 1.0, 1.08883)
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize(("sight", "least"), [("most", 26), ("protanopia", 17), ("deuteranopia", 17)])
def test_any_two_colours_are_far_apart(sight, least):
    apart = {
        (a, b): np.linalg.norm(lab(a, sight) - lab(b, sight)) for a, b in itertools.combinations(TWENTY, 2)
    }
    pair = min(apart, key=apart.get)
    assert apart[pair] >= least, (pair, apart[pair])


@pytest.mark.parametrize("sight", SIGHTS)
def test_all_are_far_from_black(sight):
    assert min(np.linalg.norm(lab(c, sight) - lab(BLACK, sight)) for c in TWENTY) >= 34


def test_distances_are_those_of_a_known_pair():
    # White is L* = 100 with no colour, whoever looks.
    for sight in SIGHTS:
        assert np.allclose(lab((255, 255, 255), sight), (100, 0, 0), atol=0.05)


def test_many_marks_still_have_colours_of_their_own():
    assert len({colour(i) for i in range(1, 61)}) == 60


def luminance(c):
    rgb = np.array(c) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)


@pytest.mark.parametrize("index", range(1, 21))
def test_digits_stand_out_from_their_mark(index):
    # Contrast of WCAG 2.1: 3 to 1 is asked of large text.
    light, dark = sorted([luminance(colour(index)), luminance(ink(colour(index)))], reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3
