"""Checkpoints of LLaMA2-Accessory that are said to be of a preset."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from earthmarker import EarthMarkerConfig, EarthMarkerForConditionalGeneration
from earthmarker.convert import convert_accessory
from earthmarker.errors import EarthMarkerError

State = dict[str, Tensor]
Write = Callable[..., Path]

ROWS = 259


@pytest.fixture
def tiny_checkpoint(
    write: Write, tmp_path: Path, timm_state: Callable[..., State], hub_dino: Callable[..., State]
) -> tuple[Path, Any, State]:
    """A checkpoint of the preset ``tiny``, written from a model by the inverse of the conversion."""
    from earthmarker.presets import build

    model, _ = build("tiny", seed=5)
    state: State = {}
    text = model.config.text_config
    for name, tensor in model.model.language_model.state_dict().items():
        tensor = tensor.clone()
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = text.num_attention_heads if "q_proj" in name else text.num_key_value_heads
            width = len(tensor) // heads
            source = tensor.clone()
            for head in range(heads):
                for i in range(width // 2):
                    tensor[head * width + 2 * i] = source[head * width + i]
                    tensor[head * width + 2 * i + 1] = source[head * width + i + width // 2]
        for ours, theirs in (
            ("self_attn.q_proj", "attention.wq"),
            ("self_attn.k_proj", "attention.wk"),
            ("self_attn.v_proj", "attention.wv"),
            ("self_attn.o_proj", "attention.wo"),
            ("mlp.gate_proj", "feed_forward.w1"),
            ("mlp.down_proj", "feed_forward.w2"),
            ("mlp.up_proj", "feed_forward.w3"),
            ("input_layernorm", "attention_norm"),
            ("post_attention_layernorm", "ffn_norm"),
            ("embed_tokens", "tok_embeddings"),
        ):
            name = name.replace(ours, theirs)
        state[f"llma.{name}"] = tensor[:ROWS] if "tok_embeddings" in name else tensor
    state["llma.output.weight"] = model.lm_head.weight[:ROWS].detach()
    layers = model.model.projector.layers.state_dict()
    state |= {f"llma.visual_proj.{k}": t for k, t in layers.items()}
    state["llma.start_img"], state["llma.end_img"] = model.model.projector.boundary.detach()[:2, None, None]
    convnext = timm_state((8, 16, 24, 32), (1, 1, 1, 1))
    state |= {f"llma.openclip_convnext_xxl.{k}": t for k, t in convnext.items()}
    state |= {f"llma.dinov2_vitl14.{k}": t for k, t in hub_dino(32, 2, 4).items()}
    return write(tmp_path / "tiny", state, params=None), model, state


def test_a_checkpoint_of_a_preset(
    tiny_checkpoint: tuple[Path, Any, State], words: Path, tmp_path: Path
) -> None:
    folder, model, _ = tiny_checkpoint
    convert_accessory(folder, tmp_path / "out", preset="tiny", tokenizer=words)
    other = EarthMarkerForConditionalGeneration.from_pretrained(tmp_path / "out").eval()
    own = model.state_dict()
    for name, tensor in other.state_dict().items():
        if name.startswith("model.mov."):
            continue
        rows = 2 if name.endswith("boundary") else ROWS if tensor.shape[0] > ROWS else None
        assert torch.equal(tensor[:rows], own[name][:rows]), name
    ids = torch.tensor([[0, 4, 99, 258]])
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).logits[..., :ROWS], other(input_ids=ids).logits[..., :ROWS])


def test_a_preset_of_other_sizes_is_told(
    write: Write, tiny_checkpoint: tuple[Path, Any, State], words: Path, tmp_path: Path
) -> None:
    folder, _, state = tiny_checkpoint
    less = {k: t for k, t in state.items() if ".layers.1." not in k}
    write(tmp_path / "less", less, params=None)
    with pytest.raises(EarthMarkerError, match="num_hidden_layers is 2, in the checkpoint 1"):
        convert_accessory(tmp_path / "less", tmp_path / "out", preset="tiny", tokenizer=words)
    (folder / "config.json").write_text(json.dumps({"n_heads": 4, "n_kv_heads": 2, "rope_theta": 5e5}))
    with pytest.raises(EarthMarkerError, match=r"rope_parameters is .*10000.*500000"):
        convert_accessory(folder, tmp_path / "out", preset="tiny", tokenizer=words)
    with pytest.raises(EarthMarkerError, match="not both"):
        convert_accessory(
            folder, tmp_path / "out", preset="tiny", config=EarthMarkerConfig(), tokenizer=words
        )
