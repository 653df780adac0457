"""A confusion matrix as squares, and the pairs of classes that are confused most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rsvp_eval.report.results import Confusion

MOST = 60
"""Most classes that are drawn."""

NONE = "none of them"


@dataclass(frozen=True)
class Square:
    """A cell that is not zero.

    Attributes:
        row: from 0.
        column: from 0.
        count: samples.
        share: of the row's samples.
        right: on the diagonal.
        told: what it says in words.
    """

    row: int
    column: int
    count: int
    share: float
    right: bool
    told: str


@dataclass(frozen=True)
class Heat:
    """What is drawn.

    Attributes:
        rows: classes that are right.
        columns: classes that are answered, and none of them.
        squares: cells that are not zero.
        left_out: classes that are not drawn, those with the fewest samples.
        confused: the largest cells off the diagonal, the largest first.
    """

    rows: list[str]
    columns: list[str]
    squares: list[Square]
    left_out: int
    confused: list[Square]


def heat(confusion: Confusion, *, pairs: int = 10) -> Heat:
    """Squares of the classes that occur; of more than :data:`MOST`, of those with the most samples.

    Args:
        confusion: (c, c + 1).
        pairs: most pairs in ``confused``.
    """
    classes = list(confusion.classes)
    matrix = np.array(confusion.matrix, dtype=np.int64).reshape(len(classes), len(classes) + 1)
    totals = matrix.sum(axis=1)
    occurring = [i for i in range(len(classes)) if totals[i] or matrix[:, i].any()]
    kept = sorted(sorted(occurring, key=lambda i: -int(totals[i]))[:MOST])
    places = [*kept, len(classes)]
    names = [*classes, NONE]
    squares = [
        _square(names, matrix, (i, j), (r, c))
        for r, i in enumerate(kept)
        for c, j in enumerate(places)
        if matrix[i, j]
    ]
    wrong = np.argwhere(matrix * (1 - np.eye(len(classes), len(classes) + 1, dtype=np.int64)))
    order = sorted(wrong.tolist(), key=lambda p: -int(matrix[p[0], p[1]]))
    confused = [_square(names, matrix, (i, j), (i, j)) for i, j in order[:pairs]]
    return Heat(
        [names[i] for i in kept], [names[j] for j in places], squares, len(occurring) - len(kept), confused
    )


def _square(
    names: list[str],
    matrix: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    cell: tuple[int, int],
    at: tuple[int, int],
) -> Square:
    i, j = cell
    count, total = int(matrix[i, j]), int(matrix[i].sum())
    told = f"{names[i]} answered as {names[j]}: {count:,} of {total:,}"
    return Square(at[0], at[1], count, count / total, i == j, told)
