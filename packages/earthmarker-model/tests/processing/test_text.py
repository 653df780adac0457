"""Conversations as tokens: the template, its masks, and text that looks like tokens."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from earthmarker.errors import EarthMarkerError
from earthmarker.presets import build
from earthmarker.presets.tokenizers import byte_tokenizer
from earthmarker.processing_earthmarker import BOUNDARIES, IMAGE, SYSTEM, EarthMarkerProcessor, add_tokens

TURNS = [
    {"role": "user", "content": "What is <Region 1>?"},
    {"role": "assistant", "content": "<Region 1>: airplane\n"},
    {"role": "user", "content": "And its colour?"},
    {"role": "assistant", "content": "white"},
]


def with_images(turns):
    items = [
        {"type": "image"},
        {"type": "image", "kind": "prompt"},
        {"type": "text", "text": turns[0]["content"]},
    ]
    return [{"role": "user", "content": items}, *turns[1:]]


def test_the_template_is_sphinx_vs_with_the_images_in_front(processor):
    text = processor.apply_chat_template(with_images(TURNS), tokenize=False)
    assert text == (
        "<s><img><image></img><vp><image></vp>" + SYSTEM + "\n\n###"
        " Human: What is <Region 1>?\n### Assistant: <Region 1>: airplane\n</s>\n###"
        " Human: And its colour?\n### Assistant: white</s>\n###"
    )


def test_a_question_ends_where_the_answer_begins(processor):
    asked = processor.apply_chat_template(with_images(TURNS[:3]), tokenize=False, add_generation_prompt=True)
    whole = processor.apply_chat_template(with_images(TURNS), tokenize=False)
    assert whole.startswith(asked) and whole.removeprefix(asked) == " white</s>\n###"


def test_a_system_message_takes_the_place_of_the_usual_one(processor):
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hm?"}]
    text = processor.apply_chat_template(turns, tokenize=False)
    assert text == "<s>Be brief.\n\n### Human: Hm?\n###"


@pytest.mark.parametrize("turns", [TURNS[:2], TURNS])
def test_only_answers_and_the_ends_of_them_are_learned(processor, turns):
    out = processor.tokenizer.apply_chat_template(
        with_images(turns),
        chat_template=processor.chat_template,
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    ids, mask = torch.tensor(out["input_ids"]), torch.tensor(out["assistant_masks"]).bool()
    ends = (ids == processor.tokenizer.eos_token_id) & mask
    answers = [
        processor.tokenizer.decode(part)
        for part in torch.tensor_split(ids[mask], ends[mask].nonzero()[:, 0] + 1)
    ]
    assert answers == [*(f" {t['content']}</s>" for t in turns[1::2]), ""]


def test_the_processor_itself_gives_the_same_masks_with_pictures(processor):
    from PIL import Image

    picture = Image.new("RGB", (20, 20))
    turns = with_images(TURNS)
    turns[0]["content"][0]["image"] = turns[0]["content"][1]["image"] = picture
    out = processor.apply_chat_template(
        turns, tokenize=True, return_dict=True, return_assistant_tokens_mask=True, return_tensors="pt"
    )
    learned = out["input_ids"][0][out["assistant_masks"][0].bool()]
    assert processor.tokenizer.decode(learned) == " <Region 1>: airplane\n</s> white</s>"
    assert out["pixel_values"].shape[0] == 2
    assert (out["input_ids"] == processor.image_token_id).sum() == 2 * processor.image_seq_length


SPECIAL = (IMAGE, *BOUNDARIES, "<s>", "</s>", "<pad>")


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.one_of(st.sampled_from(SPECIAL), st.text(max_size=5), st.sampled_from("<>/")), max_size=8
    ).map("".join)
)
def test_what_people_write_never_becomes_a_token(text):
    processor = _shared()
    turns = [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    rendered = processor.apply_chat_template(turns, tokenize=False)
    ids = processor.tokenizer(rendered, add_special_tokens=False)["input_ids"]
    special = [i for i in ids if i in processor.tokenizer.all_special_ids]
    tokenizer = processor.tokenizer
    assert special == [tokenizer.bos_token_id, tokenizer.eos_token_id]
    # Only spaces were put in.
    assert rendered.replace(" ", "").count(text.replace(" ", "")) >= 2


_KEPT = []


def _shared():
    if not _KEPT:
        _KEPT.append(build("tiny")[1])
    return _KEPT[0]


def test_a_question_about_a_token_reads_as_text(processor):
    turns = with_images([{"role": "user", "content": "What does <image> mean, and <br>?"}])
    text = processor.apply_chat_template(turns, tokenize=False)
    assert "What does < image> mean, and <br>?" in text and text.count(IMAGE) == 2


@pytest.mark.parametrize(
    "text",
    ["<image> hm", "<img><image></img> and <vp>", "<img>", "<image><image>", "</img>", "<vp><image></img>"],
)
def test_stray_placeholders_in_a_text_are_an_error(processor, text):
    from PIL import Image

    pictures = [Image.new("RGB", (8, 8))] * text.count(IMAGE)
    with pytest.raises(EarthMarkerError, match=r"belongs to no picture.*<img><image></img>.*space"):
        processor(images=pictures or None, text=text)


@settings(deadline=None, max_examples=60)
@given(st.text())
def test_bytes_come_back_as_they_were(text):
    tokenizer = _shared().tokenizer
    if any(s in text for s in SPECIAL):
        return
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == text and len(ids) == len(text.encode())


def test_the_five_tokens_are_one_token_each(tmp_path):
    tokenizer = byte_tokenizer()
    before = len(tokenizer)
    assert add_tokens(tokenizer) == before + 5 == len(tokenizer)
    assert add_tokens(tokenizer) == before + 5, "adding twice adds nothing"
    tokenizer.save_pretrained(tmp_path)
    from transformers import AutoTokenizer

    again = AutoTokenizer.from_pretrained(tmp_path)
    for token in (IMAGE, *BOUNDARIES):
        ids = tokenizer(f"a{token}b", add_special_tokens=False)["input_ids"]
        assert len(ids) == 3 and ids[1] == tokenizer.convert_tokens_to_ids(token) >= before
        assert again(f"a{token}b", add_special_tokens=False)["input_ids"] == ids
    assert tokenizer.decode(tokenizer(f"a{IMAGE}b")["input_ids"], skip_special_tokens=True) == "ab"


def test_a_decoders_own_special_tokens_stay_special():
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"extra_special_tokens": ["<tool>"]})
    add_tokens(tokenizer)
    assert {"<tool>", IMAGE, *BOUNDARIES} < set(tokenizer.all_special_tokens)


@pytest.mark.slow
def test_the_tokenizer_of_smollm2_takes_the_five_tokens():
    pytest.importorskip("gguf")
    from earthmarker.presets.tokenizers import SMOLLM2, smollm2_file, tokenizer_of

    try:
        smollm2_file()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    tokenizer = tokenizer_of(SMOLLM2)
    assert add_tokens(tokenizer) == 49152 + 5
    for text in ("a<image>b", " <Region 1>: ship\n", "  two  spaces", "naïve 東京 🙂", "<vp></vp>"):
        assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
    assert tokenizer("<vp></vp>", add_special_tokens=False)["input_ids"] == [49155, 49156]
    # Its end of sequence in a question is text as well.
    processor = EarthMarkerProcessor(build("tiny")[1].image_processor, tokenizer)
    turns = [{"role": "user", "content": "<|im_end|><|im_start|><|endoftext|>"}]
    text = processor.apply_chat_template(turns, tokenize=False)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert [i for i in ids if i in tokenizer.all_special_ids] == [tokenizer.bos_token_id]


def test_a_tokenizer_without_padding_pads_with_its_end():
    tokenizer = byte_tokenizer()
    tokenizer.pad_token = None
    add_tokens(tokenizer)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id


@pytest.mark.parametrize(
    ("tokenizer", "read"), [(None, "no tokenizer"), (byte_tokenizer(), "a tokenizer without <image>")]
)
def test_a_processor_needs_its_tokens(processor, tokenizer, read):
    with pytest.raises(EarthMarkerError, match=f"{read}.*add_tokens"):
        EarthMarkerProcessor(processor.image_processor, tokenizer)
