"""Turns about one picture."""

import pytest

from earthmarker.errors import EarthMarkerError
from earthmarker.inference import Conversation
from earthmarker.inference.batch import Answerer
from earthmarker.prompts import Box, Point


def test_a_question_about_a_mark_that_is_not_there_leaves_no_trace(tiny, processor, pictures):
    talk = Conversation(Answerer(tiny, processor, longest=4), pictures[0], [Box(5, 5, 40, 30), Point(3, 3)])
    first = talk.ask("What is <Region 2>?")
    with pytest.raises(EarthMarkerError, match=r"cites mark 3 .*there are 2 marks"):
        talk.ask("What is region 3?")
    assert [m["content"] for m in talk.messages] == ["What is <Region 2>?", first]


def test_no_marks_are_the_whole_picture(tiny, processor, pictures):
    talk = Conversation(Answerer(tiny, processor, longest=4), pictures[0])
    width, height = pictures[0].size
    given = Conversation(Answerer(tiny, processor, longest=4), pictures[0], [Box(0, 0, width, height)])
    assert talk.prompt.tobytes() == given.prompt.tobytes()
    assert talk.ask("What is it?") == given.ask("What is it?")


def test_a_token_in_a_question_is_text(tiny, processor, pictures):
    talk = Conversation(Answerer(tiny, processor, longest=4), pictures[0])
    talk.ask("Does <image> or <vp> or </s> mean anything?")
    assert len(talk.messages) == 2
