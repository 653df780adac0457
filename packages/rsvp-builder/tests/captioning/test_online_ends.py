"""How online runs end: by the endpoint, a signal, a defect; nothing is lost, and nobody sees the key."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from online_kit import WORST, Facts, Source, judge

from rsvp_builder.captioning.online import Progress, Reason
from rsvp_builder.captioning.store import Store


def test_when_all_rows_are_wrong_the_run_stops(server: Any, run: Any) -> None:
    server.plan({"fault": "400", "message": "Unsupported image."})
    ended, facts = run(200)
    assert ended.reason is Reason.STOPPED
    assert "Unsupported image" in str(ended.error)
    assert 10 <= facts.counts["failed"] <= 10 + 4
    assert facts.counts["planned"] == 200 - facts.counts["failed"]
    assert facts.spent.usd == 0


@pytest.mark.parametrize(
    ("fault", "told"),
    [("quota", "quota"), ("401", "OPENAI_API_KEY"), ("model", "model's name"), ("405", "/v1")],
)
def test_what_is_true_of_every_request_stops_the_run(server: Any, run: Any, fault: str, told: str) -> None:
    server.settings(latency=0.02)
    server.plan({"match": {"nth": 9}, "fault": fault})
    ended, facts = run(100)
    assert ended.reason is Reason.STOPPED
    assert told in str(ended.error)
    assert len(server.ids()) < 30
    # Whoever was in flight is kept; the rest waits, and nothing was paid for it.
    assert ended.done == facts.counts["done"] == len(server.ids()) - 1
    assert facts.counts["planned"] == 100 - ended.done
    assert (facts.counts["failed"], facts.lost, facts.spent.reserved_usd) == (0, 0, 0)
    again, facts = run(100)
    assert (again.reason, facts.counts["done"]) == (Reason.COMPLETE, 100)


def test_an_endpoint_that_asks_for_too_long_a_pause(server: Any, run: Any) -> None:
    server.plan({"match": {"nth": 3}, "fault": "429", "retry_after": 3600})
    began = time.monotonic()
    ended, facts = run(30)
    assert ended.reason is Reason.STOPPED
    assert "3,600 s" in str(ended.error)
    assert time.monotonic() - began < 20
    assert facts.counts["failed"] == 0


def test_an_endpoint_that_is_not_there(run: Any) -> None:
    began = time.monotonic()
    ended, facts = run(30, base_url="http://127.0.0.1:1/v1")
    assert ended.reason is Reason.STOPPED
    assert "no connection" in str(ended.error)
    assert time.monotonic() - began < 10
    assert facts.counts["planned"] == 30
    assert (facts.spent.usd, facts.spent.reserved_usd, facts.lost) == (0, 0, 0)


def test_an_endpoint_that_always_refuses(server: Any, run: Any) -> None:
    server.plan({"fault": "503"})
    ended, facts = run(30, max_tries=4)
    assert ended.reason is Reason.STOPPED
    assert "4 times" in str(ended.error)
    # The first ones together, then a probe for each pause.
    assert len(server.ids()) <= 4 + 3
    assert facts.counts["planned"] == 30
    assert facts.spent.usd == 0


def test_an_interrupted_run_waits_for_what_is_in_flight(server: Any, run: Any) -> None:
    server.settings(latency=0.15)

    def once(progress: Progress) -> None:
        if progress.done == 4:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    ended, facts = run(40, on_progress=once)
    assert ended.reason is Reason.INTERRUPTED
    assert signal.getsignal(signal.SIGINT) is before
    sent = len(server.ids())
    assert 4 < sent < 40
    assert facts.counts["done"] == ended.done == sent
    assert facts.counts["planned"] == 40 - sent
    assert (ended.abandoned, facts.spent.reserved_usd) == (0, 0)
    again, facts = run(40)
    assert (again.reason, facts.counts["done"], len(server.ids())) == (Reason.COMPLETE, 40, 40)


def test_a_second_signal_gives_up(server: Any, run: Any) -> None:
    server.settings(latency=0.1)
    server.plan({"match": {"nth": 6}, "fault": "slow", "seconds": 1.5})

    def twice(progress: Progress) -> None:
        if progress.done == 6:
            signal.raise_signal(signal.SIGTERM)
            asyncio.get_running_loop().call_later(0.3, signal.raise_signal, signal.SIGINT)

    ended, facts = run(40, on_progress=twice)
    assert (ended.reason, ended.abandoned) == (Reason.INTERRUPTED, 1)
    assert facts.counts["sent"] == 1
    assert facts.spent.reserved_usd == pytest.approx(WORST)
    # Lost: never sent again by itself, its worst case stays reserved.
    again, facts = run(40)
    assert (again.reason, facts.counts["done"], facts.lost) == (Reason.COMPLETE, 39, 1)
    assert len(server.ids()) == 40


def test_waiting_for_answers_has_an_end(server: Any, run: Any) -> None:
    server.plan({"match": {"nth": 6}, "fault": "slow", "seconds": 1.5})

    def once(progress: Progress) -> None:
        if progress.done == 10:
            signal.raise_signal(signal.SIGINT)

    ended, _ = run(40, on_progress=once, drain_s=0.3)
    assert (ended.reason, ended.abandoned) == (Reason.INTERRUPTED, 1)


def test_interrupted_while_the_endpoint_wants_a_pause(server: Any, run: Any) -> None:
    server.plan({"match": {"nth": 5}, "fault": "429", "retry_after": 60})

    def once(progress: Progress) -> None:
        if progress.paused_s > 1:
            signal.raise_signal(signal.SIGINT)

    ended, facts = run(40, on_progress=once)
    assert ended.reason is Reason.INTERRUPTED
    assert ended.seconds < 20
    assert facts.counts["sent"] == 0


class DefectError(Exception):
    pass


def test_a_defect_in_judging_loses_no_answer(server: Any, run: Any, tmp_path: Path) -> None:
    server.settings(latency=0.02)

    def faulty(claimed: Any, response: Any) -> Any:
        if claimed.row_id == "row-5":
            raise DefectError("a defect")
        return judge(claimed, response)

    with pytest.raises(DefectError):
        run(40, judge=faulty)
    with Store(tmp_path / "store.sqlite") as store:
        facts = Facts(store)
    assert facts.results["row-5"].state == "rejected"
    assert "Region 1" in str(facts.results["row-5"].raw)
    assert facts.counts["done"] + facts.counts["rejected"] == len(server.ids())
    assert facts.counts["sent"] == 0
    assert facts.spent.reserved_usd == 0


def test_a_defect_in_making_bodies_loses_nothing(
    server: Any, run: Any, make_body: Any, tmp_path: Path
) -> None:
    class Faulty(Source):
        async def body(self, claimed: Any) -> dict[str, Any]:
            if claimed.row_id == "row-9":
                raise DefectError("a defect")
            return await super().body(claimed)

    with pytest.raises(DefectError):
        run(40, source=Faulty(make_body))
    with Store(tmp_path / "store.sqlite") as store:
        facts = Facts(store)
    assert facts.counts["done"] == len(server.ids()) > 0
    assert facts.counts["planned"] == 40 - facts.counts["done"]
    assert facts.spent.reserved_usd == 0


def test_the_key_is_nowhere(
    server: Any, run: Any, api_key: str, tmp_path: Path,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Not in any file, log, error or output, though the endpoint echoes it in answers and errors."""
    server.plan(
        {"match": {"nth": 2}, "fault": "400", "message": f"Bad request of {api_key}."},
        {"match": {"nth": 3}, "fault": "content", "content": f"Hello {api_key}, what is it?"},
        {"match": {"nth": 4}, "fault": "500"},
        {"match": {"nth": 12}, "fault": "401"},
    )
    with caplog.at_level("DEBUG"):
        ended, facts = run(30, concurrency=1, max_asks=1)
    assert ended.reason is Reason.STOPPED
    assert "Incorrect API key provided" in str(ended.error)
    shown = [str(ended), repr(ended.error), str(facts.results), caplog.text, *capfd.readouterr()]
    assert "Bad request of" in str(facts.results)
    assert "Hello" in str(facts.results)
    secrets = [api_key, api_key[8:24]]
    for text in shown:
        assert not any(secret in text for secret in secrets), text
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "store.sqlite" for path in files)
    for path in files:
        assert not any(secret.encode() in path.read_bytes() for secret in secrets), path
