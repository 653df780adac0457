"""The pixels that the outline of a shape passes through: what is left of shapes thinner than a pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rsvp_builder.record import FloatArray
from rsvp_builder.rle import BoolArray

REACH = 1 << 24
"""Largest coordinate of a vertex, far beyond any image; COCO's rule counts fifths of it in 32 bits."""

MOST_OUTLINE = 1 << 20
"""Longest outline in pixels; COCO's rule takes 80 bytes for each."""


def outline_length(rings: Sequence[FloatArray]) -> float:
    """Sum over all edges of (k, 2) rings of the larger of their extents in x and y."""
    _, step = _edges(rings)
    return float(np.abs(step).max(axis=1).sum())


def outline_pixels(rings: Sequence[FloatArray], width: int, height: int) -> tuple[int, int, BoolArray] | None:
    """Chains of touching pixels along the edges of rings; one on the far border counts as inside.

    Args:
        rings: (k, 2) float64 each, x and y of vertices.
        width: width of the image in pixels.
        height: height of the image in pixels.

    Returns:
        x and y of the upper-left pixel of the smallest box that holds them and (h, w) bool, or None for an
        outline outside the image.
    """
    start, step = _edges(rings)
    size = np.array([width, height], np.float64)
    # Each edge is cut to the image, 0 and 1 being its ends (Liang and Barsky, 1984).
    flat = step == 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        to_near, to_far = (0 - start) / step, (size - start) / step
    aside = flat & ((start < 0) | (start > size))
    enters = np.where(flat, 0, np.minimum(to_near, to_far)).max(axis=1).clip(0)
    leaves = np.where(flat, 1, np.maximum(to_near, to_far)).min(axis=1).clip(None, 1)
    meets = (enters <= leaves) & ~aside.any(axis=1)
    if not meets.any():
        return None
    start, step, enters, leaves = start[meets], step[meets], enters[meets], leaves[meets]
    # Steps of at most a pixel leave no gap.
    count = np.ceil(np.abs(step).max(axis=1) * (leaves - enters)).astype(np.int64)
    edge = np.repeat(np.arange(len(count)), count + 1)
    rank = np.arange(len(edge)) - np.repeat(np.cumsum(count + 1) - (count + 1), count + 1)
    share = enters[edge] + (leaves - enters)[edge] * rank / np.maximum(count, 1)[edge]
    points = np.floor(start[edge] + step[edge] * share[:, None]).astype(np.int64)
    column, row = points[:, 0].clip(0, width - 1), points[:, 1].clip(0, height - 1)
    left, top = int(column.min()), int(row.min())
    drawn = np.zeros((int(row.max()) - top + 1, int(column.max()) - left + 1), bool)
    drawn[row - top, column - left] = True
    return left, top, drawn


def _edges(rings: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """First vertex of each edge, and from there to the next: (n, 2) each."""
    empty = np.zeros((0, 2))
    start = np.concatenate([empty, *rings])
    following = np.concatenate([empty, *(np.roll(ring, -1, axis=0) for ring in rings)])
    return start, following - start
