"""ConvNeXt of timm and open_clip computes the same as ConvNextModel inside the experts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from transformers import ConvNextConfig, ConvNextModel

from earthmarker import EarthMarkerConfig
from earthmarker.convert import load_convnext, timm_to_hf
from earthmarker.convert.timm_convnext import sizes_of
from earthmarker.errors import EarthMarkerError
from earthmarker.mov import MixtureOfVisualExperts

WIDTHS, DEPTHS = (4, 6, 8, 10), (1, 2, 3, 1)
State = dict[str, Tensor]


def published(state: State, pixels: Tensor, eps: float) -> Tensor:
    """ConvNeXt as in "A ConvNet for the 2020s", section 2, with the head's norm on the map as in open_clip.

    (n, 3, side, side) to (n, channels, side / 32, side / 32).
    """

    def norm(x: Tensor, name: str) -> Tensor:
        mean = x.mean(dim=1, keepdim=True)
        variance = ((x - mean) ** 2).mean(dim=1, keepdim=True)
        x = (x - mean) / torch.sqrt(variance + eps)
        return x * state[f"{name}.weight"].view(1, -1, 1, 1) + state[f"{name}.bias"].view(1, -1, 1, 1)

    def linear(x: Tensor, name: str) -> Tensor:
        return torch.einsum("oc,nchw->nohw", state[f"{name}.weight"], x) + state[f"{name}.bias"].view(
            1, -1, 1, 1
        )

    x = functional.conv2d(pixels, state["stem.0.weight"], state["stem.0.bias"], stride=4)
    x = norm(x, "stem.1")
    for i, depth in enumerate(DEPTHS):
        if i:
            name = f"stages.{i}.downsample"
            x = norm(x, f"{name}.0")
            x = functional.conv2d(x, state[f"{name}.1.weight"], state[f"{name}.1.bias"], stride=2)
        for j in range(depth):
            name = f"stages.{i}.blocks.{j}"
            kernel, bias = state[f"{name}.conv_dw.weight"], state[f"{name}.conv_dw.bias"]
            y = functional.conv2d(x, kernel, bias, padding=3, groups=x.shape[1])
            y = linear(norm(y, f"{name}.norm"), f"{name}.mlp.fc1")
            y = y * 0.5 * (1 + torch.erf(y / 2**0.5))
            x = x + state[f"{name}.gamma"].view(1, -1, 1, 1) * linear(y, f"{name}.mlp.fc2")
    return norm(x, "head.norm")


def experts(eps: float) -> MixtureOfVisualExperts:
    """Experts with one stream, a ConvNeXt at 64 pixels, and no resizing behind it."""
    return MixtureOfVisualExperts(
        EarthMarkerConfig(
            convnext_config={
                "model_type": "convnext",
                "hidden_sizes": list(WIDTHS),
                "depths": list(DEPTHS),
                "layer_norm_eps": eps,
            },
            streams=[{"encoder": "convnext", "size": 64}],
            image_size=64,
            grid=2,
        )
    )


@pytest.fixture(scope="module")
def state(timm_state: Callable[..., State]) -> State:
    return timm_state(WIDTHS, DEPTHS)


@pytest.fixture
def module() -> Any:
    return ConvNextModel(ConvNextConfig(hidden_sizes=list(WIDTHS), depths=list(DEPTHS)))


def write(state: State, path: Path) -> Path:
    save_file({k: t.contiguous() for k, t in state.items()}, path)
    return path


@pytest.mark.parametrize("eps", [1e-5, 1e-6])
def test_the_experts_compute_the_published_arithmetic(
    eps: float, tmp_path: Path, timm_state: Callable[..., State]
) -> None:
    # Small enough weights that epsilon is a good part of the variances.
    state = timm_state(WIDTHS, DEPTHS, 0.02)
    mov = experts(eps)
    load_convnext(mov.convnext, write(state, tmp_path / "model.safetensors"))
    pixels = torch.randn(2, 3, 64, 64) * 0.1
    features = mov(pixels)
    expected = published(state, pixels, eps)
    assert expected.shape == (2, 10, 2, 2)
    torch.testing.assert_close(features[:, 1:], expected.flatten(2).transpose(1, 2), atol=2e-5, rtol=1e-5)
    torch.testing.assert_close(features[:, 0], expected.mean(dim=(2, 3)), atol=2e-5, rtol=1e-5)
    other = published(state, pixels, 1.1e-5 - eps)
    assert (other - expected).abs().max() > 1e-3, "the other epsilon would have been noticed"


def layouts(state: State) -> dict[str, State]:
    tower = {
        "logit_scale": torch.ones(()),
        "text_projection": torch.ones(4, 4),
        "transformer.resblocks.0.attn.in_proj_weight": torch.ones(3, 1),
        "token_embedding.weight": torch.ones(5, 4),
        "positional_embedding": torch.ones(5, 4),
        "ln_final.weight": torch.ones(4),
        "visual.head.proj.weight": torch.ones(4, 10),
    }
    by_hf = timm_to_hf(state)
    return {
        "timm with a classifier": {**state, "head.fc.weight": torch.ones(3, 10)},
        "timm with an MLP before it": {**state, "head.pre_logits.fc.weight": torch.ones(3, 10)},
        "timm with 1x1 convolutions": {
            k: t[..., None, None] if ".mlp.fc" in k and k.endswith("weight") else t for k, t in state.items()
        },
        "timm that norms before it pools": {k.replace("head.norm", "norm_pre"): t for k, t in state.items()},
        "open_clip": {**{f"visual.trunk.{k}": t for k, t in state.items()}, **tower},
        "transformers": by_hf,
        "transformers with a classifier": {
            **{f"convnext.{k}": t for k, t in by_hf.items()},
            "classifier.weight": torch.ones(3, 10),
        },
    }


@pytest.mark.parametrize("layout", list(layouts({})))
def test_every_layout_gives_the_same_model(layout: str, state: State, module: Any, tmp_path: Path) -> None:
    load_convnext(module, write(layouts(state)[layout], tmp_path / "w.safetensors"))
    for name, tensor in timm_to_hf(state).items():
        assert torch.equal(module.state_dict()[name], tensor), name
    block = state["stages.2.blocks.1.mlp.fc2.weight"]
    assert torch.equal(module.state_dict()["encoder.stages.2.layers.1.pwconv2.weight"], block)


def test_a_folder_of_transformers_is_loaded_exactly(state: State, module: Any, tmp_path: Path) -> None:
    module.load_state_dict(timm_to_hf(state))
    module.save_pretrained(tmp_path / "convnext")
    other = ConvNextModel(module.config)
    load_convnext(other, tmp_path / "convnext")
    assert all(torch.equal(t, other.state_dict()[k]) for k, t in module.state_dict().items())


def test_weights_come_in_the_dtype_of_the_module(state: State, module: Any, tmp_path: Path) -> None:
    module = module.to(torch.bfloat16)
    load_convnext(module, write(state, tmp_path / "w.safetensors"))
    assert torch.equal(module.layernorm.bias, state["head.norm.bias"].to(torch.bfloat16))


@given(
    widths=st.lists(st.integers(1, 5), min_size=4, max_size=4),
    depths=st.lists(st.integers(1, 3), min_size=4, max_size=4),
)
def test_names_and_sizes_are_exactly_those_of_the_model(
    timm_state: Callable[..., State], widths: list[int], depths: list[int]
) -> None:
    state = timm_state(tuple(widths), tuple(depths))
    converted = timm_to_hf(state)
    assert len(converted) == len(state)
    sizes = sizes_of(converted)
    assert (sizes["hidden_sizes"], sizes["depths"]) == (widths, depths)
    expected = ConvNextModel(ConvNextConfig(**sizes)).state_dict()
    # A stage of the width of the one before still has its downsampling, in both.
    assert {k: t.shape for k, t in converted.items()} == {k: t.shape for k, t in expected.items()}


def test_what_is_not_known_is_named(state: State) -> None:
    with pytest.raises(EarthMarkerError, match=r"stages\.0\.blocks\.0\.attn\.weight not known"):
        timm_to_hf({**state, "stages.0.blocks.0.attn.weight": torch.ones(1)})
    with pytest.raises(EarthMarkerError, match="ConvNeXt V2"):
        timm_to_hf({**state, "stages.0.blocks.0.mlp.grn.weight": torch.ones(1)})
    with pytest.raises(EarthMarkerError, match="second time"):
        timm_to_hf({**state, "visual.trunk.stem.0.bias": torch.ones(4)})


def test_other_sizes_are_told(state: State, tmp_path: Path) -> None:
    path = write(state, tmp_path / "w.safetensors")
    small = ConvNextModel(ConvNextConfig(hidden_sizes=[4, 6, 8, 12], depths=list(DEPTHS)))
    before = {k: t.clone() for k, t in small.state_dict().items()}
    with pytest.raises(EarthMarkerError, match=r"w\.safetensors: .*widths \[4, 6, 8, 10\].*\[4, 6, 8, 12\]"):
        load_convnext(small, path)
    assert all(torch.equal(t, small.state_dict()[k]) for k, t in before.items()), "nothing half loaded"


def test_a_file_that_is_not_whole_is_told(state: State, module: Any, tmp_path: Path) -> None:
    state = {k: t for k, t in state.items() if k != "stages.1.blocks.0.gamma"}
    with pytest.raises(EarthMarkerError, match=r"layer_scale_parameter is missing; the sizes are right"):
        load_convnext(module, write(state, tmp_path / "w.safetensors"))
    with pytest.raises(EarthMarkerError, match=r"n\.safetensors: .*no stem"):
        load_convnext(module, write({"head.norm.bias": torch.ones(10)}, tmp_path / "n.safetensors"))
