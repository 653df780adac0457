"""The eight flips and quarter turns, on pixels and on boxes, named as Pillow names them.

A transform swaps the axes or not, then mirrors either or both: that is all eight.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from rsvp_builder.record import FloatArray


class Transform(IntEnum):
    """How a picture was turned; the value is its place in :data:`TRANSFORMS`."""

    IDENTITY = 0
    FLIP_LEFT_RIGHT = 1
    FLIP_TOP_BOTTOM = 2
    ROTATE_180 = 3
    TRANSPOSE = 4
    ROTATE_270 = 5
    ROTATE_90 = 6
    TRANSVERSE = 7

    @property
    def swaps(self) -> bool:
        """Whether width and height change places."""
        return self >= Transform.TRANSPOSE

    @property
    def mirrors_x(self) -> bool:
        """Whether x runs backwards, after the axes changed places."""
        return bool(self & 1)

    @property
    def mirrors_y(self) -> bool:
        """Whether y runs backwards, after the axes changed places."""
        return bool(self & 2)

    @property
    def inverse(self) -> Transform:
        """The transform that undoes this one; only the two quarter turns differ from theirs."""
        return {Transform.ROTATE_90: Transform.ROTATE_270, Transform.ROTATE_270: Transform.ROTATE_90}.get(
            self, self
        )

    @property
    def label(self) -> str:
        """Its name in files: Pillow's, in lower case."""
        return self.name.lower()

    def of_pixels(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Turn pixels (..., height, width); a view where numpy gives one."""
        turned = pixels.swapaxes(-1, -2) if self.swaps else pixels
        if self.mirrors_x:
            turned = turned[..., ::-1]
        return turned[..., ::-1, :] if self.mirrors_y else turned

    def of_boxes(self, boxes: FloatArray, width: float, height: float) -> FloatArray:
        """Turn boxes (n, 4) with the picture of ``width`` by ``height`` pixels that they lie in."""
        x1, y1, x2, y2 = boxes.T
        if self.swaps:
            x1, y1, x2, y2, width, height = y1, x1, y2, x2, height, width
        if self.mirrors_x:
            x1, x2 = width - x2, width - x1
        if self.mirrors_y:
            y1, y2 = height - y2, height - y1
        return np.stack([x1, y1, x2, y2], axis=1)


TRANSFORMS: tuple[Transform, ...] = tuple(Transform)
"""All of them; the identity is first."""
