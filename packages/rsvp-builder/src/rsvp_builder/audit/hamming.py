"""Pairs of 64-bit hashes within a Hamming distance, without comparing each with each.

Multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012): hashes are cut into m chunks. Two hashes
within distance r agree up to r // m bits in one of the first r % m + 1 chunks, or up to one bit less in
one of the others, so it is enough to compare each query with the entries in the few buckets near it. With n
entries spread evenly over 2 ** b buckets a chunk, it meets n / 2 ** b entries in each: at r = 8, all in
all one entry of 350 where there are four chunks and one of 3,500 where there are three. Time is that
times the number of queries, memory is linear in the entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rsvp_builder.audit.windows import Hashes
from rsvp_builder.record import ByteArray, IntArray

_BITS = 64
_MANY = 1 << 21
_AT_ONCE = 1 << 20


class Near(NamedTuple):
    """Pairs that were found.

    Attributes:
        query: (k,) int64, positions in the queries.
        entry: (k,) int64, positions in the entries.
        distance: (k,) uint8.
    """

    query: IntArray
    entry: IntArray
    distance: ByteArray


class _Chunk(NamedTuple):
    """Some bits of a hash: how far to shift them down, which they are then, and how many may differ."""

    shift: np.uint64
    mask: np.uint64
    flips: int

    def of(self, hashes: Hashes) -> Hashes:
        return (hashes >> self.shift) & self.mask


def within(entries: Hashes, queries: Hashes, sure: int, most: int) -> Iterator[Near]:
    """Pairs of a query and an entry that differ in few bits, each once.

    Args:
        entries: (n,) uint64.
        queries: (q,) uint64.
        sure: distance up to which every pair is found.
        most: distance up to which a pair is given if it is met on the way, as most of those are that
            lie a little beyond ``sure``.
    """
    chunks = _chunks(sure, 4 if len(entries) < _MANY else 3)  # larger chunks pay where buckets are long
    for number, chunk in enumerate(chunks):
        if chunk.flips < 0:
            continue
        key = chunk.of(entries)
        order = np.argsort(key, kind="stable")
        bits = int(chunk.mask).bit_length()
        starts = np.searchsorted(key[order], np.arange((1 << bits) + 1, dtype=np.uint64)).astype(np.int32)
        asked = chunk.of(queries)
        turn = np.argsort(asked, kind="stable")  # neighbours ask for the same buckets
        sorted_entries, sorted_queries = entries[order], queries[turn]
        buckets = asked[turn].astype(np.int32)
        for flipped in _flips(bits, chunk.flips):
            for query, entry in _meetings(starts, buckets ^ np.int32(flipped)):
                differing = sorted_entries[entry] ^ sorted_queries[query]
                distance = np.bitwise_count(differing)
                hit = np.flatnonzero(distance <= most)
                for earlier in chunks[:number]:  # found there already
                    hit = hit[np.bitwise_count(earlier.of(differing[hit])) > max(earlier.flips, -1)]
                if len(hit):
                    yield Near(turn[query[hit]], order[entry[hit]], distance[hit])


def _chunks(radius: int, count: int) -> list[_Chunk]:
    edges = [_BITS * i // count for i in range(count + 1)]
    return [
        _Chunk(
            np.uint64(low), np.uint64((1 << (high - low)) - 1), radius // count - (number > radius % count)
        )
        for number, (low, high) in enumerate(pairwise(edges))
    ]


def _flips(bits: int, most: int) -> list[int]:
    """Every number of ``bits`` bits of which at most ``most`` are set."""
    return [sum(1 << bit for bit in which) for n in range(most + 1) for which in combinations(range(bits), n)]


def _meetings(
    starts: npt.NDArray[np.int32], bucket: npt.NDArray[np.int32]
) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]]:
    """Each query with all entries of its bucket, about a million pairs at a time."""
    low = starts[bucket]
    count = starts[bucket + 1] - low
    asking = np.flatnonzero(count).astype(np.int32)
    low, count = low[asking], count[asking]
    behind = np.zeros(len(count) + 1, np.int64)
    np.cumsum(count, out=behind[1:])
    cuts = np.searchsorted(behind[:-1], np.arange(0, int(behind[-1]) + _AT_ONCE, _AT_ONCE))
    for begin, end in pairwise(dict.fromkeys([*cuts.tolist(), len(count)])):
        if begin < end:
            of = count[begin:end]
            total = int(behind[end] - behind[begin])
            first = (low[begin:end] - (behind[begin:end] - behind[begin])).astype(np.int32)
            yield (
                np.repeat(asking[begin:end], of),
                np.arange(total, dtype=np.int32) + np.repeat(first, of),
            )
