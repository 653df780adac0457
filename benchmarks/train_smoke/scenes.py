"""Random pictures of marked things, every layout drawn anew, so that nothing but looking helps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from rsvp_builder.demo.snapshots import Sight, draw

SIDE = 256

# Class of NWPU VHR-10: its number, the shape that is drawn, sizes across and along in pixels.
KINDS: dict[str, tuple[str, str, tuple[float, float], tuple[float, float]]] = {
    "airplane": ("1", "plane", (56, 80), (56, 80)),
    "ship": ("2", "ship", (20, 28), (64, 90)),
    "storage tank": ("3", "storage-tank", (40, 60), (40, 60)),
    "baseball diamond": ("4", "baseball-diamond", (70, 96), (70, 96)),
    "tennis court": ("5", "tennis-court", (36, 48), (74, 96)),
    "basketball court": ("6", "basketball-court", (40, 50), (72, 92)),
    "ground track field": ("7", "ground-track-field", (56, 70), (100, 130)),
    "harbor": ("8", "harbor", (20, 28), (90, 120)),
    "bridge": ("9", "bridge", (24, 32), (90, 130)),
    "vehicle": ("10", "small-vehicle", (18, 24), (38, 50)),
}
GROUNDS = ("concrete", "grass", "paving", "meadow", "soil", "water", "sand", "asphalt")


@dataclass(frozen=True)
class Drawn:
    """A picture and what is on it.

    Attributes:
        picture: RGB of ``SIDE`` x ``SIDE``.
        sights: the things, tokens being numbers of classes.
        labels: their classes.
    """

    picture: Image.Image
    sights: list[Sight]
    labels: list[str]


def scenes(count: int, seed: int) -> Iterator[Drawn]:
    """Draw pictures of two to five things that do not overlap."""
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        sights, labels = _layout(rng, int(rng.integers(2, 6)))
        ground = GROUNDS[int(rng.integers(len(GROUNDS)))]
        yield Drawn(draw((SIDE, SIDE), ground, sights, (seed, number)), sights, labels)


def _layout(rng: np.random.Generator, wanted: int) -> tuple[list[Sight], list[str]]:
    names = list(KINDS)
    sights: list[Sight] = []
    labels: list[str] = []
    for _ in range(wanted * 12):
        if len(sights) == wanted:
            break
        name = names[int(rng.integers(len(names)))]
        sight = _sight(rng, name)
        if _fits(sight, sights):
            sights.append(sight)
            labels.append(name)
    return sights, labels


def _sight(rng: np.random.Generator, name: str) -> Sight:
    token, shape, across, along = KINDS[name]
    width, length = rng.uniform(*across), rng.uniform(*along)
    x, y = rng.uniform(0, SIDE, size=2)
    return Sight(token, shape, float(x), float(y), float(width), float(length), float(rng.uniform(0, 360)))


def _fits(sight: Sight, others: list[Sight]) -> bool:
    x1, y1, x2, y2 = sight.box
    if x1 < 2 or y1 < 2 or x2 > SIDE - 2 or y2 > SIDE - 2:
        return False
    for other in others:
        a1, b1, a2, b2 = other.box
        if min(x2, a2) - max(x1, a1) > -4 and min(y2, b2) - max(y1, b1) > -4:
            return False
    return True


def cells(drawn: Drawn, grid: int) -> np.ndarray:
    """(grid, grid) int64: class of the thing that a cell's centre lies on, 0 for none."""
    found = np.zeros((grid, grid), dtype=np.int64)
    names = list(KINDS)
    centres = (np.arange(grid) + 0.5) * SIDE / grid
    ys, xs = np.meshgrid(centres, centres, indexing="ij")
    for sight, label in zip(drawn.sights, drawn.labels, strict=True):
        turn = math.radians(sight.heading)
        across = (xs - sight.x) * math.cos(turn) + (ys - sight.y) * math.sin(turn)
        along = -(xs - sight.x) * math.sin(turn) + (ys - sight.y) * math.cos(turn)
        slack = SIDE / grid / 4
        inside = (abs(across) < sight.width / 2 + slack) & (abs(along) < sight.length / 2 + slack)
        found[inside] = names.index(label) + 1
    return found
