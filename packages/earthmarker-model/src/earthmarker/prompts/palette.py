"""Colours that tell marks apart.

The first eight are those of Okabe and Ito (2008), which people with any common colour vision tell apart,
black replaced by white since prompts are drawn on black. The next twelve were found by search: any two of the
twenty are at least 26 apart in CIELAB as most people see them, and 17 with deuteranopia or protanopia as
Machado, Oliveira and Fernandes (2009) simulate them; from black all are 34 apart for everyone. Further ones
walk round the hues by the golden ratio at three brightnesses, without such a promise.
"""

from __future__ import annotations

import colorsys
import functools

Colour = tuple[int, int, int]

_FIRST: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (255, 255, 255),
    (75, 0, 255),
    (105, 120, 255),
    (240, 255, 180),
    (105, 90, 105),
    (180, 165, 90),
    (150, 60, 60),
    (90, 45, 210),
    (165, 255, 120),
    (255, 180, 180),
    (150, 15, 135),
    (180, 0, 15),
    (60, 225, 240),
)
_GOLDEN = 0.6180339887498949


@functools.cache
def colour(index: int) -> Colour:
    """The colour of the mark with ``index``, counted from 1; the same in every image."""
    if index <= len(_FIRST):
        return _FIRST[index - 1]
    step = index - len(_FIRST)
    hue, value = (step * _GOLDEN) % 1.0, (1.0, 0.75, 0.55)[step % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.55 + 0.45 * (step % 2), value)
    return round(red * 255), round(green * 255), round(blue * 255)


def ink(background: Colour) -> Colour:
    """Black or white, whichever reads better on ``background`` (luma of ITU-R BT.601)."""
    red, green, blue = background
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 110 else (255, 255, 255)
