"""The mixture of visual experts: frozen encoders over one canvas, their features on one grid."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel
from transformers.utils.constants import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    OPENAI_CLIP_MEAN,
    OPENAI_CLIP_STD,
)

from earthmarker.configuration_earthmarker import EarthMarkerConfig


class MixtureOfVisualExperts(nn.Module):
    """DINOv2 and CLIP-ConvNeXt over one canvas, concatenated by channel.

    Never trained: no gradient goes through it, and ``train()`` leaves it in evaluation mode.
    """

    def __init__(self, config: EarthMarkerConfig) -> None:
        super().__init__()
        self.streams = [(stream["encoder"], int(stream["size"])) for stream in config.streams]
        self.grid = config.grid
        self.class_token = config.class_token
        used = {encoder for encoder, _ in self.streams}
        if "dino" in used:
            self.dino = AutoModel.from_config(config.dino_config)
        if "convnext" in used:
            # It has no attention, and refuses to be asked for a fast one, as the model around it may be.
            self.convnext = AutoModel.from_config(config.convnext_config, attn_implementation="eager")
            for module in self.convnext.modules():
                # transformers fixes the inner norms at 1e-6; timm builds them all with the model's one
                # norm_eps.
                if isinstance(module, nn.LayerNorm):
                    module.eps = config.convnext_config.layer_norm_eps
        super().train(False)

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode, whatever the model around it does."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, pixel_values: Tensor) -> Tensor:
        """Features of canvases.

        Args:
            pixel_values: (images, 3, side, side), normalised with the mean and deviation of CLIP.

        Returns:
            (images, tokens, channels) in the dtype of the encoders; the class token, where there is one,
            comes first, then the grid row by row.
        """
        parts = [self._look(encoder, size, pixel_values) for encoder, size in self.streams]
        return torch.cat(parts, dim=-1)

    def _look(self, encoder: str, size: int, pixel_values: Tensor) -> Tensor:
        seen = _resize(pixel_values, size)
        if encoder == "dino":
            states = self.dino(_clip_to_imagenet(seen).to(self.dino.dtype)).last_hidden_state
            side = round((states.shape[1] - 1) ** 0.5)
            features = states[:, 1:].transpose(1, 2).unflatten(2, (side, side))
            whole = states[:, 0]
        else:
            features = self.convnext(seen.to(self.convnext.dtype)).last_hidden_state
            # open_clip keeps the norm of the head on the map; ConvNextModel applies it to the pooled map
            # only.
            features = self.convnext.layernorm(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            whole = features.mean(dim=(2, 3))
        if features.shape[-1] != self.grid:
            dtype = features.dtype
            features = functional.interpolate(
                features.float(), size=(self.grid, self.grid), mode="bilinear", antialias=True
            )
            features = features.to(dtype)
        tokens = features.flatten(2).transpose(1, 2)
        return torch.cat([whole[:, None], tokens], dim=1) if self.class_token else tokens


def _resize(pixels: Tensor, size: int) -> Tensor:
    """Bring canvases to a side of ``size`` pixels, bicubic, in float32 (half precision shifts the result)."""
    pixels = pixels.float()
    if pixels.shape[-1] == size:
        return pixels
    return functional.interpolate(pixels, size=(size, size), mode="bicubic", antialias=True)


def _clip_to_imagenet(pixels: Tensor) -> Tensor:
    """Renormalise from the statistics of CLIP to those of ImageNet, which DINOv2 was trained with."""
    clip_mean, clip_std, mean, std = (
        torch.tensor(values, dtype=pixels.dtype, device=pixels.device).view(1, 3, 1, 1)
        for values in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD, IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    )
    return (pixels * clip_std + clip_mean - mean) / std


def feature_fingerprint(mov: MixtureOfVisualExperts, config: EarthMarkerConfig) -> str:
    """Hash of all that features depend on besides the canvas: weights, streams, grid, class token.

    Raises:
        ValueError: if the encoders are not there (a model loaded without them).
    """
    import hashlib
    import json

    digest = hashlib.sha256()
    plan: dict[str, Any] = {"streams": config.streams, "grid": config.grid, "class_token": config.class_token}
    digest.update(json.dumps(plan, sort_keys=True).encode())
    for name, tensor in sorted(mov.state_dict().items()):
        digest.update(name.encode())
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.detach().contiguous().cpu().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
