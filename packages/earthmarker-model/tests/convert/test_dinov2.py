"""DINOv2 of torch.hub computes the same as Dinov2Model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from transformers import Dinov2Config, Dinov2Model

from earthmarker.convert import dinov2_config_of, hub_to_hf, load_dino
from earthmarker.errors import EarthMarkerError

WIDTH, LAYERS, GRID, HEADS = 16, 2, 3, 4
State = dict[str, Tensor]


def published(state: State, pixels: Tensor, heads: int) -> Tensor:
    """A vision transformer with LayerScale as in facebookresearch/dinov2, at the size of pre-training.

    (n, 3, side, side) to (n, 1 + patches, width), after the last norm.
    """

    def norm(x: Tensor, name: str) -> Tensor:
        mean, variance = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
        return (x - mean) / torch.sqrt(variance + 1e-6) * state[f"{name}.weight"] + state[f"{name}.bias"]

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    patch = state["patch_embed.proj.weight"].shape[-1]
    x = functional.conv2d(
        pixels, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=patch
    )
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([state["cls_token"].expand(len(x), -1, -1), x], dim=1) + state["pos_embed"]
    images, tokens, width = x.shape
    for i in range(LAYERS):
        block = f"blocks.{i}"
        fused = linear(norm(x, f"{block}.norm1"), f"{block}.attn.qkv")
        q, k, v = fused.reshape(images, tokens, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) / (width // heads) ** 0.5).softmax(dim=-1)
        y = (weights @ v).transpose(1, 2).reshape(images, tokens, width)
        x = x + state[f"{block}.ls1.gamma"] * linear(y, f"{block}.attn.proj")
        y = norm(x, f"{block}.norm2")
        if f"{block}.mlp.w12.weight" in state:
            gate, up = linear(y, f"{block}.mlp.w12").chunk(2, dim=-1)
            y = linear(gate * torch.sigmoid(gate) * up, f"{block}.mlp.w3")
        else:
            y = linear(y, f"{block}.mlp.fc1")
            y = linear(y * 0.5 * (1 + torch.erf(y / 2**0.5)), f"{block}.mlp.fc2")
        x = x + state[f"{block}.ls2.gamma"] * y
    return norm(x, "norm")


@pytest.mark.parametrize("swiglu", [False, True])
def test_features_are_those_of_the_published_arithmetic(
    swiglu: bool, hub_dino: Callable[..., State], tmp_path: Path
) -> None:
    state = hub_dino(WIDTH, LAYERS, GRID, swiglu=swiglu)
    torch.save(state, tmp_path / "dinov2_vitx14.pth")
    config = dinov2_config_of(state, heads=HEADS)
    assert (config.image_size, config.patch_size, config.use_swiglu_ffn) == (GRID * 14, 14, swiglu)
    model = Dinov2Model(config).eval()
    load_dino(model, tmp_path / "dinov2_vitx14.pth")
    pixels = torch.randn(2, 3, GRID * 14, GRID * 14)
    with torch.no_grad():
        features = model(pixels).last_hidden_state
    expected = published(state, pixels, HEADS)
    assert expected.std() > 0.1
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("width", "heads"), [(384, 6), (768, 12), (1024, 16), (1536, 24)])
def test_heads_of_the_published_sizes(width: int, heads: int) -> None:
    state = {"patch_embed.proj.weight": torch.empty(width, 3, 14, 14, device="meta")}
    state["pos_embed"] = torch.empty(1, 1370, width, device="meta")
    config = dinov2_config_of(state)
    assert (config.num_attention_heads, config.image_size) == (heads, 518)


def test_blocks_in_chunks_are_the_same_blocks(hub_dino: Callable[..., State]) -> None:
    state = hub_dino(WIDTH, LAYERS, GRID)
    chunked = {
        k.replace("blocks.1.", "blocks.1.1.").replace("blocks.0.", "blocks.0.0."): t for k, t in state.items()
    }
    assert chunked.keys() != state.keys()
    converted = hub_to_hf(chunked)
    assert all(torch.equal(t, converted[k]) for k, t in hub_to_hf(state).items())
    assert dinov2_config_of(chunked).num_hidden_layers == LAYERS


def test_a_folder_of_transformers_is_loaded_exactly(tmp_path: Path) -> None:
    config = Dinov2Config(hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2, image_size=28)
    one, two = Dinov2Model(config), Dinov2Model(config)
    one.save_pretrained(tmp_path)
    assert not torch.equal(one.encoder.layer[0].mlp.fc1.weight, two.encoder.layer[0].mlp.fc1.weight)
    load_dino(two, tmp_path)
    assert all(torch.equal(t, two.state_dict()[k]) for k, t in one.state_dict().items())


def test_what_does_not_fit_is_named(hub_dino: Callable[..., State], tmp_path: Path) -> None:
    state = hub_dino(WIDTH, LAYERS, GRID)
    with pytest.raises(EarthMarkerError, match=r"blocks\.0\.attn\.rope\.weight not known"):
        hub_to_hf({**state, "blocks.0.attn.rope.weight": torch.ones(1)})
    with pytest.raises(EarthMarkerError, match="one with registers"):
        hub_to_hf({**state, "register_tokens": torch.ones(1, 4, WIDTH)})
    with pytest.raises(EarthMarkerError, match="pos_embed is missing"):
        dinov2_config_of({k: t for k, t in state.items() if k != "pos_embed"})
    path = tmp_path / "w.pth"
    torch.save({k: t for k, t in state.items() if k != "blocks.1.ls2.gamma"}, path)
    model = Dinov2Model(dinov2_config_of(state, heads=HEADS))
    with pytest.raises(EarthMarkerError, match=r"w\.pth: .*layer\.1\.layer_scale2\.lambda1 is missing"):
        load_dino(model, path)
    other = Dinov2Model(Dinov2Config(hidden_size=8, num_hidden_layers=2, num_attention_heads=2))
    torch.save(state, path)
    with pytest.raises(EarthMarkerError, match=r"\(1, 1, 16\) instead of \(1, 1, 8\).*dino_config"):
        load_dino(other, path)
    with pytest.raises(EarthMarkerError, match="no DINOv2 of transformers there"):
        load_dino(other, tmp_path)


def test_a_checkpoint_of_transformers_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    config = Dinov2Config(hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2, image_size=28)
    model = Dinov2Model(config)
    state = {k: t for k, t in model.state_dict().items() if "fc2" not in k}
    model.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(EarthMarkerError, match=r"fc2.* not in the checkpoint, would be random"):
        load_dino(model, tmp_path)
