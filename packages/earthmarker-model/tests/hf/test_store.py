"""Saved and loaded, a model is what it was."""

import json

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
)

from earthmarker import (
    EarthMarkerConfig,
    EarthMarkerForConditionalGeneration,
    EarthMarkerImageProcessor,
    EarthMarkerModel,
    EarthMarkerProcessor,
)


def logits(model, inputs):
    with torch.no_grad():
        return model(**inputs).logits


def test_the_auto_classes_know_it(folder):
    assert isinstance(AutoConfig.from_pretrained(folder), EarthMarkerConfig)
    assert isinstance(
        AutoModelForImageTextToText.from_pretrained(folder), EarthMarkerForConditionalGeneration
    )
    assert isinstance(AutoProcessor.from_pretrained(folder), EarthMarkerProcessor)
    assert isinstance(AutoImageProcessor.from_pretrained(folder), EarthMarkerImageProcessor)
    assert AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids("<image>") > 0


def test_logits_are_equal_to_the_bit(model, folder, inputs):
    again = AutoModelForImageTextToText.from_pretrained(folder)
    assert not again.training
    assert torch.equal(logits(model, inputs), logits(again, inputs))
    assert torch.equal(model.generate(**inputs, max_new_tokens=6), again.generate(**inputs, max_new_tokens=6))


def test_the_model_without_its_head_is_the_same(model, folder, inputs):
    bare = AutoModel.from_pretrained(folder)
    assert isinstance(bare, EarthMarkerModel)
    with torch.no_grad():
        states = bare(**inputs).last_hidden_state
    assert torch.equal(model.lm_head(states), logits(model, inputs))


def test_a_processor_keeps_all_that_it_was_given(processor, folder, inputs, asked):
    again = AutoProcessor.from_pretrained(folder)
    assert (again.max_marks, again.prompt_style) == (7, {"shape": "outline"})
    assert again.chat_template == processor.chat_template and again.image_seq_length == 17
    assert again.canvas == processor.canvas == 128

    loaded = again(**asked)
    assert loaded.keys() == inputs.keys() and all(torch.equal(loaded[k], inputs[k]) for k in inputs)
    # A tokenizer does not keep its padding side; generation from right padding would be wrong.
    assert loaded["attention_mask"][0, 0] == 0 or loaded["attention_mask"][1, 0] == 0
    assert (loaded["attention_mask"][:, -1] == 1).all()


def test_a_configuration_keeps_all_that_it_was_given(model, folder):
    again = AutoConfig.from_pretrained(folder)
    before, after = model.config.to_dict(), again.to_dict()
    skipped = {"architectures", "dtype", "_name_or_path", "transformers_version"}
    assert {k: v for k, v in before.items() if k not in skipped} == {
        k: v for k, v in after.items() if k not in skipped
    }
    assert again.mov_fingerprint and again.prompt_style == {"shape": "outline"} and again.max_marks == 7


def test_generation_goes_on_as_configured(model, folder):
    again = AutoModelForImageTextToText.from_pretrained(folder)
    for name in (
        "suppress_tokens",
        "eos_token_id",
        "pad_token_id",
        "bos_token_id",
        "max_new_tokens",
        "do_sample",
    ):
        assert getattr(again.generation_config, name) == getattr(model.generation_config, name)
    assert len(again.generation_config.suppress_tokens) == 5


def test_no_key_of_the_checkpoint_is_missing_or_left_over(folder):
    _, report = EarthMarkerForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not any(report[k] for k in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    _, light = EarthMarkerForConditionalGeneration.from_pretrained(
        folder, output_loading_info=True, load_mov=False
    )
    assert not light["missing_keys"] and not light["mismatched_keys"]


def test_types_survive(folder, inputs, tmp_path):
    half = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.bfloat16)
    assert {p.dtype for p in half.parameters()} == {torch.bfloat16}
    half.save_pretrained(tmp_path)
    again = AutoModelForImageTextToText.from_pretrained(tmp_path, dtype="auto")
    assert again.dtype == torch.bfloat16
    assert torch.equal(logits(half, inputs), logits(again, inputs))


def test_shards(model, inputs, tmp_path):
    model.save_pretrained(tmp_path, max_shard_size="100KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert torch.equal(
        logits(model, inputs), logits(AutoModelForImageTextToText.from_pretrained(tmp_path), inputs)
    )


def test_a_folder_names_its_classes(folder):
    assert json.loads((folder / "config.json").read_bytes())["model_type"] == "earthmarker"
    stored = json.loads((folder / "processor_config.json").read_bytes())
    assert stored["processor_class"] == "EarthMarkerProcessor"
    assert stored["image_processor"]["image_processor_type"] == "EarthMarkerImageProcessor"


PLACES = {
    "auto": "auto",
    "cpu": "cpu",
    "halves": {
        "model.mov": "cpu",
        "model.projector": "cpu",
        "model.language_model": "cpu",
        "lm_head": "cpu",
    },
    "decoder on disk": {
        "model.mov": "cpu",
        "model.projector": "cpu",
        "model.language_model.embed_tokens": "cpu",
        "model.language_model.layers.0": "disk",
        "model.language_model.layers.1": "disk",
        "model.language_model.norm": "cpu",
        "model.language_model.rotary_emb": "cpu",
        "lm_head": "cpu",
    },
    "experts on disk": {
        "model.mov": "disk",
        "model.projector": "cpu",
        "model.language_model": "cpu",
        "lm_head": "disk",
    },
    "projector on disk": {
        "model.mov": "cpu",
        "model.projector": "disk",
        "model.language_model": "cpu",
        "lm_head": "cpu",
    },
}


@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
def test_split_over_devices_and_disk(model, folder, inputs, tmp_path, places):
    split = AutoModelForImageTextToText.from_pretrained(folder, device_map=places, offload_folder=tmp_path)
    if isinstance(places, dict) and "disk" in places.values():
        away = [n for n, p in split.named_parameters() if p.device.type == "meta"]
        asked = tuple(k for k, v in places.items() if v == "disk")
        assert away and all(n.startswith(asked) for n in away), "nothing was left on the disk"
    assert torch.allclose(logits(split, inputs), logits(model, inputs), atol=1e-6)
    assert torch.equal(split.generate(**inputs, max_new_tokens=5), model.generate(**inputs, max_new_tokens=5))


def test_layers_are_not_torn_apart(model):
    assert {"MixtureOfVisualExperts", "EarthMarkerProjector", "LlamaDecoderLayer"} <= set(
        model._no_split_modules
    )
    from accelerate import infer_auto_device_map

    whole = sum(p.numel() * 4 for p in model.model.mov.parameters())
    places = infer_auto_device_map(
        model,
        max_memory={"cpu": whole * 2, "disk": 10**9},
        no_split_module_classes=list(model._no_split_modules),
    )
    assert not any(k.startswith(("model.mov.", "model.projector.")) for k in places)
