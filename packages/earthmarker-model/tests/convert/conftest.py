"""Weights made up for the tests of conversion."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from torch import Tensor

from earthmarker.presets.tokenizers import byte_tokenizer

# Machines differ in speed; a slow example is no failure, and every run tries the same examples.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One thread, the same random numbers, and no hub."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def normal(seed: int) -> Callable[..., Tensor]:
    """Makes normal numbers of a shape around a mean, the same ones for a seed whichever tests ran before."""
    generator = torch.Generator().manual_seed(seed)

    def make(*shape: int, scale: float = 0.3, mean: float = 0.0) -> Tensor:
        return torch.randn(shape, generator=generator) * scale + mean

    return make


@pytest.fixture(scope="session")
def timm_state() -> Callable[..., dict[str, Tensor]]:
    """Makes a ConvNeXt in timm's layout, random throughout: norms, biases and layer scale too."""

    def make(widths: tuple[int, ...], depths: tuple[int, ...], scale: float = 0.3) -> dict[str, Tensor]:
        random = normal(7)
        state: dict[str, Tensor] = {}

        def affine(name: str, out: int, *rest: int) -> None:
            mean = 0.0 if rest else 1.0
            state[f"{name}.weight"] = random(out, *rest, scale=scale, mean=mean)
            state[f"{name}.bias"] = random(out, scale=scale)

        affine("stem.0", widths[0], 3, 4, 4)
        affine("stem.1", widths[0])
        for i, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            if i:
                affine(f"stages.{i}.downsample.0", widths[i - 1])
                affine(f"stages.{i}.downsample.1", width, widths[i - 1], 2, 2)
            for j in range(depth):
                block = f"stages.{i}.blocks.{j}"
                state[f"{block}.gamma"] = random(width, scale=scale, mean=0.5)
                affine(f"{block}.conv_dw", width, 1, 7, 7)
                affine(f"{block}.norm", width)
                affine(f"{block}.mlp.fc1", 4 * width, width)
                affine(f"{block}.mlp.fc2", width, 4 * width)
        affine("head.norm", widths[-1])
        return state

    return make


@pytest.fixture(scope="session")
def hub_dino() -> Callable[..., dict[str, Tensor]]:
    """Makes a DINOv2 in torch.hub's layout, random throughout."""

    def make(width: int, layers: int, grid: int, patch: int = 14, swiglu: bool = False) -> dict[str, Tensor]:
        random = normal(8)
        state = {
            "cls_token": random(1, 1, width),
            "pos_embed": random(1, grid * grid + 1, width),
            "mask_token": random(1, width),
            "patch_embed.proj.weight": random(width, 3, patch, patch, scale=0.05),
            "patch_embed.proj.bias": random(width),
            "norm.weight": random(width, mean=1.0),
            "norm.bias": random(width),
        }
        inner = (int(4 * width * 2 / 3) + 7) // 8 * 8
        shapes = {"attn.qkv": (3 * width, width), "attn.proj": (width, width)}
        if swiglu:
            shapes |= {"mlp.w12": (2 * inner, width), "mlp.w3": (width, inner)}
        else:
            shapes |= {"mlp.fc1": (4 * width, width), "mlp.fc2": (width, 4 * width)}
        for i in range(layers):
            for name in ("norm1", "norm2"):
                state[f"blocks.{i}.{name}.weight"] = random(width, mean=1.0)
                state[f"blocks.{i}.{name}.bias"] = random(width)
            for name in ("ls1", "ls2"):
                state[f"blocks.{i}.{name}.gamma"] = random(width, mean=0.5)
            for name, shape in shapes.items():
                state[f"blocks.{i}.{name}.weight"] = random(*shape)
                state[f"blocks.{i}.{name}.bias"] = random(shape[0])
        return state

    return make


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the tokenizer of bytes: 259 tokens."""
    folder = tmp_path_factory.mktemp("words")
    byte_tokenizer().save_pretrained(folder)
    return folder


# Cut along axis 0, along axis 1; all else is in every shard.
COLUMN = ("wq", "wk", "wv", "w1", "w3", "output")
ROW = ("wo", "w2", "tok_embeddings")
PARAMS = {"n_heads": 6, "n_kv_heads": 2, "norm_eps": 1e-5}


@pytest.fixture(scope="session")
def write() -> Callable[..., Path]:
    """Writes a checkpoint as LLaMA2-Accessory does on several ranks of model parallelism."""

    def make(folder: Path, state: dict[str, Tensor], shards: int = 2, params: Any = PARAMS) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for rank in range(shards):
            part = {}
            for key, tensor in state.items():
                # DINOv2's SwiGLU has a w3 too, which is not cut.
                name = key.split(".")[-2] if "dinov2" not in key else ""
                axis = 0 if name in COLUMN else 1 if name in ROW else None
                part[key] = (tensor if axis is None else tensor.chunk(shards, dim=axis)[rank]).clone()
            torch.save({"model": part}, folder / f"consolidated.{rank:02d}-of-{shards:02d}.model.pth")
        if params is not None:
            (folder / "config.json").write_text(json.dumps(params))
        return folder

    return make
