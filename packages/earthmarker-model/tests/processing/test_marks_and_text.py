"""Where marks and text meet: the processor."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image

from earthmarker.errors import EarthMarkerError
from earthmarker.processing_earthmarker import marks_of
from earthmarker.prompts import Box, Mask, Point, Polygon, draw_prompt

ASK = "<img><image></img> What is it?"
random = np.random.default_rng(5)
ONE, TWO = (
    Image.fromarray(random.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in ((100, 60), (50, 80))
)
BOXES = [[5, 5, 40, 30], [50, 20, 90, 50]]


def test_the_prompt_is_the_second_image(processor):
    out = processor(images=ONE, text=ASK, boxes=BOXES, points=[[20, 40]], return_tensors="pt")
    drawn = draw_prompt([*(Box(*b) for b in BOXES), Point(20, 40)], 100, 60, processor.canvas)
    expected = processor.image_processor([ONE, drawn], return_tensors="pt")["pixel_values"]
    assert torch.equal(out["pixel_values"], expected)
    text = processor.tokenizer.decode(out["input_ids"][0])
    block = "<image>" * processor.image_seq_length
    assert f"<img>{block}</img><vp>{block}</vp> What is it?" in text


FORMS = {
    "lists": BOXES,
    "one list a picture": [BOXES],
    "tuples": tuple(map(tuple, BOXES)),
    "array": np.array(BOXES),
    "tensor": torch.tensor(BOXES, dtype=torch.float32),
    "list of arrays": [np.array(b) for b in BOXES],
    "batch": np.array([BOXES]),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_boxes_in_any_form(processor, form):
    before = copy.deepcopy(form)
    out = processor(images=ONE, text=ASK, boxes=form, return_tensors="pt")
    expected = processor(images=ONE, text=ASK, marks=[Box(*b) for b in BOXES], return_tensors="pt")
    assert torch.equal(out["pixel_values"], expected["pixel_values"])
    assert str(form) == str(before)


def test_one_box_needs_no_list():
    assert marks_of(1, None, [5, 5, 40, 30], None) == [[Box(5, 5, 40, 30)]]
    assert marks_of(1, None, None, np.array([5.0, 6.0])) == [[Point(5, 6)]]


def test_each_picture_has_its_own_marks(processor):
    out = processor(
        images=[ONE, TWO], text=[ASK, ASK], boxes=[BOXES, []], points=[[], [[9, 9]]], return_tensors="pt"
    )
    expected = [
        ONE,
        draw_prompt([Box(*b) for b in BOXES], 100, 60, 128),
        TWO,
        draw_prompt([Point(9, 9)], 50, 80, 128),
    ]
    assert torch.equal(
        out["pixel_values"], processor.image_processor(expected, return_tensors="pt")["pixel_values"]
    )


def test_no_marks_at_all_is_a_black_prompt(processor):
    for form in ([], [[]]):
        out = processor(images=ONE, text=ASK, boxes=form, return_tensors="pt")
        black = processor.image_processor(Image.new("RGB", (128, 128)), return_tensors="pt")["pixel_values"]
        assert torch.equal(out["pixel_values"][1:], black)
    assert processor(images=[ONE, TWO], text=[ASK, ASK], boxes=[[], []])["pixel_values"][3].shape == (
        3,
        128,
        128,
    )


def test_free_forms_and_masks(processor):
    mask = np.zeros((60, 100), bool)
    mask[10:30, 20:60] = True
    marks = [Polygon(((1, 1), (30, 2), (20, 40))), Mask(mask)]
    out = processor(images=ONE, text=ASK, marks=marks, return_tensors="pt")
    expected = processor.image_processor(draw_prompt(marks, 100, 60, 128), return_tensors="pt")[
        "pixel_values"
    ]
    assert torch.equal(out["pixel_values"][1:], expected)


def test_a_path_is_read(processor, tmp_path):
    ONE.save(tmp_path / "one.png")
    out, expected = (
        processor(images=image, text=ASK, boxes=BOXES, return_tensors="pt")
        for image in (str(tmp_path / "one.png"), ONE)
    )
    assert torch.equal(out["pixel_values"], expected["pixel_values"])


def test_left_padding_and_nothing_lost_by_asking_twice(processor):
    marks, turns = [Box(1, 1, 9, 9)], [{"role": "user", "content": "a question that is longer"}]
    before = copy.deepcopy(turns)
    first = processor.conversation(ONE, marks, turns)
    assert (
        processor.conversation(ONE, marks, turns)[0]["content"][1]["image"] == first[0]["content"][1]["image"]
    )
    assert turns == before and marks == [Box(1, 1, 9, 9)]
    out = processor(images=[ONE, TWO], text=[ASK, ASK + " Please."], boxes=[BOXES, BOXES[:1]], padding=True)
    assert out["attention_mask"][0][0] == 0 and out["attention_mask"][0][-1] == 1


CASES = {
    "no picture": ({"images": None}, "marks need a picture"),
    "no text": ({"text": None}, "0 times <img><image></img> in the text, but 1 pictures"),
    "no placeholder": ({"text": "What is it?"}, "0 times .* but 1 pictures"),
    "two pictures": ({"images": [ONE, TWO]}, "marks for 1 pictures, but 2 pictures"),
    "three numbers": ({"boxes": [[1, 2, 3]]}, r"\[1, 2, 3\] has 3 numbers: a box is x1 y1 x2 y2"),
    "words": ({"boxes": [["a", 2, 3, 4]]}, "a box is x1 y1 x2 y2, in pixels"),
    "a box as a point": ({"boxes": None, "points": [[1, 2, 3, 4]]}, "has 4 numbers: a point is x y"),
    "no marks": ({"boxes": None, "marks": [(1, 2, 3, 4)]}, "is no mark"),
    "outside": ({"boxes": [[200, 1, 300, 9]]}, "mark 1: box 200 1 300 9 lies outside the image of 100 x 60"),
    "not a number": ({"boxes": [[float("nan"), 1, 30, 9]]}, "not finite"),
    "no area": ({"boxes": [[9, 9, 9, 90]]}, "no area"),
    "too many": (
        {"boxes": [[1, 1, 99, 50 + i % 9] for i in range(21)]},
        "21 marks, but the model tells 20 apart",
    ),
    "a mark that is not there": (
        {"text": ASK + " Is it like <Region 7>?"},
        "cites mark 7.*there are 2 marks",
    ),
    "region 4": ({"text": ASK + " Describe region 4."}, "cites mark 4"),
}


@pytest.mark.parametrize(("change", "message"), CASES.values(), ids=CASES)
def test_mistakes_are_told(processor, change, message):
    given = {"images": ONE, "text": ASK, "boxes": BOXES, **change}
    with pytest.raises(EarthMarkerError, match=message):
        processor(**given)


def test_a_wrong_number_in_an_answer_so_far_does_not_stop_the_conversation(processor):
    turns = [
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is <Region 2>?"}]},
        {"role": "assistant", "content": "<Region 9>: ship"},
        {"role": "user", "content": "Really?"},
    ]
    text = processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    processor(images=ONE, text=text, boxes=BOXES)
    turns[-1]["content"] = "And <Region 9>?"
    text = processor.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    with pytest.raises(EarthMarkerError, match="cites mark 9"):
        processor(images=ONE, text=text, boxes=BOXES)
    # Each question is held against its own picture.
    texts = [ASK + " <Region 2>", ASK + " <Region 1>"]
    processor(images=[ONE, TWO], text=texts, boxes=[BOXES, BOXES[:1]])
    with pytest.raises(EarthMarkerError, match=r"cites mark 2 .*there is 1 mark"):
        processor(images=[ONE, TWO], text=texts[::-1], boxes=[BOXES, BOXES[:1]])


def test_a_conversation_cites_marks_that_are_there(processor):
    with pytest.raises(EarthMarkerError, match="cites mark 3"):
        processor.conversation(ONE, [Box(1, 1, 9, 9)], [{"role": "user", "content": "<Mark 3>?"}])
    processor.conversation(
        ONE,
        [Box(1, 1, 9, 9)],
        [{"role": "user", "content": "?"}, {"role": "assistant", "content": "<Region 3>"}],
    )


def test_sizes_given_for_corners_are_warned_of(processor):
    boxes = [[5 + i, 5, 30, 20] for i in range(5)]
    with pytest.warns(
        UserWarning,
        match=r"picture 1 \(100 x 60 pixels\) look like x y width height, the first of 5 is 5 5 30 20",
    ):
        processor(images=ONE, text=ASK, boxes=boxes)
    # Marks that are given as such were made by somebody who knew.
    processor(images=ONE, text=ASK, marks=[Box(*b) for b in boxes])
    processor(images=ONE, text=ASK, boxes=BOXES)
    with (
        pytest.warns(UserWarning, match="look like x y width height"),
        pytest.raises(EarthMarkerError, match="has no area"),
    ):
        processor(images=ONE, text=ASK, boxes=[[50, 40, 20, 10]])


@pytest.mark.parametrize("style", [{"shape": "outline"}, {"digits": False}, {"shape": "overlay"}])
def test_the_style_of_the_processor_is_drawn(processor, style):
    plain = processor.draw([Box(5, 5, 40, 30)], ONE)
    processor.prompt_style = style
    assert np.asarray(processor.draw([Box(5, 5, 40, 30)], ONE)).tobytes() != np.asarray(plain).tobytes()


def test_an_unknown_style(processor):
    from earthmarker import EarthMarkerProcessor

    with pytest.raises(
        EarthMarkerError, match=r"no field colour; fields are shape, palette, digits, radius, least"
    ):
        EarthMarkerProcessor(processor.image_processor, processor.tokenizer, prompt_style={"colour": "red"})
