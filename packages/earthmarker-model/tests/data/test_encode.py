"""Conversations as tokens: what is learned is the answers and their ends, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthmarker.data.encode import IGNORED, encode
from earthmarker.errors import EarthMarkerError
from earthmarker.processing_earthmarker import SYSTEM

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="<>"), min_size=1, max_size=40)


def messages(*texts):
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]


def decoded(processor, ids):
    return processor.tokenizer.decode(ids, skip_special_tokens=False)


def test_a_conversation_as_text(processor):
    ids, labels = encode(processor, messages("What is it?", "A ship.", "Sure?", "Yes."))
    image = "<image>" * processor.image_seq_length
    assert decoded(processor, ids) == (
        f"<s><img>{image}</img><vp>{image}</vp>{SYSTEM}\n\n### Human: What is it?\n### Assistant: A ship.</s>"
        "\n### Human: Sure?\n### Assistant: Yes.</s>\n###"
    )
    assert decoded(processor, ids[labels != IGNORED]) == " A ship.</s> Yes.</s>"


@given(turns=st.lists(TEXT, min_size=2, max_size=6).filter(lambda t: len(t) % 2 == 0))
def test_labels_are_the_answers_and_their_ends(processor, turns):
    ids, labels = encode(processor, messages(*turns))
    learned = labels != IGNORED
    assert (labels[learned] == ids[learned]).all()
    assert decoded(processor, ids[learned]) == "".join(f" {answer}</s>" for answer in turns[1::2])
    # One run of tokens an answer.
    assert (np.diff(learned.astype(int)) == 1).sum() == len(turns) // 2


def test_an_answer_that_repeats_the_question_is_learned_where_it_is_the_answer(processor):
    ids, labels = encode(processor, messages("A ship.", "A ship."))
    text = decoded(processor, ids)
    assert text.count("A ship.") == 2
    place = np.flatnonzero(labels != IGNORED)[0]
    assert decoded(processor, ids[:place]).endswith(" Assistant:")


def test_for_generation_the_last_answer_is_left_out(processor):
    given_, asked = messages("What?", "A ship.", "Sure?", "Yes."), messages("What?", "A ship.", "Sure?")
    ids, labels = encode(processor, given_, answer=False)
    assert (ids == encode(processor, asked, answer=False)[0]).all()
    assert (labels == IGNORED).all()
    assert decoded(processor, ids).endswith("A ship.</s>\n### Human: Sure?\n### Assistant:")


def test_placeholders_are_two_images(processor):
    ids, labels = encode(processor, messages("What?", "A ship."))
    held = ids == processor.image_token_id
    assert held.sum() == 2 * processor.image_seq_length
    assert (labels[held] == IGNORED).all()


def test_nothing_to_ask_or_to_learn(processor):
    with pytest.raises(EarthMarkerError, match="asks nothing"):
        encode(processor, messages()[:0])
    with pytest.raises(EarthMarkerError, match="no answer to learn from"):
        encode(processor, messages("What?"))


def test_the_messages_stay_as_they_are(processor):
    given_ = messages("What?", "A ship.")
    encode(processor, given_, answer=False)
    assert given_ == messages("What?", "A ship.")
