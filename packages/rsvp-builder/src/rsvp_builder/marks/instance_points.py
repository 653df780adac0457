"""A representative point for each instance of an image: the pixel that lies deepest inside its mask.

Masks of one image may overlap, and a point on two instances names neither. A pixel that another mask
covers too is chosen again among those that no other covers, where there are any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rsvp_builder.masks import Crop, Mask, inscribed_point
from rsvp_builder.record import FloatArray, IntArray
from rsvp_builder.rle import BoolArray

_AT_ONCE = 1 << 20
"""Pairs of a point and a mask that are compared in one go."""


@dataclass(frozen=True, slots=True, eq=False)
class InstancePoints:
    """Points of the instances of one image, in columns of length n.

    Attributes:
        pixel: (n, 2) int64, column and row of the pixel; -1 where there is no point.
        squared_radius: (n,) int64, squared distance in pixels to the nearest pixel that the point was
            not chosen from: outside its mask, or covered by another instance if it had to avoid those;
            0 where there is no point.
        found: (n,) bool, the instance has a mask with pixels inside the image.
        thin: (n,) bool, the mask is the outline of a shape too thin to have pixels.
        shared: (n,) bool, the point lies on another instance too: others cover all of this one.
    """

    pixel: IntArray
    squared_radius: IntArray
    found: npt.NDArray[np.bool_]
    thin: npt.NDArray[np.bool_]
    shared: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pixel)

    @property
    def point(self) -> FloatArray:
        """(n, 2) float64, x and y of the pixels' centres; NaN where there is no point."""
        return np.where(self.found[:, None], self.pixel + 0.5, np.nan)


def representative_points(masks: Sequence[Mask | None]) -> InstancePoints:
    """The point of each instance of one image; see the module for the rule.

    All masks are drawn at once, each on its own box: memory is the sum of the boxes.

    Args:
        masks: the masks of all instances of the image; None for one that has none.
    """
    crops = [None if mask is None else mask.crop() for mask in masks]
    pixel = np.full((len(crops), 2), -1, np.int64)
    squared_radius = np.zeros(len(crops), np.int64)
    shared = np.zeros(len(crops), bool)
    for index, crop in enumerate(crops):
        if crop is not None:
            x, y, squared_radius[index] = inscribed_point(crop.pixels)
            pixel[index] = crop.x + x, crop.y + y

    boxes = np.array([_bounds(crop) for crop in crops], np.int64).reshape(-1, 4)
    for index in _covered(crops, boxes, pixel):
        crop = crops[index]
        assert crop is not None
        rest = _uncovered(index, crop, crops, boxes)
        if rest.any():
            x, y, squared_radius[index] = inscribed_point(rest)
            pixel[index] = crop.x + x, crop.y + y
        else:
            shared[index] = True
    return InstancePoints(
        pixel=pixel,
        squared_radius=squared_radius,
        found=np.array([crop is not None for crop in crops], bool),
        thin=np.array([crop is not None and crop.thin for crop in crops], bool),
        shared=shared,
    )


def _bounds(crop: Crop | None) -> tuple[int, int, int, int]:
    """``x1 y1 x2 y2`` of a crop in its image, half-open; empty where there is none."""
    if crop is None:
        return 0, 0, 0, 0
    height, width = crop.pixels.shape
    return crop.x, crop.y, crop.x + width, crop.y + height


def _covered(crops: Sequence[Crop | None], boxes: IntArray, pixel: IntArray) -> list[int]:
    """Instances whose pixel is also one of another instance."""
    covered: dict[int, None] = {}
    step = max(1, _AT_ONCE // max(len(crops), 1))
    for first in range(0, len(crops), step):
        some = pixel[first : first + step, None]
        inside = ((some >= boxes[:, :2]) & (some < boxes[:, 2:])).all(axis=2)
        for row, other in zip(*(axis.tolist() for axis in np.nonzero(inside)), strict=True):
            index, crop = first + row, crops[other]
            if index == other or index in covered or crop is None:
                continue
            x, y = pixel[index]
            if crop.pixels[y - crop.y, x - crop.x]:
                covered[index] = None
    return list(covered)


def _uncovered(index: int, crop: Crop, crops: Sequence[Crop | None], boxes: IntArray) -> BoolArray:
    """The pixels of an instance that no other instance has, on the instance's own box."""
    box = boxes[index]
    meets = ((boxes[:, :2] < box[2:]) & (boxes[:, 2:] > box[:2])).all(axis=1)
    meets[index] = False
    rest = crop.pixels.copy()
    for other in np.flatnonzero(meets).tolist():
        above = crops[other]
        assert above is not None
        left, top = np.maximum(box[:2], boxes[other, :2])
        right, bottom = np.minimum(box[2:], boxes[other, 2:])
        part = above.pixels[top - above.y : bottom - above.y, left - above.x : right - above.x]
        rest[top - crop.y : bottom - crop.y, left - crop.x : right - crop.x] &= ~part
    return rest
