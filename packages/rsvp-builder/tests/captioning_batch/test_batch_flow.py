"""Submit, poll, fetch, cancel against a server over HTTP."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from contextlib import closing
from dataclasses import replace

import batch_doubles as doubles
import pytest
from batch_doubles import COST, WORST, completion, key_of

from rsvp_builder.captioning.batch.remote import RefusedError
from rsvp_builder.errors import RsvpError, UnknownNameError


def test_answers_end_in_the_store_and_nothing_is_left_behind(run, server):
    keys = run.plan(3)
    bodies = {str(i): completion(f"answer {i}\u2028of two lines") for i in range(3)}
    server.control(scripts=[{"bodies": bodies, "shuffle": 3}])
    told = run.submit()
    assert (told.requests, len(told.created), told.left) == (3, 1, 0)
    assert run.counts() == {"sent": 3}
    assert run.spent() == pytest.approx((0.0, 3 * WORST / 2))
    assert run.left_here() == []

    fetched = run.fetch()
    assert (fetched.batches, fetched.counts.done, fetched.running) == (1, 3, 0)
    assert run.texts() == {key: f"answer {i}\u2028of two lines" for i, key in enumerate(keys)}
    assert run.spent() == pytest.approx((3 * COST, 0.0))
    assert fetched.usd == pytest.approx(3 * COST)
    assert server.seen()["files"] == []
    assert run.left_here() == []
    assert server.paid() == dict.fromkeys(keys, 1)
    assert server.seen()["batches"][0]["metadata"].keys() == {"rsvp"}


def test_fetching_twice_changes_nothing(run):
    run.plan(2)
    run.submit()
    run.fetch()

    def dump() -> list[str]:
        with closing(sqlite3.connect(run.path)) as connection:
            return [line for line in connection.iterdump() if '"runs"' not in line]

    before = dump()
    again = run.fetch()
    assert (again.batches, again.counts.told(), again.usd) == (0, "nothing", 0.0)
    assert dump() == before


def test_nothing_planned_sends_nothing(run, server):
    run.plan(0)
    told = run.submit()
    assert (told.requests, told.created) == (0, [])
    assert server.seen()["events"] == []


@pytest.mark.parametrize(
    ("bounds", "sizes"),
    [
        ({"max_requests": 2}, [2, 2, 1]),
        ({"max_requests": 5}, [5]),
        ({"max_requests": 1}, [1, 1, 1, 1, 1]),
        ({"max_bytes": 2500, "ahead": 1}, [2, 2, 1]),
        ({"max_bytes": 2500, "ahead": 20}, [2, 2, 1]),
    ],
)
def test_files_are_split_by_number_and_bytes(run, server, bounds, sizes):
    keys = run.plan(5)
    run.source = doubles.Bodies(padding=900)  # a line has some 1,150 bytes
    told = run.submit(**bounds)
    assert (told.requests, len(told.created)) == (5, len(sizes))
    assert told.bytes == sum(file["bytes"] for file in server.seen()["files"])
    assert all(file["bytes"] <= bounds.get("max_bytes", 200_000_000) for file in server.seen()["files"])
    looks = run.poll()
    assert [look.batch.requests for look in looks] == sizes
    assert [look.completed for look in looks] == sizes
    run.fetch()
    assert server.paid() == dict.fromkeys(keys, 1)
    assert run.counts() == {"done": 5}
    assert len(run.source.made) == 5, "no body is made twice"


def test_requests_of_two_models_go_into_two_files_and_are_priced_each(run, server):
    run.plan(2)
    run.plan(1, first=2, model="dear")
    server.control(scripts=[{"bodies": {str(i): completion("yes") for i in range(2)}}] * 2)
    assert len(run.submit().created) == 2
    run.price = lambda model: replace(doubles.PRICE, input_usd=1e4) if model == "dear" else doubles.PRICE
    run.fetch()
    assert run.counts() == {"done": 3}
    assert run.spent() == pytest.approx((2 * COST + (100 * 1e4 + 10 * 100) / 1e6 * 0.5, 0.0))


def test_a_bound_on_batches_leaves_the_rest_planned(run):
    run.plan(5)
    run.source = doubles.Bodies(padding=900)
    told = run.submit(max_batches=1, max_bytes=2500)
    assert (told.requests, told.left) == (2, 3)
    assert told.left_usd == pytest.approx(WORST / 2)
    assert run.counts() == {"sent": 2, "planned": 3}


def test_the_budget_is_reserved_at_the_price_of_a_batch_and_never_exceeded(run, server):
    run.plan(5)
    told = run.submit(max_usd=2.5 * WORST / 2)
    assert (told.requests, told.left) == (2, 3)
    assert run.submit(max_usd=2.5 * WORST / 2).requests == 0
    server.control(scripts=[])
    run.fetch()
    usd, reserved = run.spent()
    assert reserved == 0 and 0 < usd <= 2.5 * WORST / 2


def test_a_row_without_a_body_fails_alone(run):
    class Bodies(doubles.Bodies):
        async def body(self, claimed):
            if claimed.row_id == "row-1":
                raise RsvpError("row-1: its picture cannot be decoded")
            return await super().body(claimed)

    run.plan(3)
    run.source = Bodies()
    told = run.submit()
    assert (told.requests, told.unusable) == (2, 1)
    run.fetch()
    assert run.counts() == {"done": 2, "failed": 1}
    assert run.errors() == {key_of(1): "row-1: its picture cannot be decoded"}
    assert run.spent()[1] == 0


def test_a_request_above_the_size_of_a_file_fails_alone(run):
    class Bodies(doubles.Bodies):
        async def body(self, claimed):
            self.padding = 5000 if claimed.row_id == "row-0" else 0
            return await super().body(claimed)

    run.plan(2)
    run.source = Bodies()
    assert run.submit(max_bytes=1000).requests == 1
    assert "1,000" in run.errors()[key_of(0)]


def test_a_broken_worker_gives_everything_back(run, server):
    class Bodies(doubles.Bodies):
        async def body(self, claimed):
            if claimed.row_id == "row-2":
                raise RuntimeError("a worker died")
            return await super().body(claimed)

    run.plan(3)
    run.source = Bodies()
    with pytest.raises(RuntimeError, match="a worker died"):
        run.submit(ahead=1)
    assert run.counts() == {"planned": 3}
    assert run.spent() == (0, 0)
    assert server.seen()["events"] == []
    assert run.left_here() == []


def test_faulty_answers_are_asked_again_with_the_reason_and_then_rejected(run, server):
    keys = run.plan(2)
    bad = {"contents": {"0": "bad answer", "1": "good"}}
    server.control(scripts=[bad, {"contents": {"0": "bad again"}}, {"contents": {"0": "bad for ever"}}])
    run.submit()
    assert run.fetch().counts.asked_again == 1
    assert run.counts() == {"done": 1, "planned": 1}
    run.submit()
    assert run.fetch().counts.asked_again == 1
    run.submit()
    assert run.fetch().counts.rejected == 1
    assert run.counts() == {"done": 1, "rejected": 1}
    assert run.submit().requests == 0
    # Attempts can be told apart, and all names are as long as a key.
    names = sorted(server.paid())
    assert names == sorted([*keys, keys[0][:62] + "-2", keys[0][:62] + "-3"])


def test_the_reason_is_in_the_next_request(run, server):
    bodies = []

    class Bodies(doubles.Bodies):
        async def body(self, claimed):
            bodies.append(await super().body(claimed))
            return bodies[-1]

    run.plan(1)
    run.source = Bodies()
    server.control(scripts=[{"contents": {"0": "bad answer"}}, {"contents": {"0": "mended"}}])
    for _ in range(2):
        run.submit()
        run.fetch()
    assert [m["content"] for m in bodies[1]["messages"][1:]] == ["bad answer", "do not speak of red boxes"]
    assert list(run.texts().values()) == ["mended"]


def test_polling_waits_until_all_have_ended(run, server):
    run.plan(2)
    path = ["validating", "in_progress", "in_progress", "finalizing"]
    server.control(scripts=[{"path": path}, {"path": path[:2]}])
    run.submit(max_requests=1)
    rounds: list[list[str]] = []
    looks = run.poll(wait=True, rounds=lambda looks: rounds.append([look.batch.status for look in looks]))
    assert rounds == [
        ["validating", "validating"],
        ["in_progress", "in_progress"],
        ["in_progress", "completed"],
        ["finalizing", "completed"],
        ["completed", "completed"],
    ]
    assert [look.batch.status for look in looks] == rounds[-1]


def test_a_running_batch_is_left_alone_by_fetch(run, server):
    run.plan(2)
    server.control(scripts=[{"hold": True}])
    run.submit()
    fetched = run.fetch()
    assert (fetched.running, fetched.batches) == (1, 0)
    assert run.counts() == {"sent": 2}
    (look,) = run.poll()
    assert look.batch.status == "in_progress"
    assert look.cells()[1:6] == ("in_progress", "2", "0", "0", "24.0 h")


def test_a_cancelled_batch_keeps_its_partial_answers(run, server):
    keys = run.plan(3)
    server.control(scripts=[{"hold": True, "unanswered": [0, 2]}])
    run.submit()
    (look,) = run.cancel()
    assert look.batch.status == "cancelling"
    assert run.counts() == {"sent": 3}
    run.fetch()
    assert run.counts() == {"done": 1, "planned": 2}
    assert server.paid() == {keys[1]: 1}


def test_cancelling_what_has_ended_says_so_and_keeps_it(run, server):
    run.plan(1)
    run.submit()
    run.poll()
    run.cancel()
    assert "fetch its answers" in run.told[-1]
    assert server.events("batches.cancel") == []
    run.fetch()
    assert run.counts() == {"done": 1}


def test_cancelling_a_batch_that_ended_unseen(run, server):
    run.plan(1)
    run.submit()
    name = server.seen()["batches"][0]["id"]
    call = urllib.request.Request(f"{server.base_url}/batches/{name}", headers={"Authorization": "Bearer x"})
    urllib.request.urlopen(call, timeout=5).close()
    (look,) = run.cancel()
    assert look.batch.status == "completed"


def test_one_batch_can_be_cancelled_by_either_name(run, server):
    run.plan(2)
    server.control(scripts=[{"hold": True}, {"hold": True}])
    told = run.submit(max_requests=1)
    looks = run.poll()
    run.cancel([told.created[1], looks[1].batch.local_id])
    assert server.events("batches.cancel") == [told.created[1]]
    with pytest.raises(UnknownNameError, match="batch_"):
        run.cancel(["batch_nobody"])


def test_a_batch_that_the_endpoint_forgot_waits_for_the_user(run, server):
    run.plan(2)
    told = run.submit()
    server.control(forget=told.created)
    assert [look.remark for look in run.poll(wait=True)] == ["unknown to the endpoint"]
    assert run.fetch().stuck == 1
    assert run.counts() == {"sent": 2}
    assert run.submit().requests == 0
    run.cancel()
    assert run.counts() == {"planned": 2}
    assert run.spent() == pytest.approx((2 * WORST / 2, 0.0)), "it may have been paid for"


def test_results_that_are_gone_wait_for_the_user(run, server):
    run.plan(2)
    run.submit()
    (look,) = run.poll()
    server.control(delete=[look.batch.output_file_id])
    assert run.fetch().stuck == 1
    assert run.fetch().stuck == 1
    assert run.counts() == {"sent": 2}
    run.cancel()
    assert run.counts() == {"planned": 2}
    assert run.spent()[0] == pytest.approx(2 * WORST / 2)


def test_files_can_be_kept_at_the_endpoint(run, server):
    run.plan(1)
    run.submit()
    run.fetch(keep_files=True)
    assert [file["purpose"] for file in server.seen()["files"]] == ["batch", "batch_output"]


def test_the_key_is_nowhere(run, server, api_key, capsys):
    run.plan(3)
    server.control(
        scripts=[
            {
                "status": {"0": 400},
                "garbage": [[0, f"your key {api_key}"]],
                "contents": {"1": f"{api_key}"},
                "errors": [],
            }
        ]
    )
    run.submit()
    run.fetch()
    server.control(
        faults=[{"on": "files.create", "do": "status", "status": 401, "message": f"no: {api_key}"}]
    )
    run.plan(1, first=3)
    with pytest.raises(RefusedError) as refused:
        run.submit()
    written = b"".join(path.read_bytes() for path in run.folder.rglob("*") if path.is_file())
    assert run.left_here() and b"your key <API key>" in written
    assert api_key.encode() not in written
    shown = "\n".join([*run.told, str(refused.value), json.dumps(capsys.readouterr())])
    assert api_key not in shown and "<API key>" in shown
