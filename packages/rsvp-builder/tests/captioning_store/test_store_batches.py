"""Batches in the store: which requests went together, over deaths of the run."""

import pytest
from store_making import entry, faulty, key, taken

from rsvp_builder.captioning.store import BatchState, Store, StoreError
from rsvp_builder.errors import UnknownNameError


def test_requests_in_a_batch_are_not_lost_when_the_run_dies(path):
    with Store(path) as store:
        store.add(entry(n, worst_usd=0.1) for n in range(5))
        keys = [c.key for c in store.claim(4, None)]
        batch = store.open_batch("b-1", keys[:3])
        assert (batch.state, batch.requests, batch.waiting, batch.batch_id) == ("opened", 3, 3, None)
        store.set_batch(
            "b-1",
            state="submitted",
            batch_id="batch_x",
            file_id="file_x",
            status="validating",
            info={"n": [1]},
        )
    with Store(path) as store:
        assert store.lost() == 1
        store.release_lost()
        (batch,) = store.batches("submitted")
        assert (batch.batch_id, batch.file_id, batch.status) == ("batch_x", "file_x", "validating")
        assert (batch.info, batch.output_file_id) == ({"n": [1]}, None)
        assert store.keys_of_batch("b-1") == keys[:3]
        waiting = store.waiting_in_batch("b-1")
        assert [(c.key, c.attempt, c.reserved_usd) for c in waiting] == [(k, 1, 0.1) for k in keys[:3]]
        assert store.record(keys[0], 1, taken(), 0.01, final=False)
        assert store.batches()[0].waiting == 2
        assert store.keys_of_batch("b-1") == keys[:3]


def test_a_batch_closes_only_when_nothing_of_it_waits(store):
    store.add(entry(n) for n in range(3))
    store.open_batch("b-1", [])
    claimed = store.claim(3, None, batch="b-1", factor=0.5)
    assert store.spent().reserved_usd == pytest.approx(0.015)
    store.record(claimed[0].key, 1, faulty(), 0.001, final=False)
    with pytest.raises(StoreError, match="2 requests of batch b-1 are without an answer"):
        store.set_batch("b-1", state=BatchState.CLOSED)
    assert store.return_batch("b-1", "expired", sent=False) == 2
    assert store.batches()[0].state == "closed"
    assert store.counts()["planned"] == 3
    assert (store.spent().usd, store.spent().reserved_usd) == (0.001, 0.0)
    assert store.waiting_in_batch("b-1") == []
    assert [c.attempt for c in store.claim(3, None)] == [2, 1, 1]


def test_what_the_file_had_no_room_for_moves_to_the_next(store):
    store.add(entry(n) for n in range(4))
    store.open_batch("b-1", [])
    keys = [c.key for c in store.claim(4, None, batch="b-1")]
    store.open_batch("b-2", keys[2:])
    assert store.keys_of_batch("b-1") == keys[:2]
    assert store.keys_of_batch("b-2") == keys[2:]
    store.set_batch("b-1", state="submitted")
    with pytest.raises(StoreError, match="2 of the 2 requests for batch b-3"):
        store.open_batch("b-3", keys[:2])
    with pytest.raises(StoreError, match="no batch b-1 that still takes requests"):
        store.claim(1, None, batch="b-1")


def test_batches_take_claimed_requests_only_and_all_or_none(store):
    store.add(entry(n) for n in range(2))
    (claimed,) = store.claim(1, None)
    for keys in ([claimed.key, key(1)], [key(9)], [claimed.key, claimed.key]):
        with pytest.raises(StoreError, match="for batch b"):
            store.open_batch("b", keys)
    assert store.batches() == []
    store.open_batch("b", [claimed.key], "file_1", "batch_1")
    assert [(b.state, b.file_id, b.batch_id) for b in store.batches()] == [("submitted", "file_1", "batch_1")]
    with pytest.raises(StoreError, match="there already"):
        store.open_batch("b", [])


def test_unknown_batches_and_fields_are_told(store):
    store.open_batch("batch-7", [])
    with pytest.raises(UnknownNameError, match="Did you mean batch-7"):
        store.set_batch("batch-8", status="x")
    with pytest.raises(UnknownNameError, match="Did you mean status"):
        store.set_batch("batch-7", statu="x")
    with pytest.raises(UnknownNameError):
        store.keys_of_batch("nothing")


def test_returned_requests_that_may_be_paid_stay_spent(store):
    store.add(entry(n, worst_usd=0.1) for n in range(2))
    store.open_batch("b", [])
    store.claim(2, 1.0, batch="b")
    assert store.return_batch("b", "vanished", sent=True, final=True) == 2
    assert (store.spent().usd, store.counts()["failed"]) == (0.2, 2)
