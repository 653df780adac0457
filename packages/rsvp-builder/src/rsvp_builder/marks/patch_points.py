"""One uniformly random labelled pixel in every patch of a semantic map.

An offset is drawn in all patches at once and the pixel is looked up; where it carries no label, it is drawn
again, and the few patches left after four rounds choose among their labelled pixels. Only pixels that
were drawn are decoded. What is drawn follows from the key, the round and the patch alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from rsvp_builder.images.label_map import (
    IGNORE,
    UNKNOWN,
    Classes,
    Codes,
    LabelCoding,
    Palette,
    Samples,
)
from rsvp_builder.record import IntArray

if TYPE_CHECKING:
    from rsvp_builder.images.label_map import LabelMap

Bits = npt.NDArray[np.uint64]

_ROUNDS = 4
_BAND_PIXELS = 1 << 22
"""Pixels that are looked at together, unless a row of patches has more."""
_EXACT_PIXELS = 1 << 20
"""Pixels that are decoded together for patches that no round could settle, unless a patch has more."""
_EXAMPLES = 16
"""Different unlisted values that are told one by one."""
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class PatchPoints:
    """Points of one map, in the order of their patches.

    Attributes:
        xy: (n, 2) int64, column and row of the pixel; its centre is at ``xy + 0.5``.
        class_id: (n,) int64, class number of the coding.
        patch: (n,) int64, number of the patch, counted from 0 row by row.
        patches: how many patches there are: ``n + unlabelled``.
        unlabelled: patches without a labelled pixel; in a grid finer than the map, without any pixel.
        unknown: a value that the coding does not list -> patches in which it was drawn, the most
            frequent first; the last entry sums up the values after the sixteenth.
    """

    xy: IntArray
    class_id: IntArray
    patch: IntArray
    patches: int
    unlabelled: int
    unknown: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Band:
    """Rows of a map: samples as :meth:`LabelMap.rows` gives them, and what they mean."""

    samples: Samples
    coding: LabelCoding
    palette: Palette | None

    def codes(self, x: IntArray, y: IntArray) -> Codes:
        return self.coding.codes(self.samples[y, x], self.palette)


@dataclass(frozen=True, slots=True)
class _Patches:
    """Patches of a band: left and upper edge in it, width and height in pixels, (m,) each."""

    x: Bits
    y: Bits
    width: Bits
    height: Bits

    def take(self, which: IntArray) -> _Patches:
        return _Patches(self.x[which], self.y[which], self.width[which], self.height[which])


def sample_patches(
    label_map: LabelMap,
    coding: LabelCoding,
    *,
    patch: int = 32,
    mode: Literal["pixels", "grid"] = "pixels",
    key: bytes,
) -> PatchPoints:
    """Draw one labelled pixel in every patch, each labelled pixel of a patch with the same chance.

    Chances are equal but for the bias of an integer multiply-shift, less than 2**-32 times a patch's side.

    Args:
        label_map: the map, not read from yet. Memory holds a row of patches of it at least.
        coding: what its samples mean.
        patch: side of a patch in pixels, or patches along an edge of the map, as ``mode`` says.
        mode: ``pixels`` cuts patches of ``patch`` x ``patch`` px, those at the right and lower edge
            smaller; ``grid`` cuts the map in ``patch`` x ``patch`` patches with edges at
            ``floor(i * width / patch)``.
        key: what the draws follow from; anything that names seed, source, image and purpose.

    Raises:
        UnreadableImageError: the map is damaged, or cannot be meant by the coding.
    """
    if patch < 1:
        raise ValueError(f"patches of {patch}: a patch has a side of 1 at least")
    columns, lines = _edges(label_map.width, patch, mode), _edges(label_map.height, patch, mode)
    across = len(columns) - 1
    patches = across * (len(lines) - 1)
    stream = _stream(key)
    pieces: list[tuple[IntArray, IntArray, Classes]] = []
    unknown: list[tuple[IntArray, Codes]] = []
    for first, last in _bands(lines, _BAND_PIXELS // label_map.width):
        top = int(lines[first])
        band = _Band(label_map.rows(top, int(lines[last])), coding, label_map.palette)
        of_band = _patches(columns, lines[first : last + 1])
        # A patch takes its draws from the stream whether it needs them or not.
        draws = stream.random_raw(len(of_band.x) * (_ROUNDS + 1)).reshape(-1, _ROUNDS + 1)
        xy, classes, missed, codes = _draw(band, of_band, draws)
        unknown.append((missed + first * across, codes))
        found = np.flatnonzero(classes >= 0)
        pieces.append((found + first * across, xy[found] + (0, top), classes[found]))
    number = np.concatenate([numbers for numbers, _, _ in pieces])
    return PatchPoints(
        xy=np.concatenate([xy for _, xy, _ in pieces]),
        class_id=np.concatenate([classes for _, _, classes in pieces]).astype(np.int64),
        patch=number,
        patches=patches,
        unlabelled=patches - len(number),
        unknown=_counted(coding, unknown),
    )


def limit_points(class_id: IntArray, most: int, *, balance: bool, key: bytes) -> IntArray:
    """Choose at most ``most`` points of an image: their positions, ascending, (k,) int64.

    Args:
        class_id: (n,) class number of each point.
        most: how many may stay.
        balance: share them out among the classes in turns, until a class has no more; the classes that
            the last turn serves are drawn. Otherwise every point has the same chance.
        key: what the choice follows from, as for :func:`sample_patches`.
    """
    if most < 0:
        raise ValueError(f"at most {most} points: the limit cannot be negative")
    bits = _stream(key).random_raw(len(class_id))
    if not balance:
        return np.sort(np.argsort(bits, kind="stable")[:most])
    order = np.lexsort((bits, class_id))
    of_class = class_id[order]
    turn = np.arange(len(order)) - np.searchsorted(of_class, of_class)
    return np.sort(order[np.lexsort((bits[order], turn))[:most]])


def _stream(key: bytes) -> np.random.Philox:
    # The raw bits of numpy's generators stay the same over versions; what is made of them may not (NEP 19).
    return np.random.Philox(key=int.from_bytes(blake2b(key, digest_size=16).digest(), "big"))


def _edges(length: int, patch: int, mode: Literal["pixels", "grid"]) -> Bits:
    if mode == "grid":
        edges = [i * length // patch for i in range(patch + 1)]
    else:
        edges = [*range(0, length, patch), length]
    return np.array(edges, np.uint64)


def _bands(lines: Bits, rows: int) -> Iterator[tuple[int, int]]:
    """Runs of patch rows, first and last exclusive, of at most ``rows`` pixel rows where that is possible."""
    first = 0
    while first < len(lines) - 1:
        fitting = int(np.searchsorted(lines, lines[first] + np.uint64(rows), "right")) - 1
        last = max(fitting, first + 1)
        yield first, last
        first = last


def _patches(columns: Bits, lines: Bits) -> _Patches:
    y, x = np.meshgrid(lines[:-1] - lines[0], columns[:-1], indexing="ij")
    height, width = np.meshgrid(np.diff(lines), np.diff(columns), indexing="ij")
    return _Patches(x.ravel(), y.ravel(), width.ravel(), height.ravel())


def _below(bits: Bits, n: Bits) -> Bits:
    """Numbers from 0 to n - 1 from 32 random bits each, by multiply-shift."""
    below: Bits = bits * n >> _HALF
    return below


def _draw(band: _Band, patches: _Patches, draws: Bits) -> tuple[IntArray, Classes, IntArray, Codes]:
    """Of each patch pixel in the band and class, below 0 where none; patch and code of unlisted values."""
    xy = np.zeros((len(draws), 2), np.int64)
    classes = np.full(len(draws), IGNORE, np.int16)
    missed, missed_codes = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)]
    pending = np.flatnonzero(patches.width * patches.height)
    for turn in range(_ROUNDS):
        here, bits = patches.take(pending), draws[pending, turn]
        x = (here.x + _below(bits >> _HALF, here.width)).astype(np.int64)
        y = (here.y + _below(bits & _LOW, here.height)).astype(np.int64)
        codes = band.codes(x, y)
        found = band.coding.classes(codes)
        xy[pending, 0], xy[pending, 1], classes[pending] = x, y, found
        missed.append(pending[found == UNKNOWN])
        missed_codes.append(codes[found == UNKNOWN])
        pending = pending[found < 0]
    largest = int((patches.width * patches.height).max())
    step = max(1, _EXACT_PIXELS // max(1, largest))
    for start in range(0, len(pending), step):
        part = pending[start : start + step]
        xy[part], classes[part] = _choose(band, patches.take(part), draws[part, _ROUNDS])
    return xy, classes, np.concatenate(missed), np.concatenate(missed_codes)


def _choose(band: _Band, patches: _Patches, bits: Bits) -> tuple[IntArray, Classes]:
    """As :func:`_draw`, from all the pixels of each patch."""
    width, height = patches.width.astype(np.int64), patches.height.astype(np.int64)
    left, top = patches.x.astype(np.int64), patches.y.astype(np.int64)
    # Smaller patches, as those at the edges, repeat their last column and row, which are not counted.
    column, line = np.arange(width.max()), np.arange(height.max())
    x = left[:, None] + np.minimum(column, width[:, None] - 1)
    y = top[:, None] + np.minimum(line, height[:, None] - 1)
    across = band.samples.shape[1]
    place = ((y * across)[:, :, None] + x[:, None, :]).reshape(-1)
    inside = (line < height[:, None])[:, :, None] & (column < width[:, None])[:, None, :]
    labelled = _labelled(band, place).reshape(inside.shape) & inside
    count = labelled.reshape(len(width), -1).sum(axis=1)
    has = np.flatnonzero(count)
    rank = _below(bits[has] >> _HALF, count[has].astype(np.uint64)).astype(np.int64)
    chosen = place[np.flatnonzero(labelled)[(np.cumsum(count) - count)[has] + rank]]
    xy, classes = np.zeros((len(width), 2), np.int64), np.full(len(width), IGNORE, np.int16)
    xy[has, 1], xy[has, 0] = np.divmod(chosen, across)
    classes[has] = band.coding.classes(band.codes(xy[has, 0], xy[has, 1]))
    return xy, classes


def _labelled(band: _Band, place: IntArray) -> npt.NDArray[np.bool_]:
    """Whether the pixels at these places of the flattened band carry a label: (n,), n > 0."""
    planes = [band.samples] if band.samples.ndim == 2 else list(band.samples.transpose(2, 0, 1))
    pixels = [np.take(plane.reshape(-1), place) for plane in planes]
    # Maps are blobs: only the first of a run of equal pixels is decoded.
    changes = np.ones(len(place), bool)
    changes[1:] = pixels[0][1:] != pixels[0][:-1]
    for plane in pixels[1:]:
        changes[1:] |= plane[1:] != plane[:-1]
    heads = np.flatnonzero(changes)
    found = band.coding.decode(np.stack([plane[heads] for plane in pixels], axis=1), band.palette)
    return np.repeat(found >= 0, np.diff(heads, append=len(place)))


def _counted(coding: LabelCoding, unknown: list[tuple[IntArray, Codes]]) -> dict[str, int]:
    pairs = np.concatenate([np.stack(pair, axis=1) for pair in unknown])
    codes, counts = np.unique(np.unique(pairs, axis=0)[:, 1], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    told = codes[order[:_EXAMPLES]].tolist()
    found = {coding.name(code): int(n) for code, n in zip(told, counts[order], strict=False)}
    if len(order) > _EXAMPLES:
        found[f"{len(order) - _EXAMPLES} other values"] = int(counts[order[_EXAMPLES:]].sum())
    return found
