"""The cap: cumulative over resumes, reserved before sending, never exceeded."""

import math

import pytest
from store_making import entry, faulty, key, taken

from rsvp_builder.captioning import budget
from rsvp_builder.captioning.outcome import Usage
from rsvp_builder.captioning.store import Store


def test_a_claim_stops_at_the_cap_exactly(store):
    store.add(entry(n, worst_usd=0.1) for n in range(10))
    assert len(store.claim(10, 0.3)) == 3
    assert store.claim(10, 0.3) == []
    assert len(store.claim(10, 0.4)) == 1


def test_money_that_was_not_needed_is_there_again(store):
    store.add(entry(n, worst_usd=0.1) for n in range(10))
    store.claim(10, 0.3)
    store.record(key(0), 1, taken(), 0.02, final=False)
    assert store.claim(10, 0.3) == []
    store.record(key(1), 1, taken(), 0.02, final=False)
    assert len(store.claim(10, 0.3)) == 1
    store.fail(key(2), 1, "429", sent=False, final=False)
    assert [c.row_id for c in store.claim(10, 0.3)] == ["row-2"]


def test_the_cap_is_over_all_runs_and_counts_what_was_lost(path):
    with Store(path) as store:
        store.add(entry(n, worst_usd=0.1) for n in range(10))
        store.claim(2, 0.3)
        store.record(key(0), 1, taken(), 0.05, final=False)
    with Store(path) as store:
        assert (store.spent().usd, store.spent().reserved_usd, store.lost()) == (0.05, 0.1, 1)
        assert [c.row_id for c in store.claim(10, 0.3)] == ["row-2"]
        assert store.lost() == 1
        assert store.release_lost() == 1
        assert (store.spent().usd, store.spent().reserved_usd, store.lost()) == (0.15, 0.1, 0)
        assert store.claim(10, 0.3) == []
        (again,) = store.claim(1, None)
        assert (again.row_id, again.attempt, again.tries) == ("row-1", 2, 1)


def test_lost_requests_keep_the_history_of_the_conversation(path):
    with Store(path) as store:
        store.add([entry(1)])
        store.claim(1, None)
        store.record(key(1), 1, faulty(content="one"), 0.001, final=False)
        store.claim(1, None)
    with Store(path) as store:
        assert store.claim(1, None) == []
        store.release_lost()
        (third,) = store.claim(1, None)
        assert (third.attempt, third.tries) == (3, 2)
        assert [e.raw for e in third.history] == [{"content": "one"}]


def test_a_free_endpoint_fits_under_any_cap(store):
    store.add(entry(n, worst_usd=0.0) for n in range(5))
    assert len(store.claim(10, 0.0)) == 5
    store.record(key(0), 1, taken(usage=Usage()), None, final=False)
    assert store.spent().usd == 0


def test_ten_thousand_odd_amounts_add_up_exactly(store):
    amount = 0.0007
    store.add(entry(n, worst_usd=amount) for n in range(10_000))
    claimed = store.claim(10_000, 7.0)
    assert len(claimed) == 10_000
    assert store.spent().reserved_usd == 7.0


def test_answers_dearer_than_reserved_are_told(store):
    store.add([entry(1, worst_usd=0.01), entry(2, worst_usd=0.01)])
    store.claim(2, 0.02)
    store.record(key(1), 1, taken(), 0.03, final=False)
    store.record(key(2), 1, taken(), 0.01, final=False)
    assert store.spent().underestimated == 1
    assert store.spent().usd == 0.04


@pytest.mark.parametrize("cap", [math.nan, math.inf, -1.0])
def test_a_cap_that_is_none_is_refused_before_anything_is_claimed(store, cap):
    store.add([entry(1)])
    with pytest.raises(ValueError, match="not a cap"):
        store.claim(1, cap)
    assert store.counts()["sent"] == 0


def test_exhausted_says_whether_the_next_request_fits(store):
    store.add(entry(n, worst_usd=0.1) for n in range(4))
    assert not budget.exhausted(store.spent(), store.planned(), 0.1)
    assert not budget.exhausted(store.spent(), store.planned(), None)
    store.claim(2, 0.2)
    assert budget.exhausted(store.spent(), store.planned(), 0.2)
    assert not budget.exhausted(store.spent(), store.planned(), 0.25, factor=0.5)
    assert not budget.exhausted(store.spent(), store.planned(), 0.3)
    told = budget.told(store.spent(), store.planned(), 0.2)
    for part in (
        "0.20 USD",
        "0.2000 USD are reserved",
        "may cost 0.1000 USD",
        "2 requests wait",
        "--max-usd",
    ):
        assert part in told
    store.claim(2, None)
    assert not budget.exhausted(store.spent(), store.planned(), 0.0)
