"""From features of images to embeddings of the decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from earthmarker.configuration_earthmarker import EarthMarkerConfig


class EarthMarkerProjector(nn.Module):
    """Linear and LayerNorm as in SPHINX-X, or an MLP; and the embeddings around images and prompts.

    Images and prompts go through the same projection (the paper's equations 2 and 3); the decoder tells
    them apart by the boundary embeddings around them.
    """

    def __init__(self, config: EarthMarkerConfig) -> None:
        super().__init__()
        width = config.text_config.hidden_size
        layers: list[nn.Module] = [nn.Linear(config.feature_size, width)]
        if config.projector == "mlp":
            layers += [nn.GELU(), nn.Linear(width, width)]
        self.layers = nn.Sequential(*layers, nn.LayerNorm(width))
        self.boundary = nn.Parameter(torch.empty(4, width))

    def forward(self, features: Tensor | None) -> Tensor:
        """Project features, or hand out the boundary.

        Args:
            features: (images, tokens, channels), or None for the boundary. It is had by a call and as a copy,
                because parameters that lie sharded or on another device are there for the length of a call.

        Returns:
            (images, tokens, width of the decoder), or (4, width).
        """
        if features is None:
            return self.boundary.clone()
        projected: Tensor = self.layers(features.to(self.boundary.dtype))
        return projected
