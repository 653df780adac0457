"""The run-length code of COCO masks: read, checked, and drawn on the box that holds the mask.

A mask of h x w pixels is read column by column; its code is the lengths of its runs, the first of
pixels outside, then in turn. The compressed form writes the difference to the length two before (from
the fourth on), as groups of 5 bits, lowest first, in characters from code 48 on; bit 5 of a character
says that another follows, bit 4 of the last one is the sign. Source: pycocotools, ``maskApi.c``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rsvp_builder.record import IntArray

BoolArray = npt.NDArray[np.bool_]

Counts = bytes | str | Sequence[int]
"""Compressed, or the plain lengths that COCO writes for crowds."""

_LONGEST = 7
"""Characters of a length: 35 bits, more than a mask has pixels in any file that pycocotools reads."""


def run_lengths(counts: Counts, height: int, width: int) -> IntArray:
    """The lengths of the runs of a mask, outside first: (n,) int64.

    Raises:
        ValueError: if the code is broken, or is not that of a mask of ``height`` x ``width`` pixels.
    """
    lengths = _uncompressed(counts) if isinstance(counts, bytes | str) else _plain(counts)
    pixels = height * width
    wrong = (lengths < 0) | (lengths > pixels)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise ValueError(f"run {place + 1} of the mask is {lengths[place]} long, expected 0 to {pixels}")
    if (total := int(lengths.sum())) != pixels:
        raise ValueError(f"the runs of the mask hold {total} pixels, expected {height} x {width}")
    return lengths


def _plain(counts: Sequence[int]) -> IntArray:
    lengths = np.array(counts)
    if lengths.ndim != 1 or (len(lengths) and lengths.dtype.kind not in "iu"):
        raise ValueError("the runs of the mask are not a list of whole numbers")
    return lengths.astype(np.int64)


def _uncompressed(counts: bytes | str) -> IntArray:
    raw = counts.encode("utf-8") if isinstance(counts, str) else counts
    code = np.frombuffer(raw, np.uint8).astype(np.int64) - 48
    wrong = (code < 0) | (code > 63)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise ValueError(f"byte {place + 1} of the mask's code is {raw[place]}, expected 48 to 111")
    last = np.flatnonzero(code < 32)
    if not len(code) or code[-1] >= 32:
        raise ValueError("the mask's code is empty or ends within a number")
    first = np.concatenate([[0], last[:-1] + 1])
    digits = last - first + 1
    if digits.max() > _LONGEST:
        raise ValueError(f"a number in the mask's code has more than {_LONGEST} digits")
    place = np.arange(len(code)) - np.repeat(first, digits)
    values = np.add.reduceat((code & 31) << (5 * place), first)
    values -= (code[last] & 16) >> 4 << (5 * digits)
    # The first three are lengths, the others differences: two interleaved running sums.
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def box_of_runs(lengths: IntArray, height: int) -> tuple[int, int, int, int] | None:
    """The box that holds a mask, ``x1 y1 x2 y2`` of pixels, half-open; None for a mask without pixels."""
    stop = np.cumsum(lengths)[1::2]
    run = lengths[1::2]
    start = stop - run
    start, stop = start[run > 0], stop[run > 0]
    if not len(start):
        return None
    column, row = np.divmod(start, height)
    last_column, last_row = np.divmod(stop - 1, height)
    # A run that goes on in the next column touches the lower edge of the image and the upper.
    whole = bool((column != last_column).any())
    top, bottom = (0, height) if whole else (int(row.min()), int(last_row.max()) + 1)
    return int(column[0]), top, int(last_column[-1]) + 1, bottom


def draw_runs(lengths: IntArray, height: int) -> tuple[int, int, BoolArray] | None:
    """A mask on the box that holds it, without drawing the rest of the image.

    Args:
        lengths: (n,) runs of the whole image, outside first, as of :func:`run_lengths`.
        height: pixels of a column of the image.

    Returns:
        x and y of the box's upper-left pixel and (h, w) bool, or None for a mask without pixels.
    """
    ends = np.cumsum(lengths)
    stop = ends[1::2]
    start = ends[0::2][: len(stop)]
    if not (start < stop).all():
        start, stop = start[start < stop], stop[start < stop]
    if not len(start):
        return None
    column, row = np.divmod(start, height)
    last_column, last_row = np.divmod(stop - 1, height)
    left, right = int(column[0]), int(last_column[-1]) + 1
    # A run that goes on in the next column touches the lower edge of the image and the upper.
    whole = bool((column != last_column).any())
    top, bottom = (0, height) if whole else (int(row.min()), int(last_row.max()) + 1)
    # No run leaves the box, so the runs of the box are those of the image with other gaps.
    edges = np.empty(2 * len(start) + 2, np.int64)
    edges[0], edges[-1] = 0, (right - left) * (bottom - top)
    edges[1:-1:2] = (column - left) * (bottom - top) + (row - top)
    edges[2:-1:2] = (last_column - left) * (bottom - top) + (last_row - top) + 1
    inside = np.zeros(len(edges) - 1, bool)
    inside[1::2] = True
    drawn = np.repeat(inside, np.diff(edges)).reshape(right - left, bottom - top)
    return left, top, np.ascontiguousarray(drawn.T)
