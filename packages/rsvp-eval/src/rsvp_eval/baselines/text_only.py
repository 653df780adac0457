"""What can be told from the question alone: how many marks there are, where they lie and how large they are.

A model of language sees as much when its picture is taken away. Nearest neighbours vote: for each thing
asked, the ``NEIGHBOURS`` training marks with the most similar geometry; the most common text among them is
the answer, and where all differ, as captions do, the nearest one's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.baselines.neighbours import nearest
from rsvp_eval.baselines.texts import answer_of, most_common, texts_of
from rsvp_eval.inputs.rows import Mark, Row

NEIGHBOURS = 15


def text_only(fit: Sequence[Row], ask: Sequence[Row], folder: Path) -> Iterator[tuple[str, str]]:
    """Answer each row by the geometry of its marks; yields ids and answers."""
    known = [
        (vector, text)
        for row in fit
        for vector, text in zip(_vectors(row), texts_of(row), strict=True)
        if text
    ]
    table = np.array([vector for vector, _ in known])
    texts = [text for _, text in known]
    centre, spread = table.mean(axis=0), np.maximum(table.std(axis=0), 1e-9)
    asked = [(row, vector) for row in ask for vector in _vectors(row)]
    queries = (np.array([vector for _, vector in asked]) - centre) / spread
    found = iter(nearest((table - centre) / spread, queries, NEIGHBOURS))
    for row in ask:
        yield row.id, answer_of(row, [_vote([texts[k] for k in next(found)]) for _ in texts_of(row)])


def _vote(texts: Sequence[str]) -> str:
    """The most common of texts in order of nearness, the nearest where none comes twice."""
    best = most_common(texts)
    return best if texts.count(best) > 1 else texts[0]


def _vectors(row: Row) -> list[list[float]]:
    """What is known of each thing asked: place, size and shape of its mark, and the picture's size."""
    shared = [float(len(row.marks)), math.log(row.width * row.height), math.log(row.width / row.height)]
    own = [[*_place(mark, row), *shared] for mark in row.marks]
    if len(own) == len(texts_of(row)):
        return own
    mean: NDArray[np.float64] = np.mean(own, axis=0)
    return [mean.tolist()]


def _place(mark: Mark, row: Row) -> list[float]:
    if mark.xyxy is None:
        x, y = mark.xy or (row.width / 2, row.height / 2)
        return [x / row.width, y / row.height, 0.0, 0.0, float(mark.index)]
    x1, y1, x2, y2 = mark.xyxy
    width, height = max(x2 - x1, 1e-3), max(y2 - y1, 1e-3)
    centre = [(x1 + x2) / 2 / row.width, (y1 + y2) / 2 / row.height]
    return [*centre, math.log(width * height), math.log(width / height), float(mark.index)]
