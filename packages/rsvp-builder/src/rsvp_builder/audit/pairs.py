"""Pairs of pictures that may leak, and which pictures may be a pair at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

import numpy as np

from rsvp_builder.audit.pictures import Picture
from rsvp_builder.audit.transforms import Transform
from rsvp_builder.record import IntArray

_ALL_PAIRS = 256
"""Pairs up to which two groups of like pictures are paired each with each."""


class PairKind(StrEnum):
    """How two pictures are alike, the surest first."""

    BYTES = "bytes"
    """The encoded bytes are equal."""
    PIXELS = "pixels"
    """The decoded pixels are equal, the bytes are not."""
    NEAR = "near"
    """They show the same ground, turned, re-encoded, resized or of other brightness."""
    CROP = "crop"
    """The second shows a part of the first."""
    TWIN = "twin"
    """They are annotated alike: same size, same boxes with the same labels, but for turning."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures that are alike.

    Attributes:
        kind: how.
        first: position of the one in the pictures; of a crop, the picture that it was cut from.
        second: position of the other.
        transform: what turns the first into the second.
        score: agreement of their pixels up to 1; NaN for twins whose pixels are not known.
        distance: bits in which their hashes differ, or for twins the largest difference of an edge in
            pixels.
        part: of a crop, what the second shows of the first, ``x1 y1 x2 y2`` in pixels of the first.
    """

    kind: PairKind
    first: int
    second: int
    transform: Transform = Transform.IDENTITY
    score: float = 1.0
    distance: float = 0.0
    part: tuple[float, float, float, float] | None = None


class Rules:
    """Which pictures may be a pair.

    Two pictures of different splits, or of different sources; under ``within`` also two raw images of
    one split. Tiles of one raw image are none.

    Attributes:
        split: (n,) int64, number of the source and split of each picture.
        raw: (n,) int64, number of its source and raw image.
    """

    def __init__(self, pictures: Sequence[Picture], *, within: bool) -> None:
        self.within = within
        self.split = _numbered([(p.source, p.split) for p in pictures])
        self.raw = _numbered([(p.source, p.split, p.image_id) for p in pictures])

    def allow(self, one: int, other: int) -> bool:
        """Whether two pictures may be a pair."""
        if self.split[one] != self.split[other]:
            return True
        return self.within and self.raw[one] != self.raw[other]

    def across(self, ones: Sequence[int], others: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Pairs between two groups of pictures, all of one being like all of the other.

        Small groups are paired each with each. In large ones every picture meets each split of the
        other group once, so that ten thousand black tiles give ten thousand pairs and not their square;
        no picture that leaks into a split goes unnamed.
        """
        if len(ones) * len(others) <= _ALL_PAIRS:
            yield from ((a, b) for a in ones for b in others if self.allow(a, b))
            return
        told: set[tuple[int, int]] = set()
        for swapped, (from_, to) in enumerate(((ones, others), (others, ones))):
            by_split: dict[int, list[int]] = {}
            for number in to:
                by_split.setdefault(int(self.split[number]), []).append(number)
            for turn, number in enumerate(from_):
                for members in by_split.values():
                    partner = self._partner(number, members, turn)
                    if partner is not None:
                        pair = (partner, number) if swapped else (number, partner)
                        if pair not in told:
                            told.add(pair)
                            yield pair

    def among(self, group: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Pairs inside one group of like pictures, each once, under the same bound."""
        if len(group) * len(group) <= 2 * _ALL_PAIRS:
            yield from ((a, b) for i, a in enumerate(group) for b in group[i + 1 :] if self.allow(a, b))
            return
        told = {(min(pair), max(pair)) for pair in self.across(group, group)}
        yield from sorted(told)

    def _partner(self, number: int, members: Sequence[int], turn: int) -> int | None:
        """The member whose turn it is or, where that may not be, one of another raw image."""
        other = members[turn % len(members)]
        if self.allow(number, other):
            return other
        if not self.within:
            return None  # all members are of one split
        strange = (m for m in members if self.raw[m] != self.raw[members[0]])
        return next((m for m in (members[0], *islice(strange, 1)) if self.allow(number, m)), None)


def _numbered(values: Sequence[tuple[str, ...]]) -> IntArray:
    numbers: dict[tuple[str, ...], int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int64)


Cell = tuple[str, str, str]
"""Kind of a pair, and the ``source/split`` of its sides in alphabetical order."""


def cell_of(pair: Pair, pictures: Sequence[Picture]) -> Cell:
    """Where a pair counts."""
    sides = sorted(split_name(pictures[side]) for side in (pair.first, pair.second))
    return (pair.kind.value, sides[0], sides[1])


def split_name(picture: Picture) -> str:
    """``source/split`` of a picture."""
    return f"{picture.source}/{picture.split}"


@dataclass(frozen=True, slots=True)
class Count:
    """Pairs of one kind between two splits.

    Attributes:
        kind: of the pairs.
        one: a ``source/split``.
        other: another, or the same.
        pairs: how many.
        images_one: raw images of the one that are in these pairs.
        images_other: raw images of the other.
    """

    kind: str
    one: str
    other: str
    pairs: int
    images_one: int
    images_other: int


def count_pairs(pairs: Sequence[Pair], pictures: Sequence[Picture]) -> list[Count]:
    """Counts by kind and pair of splits; kinds in their order, then splits by name."""
    order = {kind.value: place for place, kind in enumerate(PairKind)}
    total: Counter[Cell] = Counter()
    images: dict[Cell, dict[str, set[str]]] = {}
    for pair in pairs:
        cell = cell_of(pair, pictures)
        total[cell] += 1
        sides = images.setdefault(cell, {cell[1]: set(), cell[2]: set()})
        for side in (pictures[pair.first], pictures[pair.second]):
            sides[split_name(side)].add(side.image_id)
    return [
        Count(*cell, total[cell], len(images[cell][cell[1]]), len(images[cell][cell[2]]))
        for cell in sorted(total, key=lambda cell: (order[cell[0]], cell[1:]))
    ]
