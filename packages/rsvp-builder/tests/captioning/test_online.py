"""Online runs over real HTTP: what is sent, what is kept, what is paid for."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from typing import Any

import pytest
from online_kit import WORST, Source, check_names, entry

from rsvp_builder.captioning.online import Progress, Reason


def test_every_request_is_sent_once_and_kept(server: Any, run: Any, source: Source) -> None:
    heard: list[Progress] = []
    ended, facts = run(40, on_progress=heard.append)
    assert (ended.reason, ended.error, ended.done, ended.abandoned) == (Reason.COMPLETE, None, 40, 0)
    assert facts.counts == {"planned": 0, "sent": 0, "done": 40, "rejected": 0, "failed": 0}
    assert sorted(server.ids()) == sorted(f"{entry(number).key}-1" for number in range(40))
    assert all(result.text.startswith("Region 1") for result in facts.results.values())
    # The fake server tells a quarter of the input as cached; there are told prices, so it costs the same.
    spent = facts.spent
    assert spent.usd == pytest.approx(spent.input_tokens * 2.5e-6 + spent.output_tokens * 10e-6, abs=1e-7)
    assert spent.input_tokens > 40 * 765
    assert spent.reserved_usd == 0
    assert len(heard) == 40
    assert [progress.done for progress in heard] == list(range(1, 41))
    assert heard[-1].waiting == 0
    assert all(progress.in_flight <= 4 for progress in heard)
    assert all(a.usd <= b.usd for a, b in itertools.pairwise(heard))
    assert heard[20].eta_s is not None
    assert heard[20].eta_s < 60


def test_many_at_a_time_but_no_more_and_few_bodies(server: Any, run: Any, source: Source) -> None:
    server.settings(latency=0.05)
    began = time.monotonic()
    ended, _ = run(60, concurrency=6, ahead=3)
    assert server.most_in_flight() == 6
    # Ten rounds of 50 ms; one after the other it would be three seconds.
    assert time.monotonic() - began < 2.5
    assert ended.done == 60
    assert 6 < source.most_alive <= 6 + 3


def test_retry_after_holds_everybody(server: Any, run: Any) -> None:
    server.settings(latency=0.02)
    server.plan({"match": {"nth": 10}, "fault": "429", "retry_after_ms": 400})
    ended, facts = run(40)
    assert (ended.done, ended.failed) == (40, 0)
    log = server.log()
    refused = next(logged for logged in log if logged["status"] == 429)
    within = [logged for logged in log if refused["done"] + 0.15 < logged["at"] < refused["done"] + 0.39]
    assert within == []
    assert [logged["id"] for logged in log].count(refused["id"]) == 2
    check_names(server)
    # Only answers cost something.
    assert facts.spent.usd == pytest.approx(sum(result.usd for result in facts.results.values()))


@pytest.mark.parametrize("fault", ["429", "503"])
def test_refusals_without_a_time_are_tried_again(server: Any, run: Any, fault: str) -> None:
    server.plan({"match": {"probability": 0.3, "seed": 2}, "fault": fault})
    ended, facts = run(40, max_tries=30)
    assert (ended.done, ended.failed, facts.lost) == (40, 0, 0)
    statuses = Counter(logged["status"] for logged in server.log())
    assert statuses[int(fault)] > 5
    assert statuses[200] == 40
    check_names(server)


def test_the_limits_in_headers_are_followed(server: Any, run: Any) -> None:
    server.settings(limits={"requests": 40, "window": 2.0}, latency=0.01)
    began = time.monotonic()
    ended, _ = run(80, concurrency=8)
    seconds = time.monotonic() - began
    assert ended.done == 80
    # 40 at once, 20 a second after that.
    assert 1.6 < seconds < 10
    refused = [logged for logged in server.log() if logged["status"] == 429]
    assert len(refused) <= 8
    check_names(server)


def test_the_limit_of_tokens_is_followed(server: Any, run: Any) -> None:
    # A request counts 900 tokens or so with the longest answer; the estimate of the store is far lower.
    server.settings(limits={"tokens": 20_000, "window": 1.0}, latency=0.01)
    began = time.monotonic()
    ended, _ = run(60, concurrency=8, max_tries=30)
    assert ended.done == 60
    assert 1.0 < time.monotonic() - began < 20
    check_names(server)


def test_the_users_own_limit(server: Any, run: Any) -> None:
    run(50, concurrency=8, requests_per_minute=1200)
    times = [logged["at"] for logged in server.log()]
    assert len(times) == 50
    # One second's worth, 20, may come at once; the rest takes 1.5 s.
    assert times[-1] - times[0] > 1.4


def test_the_budget_is_a_hard_stop(server: Any, run: Any) -> None:
    ended, facts = run(50, max_usd=0.05)
    assert ended.reason is Reason.BUDGET
    sent = len(server.ids())
    assert 5 <= sent < 50
    assert facts.spent.usd + facts.spent.reserved_usd <= 0.05
    assert facts.spent.usd + WORST > 0.05
    assert facts.counts["planned"] == 50 - sent
    again, _ = run(50, max_usd=0.05)
    assert (again.reason, again.done, len(server.ids())) == (Reason.BUDGET, 0, sent)
    more, facts = run(50, max_usd=1.0)
    assert (more.reason, more.done) == (Reason.COMPLETE, 50 - sent)
    assert len(server.ids()) == 50
    check_names(server)


def test_no_budget_nothing_sent(server: Any, run: Any) -> None:
    ended, facts = run(5, max_usd=0.0)
    assert (ended.reason, server.ids(), facts.counts["planned"]) == (Reason.BUDGET, [], 5)


def test_a_wrong_row_fails_alone(server: Any, run: Any) -> None:
    bad = entry(7)
    server.plan({"match": {"key": bad.key}, "fault": "400"})
    ended, facts = run(20)
    assert (ended.reason, ended.done, ended.failed) == (Reason.COMPLETE, 19, 1)
    assert server.ids().count(f"{bad.key}-1") == 1
    assert facts.results["row-7"].state == "failed"
    assert "400: Invalid image" in facts.results["row-7"].error
    assert facts.results["row-7"].usd == 0


def test_a_row_without_a_body_fails_alone(server: Any, run: Any, make_body: Any) -> None:
    ended, facts = run(20, source=Source(make_body, broken={"row-3", "row-12"}))
    assert (ended.reason, ended.done, ended.failed) == (Reason.COMPLETE, 18, 2)
    assert "its picture is gone" in facts.results["row-12"].error
    assert len(server.ids()) == 18


def test_a_row_that_is_always_refused_fails_in_the_end(server: Any, run: Any) -> None:
    """Such as one with more tokens than the limit: others are answered meanwhile."""
    bad = entry(0)
    server.plan({"match": {"key": bad.key}, "fault": "429", "retry_after_ms": 5})
    ended, facts = run(40, max_tries=3)
    assert (ended.reason, ended.done, ended.failed) == (Reason.COMPLETE, 39, 1)
    assert server.ids().count(f"{bad.key}-1") == 3
    assert facts.results["row-0"].usd == 0


@pytest.mark.parametrize("fault", ["malformed", "schema", "refusal", "filter", "truncated"])
def test_a_faulty_answer_is_asked_again_with_the_reason(
    server: Any, run: Any, source: Source, fault: str
) -> None:
    bad = entry(2)
    server.plan({"match": {"key": bad.key, "attempt": 1}, "fault": fault})
    ended, facts = run(6)
    assert (ended.done, ended.rejected, ended.asked_again) == (6, 0, 1)
    assert [name for name in server.ids() if name.startswith(bad.key)] == [f"{bad.key}-1", f"{bad.key}-2"]
    told = [told for row, attempt, told in source.asked if row == "row-2" and attempt == 2]
    assert told == [["Answer with JSON that has regions."]]
    assert facts.results["row-2"].attempts == 2
    assert facts.faults == {"malformed": 1}


def test_after_the_last_ask_a_row_is_rejected(server: Any, run: Any) -> None:
    bad = entry(1)
    server.plan({"match": {"key": bad.key}, "fault": "schema"})
    ended, facts = run(5, max_asks=3)
    assert (ended.done, ended.rejected, ended.asked_again) == (4, 1, 2)
    assert [n for n in server.ids() if n.startswith(bad.key)] == [f"{bad.key}-{a}" for a in (1, 2, 3)]
    rejected = facts.results["row-1"]
    assert rejected.state == "rejected"
    assert "unexpected" in str(rejected.raw)
    # All three were paid for.
    assert rejected.usd > 0
    assert facts.spent.usd == pytest.approx(sum(result.usd for result in facts.results.values()))


@pytest.mark.parametrize("fault", ["drop_before", "drop_middle", "500", "body"])
def test_what_may_have_been_paid_for_counts_and_is_a_new_attempt(server: Any, run: Any, fault: str) -> None:
    bad = entry(3)
    server.plan({"match": {"key": bad.key, "attempt": 1}, "fault": fault})
    ended, facts = run(8)
    assert (ended.done, ended.failed) == (8, 0)
    assert [n for n in server.ids() if n.startswith(bad.key)] == [f"{bad.key}-1", f"{bad.key}-2"]
    answers = facts.spent.input_tokens * 2.5e-6 + facts.spent.output_tokens * 10e-6
    assert facts.spent.usd == pytest.approx(answers + WORST, abs=1e-6)
    check_names(server)


def test_a_row_is_not_paid_for_without_end(server: Any, run: Any) -> None:
    bad = entry(3)
    server.plan({"match": {"key": bad.key}, "fault": "drop_middle"})
    ended, facts = run(8, max_unsure=2)
    assert (ended.done, ended.failed) == (7, 1)
    assert [n for n in server.ids() if n.startswith(bad.key)] == [f"{bad.key}-1", f"{bad.key}-2"]
    assert "connection broke" in facts.results["row-3"].error
    assert facts.results["row-3"].usd == pytest.approx(2 * WORST)


def test_time_runs_out(server: Any, run: Any) -> None:
    slow = entry(3)
    server.plan({"match": {"key": slow.key, "attempt": 1}, "fault": "slow", "seconds": 1.5})
    ended, facts = run(8, total_s=0.5)
    assert (ended.done, ended.failed) == (8, 0)
    assert facts.results["row-3"].usd > WORST


def test_another_attempt_keeps_the_budget(server: Any, run: Any) -> None:
    """The worst case of a lost answer is spent, so there is no money for it twice."""
    server.plan({"fault": "drop_middle"})
    ended, facts = run(1, max_usd=1.5 * WORST)
    assert ended.reason is Reason.BUDGET
    assert len(server.ids()) == 1
    assert facts.counts["planned"] == 1
    assert facts.spent.usd == pytest.approx(WORST)


def test_all_faults_at_once(server: Any, run: Any) -> None:
    """Nothing is lost or sent twice, whatever happens; the books balance with the server's."""
    server.settings(latency=0.005)
    faults = ["429", "500", "503", "drop_before", "drop_middle", "malformed", "schema", "refusal", "body"]
    server.plan(
        *({"match": {"probability": 0.03, "seed": i}, "fault": fault} for i, fault in enumerate(faults))
    )
    ended, facts = run(150, concurrency=12, max_tries=30, max_unsure=6, max_asks=6)
    assert ended.reason is Reason.COMPLETE
    assert (facts.counts["done"], facts.lost, facts.spent.reserved_usd) == (150, 0, 0)
    check_names(server)
    log = server.log()
    assert {logged["fault"] for logged in log} >= set(faults)
    unsure = sum(logged["fault"] in ("500", "drop_before", "drop_middle", "body") for logged in log)
    answers = facts.spent.input_tokens * 2.5e-6 + facts.spent.output_tokens * 10e-6
    # A further ask reserves more than the first, so an unsure one after it counts more.
    assert answers + unsure * WORST <= facts.spent.usd + 1e-6
    assert facts.spent.usd <= answers + unsure * WORST * 1.5 + 1e-6
    judged = Counter(logged["fault"] for logged in log if logged["status"] == 200)
    assert facts.faults == {"malformed": judged["malformed"] + judged["schema"] + judged["refusal"]}


def test_nothing_planned(server: Any, run: Any) -> None:
    ended, _ = run(0)
    assert (ended.reason, ended.done, server.ids()) == (Reason.COMPLETE, 0, [])
    assert ended.seconds < 1


def test_only_what_was_added_is_sent_unless_told_otherwise(server: Any, run: Any) -> None:
    run(10, max_usd=0.0)
    ended, _ = run(4)
    assert ended.done == 4
    ended, _ = run(0, only_added=False)
    assert ended.done == 6
    assert len(server.ids()) == 10
