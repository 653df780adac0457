"""A small aerial picture: textured ground, and objects stamped on it at known quads.

Lengths are metres on the ground and headings are degrees clockwise on screen (0 points up), so a
scene reads like a plan; the ground sampling distance turns them into pixels. A :class:`Site` is a
shifted and turned piece of such a plan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from rsvp_builder.demo.furnishings import FURNISHINGS
from rsvp_builder.demo.palette import Colour
from rsvp_builder.demo.pen import Pen
from rsvp_builder.demo.shapes import CLASSES

Point: TypeAlias = tuple[float, float]
Pixels: TypeAlias = npt.NDArray[np.float32]

SUPERSAMPLING = 3
FOOTPRINTS = CLASSES | FURNISHINGS
SUN = (0.62, 0.5)
"""Metres of shadow to the right and down, for each metre of height."""

POINTED = frozenset(
    {"plane", "ship", "helicopter", "large-vehicle", "small-vehicle", "baseball-diamond", "container-crane"}
)
"""Classes whose quad starts at the object's own head; the others start at the corner nearest the top left."""


@dataclass(frozen=True, slots=True)
class DrawnObject:
    """One annotated object, as a label file states it.

    Attributes:
        quad: ``x1 y1 .. x4 y4``, 0-based pixels, clockwise on screen, starting at the head's left.
        category: hyphenated DOTA class name.
        difficult: 0 or 1.
    """

    quad: tuple[float, ...]
    category: str
    difficult: int


@dataclass(frozen=True, slots=True)
class Material:
    """Ground cover: two shades that mottle into one another, and how grainy it is."""

    dark: Colour
    light: Colour
    grain: float


GROUND: dict[str, Material] = {
    "grass": Material((84, 106, 62), (122, 138, 84), 4.0),
    "meadow": Material((112, 128, 74), (148, 156, 98), 4.0),
    "straw": Material((164, 148, 104), (192, 174, 126), 3.5),
    "soil": Material((126, 98, 74), (152, 122, 94), 4.0),
    "forest": Material((44, 66, 44), (70, 92, 56), 7.0),
    "sand": Material((196, 180, 144), (216, 202, 164), 3.0),
    "water": Material((34, 76, 92), (52, 98, 110), 1.6),
    "asphalt": Material((88, 90, 94), (102, 103, 105), 2.6),
    "concrete": Material((158, 156, 150), (178, 175, 168), 2.6),
    "paving": Material((142, 134, 124), (164, 154, 142), 3.0),
}


def value_noise(rng: np.random.Generator, width: int, height: int, cells: Sequence[int]) -> Pixels:
    """Smooth noise of about unit spread: the sum of random grids with the given cell sizes in pixels."""
    total = np.zeros((height, width), np.float32)
    for cell in cells:
        grid = rng.standard_normal((height // cell + 3, width // cell + 3), dtype=np.float32)
        total += grid[:height, :width] if cell == 1 else _enlarged(grid, cell, width, height)
    return total / np.float32(math.sqrt(len(cells)))


def turned(points: Sequence[Point], heading: float, x: float = 0.0, y: float = 0.0) -> list[Point]:
    """The points turned clockwise on screen about the origin, then shifted by ``x``, ``y``."""
    cos, sin = math.cos(math.radians(heading)), math.sin(math.radians(heading))
    return [(px * cos - py * sin + x, px * sin + py * cos + y) for px, py in points]


class Scene:
    """A picture being drawn and the objects that are in it.

    Args:
        size: width and height in pixels.
        gsd: metres per pixel.
        rng: the only source of randomness.
        base: name of the ground cover everywhere.
    """

    def __init__(self, size: tuple[int, int], gsd: float, rng: np.random.Generator, base: str) -> None:
        self.width, self.height = size
        self.gsd = gsd
        self.rng = rng
        self.objects: list[DrawnObject] = []
        self._grain = value_noise(rng, self.width, self.height, (1, 2))
        mottle = value_noise(rng, self.width // 6 + 3, self.height // 6 + 3, (2, 7, 18))
        self._mix = np.clip(0.5 + 0.35 * _enlarged(mottle, 6, self.width, self.height), 0, 1)
        self._pixels = self._texture(GROUND[base], slice(0, self.height), slice(0, self.width))

    def picture(self, mode: str = "RGB") -> Image.Image:
        """The finished picture."""
        return Image.fromarray(np.clip(self._pixels + 0.5, 0, 255).astype(np.uint8)).convert(mode)

    def site(self, heading: float = 0.0) -> Site:
        """The whole scene as a site: its origin is the middle of the picture."""
        return Site(self, 0.0, 0.0, heading)

    def to_pixels(self, points: Sequence[Point]) -> list[Point]:
        """Metres from the middle of the picture, as pixels from its top left."""
        return [(x / self.gsd + self.width / 2, y / self.gsd + self.height / 2) for x, y in points]

    def cover(self, polygon: Sequence[Point], material: str, furrows: float | None = None) -> None:
        """Lays a ground cover on a polygon in pixels; ``furrows`` adds plough lines at that heading."""
        window = self._window(polygon, margin=1)
        if window is None:
            return
        rows, columns = window
        canvas = Image.new(
            "L", ((columns.stop - columns.start) * SUPERSAMPLING, (rows.stop - rows.start) * SUPERSAMPLING)
        )
        ImageDraw.Draw(canvas).polygon(
            [((x - columns.start) * SUPERSAMPLING, (y - rows.start) * SUPERSAMPLING) for x, y in polygon],
            fill=255,
        )
        alpha = np.asarray(canvas.reduce(SUPERSAMPLING), np.float32)[..., None] / 255
        texture = self._texture(GROUND[material], rows, columns)
        if furrows is not None:
            ys, xs = np.mgrid[rows, columns]
            turn = math.radians(furrows)
            phase = (xs * math.cos(turn) + ys * math.sin(turn)) * self.gsd * 2 * math.pi / 3.2
            texture += (5 * np.sin(phase)).astype(np.float32)[..., None]
        self._pixels[rows, columns] += alpha * (texture - self._pixels[rows, columns])

    def stamp(self, name: str, x: float, y: float, heading: float, width: float, length: float) -> None:
        """Draws the named shape centred at a pixel, width and length in pixels, with its shadow."""
        footprint = FOOTPRINTS[name]
        corners = _corners(x, y, heading, width, length)
        shadow = [round(footprint.height * s / self.gsd) for s in SUN]
        window = self._window([*corners, *((cx + shadow[0], cy + shadow[1]) for cx, cy in corners)], margin=2)
        if window is None:
            return
        rows, columns = window
        detail = SUPERSAMPLING if max(width, length) < 100 else SUPERSAMPLING - 1
        margin = 2 * detail
        tile = Image.new(
            "RGBA",
            (round(width * detail) + 2 * margin, round(length * detail) + 2 * margin),
        )
        footprint.paint(Pen(tile, margin, width * detail, length * detail, self.rng))

        # One affine map takes each supersampled pixel of the window back into the tile; the centre keeps
        # its fraction of a pixel, so that the drawing lies exactly where the quad says.
        cos, sin = math.cos(math.radians(heading)), math.sin(math.radians(heading))
        left, top = columns.start - x, rows.start - y
        matrix = (
            cos,
            sin,
            (cos * left + sin * top + width / 2) * detail + margin,
            -sin,
            cos,
            (-sin * left + cos * top + length / 2) * detail + margin,
        )
        # Premultiplied colour, so that the transparent surroundings do not darken the edges.
        canvas = tile.convert("RGBa").transform(
            ((columns.stop - columns.start) * detail, (rows.stop - rows.start) * detail),
            Image.Transform.AFFINE,
            matrix,
            Image.Resampling.BILINEAR,
        )
        layer = np.asarray(canvas.reduce(detail), np.float32)
        alpha: Pixels = layer[..., 3:] / np.float32(255)
        pixels = self._pixels[rows, columns]
        if any(shadow):
            pixels *= 1 - np.float32(0.45) * _shifted(alpha, shadow[1], shadow[0])
        pixels *= 1 - alpha
        pixels += layer[..., :3] + alpha * self._grain[rows, columns, None] * np.float32(2.2)

    def place(
        self,
        category: str,
        x: float,
        y: float,
        heading: float,
        width: float,
        length: float,
        *,
        over_border: bool = False,
    ) -> bool:
        """Stamps an object of a DOTA class and records it, unless the picture's edge would cut it."""
        corners = _corners(x, y, heading, width, length)
        inside = all(2 <= cx <= self.width - 2 and 2 <= cy <= self.height - 2 for cx, cy in corners)
        if not inside and not over_border:
            return False
        self.stamp(category, x, y, heading, width, length)
        if category not in POINTED:
            first = min(range(4), key=lambda i: sum(corners[i]))
            corners = corners[first:] + corners[:first]
        difficult = int(not inside or self.rng.random() < 0.06)
        quad = tuple(value for corner in corners for value in corner)
        self.objects.append(DrawnObject(quad, category, difficult))
        return True

    def _texture(self, material: Material, rows: slice, columns: slice) -> Pixels:
        """A patch of ground cover."""
        dark, light = (np.asarray(shade, np.float32) for shade in (material.dark, material.light))
        texture: Pixels = self._mix[rows, columns, None] * (light - dark)
        texture += dark
        texture += self._grain[rows, columns, None] * np.float32(material.grain)
        return texture

    def _window(self, points: Sequence[Point], margin: int) -> tuple[slice, slice] | None:
        """Rows and columns of the picture around the points; None where they lie outside it."""
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        left, right = max(0, math.floor(min(xs)) - margin), min(self.width, math.ceil(max(xs)) + margin)
        top, bottom = max(0, math.floor(min(ys)) - margin), min(self.height, math.ceil(max(ys)) + margin)
        return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


@dataclass(frozen=True, slots=True)
class Site:
    """A part of a scene with its own origin and heading, both given in metres and degrees."""

    scene: Scene
    x: float
    y: float
    heading: float

    @property
    def rng(self) -> np.random.Generator:
        """The scene's randomness."""
        return self.scene.rng

    def at(self, x: float, y: float, heading: float = 0.0) -> Site:
        """A site within this one."""
        ((sx, sy),) = turned([(x, y)], self.heading, self.x, self.y)
        return Site(self.scene, sx, sy, self.heading + heading)

    def cover(self, points: Sequence[Point], material: str, furrows: float | None = None) -> None:
        """Lays a ground cover on a polygon."""
        pixels = self.scene.to_pixels(turned(points, self.heading, self.x, self.y))
        self.scene.cover(pixels, material, None if furrows is None else self.heading + furrows)

    def area(self, x: float, y: float, width: float, length: float, material: str) -> None:
        """Lays a ground cover on a rectangle given by its middle."""
        w, h = width / 2, length / 2
        self.cover([(x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)], material)

    def decorate(self, name: str, x: float, y: float, heading: float, width: float, length: float) -> None:
        """Draws something that is not annotated."""
        ((px, py),) = self.scene.to_pixels(turned([(x, y)], self.heading, self.x, self.y))
        gsd = self.scene.gsd
        self.scene.stamp(name, px, py, self.heading + heading, width / gsd, length / gsd)

    def place(
        self,
        category: str,
        x: float,
        y: float,
        heading: float = 0.0,
        *,
        width: float | None = None,
        length: float | None = None,
    ) -> bool:
        """Draws and annotates an object; round ones are never turned, as in the real labels.

        Returns:
            Whether the object lies inside the picture; outside it nothing happens.
        """
        footprint = FOOTPRINTS[category]
        ((px, py),) = self.scene.to_pixels(turned([(x, y)], self.heading, self.x, self.y))
        turn = 0.0 if footprint.round else self.heading + heading
        gsd = self.scene.gsd
        return self.scene.place(
            category, px, py, turn, (width or footprint.width) / gsd, (length or footprint.length) / gsd
        )


def _corners(x: float, y: float, heading: float, width: float, length: float) -> list[Point]:
    """Corners of a turned rectangle, clockwise on screen from the left of its head."""
    w, h = width / 2, length / 2
    return turned([(-w, -h), (w, -h), (w, h), (-w, h)], heading, x, y)


def _shifted(layer: Pixels, down: int, right: int) -> Pixels:
    """The layer moved down and right, with nothing coming in from the other side."""
    moved = np.zeros_like(layer)
    height, width = layer.shape[:2]
    moved[down:, right:] = layer[: max(0, height - down), : max(0, width - right)]
    return moved


def _enlarged(grid: Pixels, factor: int, width: int, height: int) -> Pixels:
    """The grid at ``factor`` times its resolution, without its outermost cells, cut to a size."""
    size = (grid.shape[1] * factor, grid.shape[0] * factor)
    smooth = np.asarray(Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC), np.float32)
    return smooth[factor : factor + height, factor : factor + width]
