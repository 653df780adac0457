"""Logits of answers alone: most of a sequence is image and question, which have no part in the loss."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from earthmarker.data.encode import IGNORED


def answers_only(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """A batch whose loss is the same, made of the logits that it needs.

    With 640 tokens of which 20 are learned, the head and the cross entropy would otherwise compute, and keep
    for the gradient, thirty times too much; of a small decoder that is a fifth of a step.

    Args:
        batch: with ``labels``, (rows, length) int64.

    Returns:
        A new dictionary with ``logits_to_keep``, (kept,) int64 positions that precede a learned token in any
        row, and ``shift_labels``, (rows, kept) int64; the argument is left as it is.
    """
    shifted = functional.pad(batch["labels"], (0, 1), value=IGNORED)[:, 1:]
    kept = (shifted != IGNORED).any(dim=0).nonzero()[:, 0]
    return {**batch, "logits_to_keep": kept, "shift_labels": shifted[:, kept]}
