"""Rows to answers, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from earthmarker.data.canvases import Canvases
from earthmarker.data.collate import Features, pad
from earthmarker.data.encode import encode
from earthmarker.data.rows import Row


class Answerer:
    """Answers rows greedily: the answers of a batch are those of its rows one by one.

    Args:
        model: an ``EarthMarkerForConditionalGeneration``.
        processor: its processor.
        features: cached features; without them pictures are decoded and prompts drawn.
        longest: most tokens of an answer.
    """

    def __init__(
        self, model: Any, processor: Any, features: Features | None = None, longest: int = 256
    ) -> None:
        self.model = model.eval()
        self.processor = processor
        self.features = features
        self.longest = longest
        self._canvases = Canvases(processor)

    def __call__(self, rows: Sequence[Row]) -> list[str]:
        """The answer to each row."""
        if self.features is not None:
            images = {"mov_features": torch.cat([self.features.of(row) for row in rows])}
        else:
            images = {"pixel_values": torch.cat([self._canvases.of(row) for row in rows])}
        return self.generate([row.messages for row in rows], images)

    @torch.no_grad()
    def generate(
        self, conversations: Sequence[Sequence[dict[str, str]]], images: dict[str, Tensor]
    ) -> list[str]:
        """The answer to the last question of each conversation.

        Args:
            conversations: ``{"role", "content"}`` by turns; an answer at the end is left out.
            images: ``pixel_values`` or ``mov_features``, picture and prompt of each conversation.
        """
        tokenizer = self.processor.tokenizer
        ids = [encode(self.processor, messages, answer=False)[0] for messages in conversations]
        batch = pad(ids, tokenizer.pad_token_id, left=True)
        lengths = torch.tensor([len(one) for one in ids])
        mask = (torch.arange(batch.shape[1])[None] >= batch.shape[1] - lengths[:, None]).long()
        device = self.model.device
        made = self.model.generate(
            input_ids=batch.to(device),
            attention_mask=mask.to(device),
            **{name: tensor.to(device) for name, tensor in images.items()},
            max_new_tokens=self.longest,
            do_sample=False,
        )
        new = made[:, batch.shape[1] :]
        return [text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)]
