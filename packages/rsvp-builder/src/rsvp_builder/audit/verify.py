"""Whether two pictures with like hashes show the same ground: their thumbnails aligned and compared.

A hash holds the large forms only, which two strange pictures may share. What decides here is the fine
detail that it left out: both thumbnails without their local mean, correlated. Strong edges are cut down
to the strength of the rest, or a black border that two tiles share would speak for both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rsvp_builder.audit.windows import SIDE, Floats, area_average
from rsvp_builder.record import ByteArray, FloatArray

SAME = 0.86
"""Least score of two whole pictures. Two drawings of one plan reach 0.83; re-encodings fall to 0.92."""

SAME_HALF = 0.72
"""Least score of a window of half the side, which has a quarter of the thumbnail's pixels."""

WHOLE = 0.97
"""Share of a side from which a window counts as the whole picture."""

PLAIN = 1.0
"""Grey levels of detail below which a picture has nothing to be recognised by."""

_CELLS = 32
_DETAIL = 5  # cells over which the local mean is taken
_CLIP = 2.5  # standard deviations, as the median tells them
_MEDIAN_TO_DEVIATION = 1.4826
_LEVELS = 2.0  # grey levels that are always let through
_SMOOTHING = (2.0, 2.0, 1.0, 1.0, 0.0, 0.0)  # of each step of the alignment, in cells
_LARGEST_STEP = 0.08  # in sides of the window
_PROMISING = 0.65  # correlation of the coarse forms before alignment, below which there is no use in it


def contrast(grey: ByteArray) -> FloatArray:
    """Standard deviation of the detail of thumbnails: (k, 64, 64) -> (k,), grey levels."""
    deviation: FloatArray = _detail(_halved(grey)).std(axis=(1, 2)).astype(np.float64)
    return deviation


def score(one: ByteArray, other: ByteArray) -> FloatArray:
    """Agreement of the detail of two whole pictures.

    Args:
        one: (k, 64, 64) thumbnails.
        other: (k, 64, 64), turned alike.

    Returns:
        (k,) from -1 to 1; 1 for pictures that differ in brightness and contrast only.
    """
    return _agreement(_halved(one), _halved(other))


def align(whole: ByteArray, part: ByteArray, windows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Find the window of one picture that another shows, and how well they agree.

    The window is moved and scaled by Gauss-Newton steps on the difference of brightness, from smoothed
    to sharp (Lucas and Kanade 1981). It stays inside the picture.

    Args:
        whole: (k, 64, 64) thumbnails of the pictures that windows are cut from.
        part: (k, 64, 64) thumbnails of what they may show, turned alike.
        windows: (k, 4) where to begin, ``x1 y1 x2 y2`` as shares of the sides.

    Returns:
        (k, 4) the windows and (k,) their scores, as :func:`score` has them; no worse than at the start.
    """
    best, target = windows.astype(np.float64), _halved(part)
    wholes = whole.astype(np.float32)
    seen = _cut(wholes, best)
    scores = _agreement(seen, target)
    coarse = _correlation(_smoothed(seen, 1.0), _smoothed(target, 1.0))
    live = np.flatnonzero(coarse >= _PROMISING)
    moving = best[live]
    for smoothing in _SMOOTHING:
        if len(live):
            moving = _step(wholes[live], target[live], moving, smoothing)
    if len(live):
        reached = _agreement(_cut(wholes[live], moving), target[live])
        better = reached > scores[live]
        best[live[better]], scores[live[better]] = moving[better], reached[better]
    return best, scores


def enough(windows: FloatArray, scores: FloatArray) -> npt.NDArray[np.bool_]:
    """Which scores are high enough for windows of their size: (k, 4), (k,) -> (k,)."""
    side = np.minimum(windows[:, 2] - windows[:, 0], windows[:, 3] - windows[:, 1])
    accepted: npt.NDArray[np.bool_] = scores >= np.interp(side, (0.5, 1.0), (SAME_HALF, SAME))
    return accepted


def is_whole(windows: FloatArray) -> npt.NDArray[np.bool_]:
    """Which windows are the whole picture, but for a sliver: (k, 4) -> (k,)."""
    large: npt.NDArray[np.bool_] = (windows[:, 2:] - windows[:, :2]).min(axis=1) >= WHOLE
    return large


def _halved(grey: ByteArray) -> Floats:
    cells = grey.reshape(len(grey), _CELLS, SIDE // _CELLS, _CELLS, SIDE // _CELLS)
    halved: Floats = cells.mean(axis=(2, 4), dtype=np.float32)
    return halved


def _cut(wholes: Floats, windows: FloatArray) -> Floats:
    x1, y1, x2, y2 = windows.T
    down, across = area_average(y1, y2, SIDE, _CELLS), area_average(x1, x2, SIDE, _CELLS)
    cut: Floats = np.matmul(np.matmul(down, wholes), across.swapaxes(1, 2))
    return cut


def _detail(pictures: Floats) -> Floats:
    from scipy.ndimage import uniform_filter

    local: Floats = uniform_filter(pictures, size=(0, _DETAIL, _DETAIL), mode="nearest")
    return pictures - local


def _smoothed(pictures: Floats, cells: float) -> Floats:
    from scipy.ndimage import gaussian_filter

    if not cells:
        return pictures
    smoothed: Floats = gaussian_filter(pictures, (0, cells, cells))
    return smoothed


def _agreement(one: Floats, other: Floats) -> FloatArray:
    return _correlation(_clipped(_detail(one)), _clipped(_detail(other)))


def _clipped(detail: Floats) -> Floats:
    middle = np.median(np.abs(detail), axis=(1, 2), keepdims=True)
    limit = _CLIP * _MEDIAN_TO_DEVIATION * middle + _LEVELS
    return detail.clip(-limit, limit)


def _correlation(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> FloatArray:
    correlation: FloatArray = (_standard(one) * _standard(other)).mean(axis=(1, 2), dtype=np.float64)
    return correlation


def _standard(pictures: Floats) -> Floats:
    centred = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    deviation = np.sqrt((centred * centred).mean(axis=(1, 2), keepdims=True))
    standard: Floats = centred / np.maximum(deviation, 1e-3)
    return standard


def _step(wholes: Floats, target: Floats, windows: FloatArray, smoothing: float) -> FloatArray:
    """One step: solve for the shift and stretch of both axes that explain the difference best."""
    seen = _standard(_smoothed(_cut(wholes, windows), smoothing))
    target = _standard(_smoothed(target, smoothing))
    slope_y, slope_x = np.gradient(seen, axis=(1, 2))
    place = ((np.arange(_CELLS) + 0.5) / _CELLS - 0.5).astype(np.float32)
    slopes = np.stack([slope_x, slope_x * place, slope_y, slope_y * place[:, None]], axis=1)
    slopes = slopes.reshape(len(seen), 4, -1)
    normal = slopes @ slopes.swapaxes(1, 2)
    steadied = (
        normal + 1e-3 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(4) / 4 + 1e-6 * np.eye(4)
    )
    difference = (target - seen).reshape(len(seen), -1, 1)
    moved = np.linalg.solve(steadied, slopes @ difference)[..., 0] / _CELLS
    shift_x, stretch_x, shift_y, stretch_y = moved.clip(-_LARGEST_STEP, _LARGEST_STEP).T
    x1, y1, x2, y2 = windows.T
    width, height = x2 - x1, y2 - y1
    x, y = (x1 + x2) / 2 + shift_x * width, (y1 + y2) / 2 + shift_y * height
    half_width, half_height = width * (1 + stretch_x) / 2, height * (1 + stretch_y) / 2
    changed = np.stack([x - half_width, y - half_height, x + half_width, y + half_height], axis=1).clip(0, 1)
    lost = (changed[:, 2:] - changed[:, :2]).min(axis=1) < 0.25
    return np.where(lost[:, None], windows, changed)
