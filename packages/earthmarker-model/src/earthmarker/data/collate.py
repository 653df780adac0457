"""Rows to a batch that the model takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from earthmarker.data.canvases import Canvases
from earthmarker.data.encode import IGNORED, encode
from earthmarker.data.rows import Row
from earthmarker.errors import EarthMarkerError


class Features(Protocol):
    """Cached features of pictures and prompts; see ``earthmarker.features``."""

    def of(self, row: Row) -> Tensor:
        """(2, tokens, channels) of the row's picture and prompt."""
        ...


class Collator:
    """Makes batches for training, padded on the right.

    Args:
        processor: an ``EarthMarkerProcessor``.
        features: cached features; without them pictures are decoded and prompts drawn.
        most: longest sequence. A longer row loses the end of its text, never a placeholder, and is counted.

    Raises:
        EarthMarkerError: for a longest sequence that has no room for the images.
    """

    def __init__(self, processor: Any, features: Features | None = None, most: int = 2048) -> None:
        self.processor = processor
        self.features = features
        images = 1 + 2 * (processor.image_seq_length + 2)
        if most < images:
            raise EarthMarkerError(
                f"data.most = {most}: the beginning and the two images of a row alone are {images} tokens"
            )
        self.most = most
        self.cut = 0
        self._canvases = Canvases(processor)

    def __call__(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        """A batch: ``input_ids``, ``attention_mask``, ``labels`` and ``pixel_values`` or ``mov_features``.

        Raises:
            EarthMarkerError: if nothing would be left of a row's answer, or a row cannot be made a batch of.
        """
        pairs = [encode(self.processor, row.messages) for row in rows]
        for row, (ids_of_row, labels_of_row) in zip(rows, pairs, strict=True):
            if (labels_of_row[: self.most] == IGNORED).all():
                # A step without a label would divide by zero.
                raise EarthMarkerError(
                    f"row {row.id}: {len(ids_of_row)} tokens, of which the first {self.most} hold no word of "
                    "the answer: raise data.most"
                )
        self.cut += sum(len(ids) > self.most for ids, _ in pairs)
        ids = pad([pair[0][: self.most] for pair in pairs], self.processor.tokenizer.pad_token_id)
        labels = pad([pair[1][: self.most] for pair in pairs], IGNORED)
        lengths = torch.tensor([min(len(pair[0]), self.most) for pair in pairs])
        batch = {
            "input_ids": ids,
            "attention_mask": (torch.arange(ids.shape[1])[None] < lengths[:, None]).long(),
            "labels": labels,
        }
        if self.features is not None:
            batch["mov_features"] = torch.cat([self.features.of(row) for row in rows])
        else:
            batch["pixel_values"] = torch.cat([self._canvases.of(row) for row in rows])
        return batch


def pad(
    sequences: Sequence[np.ndarray[Any, np.dtype[np.int64]]], value: int, *, left: bool = False
) -> Tensor:
    """Sequences as one (n, longest) int64 tensor, filled up with ``value`` on the right or the left."""
    longest = max(len(s) for s in sequences)
    filled = np.full((len(sequences), longest), value, dtype=np.int64)
    for row, sequence in zip(filled, sequences, strict=True):
        if left:
            row[longest - len(sequence) :] = sequence
        else:
            row[: len(sequence)] = sequence
    return torch.from_numpy(filled)
