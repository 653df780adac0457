"""The answer of the training mark that looks most alike.

What a mark shows is described by colour and coarse structure: the marked part of the picture as a
    thumbnail, and a histogram
of its colours. Points stand for the window around them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.baselines.neighbours import nearest
from rsvp_eval.baselines.texts import answer_of, texts_of
from rsvp_eval.errors import EvalError
from rsvp_eval.inputs.pictures import Picture, pictures
from rsvp_eval.inputs.rows import Mark, Row

_THUMBNAIL = 8
_LEVELS = 4
_AROUND = 1 / 16  # half the window around a point, as a part of the picture's shorter side
_ROWS = 256  # pictures held at a time


def retrieval(fit: Sequence[Row], ask: Sequence[Row], folder: Path) -> Iterator[tuple[str, str]]:
    """Answer each row with the texts of the most similar marks; yields ids and answers.

    Raises:
        EvalError: if a picture is not there or cannot be read.
    """
    table, texts = [], []
    for row, vectors in _described(fit, folder):
        for vector, text in zip(vectors, texts_of(row), strict=True):
            if text is not None:
                table.append(vector)
                texts.append(text)
    known = np.array(table, dtype=np.float64)
    for row, vectors in _described(ask, folder):
        found = nearest(known, np.array(vectors, dtype=np.float64), 1)
        yield row.id, answer_of(row, [texts[first] for (first,) in found])


def _described(rows: Sequence[Row], folder: Path) -> Iterator[tuple[Row, list[NDArray[np.float32]]]]:
    for start in range(0, len(rows), _ROWS):
        block = rows[start : start + _ROWS]
        seen = pictures(folder, [row.id for row in block])
        for row in block:
            yield row, _vectors(row, seen[row.id])


def _vectors(row: Row, picture: Picture) -> list[NDArray[np.float32]]:
    from PIL import Image

    if picture.bytes is None:
        raise EvalError(
            f"row {row.id}: its picture is not there; build the data set with its images to retrieve by them"
        )
    try:
        image = Image.open(io.BytesIO(picture.bytes)).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise EvalError(f"row {row.id}: its picture cannot be read ({error})") from error
    if len(texts_of(row)) != len(row.marks):
        return [describe(image)]
    return [describe(image.crop(_window(mark, row))) for mark in row.marks]


def _window(mark: Mark, row: Row) -> tuple[int, int, int, int]:
    """The part of the picture that a mark shows, in whole pixels, at least one of them."""
    if mark.xyxy is not None:
        x1, y1, x2, y2 = mark.xyxy
    else:
        x, y = mark.xy or (row.width / 2, row.height / 2)
        around = max(4.0, _AROUND * min(row.width, row.height))
        x1, y1, x2, y2 = x - around, y - around, x + around, y + around
    left, top = min(max(int(x1), 0), row.width - 1), min(max(int(y1), 0), row.height - 1)
    return left, top, max(left + 1, min(round(x2), row.width)), max(top + 1, min(round(y2), row.height))


def describe(image: object) -> NDArray[np.float32]:
    """A PIL image as a unit vector: half thumbnail, half histogram of colours.

    Returns:
        (3 * 8 * 8 + 4 ** 3,) float32.
    """
    from PIL import Image

    assert isinstance(image, Image.Image)
    small = np.asarray(image.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX), dtype=np.float32).ravel()
    small = small - small.mean()
    pixels = np.asarray(image.resize((64, 64), Image.Resampling.NEAREST), dtype=np.int64).reshape(-1, 3)
    levels = pixels * _LEVELS // 256
    cells = (levels[:, 0] * _LEVELS + levels[:, 1]) * _LEVELS + levels[:, 2]
    histogram = np.sqrt(np.bincount(cells, minlength=_LEVELS**3)).astype(np.float32)
    parts = [part / max(float(np.linalg.norm(part)), 1e-6) for part in (small, histogram)]
    return np.concatenate(parts).astype(np.float32) / np.float32(np.sqrt(2))
