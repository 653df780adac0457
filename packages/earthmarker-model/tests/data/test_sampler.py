"""The order of rows: whole, repeatable, grouped, and mixed as the weights say."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earthmarker.data import GroupedSampler, RowDataset, RowIndex
from earthmarker.data.canvases import Canvases
from earthmarker.data.sampler import mixture_digest
from earthmarker.errors import EarthMarkerError

RANDOM = np.random.default_rng(0)


def orders(index, batch, seed=0, epochs=(0,), **kwargs):
    sampler = GroupedSampler(index, batch, seed, **kwargs)
    result = []
    for epoch in epochs:
        sampler.set_epoch(epoch)
        result.append(list(sampler))
    return result


@given(
    rows=st.integers(1, 300),
    batch=st.integers(1, 9),
    seed=st.integers(0, 2**32),
    epoch=st.integers(0, 5),
    a_picture=st.integers(1, 7),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_epoch_has_every_row_once_in_whole_batches(made_up, rows, batch, seed, epoch, a_picture):
    index = made_up(np.random.default_rng(seed).integers(1, 500, rows), np.arange(rows) // a_picture)
    sampler = GroupedSampler(index, batch, seed)
    sampler.set_epoch(epoch)
    order = list(sampler)
    assert len(order) == len(sampler) == -(-rows // batch) * batch
    assert sorted(order[:rows]) == list(range(rows))
    # The first rows fill up the last batch.
    assert order[rows:] == (order[:rows] * batch)[: len(order) - rows]


def test_the_order_is_a_function_of_seed_and_epoch(made_up):
    index = made_up(RANDOM.integers(1, 500, 200), np.arange(200) // 3)
    straight = orders(index, 8, 5, epochs=range(4))
    assert orders(index, 8, 5, epochs=[3, 1, 1, 0]) == [straight[e] for e in (3, 1, 1, 0)]
    assert len({tuple(order) for order in straight}) == 4
    assert orders(index, 8, 6) != [straight[0]]


def test_batches_are_of_like_length(made_up):
    lengths = RANDOM.integers(10, 1000, 4000)
    index = made_up(lengths, np.arange(4000))

    def padded(order):
        batches = lengths[np.array(order)].reshape(-1, 8)
        return batches.max(axis=1).sum() * 8 / batches.sum()

    [order] = orders(index, 8)
    assert padded(RANDOM.permutation(4000)) > 1.6
    assert padded(order) < 1.05


def test_batches_do_not_come_by_length(made_up):
    lengths = np.arange(4000) % 1000
    index = made_up(lengths, np.arange(4000))
    [order] = orders(index, 8)
    means = lengths[np.array(order)].reshape(-1, 8).mean(axis=1)
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.2


def test_rows_of_a_picture_stay_together(made_up):
    images = np.arange(4000) // 4
    index = made_up(RANDOM.integers(1, 500, 4000), images)
    [order] = orders(index, 8)
    where = np.empty(4000, dtype=int)
    where[order] = np.arange(4000)
    spread = np.ptp(where.reshape(-1, 4), axis=1)
    # A pool is 32 batches; a picture on its edge is in two.
    assert spread.max() < 2 * 32 * 8
    assert (spread < 32 * 8).mean() > 0.9


def test_no_picture_is_decoded_twice_in_an_epoch(dataset, processor):
    index = RowIndex.read(dataset)
    rows, canvases = RowDataset(index), Canvases(processor)
    for i in GroupedSampler(index, 4):
        canvases.picture(rows[i])
    different = {rows[i].picture_sha256 for i in range(len(index))}
    assert len(index) > 2 * len(different)
    assert canvases.decoded == len(different)


KINDS = (("A", "box"), ("A", "point"), ("B", "box"))


@pytest.mark.parametrize(
    ("weights", "times"),
    [
        ({}, (1, 1, 1)),
        ({"A": 2}, (2, 2, 1)),
        ({"box": 0}, (0, 1, 0)),
        ({"A": 3, "A/point": 1, "box": 2}, (3, 1, 2)),  # the most exact name; a source before a task
    ],
)
def test_weights_are_how_often_rows_come(made_up, weights, times):
    kind = np.arange(300) % 3
    index = made_up(np.full(300, 9), np.arange(300), KINDS, kind)
    [order] = orders(index, 1, weights=weights)
    counts = Counter(order)
    assert [{counts[i] for i in range(k, 300, 3)} for k in range(3)] == [{t} for t in times]


def test_a_fraction_takes_other_rows_every_epoch(made_up):
    index = made_up(np.full(3000, 9), np.arange(3000), KINDS, np.zeros(3000))
    first, second = (set(order) for order in orders(index, 1, epochs=(0, 1), weights={"A": 0.25}))
    deviation = (3000 * 0.25 * 0.75) ** 0.5
    assert abs(len(first) - 750) < 4 * deviation
    # Independent draws share a quarter.
    assert abs(len(first & second) - 187.5) < 4 * (3000 / 16 * 15 / 16) ** 0.5


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"C": 1}, r"weight of 'C'.*known: \['A', 'A/box'"),
        ({"A": -1}, "weight of 'A' is -1: expected 0 or more"),
        ({"A": float("nan")}, "weight of 'A' is nan"),
        ({"A": 0, "B": 0}, "no row at all"),
    ],
)
def test_weights_that_make_no_sense(made_up, weights, message):
    index = made_up(np.full(9, 9), np.arange(9), KINDS, np.arange(9) % 3)
    with pytest.raises(EarthMarkerError, match=message):
        GroupedSampler(index, 1, weights=weights)


def test_the_digest_tells_mixtures_apart(made_up):
    index = made_up(np.full(9, 9), np.arange(9), KINDS, np.arange(9) % 3)
    other = made_up(np.full(8, 9), np.arange(8), KINDS, np.arange(8) % 3)
    digests = [
        mixture_digest(i, GroupedSampler(i, batch, seed, weights))
        for i, batch, seed, weights in (
            (index, 2, 0, {}),
            (other, 2, 0, {}),
            (index, 3, 0, {}),
            (index, 2, 1, {}),
            (index, 2, 0, {"A": 2}),
        )
    ]
    assert len(set(digests)) == len(digests)
    assert digests[0] == mixture_digest(index, GroupedSampler(index, 2, 0, {"A": 1}))
