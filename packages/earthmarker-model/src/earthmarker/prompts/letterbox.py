"""From an image to the square canvas that encoders see, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# CLIP's mean colour in 0..255, rounded down, as LLaMA2-Accessory pads with.
PADDING = (122, 116, 104)
_STRIP = 2**24  # pixels scaled at a time


@dataclass(frozen=True)
class Letterbox:
    """An image of ``width`` x ``height`` padded to a centred square and scaled to ``size`` x ``size``.

    Padding comes before scaling, ``(long - short) // 2`` pixels on the left or the top, as LLaMA2-Accessory's
    ``PadToSquare`` does; an odd pixel goes to the right or the bottom. Coordinates are pixels with pixel
    (0, 0) covering [0, 1) x [0, 1).
    """

    width: int
    height: int
    size: int

    @property
    def side(self) -> int:
        """Side of the square before it is scaled, in pixels of the image."""
        return max(self.width, self.height)

    @property
    def scale(self) -> float:
        """Pixels of the canvas for each pixel of the image."""
        return self.size / self.side

    @property
    def offset(self) -> tuple[int, int]:
        """Pixels of padding on the left and on the top, in pixels of the image."""
        return (self.side - self.width) // 2, (self.side - self.height) // 2

    def to_canvas(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (..., 2) of the image as points of the canvas; the argument is left as it is."""
        return (np.asarray(xy, dtype=np.float64) + self.offset) * self.scale

    def to_image(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (..., 2) of the canvas as points of the image; the argument is left as it is."""
        return np.asarray(xy, dtype=np.float64) / self.scale - self.offset

    def fit(self, picture: Image.Image) -> Image.Image:
        """The RGB picture on its canvas: padded with CLIP's mean colour, scaled bicubic.

        The result is that of padding to the square and scaling it. The square of a long scene would be huge,
        so rows are scaled in strips, and columns after them, which is how Pillow scales.
        """
        left, top = self.offset
        rows = Image.new("RGB", (self.size, self.side), PADDING)
        step = max(1, _STRIP // self.side)
        for y in range(0, self.height, step):
            strip = picture.crop((0, y, self.width, min(y + step, self.height)))
            if self.width < self.side:
                padded = Image.new("RGB", (self.side, strip.height), PADDING)
                padded.paste(strip, (left, 0))
                strip = padded
            rows.paste(strip.resize((self.size, strip.height), Image.Resampling.BICUBIC), (0, top + y))
        return rows.resize((self.size, self.size), Image.Resampling.BICUBIC)
