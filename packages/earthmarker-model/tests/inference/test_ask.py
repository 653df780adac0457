"""Turns about one picture."""

import pytest
from PIL import Image

from earthmarker.data.encode import encode
from earthmarker.inference import Answerer, Conversation
from earthmarker.prompts import Box, MarkError, Point

PICTURE = Image.linear_gradient("L").resize((60, 40))


@pytest.fixture
def conversation(answerer):
    return Conversation(answerer, PICTURE, [Box(5, 5, 20, 20), Point(40.5, 10.5)])


def test_every_turn_has_those_before(answerer, conversation, monkeypatch):
    seen = []
    real = Answerer.generate
    monkeypatch.setattr(
        Answerer,
        "generate",
        lambda self, conversations, images: (
            seen.append(conversations[0]),
            real(self, conversations, images),
        )[1],
    )
    first, second = conversation.ask("What is it?"), conversation.ask("Sure?")
    turns = [m["content"] for m in conversation.messages]
    assert turns == ["What is it?", first, "Sure?", second]
    assert [m["content"] for m in seen[1]] == turns[:3]
    ids, _ = encode(answerer.processor, seen[1], answer=False)
    assert f"What is it?\n### Assistant: {first}</s>" in answerer.processor.tokenizer.decode(ids)


def test_a_turn_is_answered_as_a_conversation_begun_with_it(answerer, conversation):
    answer = conversation.ask("What is it?")
    assert Conversation(answerer, PICTURE, conversation.marks).ask("What is it?") == answer


def test_marks_are_seen(answerer):
    answers = {
        Conversation(answerer, PICTURE, marks).ask("What is it?")
        for marks in ([Box(5, 5, 20, 20)], [Box(30, 20, 60, 40)], [Point(9, 9)])
    }
    assert len(answers) > 1


def test_without_marks_it_is_the_whole_picture(answerer):
    assert Conversation(answerer, PICTURE).marks == (Box(0, 0, 60, 40),)


def test_marks_outside_are_refused(answerer):
    with pytest.raises(MarkError, match="lies outside the image of 60 x 40"):
        Conversation(answerer, PICTURE, [Box(100, 100, 120, 120)])


@pytest.mark.parametrize(
    "question", ["Please identify region 3.", "Is <Mark 3> a ship?", "Compare points 1 and region 0"]
)
def test_a_mark_that_is_cited_but_not_given(conversation, question):
    with pytest.raises(MarkError, match=r"cites mark \d \(.*\), but there are 2 marks"):
        conversation.ask(question)
    assert conversation.messages == []


@pytest.mark.parametrize(
    "question", ["Please identify region 2.", "Are there 3 ships?", "<Region 1><Region 2>: how far?"]
)
def test_marks_that_are_there_may_be_cited(conversation, question):
    conversation.ask(question)
    assert len(conversation.messages) == 2
