"""Parameters of a preset, counted without memory for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch

from earthmarker.configuration_earthmarker import EarthMarkerConfig
from earthmarker.modeling_earthmarker import EarthMarkerForConditionalGeneration
from earthmarker.presets.sizes import Preset, preset
from earthmarker.presets.tokenizers import byte_tokenizer
from earthmarker.processing_earthmarker import BOUNDARIES, IMAGE

if TYPE_CHECKING:
    from earthmarker.training.phases import Lora

_LAYER = r"model\.language_model\.layers\.\d+\."
# The first that matches the whole name of a parameter is its part.
_PARTS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (part, re.compile(pattern))
    for part, pattern in (
        ("dino", r"model\.mov\.dino\..+"),
        ("convnext", r"model\.mov\.convnext\..+"),
        ("projector", r"model\.projector\..+"),
        ("attention", _LAYER + r"self_attn\.[qkvo]_proj\.(weight|bias)"),
        ("mlp", _LAYER + r"mlp\..+"),
        # Qwen and others norm queries and keys too.
        ("norms", _LAYER + r".*norm\.weight|model\.language_model\.norm\.weight"),
        ("embeddings", r"model\.language_model\.embed_tokens\.weight"),
        ("head", r"lm_head\.weight"),
    )
)


def count(name: str, *, lora: Lora | None = None, **changes: Any) -> dict[str, int]:
    """Parameters of a preset, part by part.

    Args:
        name: of the preset.
        lora: of phase three; only its rank counts.
        changes: other fields of ``EarthMarkerConfig``, such as ``projector="mlp"``.

    Returns:
        ``dino``, ``convnext``, ``projector`` (with the boundary embeddings), ``attention`` (q, k, v and o of
        the decoder), ``mlp``, ``norms`` (of the decoder), ``embeddings`` and ``head`` (0 where it is tied to
        the embeddings): together the model. ``lora`` comes on top in phase three.

    Raises:
        ValueError: for an unknown preset or field.
    """
    from earthmarker.training.phases import Lora

    rank = (lora or Lora()).rank
    with torch.device("meta"):
        model = EarthMarkerForConditionalGeneration(bare_config(preset(name), **changes))
    parts = dict.fromkeys([*(part for part, _ in _PARTS), "lora"], 0)
    for key, parameter in model.named_parameters():
        part = next((part for part, pattern in _PARTS if pattern.fullmatch(key)), None)
        if part is None:
            raise ValueError(f"{key} is in none of the parts {', '.join(parts)}")
        parts[part] += parameter.numel()
        if part == "attention" and key.endswith(".weight"):
            # A pair of matrices beside each: (rank, in) and (out, rank).
            parts["lora"] += rank * sum(parameter.shape)
    return parts


def bare_config(size: Preset, **changes: Any) -> EarthMarkerConfig:
    """Configuration of a preset without its tokenizer: five rows more than its vocabulary.

    Raises:
        ValueError: for an unknown field.
    """
    words = size.text.get("vocab_size") or len(byte_tokenizer())
    new = [IMAGE, *BOUNDARIES]
    fields: dict[str, Any] = {
        "dino_config": {"model_type": "dinov2", **size.dino},
        "convnext_config": {"model_type": "convnext", **size.convnext},
        "text_config": {"model_type": "llama", **size.text, "vocab_size": words + len(new)},
        "image_size": size.image_size,
        "streams": [dict(s) for s in size.streams],
        "grid": size.grid,
        "image_token_id": words,
        "boundary_token_ids": list(range(words + 1, words + len(new))),
    }
    if unknown := set(changes) - set(EarthMarkerConfig.__dataclass_fields__):
        raise ValueError(f"no such field of EarthMarkerConfig: {', '.join(sorted(unknown))}")
    return EarthMarkerConfig(**{**fields, **changes})
