"""DINOv2 weights of ``torch.hub`` (facebookresearch/dinov2) in ``Dinov2Model``.

One difference stays and is not measured on real weights (unverified): for images of another size than that of
pre-training, torch.hub interpolates position embeddings with ``scale_factor = (side + 0.1) / 37``,
transformers with the exact size. At 518 pixels, the size of pre-training, there is no interpolation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, Dinov2Config

from earthmarker.convert.weights import misfit, read_state, some
from earthmarker.errors import EarthMarkerError

_HEAD = 64  # channels of an attention head in every published size: 384/6, 768/12, 1024/16, 1536/24

_WHOLE = {
    "cls_token": "embeddings.cls_token",
    "mask_token": "embeddings.mask_token",
    "pos_embed": "embeddings.position_embeddings",
    "patch_embed.proj.weight": "embeddings.patch_embeddings.projection.weight",
    "patch_embed.proj.bias": "embeddings.patch_embeddings.projection.bias",
    "norm.weight": "layernorm.weight",
    "norm.bias": "layernorm.bias",
}
_IN_BLOCK = {
    "attn.proj": "attention.o_proj",
    "ls1.gamma": "layer_scale1.lambda1",
    "ls2.gamma": "layer_scale2.lambda1",
    "mlp.w3": "mlp.down_proj",
}
_FUSED = {
    "attn.qkv": ("attention.q_proj", "attention.k_proj", "attention.v_proj"),
    "mlp.w12": ("mlp.gate_proj", "mlp.up_proj"),
}
# The second number is there in checkpoints of training, where blocks are in chunks.
_BLOCK = re.compile(r"blocks\.(?:\d+\.)?(\d+)\.(.+?)(\.weight|\.bias)?")


def hub_pairs(state: dict[str, Tensor]) -> Iterator[tuple[str, str, Tensor]]:
    """Name in torch.hub's form, name in ``Dinov2Model``, and tensor, for each tensor that comes out.

    Fused query, key and value come apart, as do the gate (first half) and the other half of SwiGLU.

    Raises:
        EarthMarkerError: if a name is not one of DINOv2's.
    """
    unknown = []
    for key, tensor in state.items():
        if key in _WHOLE:
            yield key, _WHOLE[key], tensor
            continue
        match = _BLOCK.fullmatch(key)
        if match is None:
            unknown.append(key)
            continue
        layer, name, kind = f"encoder.layer.{match[1]}.", match[2], match[3] or ""
        if name in ("norm1", "norm2", "mlp.fc1", "mlp.fc2"):
            yield key, layer + name + kind, tensor
        elif name in _IN_BLOCK:
            yield key, layer + _IN_BLOCK[name] + kind, tensor
        elif name in _FUSED:
            into = _FUSED[name]
            for part, piece in zip(into, tensor.chunk(len(into)), strict=True):
                yield key, layer + part + kind, piece
        else:
            unknown.append(key)
    if unknown:
        registers = "register_tokens" in unknown
        raise EarthMarkerError(
            f"DINOv2 weights: {some(unknown)} not known in torch.hub's DINOv2"
            + (" (one with registers, which Dinov2Model has none of)" if registers else "")
            + "; expected names such as patch_embed.proj.weight and blocks.0.attn.qkv.weight"
        )


def hub_to_hf(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of torch.hub's DINOv2 by the names of ``Dinov2Model``.

    Raises:
        EarthMarkerError: if a name is not one of DINOv2's.
    """
    return {name: tensor for _, name, tensor in hub_pairs(state)}


def dinov2_config_of(state: dict[str, Tensor], heads: int | None = None) -> Any:
    """The ``Dinov2Config`` of weights in torch.hub's form.

    Args:
        state: tensors by torch.hub's names.
        heads: of attention; shapes do not tell. Without, as many as have 64 channels, which is so in every
            published size.

    Raises:
        EarthMarkerError: if weights that tell a size are missing.
    """
    try:
        patch, positions = state["patch_embed.proj.weight"], state["pos_embed"]
        width, size = patch.shape[0], patch.shape[-1]
    except KeyError as error:
        raise EarthMarkerError(f"DINOv2 weights: {error.args[0]} is missing") from error
    layers = {int(m[1]) for m in map(_BLOCK.fullmatch, state) if m}
    swiglu = any(".mlp.w12." in key for key in state)
    fc1 = next((t for k, t in state.items() if k.endswith(".mlp.fc1.weight")), None)
    return Dinov2Config(
        hidden_size=width,
        num_hidden_layers=len(layers),
        num_attention_heads=heads or max(1, width // _HEAD),
        mlp_ratio=4 if fc1 is None else fc1.shape[0] // width,
        patch_size=size,
        image_size=round((positions.shape[1] - 1) ** 0.5) * size,
        use_swiglu_ffn=swiglu,
        layer_norm_eps=1e-6,
        use_mask_token="mask_token" in state,
    )


def dino_config_from(source: str | Path) -> Any:
    """Configuration of a DINOv2: of a file of torch.hub, or a folder or hub id of transformers.

    Raises:
        EarthMarkerError: if there is none.
    """
    if Path(source).is_file():
        return dinov2_config_of(read_state(source))
    try:
        config = AutoConfig.from_pretrained(source)
    except (OSError, ValueError) as error:
        first = str(error).strip().split("\n", 1)[0][:200]
        raise EarthMarkerError(f"{source}: no DINOv2 there ({first})") from error
    if config.model_type != "dinov2":
        raise EarthMarkerError(f"{source}: is a {config.model_type}, expected a dinov2")
    return config


def load_dino(module: nn.Module, source: str | Path) -> None:
    """Put DINOv2 weights into a module, in its own dtype.

    Args:
        module: a ``Dinov2Model``.
        source: a file of torch.hub, or folder or hub id of a DINOv2 of transformers.

    Raises:
        EarthMarkerError: if they cannot be read, have a name that is not known, or are of another size.
    """
    expected = module.state_dict()
    state = hub_to_hf(read_state(source)) if Path(source).is_file() else _of_transformers(source, expected)
    if difference := misfit(expected, state):
        raise EarthMarkerError(
            f"{source}: does not fit the DINOv2 of the model: {difference}; give other weights, or their "
            "sizes as dino_config"
        )
    module.load_state_dict(state)


def _of_transformers(source: str | Path, expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """Through ``from_pretrained``, which knows the names of older versions."""
    dtype = next(iter(expected.values())).dtype
    try:
        model, found = AutoModel.from_pretrained(source, dtype=dtype, output_loading_info=True)
    except (OSError, ValueError) as error:
        first = str(error).strip().split("\n", 1)[0][:200]
        raise EarthMarkerError(f"{source}: no DINOv2 of transformers there ({first})") from error
    if missing := sorted(found["missing_keys"]):
        raise EarthMarkerError(f"{source}: {some(missing)} not in the checkpoint, would be random")
    return dict(model.state_dict())
