"""Run the encoders once over the pictures and prompts of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from earthmarker.data import RowDataset, RowIndex
from earthmarker.data.canvases import Canvases
from earthmarker.features.keys import picture_key, prompt_key
from earthmarker.features.store import FeatureStore
from earthmarker.mov import feature_fingerprint


def compute(
    model: Any,
    processor: Any,
    index: RowIndex,
    folder: Path,
    *,
    batch: int = 16,
    progress: Callable[[int, int], None] | None = None,
) -> FeatureStore:
    """Fill a cache with features of the pictures and prompts of rows; what it has is not computed again.

    Args:
        model: an ``EarthMarkerForConditionalGeneration`` with its encoders.
        processor: its processor.
        index: the rows.
        folder: the cache, new or begun by the same encoders.
        batch: canvases that go through the encoders at a time.
        progress: told rows done and rows in all.

    Raises:
        StaleCacheError: if other encoders made what is in the folder.
        EarthMarkerError: if a picture cannot be read.
    """
    mov = model.model.mov
    fingerprint = feature_fingerprint(mov, model.config)
    shape = (model.config.image_seq_length, model.config.feature_size)
    store = FeatureStore.create(folder, processor, fingerprint, shape)
    device = next(mov.parameters()).device
    waiting: dict[bytes, Tensor] = {}

    def flush() -> None:
        if waiting:
            store.add(list(waiting), mov(torch.stack(list(waiting.values())).to(device)))
            waiting.clear()

    for number, key, canvas in _lacking(processor, index, store, waiting):
        waiting[key] = canvas
        if len(waiting) >= batch:
            flush()
            if progress is not None:
                progress(number, len(index))
    flush()
    if progress is not None:
        progress(len(index), len(index))
    return store


def _lacking(
    processor: Any, index: RowIndex, store: FeatureStore, waiting: dict[bytes, Tensor]
) -> Iterator[tuple[int, bytes, Tensor]]:
    """Row numbers, keys and canvases of what is neither stored nor waiting."""
    rows = RowDataset(index)
    canvases = Canvases(processor, held=4)
    for number in range(len(rows)):
        row = rows[number]
        for key, make in (
            (picture_key(row), canvases.picture),
            (prompt_key(row, processor), canvases.prompt),
        ):
            if key not in store and key not in waiting:
                yield number, key, make(row)
