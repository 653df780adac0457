"""Streaming a built data set with ``datasets``: rows, pictures, shuffling, going on, sharing out."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from datasets import load_dataset
from datasets.distributed import split_dataset_by_node
from PIL import Image

SPLIT = "train"


@pytest.fixture
def stream(dataset):
    return load_dataset(str(dataset), split=SPLIT, streaming=True)


@pytest.fixture
def expected(rows):
    return {row["id"]: row for row in rows if row["split"] == SPLIT}


def test_rows_come_as_they_are_stored_and_pictures_decode(stream, expected):
    read = list(stream)
    assert sorted(row["id"] for row in read) == sorted(expected)
    for row in read:
        stored = expected[row["id"]]
        assert {k: v for k, v in row.items() if k != "image"} == {
            k: v for k, v in stored.items() if k != "image"
        }
        with Image.open(io.BytesIO(stored["image"]["bytes"])) as picture:
            assert row["image"].tobytes() == picture.tobytes()


def test_one_source_is_a_configuration(dataset, rows):
    read = load_dataset(str(dataset), "UAVid", split=SPLIT, streaming=True)
    own = [row["id"] for row in rows if (row["source"], row["split"]) == ("UAVid", SPLIT)]
    assert sorted(row["id"] for row in read) == sorted(own)


def test_shuffling_changes_the_order_by_seed_and_loses_nothing(stream, expected, monkeypatch):
    monkeypatch.setattr("datasets.config.SLEEP_TIME_ON_THREADS_SHUTDOWN", 0.1)
    plain = [row["id"] for row in stream]
    shuffled = [row["id"] for row in stream.shuffle(seed=3, buffer_size=16)]
    assert shuffled == [row["id"] for row in stream.shuffle(seed=3, buffer_size=16)]
    assert shuffled != plain
    assert sorted(shuffled) == sorted(plain) == sorted(expected)
    epoch = stream.shuffle(seed=3, buffer_size=16)
    epoch.set_epoch(1)
    assert [row["id"] for row in epoch] not in (plain, shuffled)


@pytest.mark.parametrize("number", [0, 1, 17])
def test_skipping_and_taking_share_out_the_stream(stream, number):
    ids = [row["id"] for row in stream]
    assert [row["id"] for row in stream.take(number)] == ids[:number]
    assert [row["id"] for row in stream.skip(number)] == ids[number:]


@pytest.mark.parametrize("seen", [1, 20, 50])
def test_a_stopped_stream_goes_on_from_its_state(dataset, seen):
    stream = load_dataset(str(dataset), split=SPLIT, streaming=True)
    ids = [row["id"] for row in stream]
    assert seen < len(ids)
    rows = iter(stream)
    first = [next(rows)["id"] for _ in range(seen)]
    state = stream.state_dict()
    again = load_dataset(str(dataset), split=SPLIT, streaming=True)
    again.load_state_dict(state)
    assert first + [row["id"] for row in again] == ids


@pytest.mark.parametrize("ranks", [2, 8])
def test_ranks_see_each_row_once(stream, expected, ranks):
    shares = [
        [row["id"] for row in split_dataset_by_node(stream, rank=rank, world_size=ranks)]
        for rank in range(ranks)
    ]
    assert Counter(i for share in shares for i in share) == Counter(dict.fromkeys(expected, 1))
    assert all(shares)
