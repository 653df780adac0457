"""Masks of single instances, from polygons, run-length codes and id maps; pure, no file is read here.

A mask keeps what its source gave, which is small and can be pickled, and is drawn when it is needed, only
on the box that holds it. Pixels of the image, origin top left, pixel (0, 0) covers [0, 1) x [0, 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rsvp_builder.inscribed import inscribed_point
from rsvp_builder.outline import MOST_OUTLINE, REACH, outline_length, outline_pixels
from rsvp_builder.record import FloatArray
from rsvp_builder.rle import BoolArray, Counts, box_of_runs, draw_runs, run_lengths

__all__ = ["Crop", "Mask", "PackedMask", "PolygonMask", "RleMask", "id_map_masks", "inscribed_point"]


MOST_PIXELS = 1 << 26
"""Pixels of the box that holds a mask above which it is refused; its deepest pixel takes 11 bytes of each."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A mask drawn on a box inside its image.

    Attributes:
        x: column of the box's upper-left pixel in the image.
        y: row of the same.
        pixels: (h, w) bool, at least one pixel set.
        thin: the mask is thinner than the rule for its pixels can show, and this is its outline.
    """

    x: int
    y: int
    pixels: BoolArray
    thin: bool = False


class Mask(Protocol):
    """The mask of one instance."""

    def crop(self) -> Crop | None:
        """The mask on the smallest box that holds it; None if it has no pixel inside the image."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PolygonMask:
    """The union of rings, drawn as COCO draws them (``frPyObjects`` and ``merge`` of pycocotools).

    Where that rule gives no pixel although the outline meets the image, because the shape is a line, a
    point or a sliver, the mask is the pixels that the outline passes through, and its crop is ``thin``.

    Attributes:
        rings: (k, 2) float64 each, x and y of the vertices in order; closed by itself. A ring of fewer
            than three vertices has an outline but no inside.
        width: width of the image in pixels.
        height: height of the image in pixels.

    Raises:
        ValueError: if the image has no pixel, a ring is not (k, 2), a coordinate is not a number or beyond
            any image, or outline or box are so large that drawing them would take unreasonable memory.
    """

    rings: tuple[FloatArray, ...]
    width: int
    height: int

    def __post_init__(self) -> None:
        _check_size(self.height, self.width)
        for ring in self.rings:
            if ring.ndim != 2 or ring.shape[1] != 2:
                raise ValueError(f"a ring has the shape {ring.shape}, expected (k, 2)")
            fits = np.abs(ring) <= REACH  # false for what is no number
            if not fits.all():
                value = ring[~fits][0]
                raise ValueError(f"a vertex lies at {value:.15g}, expected a number within +-{REACH} px")
        length = outline_length(self.rings)
        if length > MOST_OUTLINE:
            raise ValueError(f"the outline is {length:.0f} px long, expected at most {MOST_OUTLINE} px")
        vertices = np.concatenate([np.zeros((0, 2)), *self.rings])
        if len(vertices):
            sides = np.array([self.width, self.height])
            extent = vertices.max(axis=0).clip(0, sides) - vertices.min(axis=0).clip(0, sides)
            _check_box(*np.ceil(extent).astype(np.int64).tolist())

    def crop(self) -> Crop | None:
        """See :class:`Mask`."""
        from pycocotools import mask as coco

        # Rings of two vertices would be taken for a box.
        flat = [ring.reshape(-1) for ring in self.rings if len(ring) > 2]
        if flat:
            # The code of the whole image is short and quick to make; to move the rings near the origin first
            # would be no quicker, and rounds vertices and edges otherwise, by up to a pixel.
            codes = coco.frPyObjects(flat, self.height, self.width)
            code = codes[0] if len(codes) == 1 else coco.merge(codes)
            drawn = draw_runs(run_lengths(code["counts"], self.height, self.width), self.height)
            if drawn:
                return Crop(*drawn)
        outline = outline_pixels(self.rings, self.width, self.height)
        return Crop(*outline, thin=True) if outline else None


@dataclass(frozen=True, slots=True)
class RleMask:
    """A mask in COCO's run-length code.

    Attributes:
        size: height and width of the image in pixels, in this order, as COCO writes them.
        counts: the code, compressed (``bytes`` or ``str``) or plain lengths.

    Raises:
        ValueError: if the code is broken or does not fit the size, or if its box is too large to be drawn.
    """

    size: tuple[int, int]
    counts: Counts

    def __post_init__(self) -> None:
        _check_size(*self.size)
        box = box_of_runs(run_lengths(self.counts, *self.size), self.size[0])
        if box:
            _check_box(box[2] - box[0], box[3] - box[1])

    def crop(self) -> Crop | None:
        """See :class:`Mask`."""
        drawn = draw_runs(run_lengths(self.counts, *self.size), self.size[0])
        return Crop(*drawn) if drawn else None


@dataclass(frozen=True, slots=True)
class PackedMask:
    """A mask that was cut out of its image already; eight pixels to a byte.

    Attributes:
        x: column of the upper-left pixel of the box in the image.
        y: row of the same.
        shape: height and width of the box in pixels.
        bits: the pixels row by row, the first in the highest bit (``numpy.packbits``).
    """

    x: int
    y: int
    shape: tuple[int, int]
    bits: bytes

    @classmethod
    def of(cls, x: int, y: int, pixels: BoolArray) -> PackedMask:
        """Pack (h, w) bool pixels whose upper-left one is (x, y) of the image."""
        return cls(x, y, (pixels.shape[0], pixels.shape[1]), np.packbits(pixels).tobytes())

    def crop(self) -> Crop | None:
        """See :class:`Mask`; the box is the one that was given."""
        height, width = self.shape
        packed = np.frombuffer(self.bits, np.uint8)
        if not packed.any():
            return None
        pixels = np.unpackbits(packed, count=height * width).view(bool).reshape(height, width)
        return Crop(self.x, self.y, pixels)


def _check_size(height: int, width: int) -> None:
    if min(height, width) < 1:
        raise ValueError(f"the image of a mask is {width} x {height} px, expected at least 1 x 1")


def _check_box(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise ValueError(f"the mask spans {width} x {height} px, expected at most {MOST_PIXELS} in all")


def id_map_masks(ids: npt.NDArray[np.integer[Any]]) -> list[tuple[int, PackedMask]]:
    """The instances of a map of ids.

    Args:
        ids: (h, w) id of the instance at each pixel, 0 where there is none.

    Returns:
        Id and mask of each instance, by ascending id.
    """
    from scipy import ndimage

    if not ids.size:
        return []
    # Runs of equal ids are few: they are numbered, not the pixels.
    flat = ids.reshape(-1)
    head = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    values, number = np.unique(flat[head], return_inverse=True)
    instances = values[values != 0]
    renumbered = np.zeros(len(values), np.min_scalar_type(len(instances)))
    renumbered[values != 0] = np.arange(1, len(instances) + 1)
    labels = np.repeat(renumbered[number], np.diff(head, append=len(flat))).reshape(ids.shape)
    masks = []
    for label, (box, value) in enumerate(
        zip(ndimage.find_objects(labels, len(instances)), instances.tolist(), strict=True), 1
    ):
        rows, columns = box
        masks.append((value, PackedMask.of(columns.start, rows.start, labels[box] == label)))
    return masks
