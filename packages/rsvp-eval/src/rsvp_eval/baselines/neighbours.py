"""Nearest neighbours by brute force, in blocks that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_BLOCK = 32 * 2**20  # distances held at a time


def nearest(
    table: NDArray[np.float64], queries: NDArray[np.float64], count: int
) -> Iterator[NDArray[np.intp]]:
    """The rows of a table nearest to each query, nearest first, the first row first among equals.

    Args:
        table: (n, d) float64, n at least 1.
        queries: (m, d) float64.
        count: how many of them, at most n.

    Yields:
        (count,) indices into the table, a query at a time.
    """
    count = min(count, len(table))
    norms = np.einsum("nd,nd->n", table, table)
    step = max(1, _BLOCK // len(table))
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        distances = norms - 2.0 * block @ table.T
        yield from np.argsort(distances, axis=1, kind="stable")[:, :count]
