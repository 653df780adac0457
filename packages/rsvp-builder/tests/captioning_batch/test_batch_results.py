"""What becomes of the lines of output and error files."""

from __future__ import annotations

import batch_doubles as doubles
import pytest
from batch_doubles import COST, WORST, completion, key_of

from rsvp_builder.errors import RsvpError


def test_an_expired_batch_keeps_its_answers_and_the_rest_is_planned_for_nothing(run, server):
    keys = run.plan(4)
    bodies = {str(i): completion("yes") for i in range(4)}
    server.control(scripts=[{"end": "expired", "unanswered": [1, 2], "bodies": bodies}])
    run.submit()
    assert [look.batch.status for look in run.poll()] == ["expired"]
    counts = run.fetch().counts
    assert (counts.done, counts.returned, counts.missing) == (2, 2, 0)
    assert run.counts() == {"done": 2, "planned": 2}
    assert run.spent() == pytest.approx((2 * COST, 0.0))
    server.control(scripts=[{"bodies": bodies}])
    assert run.submit().requests == 2
    run.fetch()
    assert run.counts() == {"done": 4}
    assert server.paid() == dict.fromkeys(keys, 1)


def test_an_expired_batch_that_is_silent_about_the_rest(run, server):
    run.plan(3)
    server.control(scripts=[{"end": "expired", "unanswered": [0, 1, 2], "silent": True}])
    run.submit()
    counts = run.fetch().counts
    assert (counts.done, counts.missing) == (0, 3)
    assert run.counts() == {"planned": 3}
    assert run.spent() == (0, 0)


def test_missing_lines_are_planned_again_and_not_paid(run, server):
    run.plan(3)
    server.control(scripts=[{"missing": [1]}])
    run.submit()
    assert run.fetch().counts.missing == 1
    assert run.counts() == {"done": 2, "planned": 1}
    assert run.spent()[1] == 0


def test_missing_lines_that_the_endpoint_counts_as_answered_stay_counted_as_spent(run, server):
    run.plan(3)
    server.control(
        scripts=[{"missing": [1], "counted": True, "bodies": {str(i): completion("yes") for i in range(3)}}]
    )
    run.submit()
    assert run.fetch().counts.missing == 1
    assert run.counts() == {"done": 2, "planned": 1}
    assert run.spent() == pytest.approx((2 * COST + WORST / 2, 0.0))


def test_duplicate_unknown_and_malformed_lines_are_counted_and_told(run, server):
    keys = run.plan(4)
    server.control(
        scripts=[
            {
                "duplicates": [0, 3],
                "unknown": 2,
                "garbage": [
                    [1, "not json"],
                    [2, '{"custom_id": 7}'],
                    [3, ""],
                    [4, '{"custom_id": "' + keys[2]],
                ],
                "bodies": {str(i): completion("yes") for i in range(4)},
            }
        ]
    )
    run.submit()
    counts = run.fetch().counts
    assert (counts.done, counts.duplicates, counts.unknown, counts.malformed) == (4, 2, 2, 3)
    assert run.counts() == {"done": 4}
    assert run.spent() == pytest.approx((4 * COST, 0.0)), "a duplicate is not paid twice"
    told = "\n".join(run.told)
    for line in (2, 3, 5):
        assert f".jsonl:{line}: " in told
    assert "not json" in told
    kept = run.left_here()
    assert len(kept) == 1 and kept[0].startswith("kept-") and kept[0] in told


def test_only_line_feeds_end_lines_and_the_last_may_lack_one(run, server):
    run.plan(1)
    text = "a\u2028b\u2029c\u0085d\x0be\x1cf"
    server.control(scripts=[{"bodies": {"0": completion(text)}}])
    run.submit()
    assert run.fetch().counts.done == 1
    assert list(run.texts().values()) == [text]


@pytest.mark.parametrize(
    ("status", "state", "paid"),
    [(429, "planned", 0), (503, "planned", 0), (500, "planned", 1), (400, "failed", 0), (404, "planned", 0)],
)
def test_failures_of_single_lines(run, server, status, state, paid):
    run.plan(2)
    server.control(scripts=[{"status": {"0": status}, "bodies": {"1": completion("yes")}}])
    run.submit()
    run.fetch()
    assert run.counts() == {"done": 1, state: 1}
    assert run.spent() == pytest.approx((COST + paid * WORST / 2, 0.0))
    if state == "failed":
        assert run.errors() == {key_of(0): "400: status 400 was asked for"}


def test_a_line_that_fails_on_the_server_is_not_sent_for_ever(run, server):
    run.plan(1)
    server.control(scripts=[{"status": {"0": 500}}, {"status": {"0": 500}}])
    for _ in range(2):
        run.submit()
        run.fetch()
    assert run.counts() == {"failed": 1}
    assert run.spent() == pytest.approx((2 * WORST / 2, 0.0))


def test_a_batch_of_failures_has_no_output_file(run, server):
    run.plan(2)
    server.control(scripts=[{"status": {"0": 429, "1": 400}}])
    run.submit()
    run.fetch()
    assert run.counts() == {"planned": 1, "failed": 1}
    assert server.seen()["files"] == []


def test_a_failed_batch_tells_its_lines_and_fails_only_those(run, server):
    keys = run.plan(3)
    errors = [{"code": "invalid_body", "message": "'seed' is too large", "line": 2, "param": None}]
    server.control(scripts=[{"path": ["validating"], "end": "failed", "errors": errors}])
    run.submit()
    run.poll()
    (look,) = run.poll()
    assert look.batch.status == "failed"
    assert look.errors == ("line 2: 'seed' is too large (invalid_body)",)
    assert "line 2" in look.cells()[-1]
    run.fetch()
    assert run.counts() == {"planned": 2, "failed": 1}
    assert run.errors() == {keys[1]: "refused: 'seed' is too large (invalid_body)"}
    assert run.spent() == (0, 0)
    assert server.seen()["files"] == []


def test_a_batch_above_the_queue_of_the_account_goes_back_as_a_whole(run, server):
    run.plan(3)
    errors = [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached", "line": None}]
    server.control(scripts=[{"end": "failed", "errors": errors}])
    run.submit()
    run.fetch()
    assert run.counts() == {"planned": 3}
    assert run.spent() == (0, 0)


def test_an_answer_that_cannot_be_judged_waits_and_stops_no_other(run, server):
    def judge(claimed, response):
        if claimed.row_id == "row-0":
            raise RsvpError("row-0 is not in the data set any more")
        return doubles.judge(claimed, response)

    run.plan(2)
    run.submit()
    run.judge = judge
    fetched = run.fetch()
    assert (fetched.stuck, fetched.counts.done, fetched.counts.unjudged) == (1, 1, 1)
    assert run.counts() == {"done": 1, "sent": 1}
    run.judge = doubles.judge
    fetched = run.fetch()
    assert (fetched.batches, fetched.counts.done, fetched.counts.earlier) == (1, 1, 1)
    assert run.counts() == {"done": 2}
