"""Where the number of a mark is written: inside what is seen of it, as large as fits."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw, ImageFont

from earthmarker.prompts.palette import Colour
from earthmarker.prompts.raster import Shape

_LEAST = 7  # pixels of font height, below which a digit cannot be told from another
_LARGEST = 1 / 12  # of the canvas


def write(pen: ImageDraw.ImageDraw, text: str, room: Shape, ink: Colour) -> bool:
    """Write a number so that all of it lies within ``room``, near the middle of it.

    Args:
        pen: of the canvas.
        text: the number.
        room: (size, size) bool pixels that may be written on.
        ink: colour of the digits.

    Returns:
        Whether it was written: a mark too small for digits that can be read stays a colour.
    """
    down, across = np.nonzero(room.any(axis=1))[0], np.nonzero(room.any(axis=0))[0]
    if not len(down):
        return False
    top, left = int(down[0]), int(across[0])
    part = room[top : down[-1] + 1, left : across[-1] + 1]
    sums = np.pad(part.astype(np.int32).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    height = min(float(min(part.shape)), len(room) * _LARGEST)
    while height >= _LEAST:
        font, (width, tall) = _font(int(height)), _extent(text, int(height))
        place = _place(sums, width + 2, tall + 2)
        if place is not None:
            x, y = place
            pen.text((left + x + 1, top + y + 1), text, fill=ink, anchor="lt", font=font)
            return True
        height *= 0.85
    return False


def _place(sums: NDArray[np.int32], width: int, height: int) -> tuple[int, int] | None:
    """Corner (x, y) of the free rectangle of this size nearest to the middle, None if there is none.

    ``sums`` are (rows + 1, columns + 1) sums of the free pixels above and to the left.
    """
    rows, columns = sums.shape[0] - height, sums.shape[1] - width
    if rows <= 0 or columns <= 0:
        return None
    free = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    y, x = np.nonzero(free == width * height)
    if not len(x):
        return None
    nearest = int(np.argmin((2 * y - rows + 1) ** 2 + (2 * x - columns + 1) ** 2))
    return int(x[nearest]), int(y[nearest])


@functools.lru_cache(maxsize=256)
def _font(height: int) -> Any:
    return ImageFont.load_default(height)


@functools.lru_cache(maxsize=4096)
def _extent(text: str, height: int) -> tuple[int, int]:
    """Pixels across and down that a text takes."""
    left, top, right, bottom = _font(height).getbbox(text, anchor="lt")
    return int(np.ceil(right - min(left, 0))), int(np.ceil(bottom - min(top, 0)))
