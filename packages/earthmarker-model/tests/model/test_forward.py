"""The model on text, pictures and prompts."""

import pytest
import torch
from torch.nn import functional

from earthmarker import EarthMarkerForConditionalGeneration
from earthmarker.presets import build


def logits(model, inputs, **kwargs):
    with torch.no_grad():
        return model(**inputs, **kwargs).logits


def test_pixels_and_cached_features_give_the_same(tiny, ask):
    inputs = ask(0, 1)
    features = tiny.model.encode(inputs["pixel_values"])
    assert features.shape == (4, tiny.config.image_seq_length, tiny.config.feature_size)
    cached = {k: v for k, v in inputs.items() if k != "pixel_values"} | {"mov_features": features}
    assert torch.equal(logits(tiny, inputs), logits(tiny, cached))
    # generate() pops what get_image_features() takes, and would drop features without a word.
    answers = tiny.generate(**inputs, max_new_tokens=8)
    assert torch.equal(answers, tiny.generate(**cached, max_new_tokens=8))
    blank = {**cached, "mov_features": torch.zeros_like(features)}
    assert not torch.equal(answers, tiny.generate(**blank, max_new_tokens=8)), "features are not looked at"


def test_beams_and_several_answers_keep_their_picture(tiny, ask):
    inputs = ask(0, 1)
    features = tiny.model.encode(inputs["pixel_values"])
    cached = {k: v for k, v in inputs.items() if k != "pixel_values"} | {"mov_features": features}
    how = {"num_beams": 3, "num_return_sequences": 2, "max_new_tokens": 5}
    both = tiny.generate(**inputs, **how)
    assert torch.equal(both, tiny.generate(**cached, **how))
    alone = torch.cat([tiny.generate(**ask(n), **how)[:, -5:] for n in (0, 1)])
    assert torch.equal(both[:, -5:], alone)


def test_the_picture_and_the_marks_matter(tiny, ask):
    inputs = ask(0)
    plain = logits(tiny, inputs)
    for image in (0, 1):
        pixels = inputs["pixel_values"].clone()
        pixels[image] = 0
        other = logits(tiny, {**inputs, "pixel_values": pixels})
        assert (other - plain).abs().max() > 0.01, "picture" if image == 0 else "prompt"


def test_boundaries_are_the_projectors(tiny, ask):
    ids = ask(0)["input_ids"]
    embeds = tiny.model.embed(ids, None)
    for row, token in zip(tiny.model.projector.boundary, tiny.config.boundary_token_ids, strict=True):
        assert (ids == token).sum() == 1
        assert torch.equal(embeds[ids == token], row[None])
    others = ~torch.isin(ids, torch.tensor(tiny.config.boundary_token_ids))
    assert torch.equal(embeds[others], tiny.get_input_embeddings()(ids)[others])


def test_features_lie_where_their_placeholders_are(tiny, ask):
    inputs = ask(0)
    ids = inputs["input_ids"]
    projected = tiny.get_image_features(pixel_values=inputs["pixel_values"], return_dict=True).pooler_output
    embeds = tiny.model.embed(ids, torch.cat(list(projected)))
    places = (ids[0] == tiny.config.image_token_id).nonzero()[:, 0]
    n = tiny.config.image_seq_length
    assert torch.equal(embeds[0, places[:n]], projected[0])
    assert torch.equal(embeds[0, places[n:]], projected[1])
    # The second block is the prompt: between <vp> and </vp>.
    assert ids[0, places[n] - 1] == tiny.config.boundary_token_ids[2]
    assert ids[0, places[-1] + 1] == tiny.config.boundary_token_ids[3]


def test_loss_is_the_cross_entropy_of_the_next_labelled_token(tiny, ask):
    inputs = ask(0, 1, answers=("a ship", "two planes and more"))
    labels = inputs["input_ids"].masked_fill(torch.rand(inputs["input_ids"].shape) < 0.5, -100)
    out = tiny(**inputs, labels=labels)
    expected = functional.cross_entropy(
        out.logits[:, :-1].reshape(-1, out.logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=-100
    )
    assert torch.allclose(out.loss, expected, atol=1e-6)
    counted = tiny(**inputs, labels=labels, num_items_in_batch=100).loss * 100
    assert torch.allclose(counted, expected * (labels[:, 1:] != -100).sum(), rtol=1e-5)


def test_logits_only_of_the_last_places(tiny, ask):
    inputs = ask(0)
    assert torch.allclose(logits(tiny, inputs)[:, -2:], logits(tiny, inputs, logits_to_keep=2), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i, f: {**i, "mov_features": f}, "either pixel_values or mov_features"),
        (
            lambda i, f: {**i, "pixel_values": i["pixel_values"][:1]},
            "34 image placeholders.*17 image features",
        ),
        (
            lambda i, f: {**i, "input_ids": i["input_ids"][:, 9:], "attention_mask": None},
            "27 image placeholders",
        ),
        (lambda i, f: {**i, "inputs_embeds": torch.zeros(1, 3, 48)}, "exactly one of input_ids"),
        (
            lambda i, f: {"inputs_embeds": torch.zeros(1, 3, 48), "pixel_values": i["pixel_values"]},
            "in the embeddings already",
        ),
        (lambda i, f: {**i, "mm_encoder_outputs": {"image": object()}}, "give images once"),
        (lambda i, f: {k: v for k, v in i.items() if k != "pixel_values"}, "34 image placeholders.*no image"),
    ],
)
def test_inputs_that_contradict_each_other(tiny, ask, change, message):
    inputs = dict(ask(0))
    features = tiny.model.encode(inputs["pixel_values"])
    with pytest.raises(ValueError, match=message):
        tiny(**change(inputs, features))


def test_generate_refuses_pixels_beside_features(tiny, ask):
    inputs = ask(0)
    with pytest.raises(ValueError, match="either pixel_values or mov_features"):
        tiny.generate(**inputs, mov_features=tiny.model.encode(inputs["pixel_values"]), max_new_tokens=1)


def test_text_alone_needs_no_picture(tiny, processor):
    inputs = processor(text=["hello there"], return_tensors="pt")
    assert torch.isfinite(logits(tiny, inputs)).all()


DECODERS = {
    "shared keys": {"num_key_value_heads": 1},
    "Qwen3": {
        "model_type": "qwen3",
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 512,
    },
    "tied": {"tie_word_embeddings": True},
}


def with_decoder(name):
    _, processor = build("tiny", pretrained=False)
    plain = build("tiny", pretrained=False)[0].config.text_config.to_dict()
    changes = DECODERS[name]
    if "model_type" in changes:
        kept = ("vocab_size", "bos_token_id", "eos_token_id", "pad_token_id")
        text = {**{k: plain[k] for k in kept}, **changes}
    else:
        text = {**plain, **changes}
    return build("tiny", text_config=text)[0], processor


@pytest.mark.parametrize("name", DECODERS)
def test_any_decoder_like_llama(name, ask, tmp_path):
    model, _ = with_decoder(name)
    inputs = ask(0, 1)
    assert type(model.model.language_model).__name__ == ("Qwen3Model" if name == "Qwen3" else "LlamaModel")
    cached = model.generate(**inputs, max_new_tokens=6)
    assert torch.equal(cached, model.generate(**inputs, max_new_tokens=6, use_cache=False))
    model.save_pretrained(tmp_path)
    again = EarthMarkerForConditionalGeneration.from_pretrained(tmp_path)
    assert torch.equal(logits(model, inputs), logits(again, inputs))
    if name == "tied":
        for m in (model, again):
            assert m.lm_head.weight.data_ptr() == m.get_input_embeddings().weight.data_ptr()
    else:
        assert model.lm_head.weight.data_ptr() != model.get_input_embeddings().weight.data_ptr()


def test_the_projector_may_be_an_mlp(ask):
    model, _ = build("tiny", projector="mlp")
    kinds = [type(m).__name__ for m in model.model.projector.layers]
    assert kinds == ["Linear", "GELU", "Linear", "LayerNorm"]
    inputs = ask(0)
    features = model.model.encode(inputs["pixel_values"])
    first, second, norm = (model.model.projector.layers[i] for i in (0, 2, 3))
    expected = norm(second(functional.gelu(first(features))))
    assert torch.allclose(model.model.projector(features), expected, atol=1e-6)


def test_the_linear_projector_is_linear_and_norm(tiny, ask):
    features = tiny.model.encode(ask(0)["pixel_values"])
    linear, norm = tiny.model.projector.layers
    mixed = features @ linear.weight.T + linear.bias
    spread = (mixed.var(dim=-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    expected = (mixed - mixed.mean(dim=-1, keepdim=True)) / spread * norm.weight + norm.bias
    assert torch.allclose(tiny.model.projector(features), expected, atol=1e-4)


@pytest.mark.parametrize(
    "fields",
    [
        {"streams": [{"encoder": "dino", "size": 56}]},
        {"streams": [{"encoder": "convnext", "size": 128}, {"encoder": "convnext", "size": 64}]},
        {"class_token": False},
        {"grid": 3},
    ],
)
def test_readings_of_the_paper_run_from_processor_to_answer(fields, pictures):
    model, processor = build("tiny", **fields)
    inputs = processor(
        images=pictures[0], text="<img><image></img> what?", boxes=[[1, 1, 30, 30]], return_tensors="pt"
    )
    assert (inputs["input_ids"] == processor.image_token_id).sum() == 2 * model.config.image_seq_length
    assert model.generate(**inputs, max_new_tokens=3).shape[0] == 1
