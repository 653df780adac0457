"""The pixel of a mask that lies deepest inside: the centre of its largest inscribed disc.

A pixel's depth is the squared distance from its centre to the nearest pixel centre outside the mask, where
everything beyond the array is outside: a whole number, never rounded. Among the deepest pixels, the one
closest to their mean is taken, then the topmost, then the leftmost; all comparisons are of integers. So
the pixel is always of the mask, whatever its shape, lies in its thickest part, and is the same on every
machine.
"""

from __future__ import annotations

from math import isqrt

import numpy as np

from rsvp_builder.record import IntArray
from rsvp_builder.rle import BoolArray

_LARGE = 1 << 17
"""Pixels of an array above which a distance transform takes less memory, and soon less time."""


def inscribed_point(pixels: BoolArray) -> tuple[int, int, int]:
    """The deepest pixel of a mask.

    Args:
        pixels: (h, w) bool with at least one pixel set, h * w * (h * h + w * w) below 2 ** 62.

    Returns:
        x and y of the pixel in the array, and its squared distance to the nearest pixel outside.

    Raises:
        ValueError: if no pixel is set.
    """
    if pixels.size > _LARGE:
        return _by_transform(pixels)
    return _by_erosion(pixels)


def _by_erosion(pixels: BoolArray) -> tuple[int, int, int]:
    """Erodes the mask by discs until nothing is left, all pixels at once as the bits of an integer.

    A pixel is at least ``sqrt(v)`` deep if the mask holds all offsets (dx, dy) with dx² + dy² < v around
    it: for each dy a stretch of a row. Stretches are eroded once and serve every dy and every v.
    """
    height, width = pixels.shape
    stride = width + 1  # a column outside the mask keeps the rows apart
    flat = np.zeros((height, stride), bool)
    flat[:, :width] = pixels
    mask = int.from_bytes(np.packbits(flat, bitorder="little").tobytes(), "little")
    if not mask:
        raise ValueError("the mask has no pixel")
    limit = (min(height, width) + 1) // 2
    if mask.bit_count() == height * width:
        return (width - 1) // 2, (height - 1) // 2, limit * limit

    stretch = [mask]  # stretch[j]: pixels with j more of the mask to the left and to the right
    while len(stretch) < limit:
        j = len(stretch)
        longer = stretch[-1] & (mask << j) & (mask >> j)
        if not longer:
            break
        stretch.append(longer)

    # Halving the gap between a depth that is reached and one that is not.
    depth, deepest, reach = 1, mask, [0]
    beyond = len(stretch) ** 2 + 1
    while beyond - depth > 1:
        trial = (depth + beyond) // 2
        trial_reach = [isqrt(trial - 1 - dy * dy) for dy in range(isqrt(trial - 1) + 1)]
        left = deepest
        for dy in range(len(trial_reach) - 1, -1, -1):
            if dy < len(reach) and reach[dy] == trial_reach[dy]:
                continue  # `deepest` has passed this test
            row = stretch[trial_reach[dy]]
            left &= (row << dy * stride) & (row >> dy * stride)
            if not left:
                break
        if left:
            depth, deepest, reach = trial, left, trial_reach
        else:
            beyond = trial
    if deepest.bit_count() == 1:
        y, x = divmod(deepest.bit_length() - 1, stride)
        return x, y, depth
    packed = np.frombuffer(deepest.to_bytes((height * stride + 7) // 8, "little"), np.uint8)
    ys, xs = np.divmod(np.flatnonzero(np.unpackbits(packed, bitorder="little")), stride)
    return (*_middle(xs, ys), depth)


def _by_transform(pixels: BoolArray) -> tuple[int, int, int]:
    """The same from the nearest outside pixel of each pixel, as the Euclidean distance transform finds it."""
    from scipy import ndimage

    if not pixels.any():
        raise ValueError("the mask has no pixel")
    padded = np.pad(pixels, 1)
    offset = ndimage.distance_transform_edt(padded, return_distances=False, return_indices=True)
    offset[0] -= np.arange(padded.shape[0], dtype=offset.dtype)[:, None]
    offset[1] -= np.arange(padded.shape[1], dtype=offset.dtype)
    offset *= offset
    squared = np.add(offset[0], offset[1], out=offset[0])
    depth = int(squared.max())
    ys, xs = np.nonzero(squared == depth)
    return (*_middle(xs - 1, ys - 1), depth)


def _middle(x: IntArray, y: IntArray) -> tuple[int, int]:
    """The pixel closest to the mean of pixels that are given row by row; the first of equals."""
    n = len(x)
    mean_x, rest_x = divmod(int(x.sum()), n)
    mean_y, rest_y = divmod(int(y.sum()), n)
    dx, dy = x - mean_x, y - mean_y
    # n times the squared distance to the mean, less what is the same for all.
    order = n * (dx * dx + dy * dy) - 2 * (rest_x * dx + rest_y * dy)
    first = int(np.argmin(order))
    return int(x[first]), int(y[first])
