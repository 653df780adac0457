"""Multi-index search finds what comparing each with each finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.audit import hamming
from rsvp_builder.audit.hamming import within

words = st.lists(st.integers(0, 2**64 - 1), max_size=12)


def brute(entries, queries, radius):
    distance = np.bitwise_count(queries[:, None] ^ entries[None, :]).astype(int)
    return {(int(q), int(e)): int(distance[q, e]) for q, e in np.argwhere(distance <= radius)}


def found(entries, queries, sure, most):
    pairs = [
        ((int(q), int(e)), int(d))
        for hit in within(entries, queries, sure, most)
        for q, e, d in zip(*hit, strict=True)
    ]
    assert len(pairs) == len(dict(pairs)), "a pair was given twice"
    return dict(pairs)


def relatives(rng, words, flips):
    """Each word with a number of its bits flipped."""
    masks = np.zeros(len(words), np.uint64)
    for number in range(len(words)):
        for bit in rng.permutation(64)[: flips[number]]:
            masks[number] |= np.uint64(1) << np.uint64(bit)
    return words ^ masks


@pytest.mark.parametrize("many", [1, 1 << 21], ids=["three chunks", "four chunks"])
@pytest.mark.parametrize("at_once", [7, 1 << 20])
@pytest.mark.parametrize(("sure", "most"), [(0, 0), (1, 3), (4, 4), (8, 10), (10, 14)])
def test_every_sure_pair_is_found_once(monkeypatch, many, at_once, sure, most):
    monkeypatch.setattr(hamming, "_MANY", many)
    monkeypatch.setattr(hamming, "_AT_ONCE", at_once)
    rng = np.random.default_rng(3)
    entries = rng.integers(0, 2**64, 60, dtype=np.uint64)
    queries = relatives(rng, entries, np.arange(60) % 18)
    pairs = found(entries, queries, sure, most)
    certain, possible = brute(entries, queries, sure), brute(entries, queries, most)
    assert certain.items() <= pairs.items() <= possible.items()
    assert len(certain) >= 3


@given(words, words, st.integers(0, 6))
def test_any_words(entries, queries, sure):
    entries, queries = (np.array(w, np.uint64) for w in (entries, queries))
    assert found(entries, queries, sure, sure) == brute(entries, queries, sure)


def test_crowded_buckets_are_no_trouble():
    entries = np.repeat(np.array([0, 1, 2**64 - 1], np.uint64), 50)
    assert len(found(entries, entries[:60], 8, 8)) == 60 * 100
