"""Like pictures found by their pixels: equal ones, near-duplicates in any orientation, and crops.

Everything here is about *looks*: distinct decoded pictures. What holds for two looks holds for all
pictures that have them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rsvp_builder.audit.hamming import within
from rsvp_builder.audit.pairs import Rules
from rsvp_builder.audit.survey import Contents
from rsvp_builder.audit.transforms import TRANSFORMS, Transform
from rsvp_builder.audit.verify import PLAIN, align, contrast, enough, is_whole
from rsvp_builder.audit.windows import Hashes, window_hashes, windows
from rsvp_builder.record import ByteArray, FloatArray, IntArray

NEAR_BITS = (10, 14)
"""Bits in which the hashes of near-duplicates may differ: all within the first are found, most within the
second."""

CROP_BITS = (8, 10)
"""The same for the hash of a picture and of the window it may be; there are many more windows."""

_LOOKS_AT_ONCE = 1024  # thumbnails in memory
_CUT_AT_ONCE = 256
_WINDOWS_AT_ONCE = 1 << 22  # in one index
_QUERIES_AT_ONCE = 1 << 18
_ALIGNED_AT_ONCE = 512
_PROPORTION = 0.1  # by which a crop may be stretched
_MIXED = -1


@dataclass(frozen=True, slots=True)
class Look:
    """Pictures whose decoded pixels are equal.

    Attributes:
        content: a fingerprint of theirs.
        pictures: their positions, ascending.
    """

    content: int
    pictures: tuple[int, ...]


class _Cut(NamedTuple):
    """Windows that were cut from some looks.

    Attributes:
        looks: how many looks.
        hashes: (n,) uint64, of each window.
        look: (n,) int32, the look that it was cut from.
        window: (n,) int32, its place in ``windows``.
        windows: (m, 4) shares of the sides.
    """

    looks: int
    hashes: Hashes
    look: npt.NDArray[np.int32]
    window: npt.NDArray[np.int32]
    windows: FloatArray


@dataclass(frozen=True, slots=True)
class Link:
    """Two looks that show the same ground.

    Attributes:
        first: position of the one look; of a crop, the whole.
        second: position of the other.
        transform: what turns the first into the second.
        score: agreement of their detail.
        distance: bits in which their hashes differ.
        window: what the second shows of the first, as shares of its sides.
    """

    first: int
    second: int
    transform: Transform
    score: float
    distance: int
    window: tuple[float, float, float, float]

    @property
    def is_crop(self) -> bool:
        """Whether the second shows only a part of the first."""
        return not is_whole(np.array([self.window]))[0]


def looks_of(content: IntArray, contents: Contents) -> list[Look]:
    """Group pictures by what they look like; those that cannot be decoded have no look.

    Args:
        content: (n,) position of each picture's fingerprint.
        contents: the fingerprints.
    """
    pixels = contents.pixels()
    members: dict[bytes, list[int]] = defaultdict(list)
    for number, of in enumerate(content.tolist()):
        if of not in contents.problems:
            members[pixels[of]].append(number)
    return [Look(int(content[numbers[0]]), tuple(numbers)) for numbers in members.values()]


class Matcher:
    """Compares looks.

    Attributes:
        plain: looks without enough detail to be recognised; they are compared by bytes and pixels only.
    """

    def __init__(self, looks: list[Look], contents: Contents, rules: Rules) -> None:
        self._looks = looks
        at = np.array([look.content for look in looks], np.int64)
        self._greys = contents.greys()
        self._grey_of = at
        self._hashes: Hashes = contents.hashes()[at] if len(at) else np.zeros((0, len(TRANSFORMS)), np.uint64)
        sizes = contents.sizes()[at] if len(at) else np.ones((0, 2), np.int64)
        self._proportion = sizes[:, 0] / sizes[:, 1]
        self._within = rules.within
        self._split = np.array([_common(rules.split, look.pictures) for look in looks], np.int64)
        self._raw = np.array([_common(rules.raw, look.pictures) for look in looks], np.int64)
        detail = [contrast(self._grey(part)) for part in _blocks(np.arange(len(looks)), _LOOKS_AT_ONCE)]
        self._clear = np.flatnonzero(np.concatenate([*detail, np.empty(0)]) >= PLAIN)
        self.plain = len(looks) - len(self._clear)

    def near(self) -> list[Link]:
        """Pairs of looks that show the same ground, whatever their orientation, size and encoding."""
        clear = self._clear
        found: dict[tuple[int, int], Link] = {}
        turns = len(TRANSFORMS)
        for queries in _blocks(clear, _QUERIES_AT_ONCE // turns):
            asked = self._hashes[queries].ravel()
            for hit in within(self._hashes[clear, 0], asked, *NEAR_BITS):
                first, second = clear[hit.entry], queries[hit.query // turns]
                keep = (first < second) & self._comparable(first, second)
                self._verify(
                    found,
                    first[keep],
                    second[keep],
                    hit.query[keep] % turns,
                    np.tile([0.0, 0.0, 1.0, 1.0], (int(keep.sum()), 1)),
                    hit.distance[keep],
                )
        return [found[key] for key in sorted(found)]

    def crops(self, known: list[Link], tell: Callable[[int, int], None] | None = None) -> list[Link]:
        """Pairs of looks of which one shows a part of the other.

        Args:
            known: near-duplicates, which are not looked at again.
            tell: is told how many looks have been cut into windows, and how many there are.
        """
        clear, turns = self._clear, len(TRANSFORMS)
        found: dict[tuple[int, int], Link] = {}
        ends = np.array([(link.first, link.second) for link in known], np.int64).reshape(-1, 2)
        done_before = np.concatenate([self._code(*ends.T), self._code(*ends.T[::-1])])
        done = 0
        for cut in self._cuts():
            for queries in _blocks(clear, _QUERIES_AT_ONCE // turns):
                for hit in within(cut.hashes, self._hashes[queries].ravel(), *CROP_BITS):
                    first, second = cut.look[hit.entry].astype(np.int64), queries[hit.query // turns]
                    window, turn = cut.windows[cut.window[hit.entry]], hit.query % turns
                    keep = self._comparable(first, second) & self._fits(first, second, window, turn)
                    keep &= ~np.isin(self._code(first, second), done_before)
                    best = _nearest(first, second, turn, hit.distance, keep)
                    self._verify(
                        found, first[best], second[best], turn[best], window[best], hit.distance[best]
                    )
            done += cut.looks
            if tell is not None:
                tell(done, len(clear))
        return [found[key] for key in sorted(found)]

    def _cuts(self) -> Iterator[_Cut]:
        """The windows of all looks, about four million at a time."""
        parts: list[_Cut] = []
        for proportion, of_proportion in self._by_proportion():
            for block in _blocks(of_proportion, _CUT_AT_ONCE):
                hashes = window_hashes(self._grey(block), proportion)
                count = hashes.shape[1]
                parts.append(
                    _Cut(
                        len(block),
                        hashes.ravel(),
                        np.repeat(block.astype(np.int32), count),
                        np.tile(np.arange(count, dtype=np.int32), len(block)),
                        windows(proportion),
                    )
                )
                if sum(len(part.hashes) for part in parts) >= _WINDOWS_AT_ONCE:
                    yield _together(parts)
                    parts = []
        if parts:
            yield _together(parts)

    def _grey(self, looks: IntArray) -> ByteArray:
        return self._greys[self._grey_of[looks]]

    def _code(self, first: IntArray, second: IntArray) -> IntArray:
        return first * len(self._looks) + second

    def _comparable(self, first: IntArray, second: IntArray) -> npt.NDArray[np.bool_]:
        """Whether any of their pictures may be a pair."""
        split, raw = self._split, self._raw
        apart = (split[first] != split[second]) | (split[first] == _MIXED)
        if self._within:
            apart |= (raw[first] != raw[second]) | (raw[first] == _MIXED)
        comparable: npt.NDArray[np.bool_] = apart & (first != second)
        return comparable

    def _fits(
        self, first: IntArray, second: IntArray, window: FloatArray, turn: IntArray
    ) -> npt.NDArray[np.bool_]:
        """Whether window and turned picture have the same proportions, more or less."""
        cut = self._proportion[first] * (window[:, 2] - window[:, 0]) / (window[:, 3] - window[:, 1])
        swaps = np.array([t.swaps for t in TRANSFORMS])[turn]
        turned = np.where(swaps, 1 / self._proportion[second], self._proportion[second])
        fits: npt.NDArray[np.bool_] = np.abs(np.log(cut / turned)) <= _PROPORTION
        return fits

    def _by_proportion(self) -> Iterator[tuple[float, IntArray]]:
        rounded = np.exp(np.round(np.log(self._proportion[self._clear]) / 0.02) * 0.02)
        for proportion in np.unique(rounded).tolist():
            yield proportion, self._clear[rounded == proportion]

    def _verify(
        self,
        found: dict[tuple[int, int], Link],
        first: IntArray,
        second: IntArray,
        turn: IntArray,
        window: FloatArray,
        distance: npt.NDArray[np.generic],
    ) -> None:
        """Align candidates and keep the best link of each two looks.

        ``turn`` is what turns the second into the first, so that the link has its inverse.
        """
        for part in _blocks(np.arange(len(first)), _ALIGNED_AT_ONCE):
            turned = self._grey(second[part]).copy()
            for transform in TRANSFORMS:
                of = turn[part] == transform
                turned[of] = transform.of_pixels(turned[of])
            aligned, scores = align(self._grey(first[part]), turned, window[part])
            for place in np.flatnonzero(enough(aligned, scores)).tolist():
                number = part[place]
                key = (int(first[number]), int(second[number]))
                score = float(scores[place])
                if key not in found or found[key].score < score:
                    x1, y1, x2, y2 = aligned[place].tolist()
                    transform = TRANSFORMS[int(turn[number])].inverse
                    found[key] = Link(*key, transform, score, int(distance[number]), (x1, y1, x2, y2))


def _together(parts: list[_Cut]) -> _Cut:
    before = np.cumsum([0] + [len(part.windows) for part in parts[:-1]])
    return _Cut(
        sum(part.looks for part in parts),
        np.concatenate([part.hashes for part in parts]),
        np.concatenate([part.look for part in parts]),
        np.concatenate([part.window + np.int32(n) for part, n in zip(parts, before, strict=True)]),
        np.concatenate([part.windows for part in parts]),
    )


def _common(values: IntArray, pictures: tuple[int, ...]) -> int:
    """The value that all the pictures have, or that they are mixed."""
    first = int(values[pictures[0]])
    return first if all(values[other] == first for other in pictures[1:]) else _MIXED


def _blocks(values: IntArray, size: int) -> Iterator[IntArray]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _nearest(
    first: IntArray,
    second: IntArray,
    turn: IntArray,
    distance: npt.NDArray[np.uint8],
    keep: npt.NDArray[np.bool_],
) -> IntArray:
    """Of the hits of the same two pictures in the same orientation, the one with the nearest hash."""
    kept = np.flatnonzero(keep)
    order = kept[np.lexsort((kept, distance[kept], turn[kept], second[kept], first[kept]))]
    keys = np.stack([first[order], second[order], turn[order]])
    fresh = np.ones(len(order), bool)
    fresh[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    nearest: IntArray = order[fresh]
    return nearest
