"""Cutting large scenes into overlapping tiles.

The grid is that of the DOTA devkit's ImgSplit (CAPTAIN-WHU/DOTA_devkit): tiles step by ``tile -
overlap`` and the last one of a row or column is moved back inside the scene.
"""

from __future__ import annotations

from dataclasses import dataclass

from rsvp_builder.record import Frame


@dataclass(frozen=True, slots=True)
class Tiling:
    """How scenes are cut.

    Attributes:
        size: side of a tile in pixels; 0 cuts nothing. Images that fit in one tile stay whole.
        overlap: pixels that neighbouring tiles share.
        min_area: share of an object's visible area that a tile must hold for the object to be
            marked in it, in (0, 1].
    """

    size: int = 1024
    overlap: int = 200
    min_area: float = 0.7

    def __post_init__(self) -> None:
        if self.size < 0 or (self.size and not 0 <= self.overlap < self.size):
            raise ValueError(f"overlap {self.overlap} does not fit tiles of {self.size} px")
        if not 0 < self.min_area <= 1:
            raise ValueError(f"min_area {self.min_area} is not in (0, 1]")


def starts(length: int, size: int, overlap: int) -> list[int]:
    """Where tiles of ``size`` begin along an edge of ``length`` pixels."""
    if length <= size:
        return [0]
    last = length - size
    return [*range(0, last, size - overlap), last]


def frames_of(item: int, width: int, height: int, tiling: Tiling) -> list[Frame]:
    """The frames of one image: itself, or its tiles row by row from the top."""
    if not tiling.size or (width <= tiling.size and height <= tiling.size):
        return [Frame(item, None, width, height)]
    frames = []
    for y in starts(height, tiling.size, tiling.overlap):
        for x in starts(width, tiling.size, tiling.overlap):
            x2, y2 = min(x + tiling.size, width), min(y + tiling.size, height)
            frames.append(Frame(item, (x, y, x2, y2), x2 - x, y2 - y))
    return frames
