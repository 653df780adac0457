"""Formulas against what torch counts and keeps on small models."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from earthmarker import EarthMarkerForConditionalGeneration
from earthmarker.planning import flops, memory
from earthmarker.planning.shapes import Decoder, row_tokens
from earthmarker.presets import preset
from earthmarker.presets.count import bare_config, count
from earthmarker.training import PHASES, prepare
from earthmarker.training.phases import Lora

TEXT = 100


def config(**text):
    base = bare_config(preset("tiny"))
    return bare_config(preset("tiny"), text_config={**base.text_config.to_dict(), **text})


def prepared(phase, attention="sdpa", **text):
    """A tiny model in a phase, with a decoder that outweighs what the formulas leave out."""
    wide = {
        "hidden_size": 128, "intermediate_size": 352, "num_hidden_layers": 4,
        "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 32,
    }  # fmt: skip
    made = config(**{**wide, **text})
    model = EarthMarkerForConditionalGeneration(made)
    model.model.language_model.set_attn_implementation(attention)
    return made, prepare(model, PHASES[phase], Lora(dropout=0.05)).train()


def batch(made, rows):
    ids = torch.full((rows, row_tokens(made, TEXT)), 7)
    ids[:, 1 : 1 + 2 * made.image_seq_length] = made.image_token_id
    features = torch.randn(2 * rows, made.image_seq_length, made.feature_size)
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": ids.clone(),
        "mov_features": features,
    }


def measured_step(made, model, checkpointing):
    if checkpointing:
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        base.activation_checkpointing_enable({"use_reentrant": False})
    with FlopCounterMode(display=False) as counter:
        model(**batch(made, 1)).loss.backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("phase", PHASES)
def test_operations_of_a_step(phase, checkpointing):
    # torch counts no operations of its fused attention on CPUs.
    made, model = prepared(phase, attention="eager")
    learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
    estimated = flops.step(
        made,
        row_tokens(made, TEXT),
        0 if phase == "align" else learned,
        sum(p.numel() for n, p in model.named_parameters() if ".projector." in n),
        lora=learned if phase == "rsvp" else 0,
        checkpointing=checkpointing,
    )
    measured = measured_step(made, model, checkpointing)
    # The formula leaves out that nothing needs the gradient of the first layer's input in two of the phases.
    assert estimated == pytest.approx(measured, rel=0.08)


def test_operations_of_the_encoders():
    made = bare_config(preset("tiny"))
    model = EarthMarkerForConditionalGeneration(made)
    with FlopCounterMode(display=False) as counter:
        model.model.encode(torch.randn(2, 3, made.image_size, made.image_size))
    assert flops.encoders(made) == pytest.approx(counter.get_total_flops(), rel=0.02)


def test_convnext_xxlarge_is_as_timm_lists_it():
    assert flops.convnet(256, 4, [384, 768, 1536, 3072], [3, 4, 30, 3]) / 2 == pytest.approx(
        198.1e9, rel=1e-3
    )


def kept(model, inputs):
    """Bytes that autograd keeps between forward and backward, without parameters and inputs."""
    known = {p.untyped_storage().data_ptr() for p in model.parameters()}
    known |= {t.untyped_storage().data_ptr() for t in [*model.buffers(), *inputs.values()]}
    storages = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            storages[storage.data_ptr()] = (storage.nbytes(), storage)  # held, so that no address comes twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = model(**inputs).loss
    assert loss.requires_grad
    return sum(size for size, _ in storages.values())


@pytest.mark.parametrize("phase", PHASES)
def test_activations_that_are_kept(phase):
    made, model = prepared(phase)
    rows, tokens = 2, row_tokens(made, TEXT)
    estimated = memory.activations(made, rows, tokens, phase=phase, checkpointing=False, size=4)
    head = 2 * rows * tokens * made.text_config.vocab_size * 4  # logits and their log-softmax, float32 both
    measured = kept(model, batch(made, rows))
    assert measured / 1.25 < estimated + head < measured * 1.25


def test_activations_grow_by_layer_as_estimated():
    """The difference of two depths is free of head and projection."""
    for phase in PHASES:
        sizes = {}
        for layers in (2, 6):
            made, model = prepared(phase, num_hidden_layers=layers)
            sizes[layers] = kept(model, batch(made, 1))
        a_layer = memory.layer_activations(
            Decoder.of(made.text_config), size=4, learned=phase != "align", lora=phase == "rsvp"
        )
        assert (sizes[6] - sizes[2]) / 4 / row_tokens(made, TEXT) == pytest.approx(a_layer, rel=0.25), phase


def test_activations_with_checkpointing():
    made, model = prepared("align")
    model.activation_checkpointing_enable({"use_reentrant": False})
    rows, tokens = 2, row_tokens(made, TEXT)
    decoder = Decoder.of(made.text_config)
    estimated = memory.activations(made, rows, tokens, phase="align", checkpointing=True, size=4)
    # All of one layer is there while it is recomputed only.
    resting = estimated - rows * tokens * memory.layer_activations(decoder, size=4, learned=False)
    head = 2 * rows * tokens * made.text_config.vocab_size * 4
    measured = kept(model, batch(made, rows))
    assert measured / 1.25 < resting + head < measured * 1.25


def test_a_count_is_that_of_the_model():
    made = bare_config(preset("tiny"))
    model = EarthMarkerForConditionalGeneration(made)
    parts = count("tiny")
    assert sum(p.numel() for p in model.parameters()) == sum(n for k, n in parts.items() if k != "lora")
