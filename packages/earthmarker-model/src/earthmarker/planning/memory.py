"""Bytes that training needs on one GPU."""

from __future__ import annotations

from dataclasses import dataclass, fields

from earthmarker.configuration_earthmarker import EarthMarkerConfig
from earthmarker.planning.shapes import Decoder, image_tokens

HALF, FULL = 2, 4


@dataclass(frozen=True)
class Memory:
    """Bytes on one GPU.

    Attributes:
        weights: bfloat16, of everything; what learns is kept in float32 besides, see ``optimiser``.
        gradients: float32, of what learns; twice with DDP on several GPUs, which reduces them in buckets.
        optimiser: AdamW's float32 master weights and two moments, 12 bytes a parameter; with 8-bit moments 6.
        activations: kept for the backward pass.
        logits: of all positions, in bfloat16 and float32, with their log-softmax and gradient.
        gathered: what FSDP has whole at a time.
    """

    weights: int
    gradients: int
    optimiser: int
    activations: int
    logits: int
    gathered: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return sum(getattr(self, field.name) for field in fields(self))


def state(
    parameters: int, learned: int, *, gpus: int, sharded: bool, eight_bit: bool
) -> tuple[int, int, int]:
    """Weights, gradients and optimiser.

    Mixed-precision AdamW (Rajbhandari et al. 2020, ZeRO, section 3.1: 2 + 12 bytes a parameter), but that
    gradients are float32 as in this package, and that frozen parameters have nothing but their weights. 8-bit
    moments are one byte each (Dettmers et al. 2022); FSDP with full sharding divides all by the GPUs.
    """
    parts = gpus if sharded else 1
    buckets = 2 if gpus > 1 and not sharded else 1
    moments = 2 if eight_bit else 8
    return (
        HALF * parameters // parts,
        FULL * learned * buckets // parts,
        (FULL + moments) * learned // parts,
    )


def layer_activations(decoder: Decoder, *, size: int = HALF, learned: bool, lora: bool = False) -> int:
    """Bytes a token that a layer keeps for the backward pass, with attention that keeps no scores (SDPA).

    Counted from what autograd saves of transformers' Llama: the float32 input of each of two norms;
    queries, keys, values and the output of attention; gate, its SiLU and up of the MLP. Inputs of linear
    layers are kept where these learn: of q, k, v one, of o another. LoRA keeps both in float32, and its
    dropout's result and mask for each of the four.

    Args:
        decoder: its sizes.
        size: bytes of a number, 2 with bfloat16.
        learned: whether attention learns.
        lora: whether by LoRA.
    """
    norms = 2 * FULL * decoder.width
    attention = size * 2 * (decoder.queries + decoder.keys)
    mlp = size * 3 * decoder.inner
    inputs = size * (decoder.width + decoder.queries) if learned else 0
    if lora:
        inputs = (FULL + 1) * (3 * decoder.width + decoder.queries)
    return norms + attention + mlp + inputs


def activations(
    config: EarthMarkerConfig,
    rows: int,
    tokens: int,
    *,
    phase: str,
    checkpointing: bool,
    size: int = HALF,
) -> int:
    """Bytes of activations of one pass.

    With checkpointing, the input of every layer, and all of one layer while it is recomputed (Chen et al.
    2016). The encoders run without a graph and give their memory back before the decoder needs its own.

    Args:
        config: of the model.
        rows: of the pass.
        tokens: of a row.
        phase: name of the phase.
        checkpointing: whether activations are recomputed.
        size: bytes of a number, 2 with bfloat16.
    """
    decoder = Decoder.of(config.text_config)
    a_layer = layer_activations(decoder, size=size, learned=phase != "align", lora=phase == "rsvp")
    inputs = decoder.layers * size * decoder.width
    a_token = inputs + a_layer if checkpointing else decoder.layers * a_layer
    projection = 0
    if phase == "align":
        # Its input, and the input of its norm.
        projection = image_tokens(config) * FULL * (config.feature_size + decoder.width)
    return rows * (tokens * a_token + projection)


def logits(config: EarthMarkerConfig, rows: int, tokens: int, *, size: int = HALF) -> int:
    """Bytes of the head's output, its float32 copy, the log-softmax of that and its gradient."""
    return rows * tokens * int(config.text_config.vocab_size) * (size + 3 * FULL)


def gathered(config: EarthMarkerConfig, parts: dict[str, int], *, cached: bool) -> int:
    """Bytes that FSDP has whole at a time, in bfloat16.

    Two layers (one at work, one fetched ahead), embeddings, head and projection; or the encoders, which are
    one unit and are done before, if those are more.
    """
    decoder = Decoder.of(config.text_config)
    rest = parts["embeddings"] + max(parts["head"], parts["embeddings"]) + parts["projector"]
    experts = 0 if cached else parts["dino"] + parts["convnext"]
    return HALF * max(2 * decoder.layer + rest, experts + rest)
