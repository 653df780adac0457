"""``pipeline("image-text-to-text")``, which knows images and no marks."""

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, pipeline

from earthmarker.errors import EarthMarkerError


@pytest.fixture(scope="module")
def pipe(folder):
    return pipeline("image-text-to-text", model=str(folder))


def chat(picture, question="What is <Region 2>?"):
    return [
        {"role": "user", "content": [{"type": "image", "image": picture}, {"type": "text", "text": question}]}
    ]


BOXES = [[5, 5, 40, 30], [50, 20, 90, 50]]
HOW = {"max_new_tokens": 8, "return_full_text": False}


def test_boxes_go_through_the_processor(pipe, folder, pictures):
    [answer] = pipe(text=chat(pictures[0]), processor_kwargs={"boxes": BOXES}, **HOW)
    model, processor = (c.from_pretrained(folder) for c in (AutoModelForImageTextToText, AutoProcessor))
    text = processor.apply_chat_template(chat(pictures[0]), add_generation_prompt=True, tokenize=False)
    inputs = processor(
        images=pictures[0], text=text, boxes=BOXES, return_tensors="pt", add_special_tokens=False
    )
    made = model.generate(**inputs, max_new_tokens=8)[0, inputs["input_ids"].shape[1] :]
    assert answer["generated_text"] == processor.tokenizer.decode(made, skip_special_tokens=True)
    assert answer["generated_text"]


def test_other_boxes_are_looked_at(pipe, pictures):
    answers = {
        pipe(text=chat(pictures[0]), processor_kwargs={"boxes": boxes}, **HOW)[0]["generated_text"]
        for boxes in (BOXES, [[0, 0, 100, 60], [1, 1, 99, 59]])
    }
    assert len(answers) == 2


def test_points_and_marks_too(pipe, pictures):
    from earthmarker.prompts import Point

    one, two = (
        pipe(text=chat(pictures[0], "What?"), processor_kwargs=kwargs, **HOW)[0]["generated_text"]
        for kwargs in ({"points": [[30, 30]]}, {"marks": [Point(30, 30)]})
    )
    assert one == two


def test_several_conversations(pipe, pictures):
    together = pipe(
        text=[chat(pictures[0], "What?"), chat(pictures[0], "Where is it?")],
        processor_kwargs={"boxes": BOXES},
        batch_size=2,
        **HOW,
    )
    alone = [
        pipe(text=chat(pictures[0], q), processor_kwargs={"boxes": BOXES}, **HOW)
        for q in ("What?", "Where is it?")
    ]
    assert [a[0]["generated_text"] for a in together] == [a[0]["generated_text"] for a in alone]


def test_a_conversation_goes_on(pipe, pictures):
    turns = [*chat(pictures[0]), {"role": "assistant", "content": [{"type": "text", "text": "a ship"}]}]
    turns.append({"role": "user", "content": [{"type": "text", "text": "Sure?"}]})
    [answer] = pipe(text=turns, processor_kwargs={"boxes": BOXES}, **HOW)
    assert isinstance(answer["generated_text"], str)


def test_a_path_to_a_picture(pipe, pictures, tmp_path):
    path = str(tmp_path / "picture.png")
    pictures[0].save(path)
    turns = [
        {"role": "user", "content": [{"type": "image", "path": path}, {"type": "text", "text": "What?"}]}
    ]
    [answer], [expected] = (
        pipe(text=t, processor_kwargs={"boxes": BOXES}, **HOW) for t in (turns, chat(pictures[0], "What?"))
    )
    assert answer["generated_text"] == expected["generated_text"]


def test_mistakes_are_told_through_the_pipeline(pipe, pictures):
    with pytest.raises(EarthMarkerError, match=r"cites mark 2 .*there is 1 mark"):
        pipe(text=chat(pictures[0]), processor_kwargs={"boxes": BOXES[:1]}, **HOW)


def test_half_precision(folder, pictures):
    half = pipeline("image-text-to-text", model=str(folder), dtype=torch.bfloat16)
    assert half.model.dtype == torch.bfloat16
    assert half(text=chat(pictures[0]), processor_kwargs={"boxes": BOXES}, **HOW)[0]["generated_text"]
