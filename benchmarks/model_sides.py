"""Both sides of the model benchmark: EarthMarker and transformers' LLaVA of matched sizes, random weights.

The decoder, the rank of LoRA, the tokens of a sample and what learns are the same on both sides. LLaVA's
tower is a CLIP ViT as wide as its own, with as many layers as make about the arithmetic of our encoders; or,
where ``tower`` is ``dino``, both sides have the same DINOv2 and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from earthmarker import EarthMarkerConfig, EarthMarkerForConditionalGeneration
from earthmarker.presets import PRESETS
from earthmarker.training.phases import ATTENTION, PHASES, Lora, prepare

BOUNDARIES = (3, 4, 5, 6)
IMAGE = 7
FIRST_WORD = 8
ANSWER = 16


@dataclass(frozen=True)
class Size:
    """One size of the benchmark.

    Attributes:
        dino: fields of a ``Dinov2Config``.
        convnext: fields of a ``ConvNextConfig``.
        text: fields of a ``LlamaConfig``.
        canvas: side of the canvas, in pixels; ConvNeXt sees all of it.
        dino_side: what DINOv2 sees, in pixels.
        tower: width of LLaVA's CLIP tower.
        words: tokens of text in a sample, ``ANSWER`` of which are learned.
    """

    dino: dict[str, Any]
    convnext: dict[str, Any]
    text: dict[str, Any]
    canvas: int
    dino_side: int
    tower: int
    words: int

    @property
    def grid(self) -> int:
        """Side of the grid of image tokens."""
        return self.dino_side // 14

    @property
    def image_tokens(self) -> int:
        """Tokens of one image, on both sides."""
        return self.grid**2 + 1

    @property
    def tokens(self) -> int:
        """Tokens of a sample: an image and a prompt with their boundaries, and text."""
        return 2 * (self.image_tokens + 2) + self.words


SIZES = {
    # What a published base encoder of each kind and the smallest published decoder of this kind are.
    "base": Size(
        dino={"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "image_size": 518},
        convnext={"hidden_sizes": [128, 256, 512, 1024], "depths": [3, 3, 27, 3]},
        text=PRESETS["smol"].text,
        canvas=512,
        dino_side=224,
        tower=1024,
        words=96,
    ),
    # The same proportions on a scale that says in seconds whether the benchmark runs.
    "small": Size(
        dino={"hidden_size": 192, "num_hidden_layers": 6, "num_attention_heads": 3, "image_size": 112},
        convnext={"hidden_sizes": [32, 64, 128, 256], "depths": [2, 2, 9, 2]},
        text={
            "hidden_size": 192,
            "intermediate_size": 512,
            "num_hidden_layers": 6,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
            "vocab_size": 8192,
            "tie_word_embeddings": True,
        },
        canvas=256,
        dino_side=112,
        tower=256,
        words=32,
    ),
}


def ours(size: Size, *, tower: str, load_mov: bool = True) -> EarthMarkerForConditionalGeneration:
    """An EarthMarker; with ``tower="dino"`` it looks through DINOv2 alone."""
    streams = [{"encoder": "dino", "size": size.dino_side}]
    if tower == "mixture":
        streams.insert(0, {"encoder": "convnext", "size": size.canvas})
    config = EarthMarkerConfig(
        dino_config={"model_type": "dinov2", "patch_size": 14, **size.dino},
        convnext_config={"model_type": "convnext", **size.convnext},
        text_config={"model_type": "llama", **size.text},
        image_size=size.canvas if tower == "mixture" else size.dino_side,
        streams=streams,
        grid=size.grid,
        projector="mlp",
        image_token_id=IMAGE,
        boundary_token_ids=BOUNDARIES,
        load_mov=load_mov,
    )
    return EarthMarkerForConditionalGeneration(config)


def llava(size: Size, *, tower: str) -> Any:
    """A LLaVA with the same decoder, the same tokens of an image and a tower of the same arithmetic."""
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    if tower == "dino":
        vision: dict[str, Any] = {"model_type": "dinov2", "patch_size": 14, **size.dino}
    else:
        vision = clip(size, clip_layers(size))
    config = LlavaConfig(
        vision_config=vision,
        text_config={"model_type": "llama", **size.text},
        image_token_index=IMAGE,
        image_seq_length=size.image_tokens,
        # All of its tokens and its last layer: nothing is computed in vain.
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
    )
    return LlavaForConditionalGeneration(config)


def clip(size: Size, layers: int) -> dict[str, Any]:
    """Fields of a ``CLIPVisionConfig`` that gives as many tokens as our grid."""
    return {
        "model_type": "clip_vision_model",
        "hidden_size": size.tower,
        "intermediate_size": 4 * size.tower,
        "num_attention_heads": max(1, size.tower // 64),
        "num_hidden_layers": layers,
        "image_size": size.dino_side,
        "patch_size": 14,
    }


def clip_layers(size: Size) -> int:
    """Layers of the tower that come nearest to the arithmetic of our encoders."""
    one, two = (clip_flops(size, layers) for layers in (1, 2))
    return max(1, round((encoder_flops(size) - one) / (two - one)) + 1)


def clip_flops(size: Size, layers: int) -> float:
    """Floating-point operations of LLaVA's tower over one image."""
    from transformers import AutoConfig, AutoModel

    fields = clip(size, layers)
    with torch.device("meta"):
        tower = AutoModel.from_config(AutoConfig.for_model(**fields))
        return _flops(tower, torch.empty(1, 3, size.dino_side, size.dino_side))


def encoder_flops(size: Size, tower: str = "mixture") -> float:
    """Floating-point operations of our encoders over one canvas."""
    with torch.device("meta"):
        model = ours(size, tower=tower)
        side = model.config.image_size
        return _flops(model.model.mov, torch.empty(1, 3, side, side))


def preset_flops(name: str, words: int) -> tuple[float, float]:
    """Operations of a preset for a sample: of its encoders for image and prompt, and of its decoder."""
    preset = PRESETS[name]
    config = EarthMarkerConfig(
        dino_config={"model_type": "dinov2", **preset.dino},
        convnext_config={"model_type": "convnext", **preset.convnext},
        text_config={"model_type": "llama", **preset.text},
        image_size=preset.image_size,
        streams=[dict(stream) for stream in preset.streams],
        grid=preset.grid,
    )
    with torch.device("meta"):
        model = EarthMarkerForConditionalGeneration(config)
        side, tokens = preset.image_size, 2 * (config.image_seq_length + 2) + words
        seen = _flops(model.model.mov, torch.empty(2, 3, side, side))
        embeds = torch.empty(1, tokens, config.text_config.hidden_size)
        with FlopCounterMode(display=False) as counted:
            model(inputs_embeds=embeds)
        return seen, float(counted.get_total_flops())


def _flops(module: Any, pixels: torch.Tensor) -> float:
    with torch.no_grad(), FlopCounterMode(display=False) as counted:
        module(pixels)
    return float(counted.get_total_flops())


def learning(model: Any, phase: str) -> Any:
    """Let the same parameters learn on both sides: the projection, or LoRA on the decoder's attention."""
    if isinstance(model, EarthMarkerForConditionalGeneration):
        return prepare(model, PHASES[phase], Lora())
    if phase == "rsvp":
        from peft import LoraConfig, get_peft_model

        lora = Lora()
        settings = LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=ATTENTION,
            task_type="CAUSAL_LM",
        )
        return get_peft_model(model, settings)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("multi_modal_projector" in name)
    return model


def batch(size: Size, rows: int, seed: int) -> dict[str, torch.Tensor]:
    """Ids and labels of samples: an image, a prompt, text; the last tokens are learned."""
    generator = torch.Generator().manual_seed(seed)
    start, end, prompt, close = BOUNDARIES
    images = [start, *[IMAGE] * size.image_tokens, end, prompt, *[IMAGE] * size.image_tokens, close]
    words = torch.randint(FIRST_WORD, size.text["vocab_size"], (rows, size.words), generator=generator)
    ids = torch.cat([torch.tensor(images).expand(rows, -1), words], dim=1)
    labels = torch.full_like(ids, -100)
    labels[:, -ANSWER:] = ids[:, -ANSWER:]
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}
