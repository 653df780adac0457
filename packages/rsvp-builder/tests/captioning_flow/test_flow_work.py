"""Bodies are what was planned and nothing else; answers are judged against the rows they are about."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import pytest

from rsvp_builder.captioning.draft import body_of
from rsvp_builder.captioning.outcome import Complaint, Fault
from rsvp_builder.captioning.planning import Planning, drafts, entry_of
from rsvp_builder.captioning.prices import price_of
from rsvp_builder.captioning.request import Drawn, ModelSettings, Sent
from rsvp_builder.captioning.select import Selection, waiting
from rsvp_builder.captioning.shelf import Shelf
from rsvp_builder.captioning.spec import prompt_for
from rsvp_builder.captioning.store import Earlier, Store
from rsvp_builder.captioning.work import Bodies, Judge, place_of
from rsvp_builder.captioning.workers import drawing_pool, in_order
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.errors import RsvpError


@pytest.fixture
def claims(out, pool, asking):
    """Every request of the data set, claimed."""
    entries = [
        entry_of(each, asking, price_of("gpt-4o"))
        for each in drafts(out, waiting(out, Selection()), asking, pool, 4, Planning())
    ]
    with Store(Folder(out).store) as store:
        store.add(entries)
        return store.claim(100, None)


def test_a_body_says_what_was_planned(out, pool, claims):
    bodies, shelf = Bodies(out, pool), Shelf(out)
    for claimed in claims:
        body = asyncio.run(bodies.body(claimed))
        system, user = body["messages"]
        spec = prompt_for(claimed.task)
        assert (system["role"], user["role"]) == ("system", "user")
        assert system["content"] == spec.system.strip()
        assert user["content"][0]["text"] == spec.ask(shelf.row(place_of(claimed)), claimed.drawing["shown"])
        pictures = [part for part in user["content"] if part["type"] == "image_url"]
        assert len(pictures) == len(claimed.images)
        assert body["response_format"] == spec.response_format()
        assert (body["model"], body["max_completion_tokens"]) == ("gpt-4o", 1024)
        assert (body["temperature"], body["seed"]) == (0.2, 0)


def test_parameters_that_a_model_does_not_take_are_left_out_and_others_added():
    drawn = Drawn((Sent(b"x", "image/jpeg", 1, 1),), (1,), {})
    spec = prompt_for("grounded_caption")
    settings = ModelSettings(model="o", temperature=None, seed=None, extra={"reasoning_effort": "low"})
    body = body_of(spec, drawn, "text", settings)
    assert "temperature" not in body and "seed" not in body
    assert body["reasoning_effort"] == "low"


def test_a_row_that_is_not_what_was_planned_is_not_sent(out, pool, claims):
    bodies = Bodies(out, pool)
    with pytest.raises(RsvpError, match="not what was planned"):
        asyncio.run(bodies.body(replace(claims[0], key="0" * 64)))
    other = {**claims[0].parameters, "temperature": 1.0}
    with pytest.raises(RsvpError, match="not what was planned"):
        asyncio.run(bodies.body(replace(claims[0], parameters=other)))
    with pytest.raises(RsvpError, match="another version of rsvp-builder"):
        asyncio.run(bodies.body(replace(claims[0], drawing={"shown": [1]})))
    with pytest.raises(RsvpError, match="is not there any more"):
        asyncio.run(bodies.body(replace(claims[0], row_id="0" * 32)))


def test_a_further_attempt_repeats_the_answers_with_their_reasons(out, pool, claims):
    bodies = Bodies(out, pool)
    first = asyncio.run(bodies.body(claims[0]))
    history = [
        Earlier(number, {"role": "assistant", "content": f"answer {number}"}, (Complaint(Fault.LEAK, told),))
        for number, told in ((1, "It speaks of red boxes."), (2, "It speaks of numbers."))
    ]
    again = asyncio.run(bodies.body(replace(claims[0], attempt=3, history=history)))
    assert again["messages"][:2] == first["messages"]
    assert [turn["role"] for turn in again["messages"][2:]] == ["assistant", "user"] * 2
    said = [turn["content"] for turn in again["messages"][2:]]
    assert (said[0], said[2]) == ("answer 1", "answer 2")
    assert "red boxes" in said[1] and "numbers" in said[3]
    assert {name: value for name, value in again.items() if name != "messages"} == {
        name: value for name, value in first.items() if name != "messages"
    }


def test_answers_are_judged_against_their_own_rows(out, pool, claims, caption):
    bodies, judge, shelf = Bodies(out, pool), Judge(out), Shelf(out)
    for claimed in claims:
        body = asyncio.run(bodies.body(claimed))
        row = shelf.row(place_of(claimed))
        said = {"regions": [{"region": 99, "class": "zebra"}], "analysis": "A zebra <Region 99>."}
        answer = {"choices": [{"message": {"content": json.dumps(said)}, "finish_reason": "stop"}]}
        assert judge(claimed, answer).text is None
        good = caption.__globals__["honest"].completion(body)
        outcome = judge(claimed, good)
        assert not outcome.complaints
        for mark in row["marks"]:
            assert f"<Region {mark['index']}>" in outcome.text


def test_an_answer_to_a_prompt_of_another_version_is_not_judged_by_this_one(out, claims):
    with pytest.raises(RsvpError, match="fetch its answer with the rsvp-builder that sent it"):
        Judge(out)(replace(claims[0], prompt_version="relationship_analysis/0"), {})


def test_several_processes_make_the_same_bodies(out, pool, claims):
    one = [asyncio.run(Bodies(out, pool).body(claimed)) for claimed in claims[:6]]
    with drawing_pool(2) as two:

        async def together():
            source = Bodies(out, two)
            return await asyncio.gather(*(source.body(claimed) for claimed in claims[:6]))

        assert asyncio.run(together()) == one


def _die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_is_no_fault_of_a_row(out, claims):
    with drawing_pool(2) as pool:
        with pytest.raises(RsvpError, match="fewer --workers"):
            list(in_order(pool, _die, [1, 2], 2))
        with pytest.raises(BrokenProcessPool):
            asyncio.run(Bodies(out, pool).body(claims[0]))


def test_results_come_in_order_and_only_so_many_are_ahead():
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        return number * number

    with ThreadPoolExecutor(3) as pool:
        found = in_order(pool, work, iter(range(100)), 5)
        item, future = next(found)
        assert (item, future.result()) == (0, 0)
        assert len(begun) <= 6
        assert [(i, f.result()) for i, f in found] == [(i, i * i) for i in range(1, 100)]
