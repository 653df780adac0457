"""Windows of a picture that another picture may be a crop of, and their perceptual hashes.

Everything works on the grey reduction of a picture, :data:`SIDE` pixels square. An area average and a
cosine transform are both linear, so that the coefficients of all windows are two matrix products.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rsvp_builder.record import FloatArray

SIDE = 64
"""Pixels of a side of the grey reduction."""

HASH_SIDE = 8
"""A hash has the signs of 8 by 8 coefficients: 64 bits."""

_DCT_SIDE = 4 * HASH_SIDE  # imagehash's highfreq_factor
SMALLEST = 0.5
"""Side of the smallest window, as a share of the picture's."""

_SCALES = 13  # from 1 down to SMALLEST in equal ratios of 0.95
_STEP = 0.1  # between neighbours, in sides of the window
_SQUARE = 1.1  # pictures up to this proportion are square enough

Floats = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]


def area_average(low: FloatArray, high: FloatArray, length: int, cells: int = SIDE) -> Floats:
    """Matrices that average ``length`` samples over equal cells of an interval.

    Args:
        low: (k,) where the interval begins, as a share of the samples' extent.
        high: (k,) where it ends.
        length: samples there are.
        cells: cells to make.

    Returns:
        (k, cells, length); each row sums to 1.
    """
    edges = (low[:, None] + (high - low)[:, None] * np.linspace(0, 1, cells + 1)) * length
    sample = np.arange(length)
    covered = np.minimum(edges[:, 1:, None], sample + 1) - np.maximum(edges[:, :-1, None], sample)
    covered = covered.clip(0, None)
    averages: Floats = (covered / covered.sum(axis=2, keepdims=True)).astype(np.float32)
    return averages


@lru_cache(maxsize=256)
def windows(proportion: float) -> FloatArray:
    """Where to look for crops in a picture.

    Windows of the picture's own proportions, of 13 sizes down to half its sides; in a picture that is
    not square also square ones, down to a quarter of its area. Neighbours are a tenth of their side
    apart and sizes a twentieth, which is as far as a 64-bit hash stays recognisable.

    Args:
        proportion: width by height; round it, the results are kept.

    Returns:
        (n, 4) ``x1 y1 x2 y2`` as shares of the picture's sides; the whole picture is not among them.
    """
    ratio = SMALLEST ** (1 / _SCALES)
    found = [w for i in range(1, _SCALES + 1) for w in _grid(ratio**i, ratio**i)]
    if max(proportion, 1 / proportion) > _SQUARE:
        shorter = min(proportion, 1 / proportion)
        for i in range(_SCALES + 1):
            long, short = ratio**i * shorter, ratio**i
            if long * short >= SMALLEST**2:
                found += _grid(long, short) if proportion > 1 else _grid(short, long)
    return np.array(found)


def _grid(width: float, height: float) -> list[tuple[float, float, float, float]]:
    columns, rows = (math.ceil((1 - side) / (_STEP * side) - 1e-9) + 1 for side in (width, height))
    return [
        (x, y, x + width, y + height)
        for y in np.linspace(0, 1 - height, rows).tolist()
        for x in np.linspace(0, 1 - width, columns).tolist()
    ]


@lru_cache(maxsize=4)
def _operators(proportion: float) -> tuple[Floats, Floats]:
    """For all windows of a proportion, what turns rows and columns of a picture into coefficients."""
    frequency, sample = np.arange(HASH_SIDE)[:, None], np.arange(_DCT_SIDE)
    cosines = (2 * np.cos(np.pi * frequency * (2 * sample + 1) / (2 * _DCT_SIDE))).astype(np.float32)
    x1, y1, x2, y2 = windows(proportion).T
    return (
        cosines @ area_average(y1, y2, SIDE, _DCT_SIDE),
        (cosines @ area_average(x1, x2, SIDE, _DCT_SIDE)).swapaxes(1, 2),
    )


def window_hashes(grey: npt.NDArray[np.uint8], proportion: float) -> Hashes:
    """The perceptual hash of every window of pictures of one proportion.

    It is that of ``imagehash.phash``: low frequencies of a 32 by 32 reduction, one bit each for
    being above their median. imagehash reduces by Lanczos and rounds, which changes a bit or two.

    Args:
        grey: (k, 64, 64) grey reductions.
        proportion: as for :func:`windows`.

    Returns:
        (k, n) for the n windows.
    """
    down, across = _operators(proportion)
    hashes = np.empty((len(grey), len(down)), np.uint64)
    for number, picture in enumerate(grey.astype(np.float32)):
        coefficients = (down @ picture @ across).reshape(len(down), -1)
        hashes[number] = packed(coefficients > np.median(coefficients, axis=1, keepdims=True))
    return hashes


def packed(bits: npt.NDArray[np.bool_]) -> Hashes:
    """Hashes of 64 bits as numbers: (n, 64) -> (n,), the first bit being the highest."""
    numbers: Hashes = np.packbits(bits, axis=1).view(">u8").ravel().astype(np.uint64)
    return numbers
