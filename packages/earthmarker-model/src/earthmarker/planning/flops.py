"""Floating-point operations of a row. A multiplication and its addition are two."""

from __future__ import annotations

from earthmarker.configuration_earthmarker import EarthMarkerConfig
from earthmarker.planning.shapes import Decoder, image_tokens


def encoders(config: EarthMarkerConfig) -> int:
    """Of the forward pass of all streams over the two canvases of a row; nothing goes back through them."""
    dino, convnext = config.dino_config, config.convnext_config
    once = 0
    for stream in config.streams:
        side = int(stream["size"])
        if stream["encoder"] == "dino":
            once += vit(side, dino.patch_size, dino.hidden_size, dino.num_hidden_layers, dino.mlp_ratio)
        else:
            once += convnet(side, convnext.patch_size, convnext.hidden_sizes, convnext.depths)
    return 2 * once


def vit(side: int, patch: int, width: int, layers: int, ratio: int) -> int:
    """Of a vision transformer over one canvas.

    A layer's matrices have ``(4 + 2 ratio) width**2`` weights, each used once a token; scores and their
    product with the values take ``2 * 2 * tokens * width`` a token (Kaplan et al. 2020, table 1, whose count
    is of one of the two triangles).
    """
    patches = (side // patch) ** 2
    tokens = patches + 1
    a_layer = 2 * (4 + 2 * ratio) * width**2 + 4 * tokens * width
    return layers * tokens * a_layer + patches * 2 * 3 * patch**2 * width


def convnet(side: int, patch: int, widths: list[int], depths: list[int]) -> int:
    """Of a ConvNeXt over one canvas.

    A block of width C takes ``49 C + 8 C**2`` multiplications a pixel (a depthwise 7x7, and two linear layers
    with four times the width between them; Liu et al. 2022, figure 4); the stem is a convolution of
    ``patch``, and a 2x2 convolution lies between stages. Gives the 198.1 GMAC that timm lists for
    convnext_xxlarge at 256 pixels.
    """
    pixels = (side // patch) ** 2
    multiplications = pixels * 3 * patch**2 * widths[0]
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        if stage:
            pixels //= 4
            multiplications += pixels * 4 * widths[stage - 1] * width
        multiplications += pixels * depth * (49 * width + 8 * width**2)
    return 2 * multiplications


def step(
    config: EarthMarkerConfig, tokens: int, learned: int, projector: int, *, lora: int, checkpointing: bool
) -> int:
    """Of the forward and backward pass of decoder, head and projection for one row.

    Forward, every weight of a matrix is used once a token. Backward, gradients go through the same matrices
    down to the first layer, as much again, whatever learns: the projection lies below the decoder, and
    attention learns in every layer. Gradients of weights cost as much once more, but only for those that
    learn. Attention scores go back twice. Recomputing activations is one more forward pass through the
    layers.

    Args:
        config: of the model.
        tokens: of the row.
        learned: parameters that learn, of decoder or LoRA; 0 where the projection learns.
        projector: parameters of the projection; they learn in phase align.
        lora: parameters of LoRA; 0 without.
        checkpointing: whether activations are recomputed.
    """
    decoder = Decoder.of(config.text_config)
    scores = 4 * tokens * decoder.queries
    layers = decoder.layers * (2 * decoder.layer + scores) + 2 * lora
    head = 2 * decoder.width * decoder.words
    forward = tokens * (layers + head)
    backward = tokens * (layers + decoder.layers * scores + head + 2 * learned)
    again = tokens * layers if checkpointing else 0
    projection = 2 * projector * image_tokens(config)
    return forward + backward + again + projection * (1 if learned else 2)
