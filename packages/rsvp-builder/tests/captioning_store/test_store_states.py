"""Requests through their states, one step at a time."""

import math

import pytest
from store_making import entry, faulty, key, taken

from rsvp_builder.captioning.outcome import Fault, Usage
from rsvp_builder.captioning.store import Entry, StoreError


def test_known_keys_are_planned_once(store):
    assert store.add(entry(n) for n in range(3)) == 3
    assert store.add([entry(1), entry(7)]) == 1
    assert store.counts() == {"planned": 4, "sent": 0, "done": 0, "rejected": 0, "failed": 0}


def test_a_claim_carries_what_was_planned(store):
    store.add([entry(5, worst_usd=0.25)])
    (claimed,) = store.claim(10, None)
    planned = entry(5)
    for name in Entry.__slots__:
        if name == "worst_usd":
            continue
        assert getattr(claimed, name) == getattr(planned, name), name
    assert (claimed.attempt, claimed.tries, claimed.history) == (1, 1, [])
    assert claimed.reserved_usd == store.spent().reserved_usd == 0.25
    assert store.claim(10, None) == []


def test_first_planned_is_first_claimed_and_no_more_than_asked_for(store):
    store.add(entry(n) for n in (4, 2, 9))
    assert [c.row_id for c in store.claim(2, None)] == ["row-4", "row-2"]
    assert store.claim(0, None) == store.claim(-1, None) == []
    assert [c.row_id for c in store.claim(2, None)] == ["row-9"]


def test_a_taken_answer_is_kept_whole(store):
    store.add([entry(1)])
    (claimed,) = store.claim(1, None)
    assert store.record(claimed.key, 1, taken("<Region 1>: ünï"), 0.004, final=False)
    (result,) = store.results()
    assert (result.key, result.row_id, result.state) == (key(1), "row-1", "done")
    assert (result.source, result.split, result.task) == ("DIOR-RSVG", "train", "grounded_caption")
    assert (result.shard, result.row) == ("data/train-00000.parquet", 1)
    assert (result.text, result.captions) == ("<Region 1>: ünï", {1: "a ship"})
    assert result.raw == {"content": "<Region 1>: ünï"}
    assert (result.model, result.prompt_version) == ("gpt-4o-2024-08-06", "grounded_caption/1")
    assert (result.verdict, result.complaints, result.usd, result.attempts) == (None, (), 0.004, 1)
    spent = store.spent()
    assert (spent.usd, spent.reserved_usd) == (0.004, 0.0)
    assert (spent.input_tokens, spent.output_tokens, spent.cached_tokens) == (900, 80, 100)


def test_a_faulty_answer_is_asked_again_with_its_history_then_rejected(store):
    store.add([entry(1)])
    store.claim(1, None)
    store.record(key(1), 1, faulty(Fault.LEAK, Fault.LENGTH, content="one"), 0.001, final=False)
    (second,) = store.claim(1, None)
    assert (second.attempt, second.tries) == (2, 2)
    assert [(e.attempt, e.raw, [c.fault for c in e.complaints]) for e in second.history] == [
        (1, {"content": "one"}, [Fault.LEAK, Fault.LENGTH])
    ]
    store.record(key(1), 2, faulty(Fault.LEAK, content="two"), 0.001, final=True)
    assert store.counts()["rejected"] == 1
    assert store.faults() == {"leak": 2, "length": 1}
    (result,) = store.results("rejected")
    assert (result.text, result.raw, result.attempts) == (None, {"content": "two"}, 2)
    assert [(c.fault, c.told) for c in result.complaints] == [(Fault.LEAK, "it is leak")]
    assert list(store.results()) == []


def test_what_was_not_processed_costs_nothing_and_does_not_count(store):
    store.add([entry(1)])
    store.claim(1, None)
    assert store.fail(key(1), 1, "429 Too Many Requests", sent=False, final=False)
    assert store.spent().usd == store.spent().reserved_usd == 0
    (again,) = store.claim(1, None)
    assert (again.attempt, again.tries, again.history) == (1, 1, [])


def test_what_may_have_been_processed_counts_at_its_worst(store):
    store.add([entry(1, worst_usd=0.3)])
    store.claim(1, None)
    assert store.fail(key(1), 1, "timeout", sent=True, final=False)
    assert (store.spent().usd, store.spent().reserved_usd) == (0.3, 0.0)
    (again,) = store.claim(1, None)
    assert (again.attempt, again.tries, again.history) == (2, 2, [])


def test_final_failures_wait_for_the_user(store):
    store.add([entry(1), entry(2)])
    store.claim(2, None)
    store.fail(key(1), 1, "400 bad picture", sent=False, final=True)
    store.fail(key(2), 1, "timeout", sent=True, final=True)
    assert store.claim(2, None) == []
    assert [r.error for r in store.results("failed")] == ["400 bad picture", "timeout"]
    assert store.retry_failed() == 2
    assert [(c.attempt, c.tries) for c in store.claim(2, None)] == [(1, 1), (2, 1)]


def test_a_rejected_request_that_is_put_back_starts_afresh(store):
    store.add([entry(1, worst_usd=0.01)])
    store.claim(1, None)
    store.record(key(1), 1, faulty(), 0.001, final=True)
    assert store.retry_failed() == 0
    assert store.retry_rejected() == 1
    (claimed,) = store.claim(1, None)
    assert (claimed.attempt, claimed.tries, claimed.history, claimed.reserved_usd) == (2, 1, [], 0.01)
    assert store.spent().usd == 0.001


@pytest.mark.parametrize("usage", [Usage(900, 80, 0), Usage()])
@pytest.mark.parametrize("usd", [None, math.nan, -1.0, math.inf, 0.002])
def test_an_unknown_cost_counts_at_its_worst(store, usage, usd):
    store.add([entry(1, worst_usd=0.5)])
    store.claim(1, None)
    store.record(key(1), 1, taken(usage=usage), usd, final=False)
    known = usd == 0.002 and usage != Usage()
    assert store.spent().usd == (0.002 if known else 0.5)
    assert store.spent().reserved_usd == 0


def test_an_ended_attempt_is_not_recorded_twice(store):
    store.add([entry(1), entry(2)])
    store.claim(2, None)
    assert store.record(key(1), 1, taken("first"), 0.001, final=False)
    assert not store.record(key(1), 1, taken("second"), 0.001, final=False)
    assert not store.fail(key(1), 1, "late", sent=True, final=True)
    assert store.fail(key(2), 1, "429", sent=False, final=False)
    assert not store.record(key(2), 1, taken(), 0.001, final=False)
    assert [r.text for r in store.results()] == ["first"]
    assert store.spent().usd == 0.001
    assert store.counts()["planned"] == 1


def test_what_was_never_claimed_cannot_come_back(store):
    store.add([entry(1)])
    for call in (
        lambda: store.record(key(1), 1, taken(), 0.0, final=False),
        lambda: store.fail(key(9), 1, "x", sent=True, final=True),
    ):
        with pytest.raises(StoreError, match="never claimed"):
            call()


def test_asking_again_reserves_what_the_conversation_grows_by(store):
    store.add([entry(1, worst_usd=0.01), entry(2, worst_usd=0.01), entry(3, worst_usd=0.01)])
    store.claim(2, None)
    (half,) = store.claim(1, None, factor=0.5)
    assert half.reserved_usd == 0.005
    store.record(key(1), 1, faulty(), 0.002, final=False)
    store.record(key(2), 1, faulty(), 0.002, final=False, next_worst_usd=0.02)
    store.record(key(3), 1, faulty(), 0.002, final=False)
    assert [c.reserved_usd for c in store.claim(3, None)] == [0.012, 0.02, 0.014]


def test_rows_with_one_key_are_asked_once_and_answered_all(store):
    assert store.add([entry(1), entry(1, row_id="twin", source="NWPU", shard="data/a.parquet", row=3)]) == 1
    assert len(store.claim(5, None)) == 1
    store.record(key(1), 1, taken(), 0.001, final=False)
    assert [(r.row_id, r.source, r.row) for r in store.results()] == [
        ("twin", "NWPU", 3),
        ("row-1", "DIOR-RSVG", 1),
    ]
    assert store.spent().usd == 0.001


def test_place_and_price_follow_the_data_set_and_answers_stay(store):
    store.add([entry(1, worst_usd=0.5)])
    store.add([entry(1, worst_usd=0.25, shard="data/b.parquet", row=77)])
    (claimed,) = store.claim(1, 0.25)
    assert (claimed.shard, claimed.row) == ("data/b.parquet", 77)
    store.record(key(1), 1, taken(), 0.1, final=False)
    store.add([entry(1, shard="data/c.parquet", row=78)])
    assert [(r.shard, r.row, r.text) for r in store.results()] == [
        ("data/c.parquet", 78, "<Region 1>: a ship")
    ]


def test_only_what_this_run_named_is_claimed_on_wish(path):
    from rsvp_builder.captioning.store import Store

    with Store(path) as store:
        store.add([entry(1, model="old"), entry(2)])
    with Store(path) as store:
        store.add([entry(2), entry(3)])
        assert store.planned(only_added=True).requests == 2
        assert store.planned().requests == 3
        assert [c.row_id for c in store.claim(9, None, only_added=True)] == ["row-2", "row-3"]
        assert [c.model for c in store.claim(9, None)] == ["old"]


def test_results_come_by_shard_and_position_while_the_store_changes(store):
    numbers = [n * 37 % 600 for n in range(600)]
    store.add(entry(n, shard=f"data/{n % 2}.parquet", row=n) for n in numbers)
    for claimed in store.claim(600, None):
        store.record(claimed.key, 1, taken(), 0.001, final=False)
    seen = []
    for result in store.results():
        store.verdict(result.key, "accept")
        seen.append((result.shard, result.row))
    assert seen == sorted(seen)
    assert len(seen) == 600


def test_a_persons_verdict_is_kept_and_may_send_an_answer_back(store):
    store.add(entry(n) for n in range(3))
    for claimed in store.claim(3, None):
        store.record(claimed.key, 1, taken(), 0.001, final=False)
    store.verdict("row-0", "accept", "fine")
    store.verdict(key(1), "reject", "wrong ship")
    assert [(r.verdict, r.note) for r in store.results()] == [
        ("accept", "fine"),
        ("reject", "wrong ship"),
        (None, ""),
    ]
    store.verdict("row-0", None)
    assert store.retry_rejected() == 0
    assert store.retry_rejected(reviewed=True) == 1
    (again,) = store.claim(3, None)
    assert (again.row_id, again.attempt, again.tries) == ("row-1", 2, 1)
    assert [r.verdict for r in store.results()] == [None, None]


def test_verdicts_that_mean_nothing_are_refused(store):
    store.add([entry(1), entry(2, row_id="row-1", model="other"), entry(3)])
    for claimed in store.claim(2, None):
        store.record(claimed.key, 1, taken(), 0.001, final=False)
    with pytest.raises(StoreError, match="2 answers"):
        store.verdict("row-1", "accept")
    with pytest.raises(StoreError, match="no answer"):
        store.verdict("row-3", "accept")
    with pytest.raises(StoreError, match="'accept' or 'reject'"):
        store.verdict(key(1), "maybe")


def test_states_of_keys_that_are_known(store):
    store.add(entry(n) for n in range(1200))
    store.claim(1, None)
    states = store.states(key(n) for n in range(1300))
    assert len(states) == 1200
    assert (states[key(0)], states[key(1)]) == ("sent", "planned")


@pytest.mark.parametrize("worst", [-0.1, math.nan, math.inf])
def test_an_entry_without_a_price_is_not_planned(store, worst):
    with pytest.raises(ValueError, match="not an amount"):
        store.add([entry(1), entry(2, worst_usd=worst)])
    assert store.counts()["planned"] == 0
