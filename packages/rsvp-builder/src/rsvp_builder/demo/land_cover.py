"""A picture being drawn and, pixel by pixel, what covers the ground in it.

The picture is a :class:`rsvp_builder.demo.drawing.Scene`; whatever is laid or put on it goes into the map as
well, so that the two agree. Plans are in metres from the middle of the picture, as in a scene.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from rsvp_builder.demo.drawing import SUPERSAMPLING, Point, Scene, turned

LAID: dict[str, str] = {
    "lawn": "grass",
    "street": "asphalt",
    "clutter": "soil",
    "yard": "paving",
    "field": "straw",
    "bare": "sand",
    "wood": "forest",
    "water": "water",
}
"""Kind of ground -> the material of :data:`rsvp_builder.demo.drawing.GROUND` that shows it."""

STAMPED: dict[str, str] = {
    "roof": "house",
    "greenhouse": "hall",
    "tree": "tree",
    "parked-car": "small-vehicle",
    "driving-car": "small-vehicle",
    "bridge": "bridge",
}
"""Kind of thing -> the footprint that shows it."""

KINDS = (*LAID, *STAMPED, "person")
ROUND = frozenset({"tree", "person"})
GREEN = ("lawn", "tree", "wood")

Numbers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


class LandCover:
    """A picture and its map.

    Args:
        size: width and height in pixels.
        gsd: metres per pixel.
        key: seeds everything drawn.
        base: kind of ground everywhere.
    """

    def __init__(self, size: tuple[int, int], gsd: float, key: Sequence[int], base: str = "lawn") -> None:
        self.rng = np.random.default_rng(list(key))
        self.gsd = gsd
        self._scene = Scene(size, gsd, self.rng, LAID[base])
        self._kinds = np.full((size[1], size[0]), KINDS.index(base), np.int64)
        self._people: list[tuple[float, float]] = []

    @property
    def reach(self) -> float:
        """Metres from the middle of the picture that no corner lies beyond."""
        return self.gsd * float(np.hypot(*self._kinds.shape)) / 2

    def lay(self, kind: str, points: Sequence[Point]) -> None:
        """Covers a polygon with a kind of ground."""
        pixels = self._scene.to_pixels(points)
        self._scene.cover(pixels, LAID[kind])
        self._mark(kind, pixels)

    def strip(self, kind: str, x: float, y: float, heading: float, width: float, length: float) -> None:
        """Covers a turned rectangle given by its middle."""
        self.lay(kind, _rectangle(x, y, heading, width, length))

    def put(self, kind: str, x: float, y: float, heading: float, width: float, length: float) -> None:
        """Draws a thing with its middle at a place."""
        (px, py) = self._scene.to_pixels([(x, y)])[0]
        self._scene.stamp(STAMPED[kind], px, py, heading, width / self.gsd, length / self.gsd)
        self._mark(kind, self._scene.to_pixels(_outline(kind, x, y, heading, width, length)))

    def stand(self, x: float, y: float, radius: float = 0.5) -> None:
        """Draws a person, seen from above."""
        (px, py) = self._scene.to_pixels([(x, y)])[0]
        self._people.append((px, py))
        self._mark("person", self._scene.to_pixels(_outline("person", x, y, 0, 2 * radius, 2 * radius)))

    def picture(self) -> Bytes:
        """The picture: (height, width, 3) red, green, blue."""
        image = self._scene.picture()
        draw, size = ImageDraw.Draw(image), 0.5 / self.gsd
        for x, y in self._people:
            draw.ellipse([x - size, y - size, x + size - 1, y + size - 1], fill=(206, 58, 46))
            draw.ellipse([x - size / 2, y - size / 2, x + size / 2 - 1, y + size / 2 - 1], fill=(70, 50, 40))
        return np.asarray(image)

    def infrared(self) -> Bytes:
        """The near-infrared band, (height, width): plants are bright in it and everything else is not."""
        picture = self.picture().astype(np.float32)
        band = picture.mean(axis=2) * np.float32(0.8)
        plants = np.isin(self._kinds, [KINDS.index(kind) for kind in GREEN])
        return np.clip(np.where(plants, 1.1 * picture[..., 1] + 70, band), 0, 255).astype(np.uint8)

    def numbers(self, tokens: Sequence[str], token_of: Mapping[str, str]) -> Numbers:
        """The map in the words of a release.

        Args:
            tokens: raw class tokens.
            token_of: kind -> token; every kind that was drawn has one.

        Returns:
            (height, width) positions in ``tokens``.

        Raises:
            KeyError: for a kind that was drawn and has no token.
        """
        table = np.full(len(KINDS), -1, np.int64)
        for number in np.unique(self._kinds):
            table[number] = tokens.index(token_of[KINDS[number]])
        return table[self._kinds]

    def _mark(self, kind: str, polygon: Sequence[Point]) -> None:
        """Enters a polygon in pixels into the map, where it covers more than half a pixel."""
        height, width = self._kinds.shape
        canvas = Image.new("L", (width * SUPERSAMPLING, height * SUPERSAMPLING))
        ImageDraw.Draw(canvas).polygon([(x * SUPERSAMPLING, y * SUPERSAMPLING) for x, y in polygon], fill=255)
        self._kinds[np.asarray(canvas.reduce(SUPERSAMPLING)) > 127] = KINDS.index(kind)


def eroded(numbers: Numbers) -> Numbers:
    """The map with -1 on both sides of every boundary between classes."""
    inner = np.ones(numbers.shape, np.bool_)
    down = numbers[1:] == numbers[:-1]
    across = numbers[:, 1:] == numbers[:, :-1]
    inner[1:] &= down
    inner[:-1] &= down
    inner[:, 1:] &= across
    inner[:, :-1] &= across
    return np.where(inner, numbers, -1)


def _rectangle(x: float, y: float, heading: float, width: float, length: float) -> list[Point]:
    w, h = width / 2, length / 2
    return turned([(-w, -h), (w, -h), (w, h), (-w, h)], heading, x, y)


def _outline(kind: str, x: float, y: float, heading: float, width: float, length: float) -> list[Point]:
    """What a thing covers: its rectangle, or the ellipse inside."""
    if kind not in ROUND:
        return _rectangle(x, y, heading, width, length)
    # Crowns are drawn in lumps that leave a little of their rectangle free on every side.
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ellipse = [(0.45 * width * float(np.cos(a)), 0.45 * length * float(np.sin(a))) for a in angles]
    return turned(ellipse, heading, x, y)
