"""The documented warm-up of small encoders, before they are frozen for all three phases.

Nobody can load DINOv2 and CLIP here, and frozen random encoders tell little. So both small encoders learn,
on pictures that are in neither training nor test, to say for each cell of the grid what lies there; and on
drawn prompts, which mark covers it, as the large ones see colours and digits without being taught. No
question, answer or test picture takes part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from earthmarker.mov import MixtureOfVisualExperts
from earthmarker.prompts import Box, Mark, Point, draw_prompt
from train_smoke.scenes import KINDS, SIDE, Drawn, cells

MARKS = 4
_BATCH = 32
_RATE = 2e-3


def warm_up(
    mov: MixtureOfVisualExperts,
    width: int,
    canvases: Callable[[Sequence[Image.Image]], Tensor],
    drawn: Sequence[Drawn],
    epochs: int,
    log: Callable[[str], None],
) -> None:
    """Train the encoders; their heads are thrown away.

    Args:
        mov: the encoders.
        width: channels of their features, ``EarthMarkerConfig.feature_size``.
        canvases: makes (n, 3, side, side) canvases of pictures.
        drawn: pictures kept apart for this.
        epochs: passes over them.
        log: told how it goes.
    """
    torch.manual_seed(0)
    pictures = canvases([d.picture for d in drawn])
    classes = torch.from_numpy(np.stack([cells(d, mov.grid) for d in drawn]))
    asked, covered = _prompts(drawn, mov.grid, pictures.shape[-1])
    prompts = canvases(asked)
    heads = nn.ModuleList([nn.Linear(width, len(KINDS) + 1), nn.Linear(width, MARKS + 1)])
    steps = epochs * (len(drawn) // _BATCH)
    optimizer = torch.optim.AdamW([*mov.parameters(), *heads.parameters()], lr=_RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps, pct_start=0.15)
    for epoch in range(epochs):
        order = torch.randperm(len(drawn))
        losses = []
        for start in range(0, len(drawn) - _BATCH + 1, _BATCH):
            chosen = order[start : start + _BATCH]
            turns = int(torch.randint(4, ()))
            seen = torch.rot90(pictures[chosen], turns, (2, 3))
            right = torch.rot90(classes[chosen], turns, (1, 2))
            features = _features(mov, torch.cat([seen, prompts[chosen]]))
            loss = _loss(heads[0](features[:_BATCH]), right) + _loss(
                heads[1](features[_BATCH:]), covered[chosen]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        log(f"encoders: epoch {epoch + 1} of {epochs}, loss {np.mean(losses):.3f}")


def _features(mov: MixtureOfVisualExperts, canvases: Tensor) -> Tensor:
    """(n, cells, channels), with a gradient: what ``forward`` gives without one."""
    features = MixtureOfVisualExperts.forward.__wrapped__(mov, canvases)
    return features[:, 1:] if mov.class_token else features


def _loss(logits: Tensor, right: Tensor) -> Tensor:
    """Cross entropy over cells; empty ones are many and count less."""
    weights = torch.ones(logits.shape[-1])
    weights[0] = 0.2
    return functional.cross_entropy(logits.flatten(0, 1), right.flatten(), weight=weights)


def _prompts(drawn: Sequence[Drawn], grid: int, canvas: int) -> tuple[list[Image.Image], Tensor]:
    """A prompt for each picture, and the index of the mark that each cell lies under."""
    images, covered = [], []
    for number, scene in enumerate(drawn):
        rng = np.random.default_rng((77, number))
        chosen = rng.permutation(len(scene.sights))[:MARKS]
        points = rng.random() < 0.5
        marks: list[Mark] = [
            Point(scene.sights[i].x, scene.sights[i].y) if points else Box(*scene.sights[i].box)
            for i in chosen
        ]
        images.append(draw_prompt(marks, SIDE, SIDE, canvas))
        covered.append(cover(marks, grid, SIDE))
    return images, torch.from_numpy(np.stack(covered))


def cover(marks: Sequence[Mark], grid: int, side: int) -> np.ndarray:
    """(grid, grid) int64: index of the last mark whose box lies on a cell of a square picture, 0 for none."""
    found = np.zeros((grid, grid), dtype=np.int64)
    size = side / grid
    for index, mark in enumerate(marks, 1):
        (x1, y1), (x2, y2) = mark.outline.min(axis=0), mark.outline.max(axis=0)
        top, left, bottom, right = int(y1 // size), int(x1 // size), int(-(-y2 // size)), int(-(-x2 // size))
        found[top : max(bottom, top + 1), left : max(right, left + 1)] = index
    return found
