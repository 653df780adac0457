"""Meta's rotary order and the sizes of a decoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

from earthmarker.convert.llama import check_text, decoder_pairs, read_params, rotary_to_hf, text_fields
from earthmarker.errors import EarthMarkerError


def meta_rotation(x: Tensor, theta: float) -> Tensor:
    """Neighbouring channels as complex numbers, turned by position times frequency.

    (positions, heads, width) to the same.
    """
    positions, _, width = x.shape
    frequencies = theta ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    turns = torch.outer(torch.arange(positions, dtype=torch.float64), frequencies)
    turned = (
        torch.view_as_complex(x.double().unflatten(-1, (-1, 2)))
        * torch.polar(torch.ones_like(turns), turns)[:, None]
    )
    return torch.view_as_real(turned).flatten(-2)


@given(
    heads=st.integers(1, 5),
    half=st.integers(1, 6),
    seed=st.integers(0, 99),
    theta=st.sampled_from([1e4, 5e5]),
)
def test_scores_are_the_same_as_with_complex_numbers(heads: int, half: int, seed: int, theta: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    width, positions, channels = 2 * half, 7, 9
    wq, wk = (torch.randn(heads * width, channels, generator=generator) for _ in range(2))
    x = torch.randn(positions, channels, generator=generator)
    q, k = (meta_rotation((x @ w.T).unflatten(-1, (heads, width)), theta) for w in (wq, wk))
    expected = torch.einsum("ihc,jhc->hij", q, k)

    config = LlamaConfig(
        hidden_size=heads * width,
        num_attention_heads=heads,
        head_dim=width,
        rope_parameters={"rope_type": "default", "rope_theta": theta},
    )
    cos, sin = LlamaRotaryEmbedding(config)(x, torch.arange(positions)[None])
    q, k = (
        (x @ rotary_to_hf(w, heads).T).unflatten(-1, (heads, width)).transpose(0, 1)[None] for w in (wq, wk)
    )
    q, k = apply_rotary_pos_emb(q, k, cos, sin)
    torch.testing.assert_close((q @ k.transpose(-2, -1))[0].double(), expected, atol=1e-3, rtol=1e-4)


@given(heads=st.integers(1, 5), half=st.integers(1, 6))
def test_rows_are_reordered_within_heads_and_none_is_lost(heads: int, half: int) -> None:
    rows = torch.arange(heads * half * 2)[:, None].expand(-1, 3)
    out = rotary_to_hf(rows, heads)[:, 0].tolist()
    for head in range(heads):
        first = head * 2 * half
        own = out[first : first + 2 * half]
        assert own == [*range(first, first + 2 * half, 2), *range(first + 1, first + 2 * half, 2)]


def state(width: int = 8, keys: int = 4, inner: int = 12, rows: int = 11) -> dict[str, Tensor]:
    shapes = {
        "attention.wq": (width, width),
        "attention.wk": (keys, width),
        "attention.wv": (keys, width),
        "attention.wo": (width, width),
        "feed_forward.w1": (inner, width),
        "feed_forward.w2": (width, inner),
        "feed_forward.w3": (inner, width),
        "attention_norm": (width,),
        "ffn_norm": (width,),
    }
    layers = {f"llma.layers.{i}.{k}.weight": torch.ones(s) for i in range(2) for k, s in shapes.items()}
    return {
        **layers,
        "llma.tok_embeddings.weight": torch.ones(rows, width),
        "llma.output.weight": torch.ones(rows, width),
        "llma.norm.weight": torch.ones(width),
    }


def test_sizes_come_from_weights_and_what_shapes_do_not_tell_from_the_parameters() -> None:
    fields = text_fields(state(), {"n_heads": 4, "n_kv_heads": 2, "norm_eps": 1e-6, "rope_theta": 5e5})
    assert fields["hidden_size"] == 8
    assert fields["intermediate_size"] == 12
    assert fields["num_hidden_layers"] == 2
    assert (fields["num_attention_heads"], fields["num_key_value_heads"], fields["head_dim"]) == (4, 2, 2)
    assert fields["vocab_size"] == 11
    assert fields["rms_norm_eps"] == 1e-6
    assert fields["rope_parameters"] == {"rope_type": "default", "rope_theta": 5e5}
    assert fields["tie_word_embeddings"] is False
    assert LlamaConfig(**{k: v for k, v in fields.items() if k != "model_type"}).head_dim == 2


def test_positions_are_scaled_the_other_way_round() -> None:
    fields = text_fields(state(keys=8), {"n_heads": 4, "rope_scaling": 0.25})
    assert fields["rope_parameters"] == {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}
    config = LlamaConfig(**{k: v for k, v in fields.items() if k != "model_type"})
    scaled = LlamaRotaryEmbedding(config)(torch.ones(1), torch.tensor([[8]]))
    plain = LlamaConfig(hidden_size=8, num_attention_heads=4)
    torch.testing.assert_close(scaled, LlamaRotaryEmbedding(plain)(torch.ones(1), torch.tensor([[2]])))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "number of attention heads is not in the weights"),
        ({"n_heads": 3}, "do not go with 8 rows of queries and 4 of keys"),
        ({"n_heads": 4, "n_kv_heads": 4}, "do not go with"),
    ],
)
def test_heads_that_do_not_fit(params: dict[str, Any], message: str) -> None:
    with pytest.raises(EarthMarkerError, match=message):
        text_fields(state(), params)


def test_no_decoder() -> None:
    with pytest.raises(EarthMarkerError, match=r"no decoder: llma\.tok_embeddings\.weight is missing"):
        text_fields({"llma.visual_proj.0.bias": torch.ones(1)}, {"n_heads": 4})


def test_a_configuration_that_contradicts_the_checkpoint_is_told_field_by_field() -> None:
    params = {"n_heads": 4, "n_kv_heads": 2}
    fields = {k: v for k, v in text_fields(state(), params).items() if k != "model_type"}
    check_text(LlamaConfig(**fields), state(), params)
    check_text(LlamaConfig(**{**fields, "vocab_size": 16}), state(), {})
    wrong = {**fields, "num_hidden_layers": 3, "rms_norm_eps": 1e-3, "vocab_size": 10}
    with pytest.raises(EarthMarkerError) as error:
        check_text(LlamaConfig(**wrong), state(), params)
    for part in (
        "num_hidden_layers is 3, in the checkpoint 2",
        "rms_norm_eps is 0.001, in the checkpoint 1e-05",
        "vocab_size is 10, in the checkpoint 11",
    ):
        assert part in str(error.value)


def test_every_tensor_of_the_decoder_has_a_name() -> None:
    pairs = list(decoder_pairs(state(), 4, 2))
    assert {source for source, _, _ in pairs} == state().keys() - {"llma.output.weight"}
    assert len({name for _, name, _ in pairs}) == len(pairs)


def test_parameters_beside_the_weights(tmp_path: Path) -> None:
    assert read_params(tmp_path) == {}
    (tmp_path / "params.json").write_text(json.dumps({"n_heads": 32}))
    assert read_params(tmp_path) == {"n_heads": 32}
    (tmp_path / "config.json").write_text(json.dumps({"n_heads": 40}))
    assert read_params(tmp_path) == {"n_heads": 40}, "LLaMA2-Accessory's own before Meta's"
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(EarthMarkerError, match=r"config\.json: no JSON"):
        read_params(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(EarthMarkerError, match="expected an object"):
        read_params(tmp_path)
