"""Asking again: the conversation, its reasons, and what stays untouched."""

from __future__ import annotations

import copy
import json

import pytest

from rsvp_builder.captioning.again import ask_again
from rsvp_builder.captioning.judge import judge
from rsvp_builder.captioning.request import Drawn, Sent
from rsvp_builder.captioning.spec import prompt_for


def asked(made):
    row = made.row([made.box(1, (0, 0, 50, 50), "ship"), made.box(2, (100, 0, 150, 50), "bridge")])
    spec = prompt_for("grounded_caption")
    drawn = Drawn((Sent(b"picture", "image/png", 4, 3),), (1, 2), {})
    body = {"model": "m", "messages": spec.messages(spec.ask(row, [1, 2]), drawn, "high"), "seed": 0}
    return spec, row, body


def test_the_reasons_and_the_answer_are_appended(made):
    spec, row, body = asked(made)
    answer = {
        "regions": [
            {"region": 1, "class": "ship", "phrase": "a ship"},
            {"region": 2, "class": "airplane", "phrase": "a bridge"},
        ],
        "caption": "A ship <Region 1> in the red box passes a long grey bridge <Region 5> near the shore.",
    }
    outcome = judge(spec, row, [1, 2], made.wrapped(answer))
    before = copy.deepcopy(body)
    again = ask_again(body, outcome)
    assert body == before
    assert {key: value for key, value in again.items() if key != "messages"} == {"model": "m", "seed": 0}
    assert again["messages"][:2] == body["messages"]
    assistant, user = again["messages"][2:]
    assert assistant["role"] == "assistant" and json.loads(assistant["content"]) == answer
    assert user["role"] == "user"
    for reason in (
        "<Region 5>, which is not there. There is only <Region 1>, <Region 2>.",
        "does not cite <Region 2>, which it must speak of",
        '<Region 2> is known to be: bridge. The answer calls it "airplane".',
        'The text says "red box".',
    ):
        assert reason in user["content"]
    third = ask_again(again, outcome)
    assert [m["role"] for m in third["messages"]] == ["system", "user", *["assistant", "user"] * 2]
    assert len(again["messages"]) == 4


@pytest.mark.parametrize(
    ("response", "content"),
    [
        ({}, "(no answer)"),
        ({"choices": [{"message": {"content": None, "refusal": "I can't."}}]}, "I can't."),
        ({"choices": [{"message": {"content": [{"type": "text", "text": "no JSON"}]}}]}, "no JSON"),
        ({"choices": [{"message": {"content": "{" + "\n" * 90_000}}]}, "{"),
    ],
)
def test_an_answer_of_any_kind_can_be_asked_about(made, response, content):
    spec, row, body = asked(made)
    again = ask_again(body, judge(spec, row, [1, 2], response))
    assert again["messages"][2] == {"role": "assistant", "content": content}
    assert again["messages"][3]["content"].count("\n- ") == 1


def test_a_long_answer_is_not_paid_for_twice(made):
    spec, row, body = asked(made)
    again = ask_again(body, judge(spec, row, [1, 2], made.wrapped("{" + "word " * 20_000, "length")))
    assert len(again["messages"][2]["content"]) < 9000


def test_a_good_answer_is_not_asked_about_again(made):
    spec, row, body = asked(made)
    answer = {
        "regions": [
            {"region": 1, "class": "ship", "phrase": "a ship"},
            {"region": 2, "class": "bridge", "phrase": "a long grey bridge"},
        ],
        "caption": "A ship <Region 1> passes a long grey bridge <Region 2> near the shore of a wide river.",
    }
    outcome = judge(spec, row, [1, 2], made.wrapped(answer))
    assert outcome.captions == {1: "a ship", 2: "a long grey bridge"}
    with pytest.raises(ValueError, match="nothing is wrong"):
        ask_again(body, outcome)
