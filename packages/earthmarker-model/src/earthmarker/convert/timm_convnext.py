"""ConvNeXt weights of timm and open_clip in ``ConvNextModel``.

The arithmetic is the same; names differ, and what comes behind the trunk. timm gives every norm of a model
one epsilon (1e-5 in ``convnext_xxlarge``, 1e-6 in the others), transformers fixes 1e-6 but in the last one:
:class:`earthmarker.mov.MixtureOfVisualExperts` sets all of them to ``ConvNextConfig.layer_norm_eps``, and so
must whoever uses the module alone. open_clip keeps the head's norm on the map of features; it is
``layernorm`` here, and the experts apply it to the map too.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import ConvNextConfig

from earthmarker.convert.weights import misfit, read_state, some
from earthmarker.errors import EarthMarkerError

_log = logging.getLogger(__name__)

_BLOCK = r"stages\.(\d+)\.blocks\.(\d+)"
_NAMES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"stem\.0\.(weight|bias)", r"embeddings.patch_embeddings.\1"),
        (r"stem\.1\.(weight|bias)", r"embeddings.layernorm.\1"),
        (
            r"stages\.(\d+)\.downsample\.([01])\.(weight|bias)",
            r"encoder.stages.\1.downsampling_layer.\2.\3",
        ),
        (_BLOCK + r"\.conv_dw\.(weight|bias)", r"encoder.stages.\1.layers.\2.dwconv.\3"),
        (_BLOCK + r"\.norm\.(weight|bias)", r"encoder.stages.\1.layers.\2.layernorm.\3"),
        (_BLOCK + r"\.mlp\.fc([12])\.(weight|bias)", r"encoder.stages.\1.layers.\2.pwconv\3.\4"),
        (_BLOCK + r"\.gamma", r"encoder.stages.\1.layers.\2.layer_scale_parameter"),
        # timm's models that norm before they pool call it norm_pre; on the map it is the same.
        (r"(?:head\.norm|norm_pre)\.(weight|bias)", r"layernorm.\1"),
    )
)
# Behind the trunk: classifiers, the projection into CLIP's space, CLIP's text tower.
_HEADS = re.compile(
    r"(head\.(fc|pre_logits)|classifier|visual\.head|transformer|token_embedding|ln_final|text)\..+"
    r"|positional_embedding|text_projection|logit_scale|logit_bias|attn_mask"
)
_HF = ("embeddings.", "encoder.", "layernorm.")


def timm_to_hf(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names of ``ConvNextModel`` for ConvNeXt weights of timm or open_clip, or of transformers itself.

    Args:
        state: tensors by timm's names, the same under ``visual.trunk.``, or by transformers' names, with or
            without ``convnext.`` before them.

    Returns:
        The same tensors by the names of ``ConvNextModel``. Linear layers kept as 1x1 convolutions lose
        their last two axes. Left out, and logged, are heads behind the trunk and CLIP's text tower.

    Raises:
        EarthMarkerError: if a name is none of these, naming it, or two names are one.
    """
    heads, converted, unknown = [], {}, []
    for key, tensor in state.items():
        if (name := _name(key)) is not None:
            if name in converted:
                raise EarthMarkerError(f"ConvNeXt weights: {key} comes a second time by another name")
            linear = "pwconv" in name and tensor.shape[2:] == (1, 1)
            converted[name] = tensor.flatten(1) if linear else tensor
        elif _HEADS.fullmatch(key):
            heads.append(key)
        else:
            unknown.append(key)
    if unknown:
        version2 = any(".grn." in key for key in unknown)
        raise EarthMarkerError(
            f"ConvNeXt weights: {some(unknown)} not known in timm's, open_clip's or transformers' ConvNeXt"
            + (" (a ConvNeXt V2, which is another network)" if version2 else "")
            + "; expected names such as stem.0.weight, stages.0.blocks.0.conv_dw.weight, head.norm.weight, "
            "or these under visual.trunk."
        )
    if heads:
        _log.info("ConvNeXt weights: left out what is behind the trunk: %s", some(heads))
    return converted


def _name(key: str) -> str | None:
    bare = key.removeprefix("convnext.")
    if bare.startswith(_HF):
        return bare
    bare = key.removeprefix("visual.").removeprefix("trunk.")
    for pattern, name in _NAMES:
        if match := pattern.fullmatch(bare):
            return match.expand(name)
    return None


def sizes_of(state: dict[str, Tensor]) -> dict[str, Any]:
    """Fields of a ``ConvNextConfig`` that the shapes of weights tell, by names of ``ConvNextModel``.

    Raises:
        EarthMarkerError: if there is no stem or no stage.
    """
    stem = state.get("embeddings.patch_embeddings.weight")
    found = [re.match(r"encoder\.stages\.(\d+)\.layers\.(\d+)\.", key) for key in state]
    blocks = {(int(m[1]), int(m[2])) for m in found if m}
    if stem is None or not blocks:
        raise EarthMarkerError("ConvNeXt weights: no stem or no stages among them")
    stages = 1 + max(stage for stage, _ in blocks)
    scales = [state.get(f"encoder.stages.{i}.layers.0.dwconv.weight") for i in range(stages)]
    return {
        "num_channels": stem.shape[1],
        "patch_size": stem.shape[-1],
        "num_stages": stages,
        "depths": [sum(stage == i for stage, _ in blocks) for i in range(stages)],
        "hidden_sizes": [0 if s is None else s.shape[0] for s in scales],
    }


def load_convnext(module: nn.Module, source: str | Path) -> None:
    """Put ConvNeXt weights into a module, in its own dtype.

    Args:
        module: a ``ConvNextModel``.
        source: file, folder or hub id of weights in the form of timm, open_clip or transformers.

    Raises:
        EarthMarkerError: if they cannot be read, have a name that is not known, or are of another size.
    """
    try:
        state = timm_to_hf(read_state(source))
        given = sizes_of(state)
    except EarthMarkerError as error:
        message = str(error)
        raise EarthMarkerError(
            message if message.startswith(str(source)) else f"{source}: {message}"
        ) from error
    expected = module.state_dict()
    if difference := misfit(expected, state):
        own = sizes_of(expected)
        hint = (
            f"it is a ConvNeXt of depths {given['depths']} and widths {given['hidden_sizes']}, the "
            f"configuration one of depths {own['depths']} and widths {own['hidden_sizes']}: give other "
            "weights, or its sizes as convnext_config"
            if given != own
            else "the sizes are right, so the file is not whole or is of a variant"
        )
        raise EarthMarkerError(f"{source}: does not fit the ConvNeXt of the model: {difference}; {hint}")
    module.load_state_dict(state)


def convnext_from_timm(model: Any) -> tuple[Any, dict[str, Tensor]]:
    """Configuration and weights for a ``ConvNextModel`` from a ConvNeXt of timm.

    Args:
        model: what ``timm.create_model("convnext_...")`` gives.

    Returns:
        A ``ConvNextConfig`` with the model's sizes, activation and epsilon of norms, and tensors by the names
        of ``ConvNextModel``, which share memory with the model's.

    Raises:
        EarthMarkerError: if it is no ConvNeXt, or has what ``ConvNextModel`` cannot do.
    """
    state = timm_to_hf(model.state_dict())
    norms = {m.eps for m in model.modules() if isinstance(m, nn.LayerNorm)}
    names = {type(block.mlp.act).__name__ for stage in model.stages for block in stage.blocks}
    acts = {"GELU": "gelu", "GELUTanh": "gelu_pytorch_tanh", "ReLU": "relu", "SiLU": "silu"}
    dilated = any(isinstance(m, nn.Conv2d) and m.dilation not in (1, (1, 1)) for m in model.modules()) or any(
        stage.downsample[1].stride != (2, 2) for stage in list(model.stages)[1:]
    )
    kernels = {tuple(t.shape[2:]) for name, t in state.items() if name.endswith("dwconv.weight")}
    if len(norms) != 1 or len(names) != 1 or not names <= acts.keys() or dilated or kernels != {(7, 7)}:
        raise EarthMarkerError(
            f"a ConvNeXt with norms of epsilon {sorted(norms)}, activations {sorted(names)}, kernels of "
            f"{' and '.join(f'{h}x{w}' for h, w in sorted(kernels))}"
            f"{', strides that were traded for dilation' if dilated else ''} is not one that ConvNextModel "
            f"computes; expected one epsilon, one of {', '.join(acts)}, kernels of 7x7, and output_stride 32"
        )
    config = ConvNextConfig(**sizes_of(state), hidden_act=acts[names.pop()], layer_norm_eps=norms.pop())
    return config, state
