"""The visual prompt as an RGB image, for the same encoders that see the picture.

The paper says that prompts become images and not how. Here they are drawn straight onto the square canvas
of the encoders, so that a small box is as sharp as the canvas allows however large the scene; every choice
is a field of :class:`PromptStyle`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from earthmarker.pictures import as_rgb
from earthmarker.prompts import numbers, raster
from earthmarker.prompts.letterbox import Letterbox
from earthmarker.prompts.marks import Mark, MarkError, Mask, Point, area, check_marks, clipped
from earthmarker.prompts.palette import Colour, colour, ink

_SHAPES = Literal["filled", "outline", "overlay"]


@dataclass(frozen=True)
class PromptStyle:
    """How marks are drawn.

    Attributes:
        shape: ``filled`` areas on black, their ``outline`` on black, or an ``overlay`` of half-covering
            areas on the picture itself.
        palette: each index has its colour; without it all marks are white.
        digits: the index is written into the mark.
        radius: radius of a point's disc as a part of the canvas side.
        least: least radius of a disc, least side of a box and least width of a line, in pixels of the canvas.
    """

    shape: _SHAPES = "filled"
    palette: bool = True
    digits: bool = True
    radius: float = 0.015
    least: float = 3.0

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn.

        Raises:
            MarkError: for an unknown shape, or a size that is not positive.
        """
        if self.shape not in get_args(_SHAPES):
            raise MarkError(f"prompt style '{self.shape}': expected one of {', '.join(get_args(_SHAPES))}")
        if not (0 < self.radius <= 1 and self.least > 0):
            raise MarkError(
                f"prompt style: radius {self.radius} must be a part of the canvas in (0, 1], "
                f"least {self.least} a positive number of pixels"
            )


_WHITE: Colour = (255, 255, 255)


def style_of(fields: dict[str, Any] | None) -> PromptStyle:
    """The style with these fields, the others as they are by default.

    Raises:
        MarkError: for an unknown field, or a value that cannot be drawn.
    """
    known = PromptStyle.__dataclass_fields__
    if unknown := set(fields or {}) - set(known):
        raise MarkError(f"prompt style: no field {', '.join(sorted(unknown))}; fields are {', '.join(known)}")
    return PromptStyle(**(fields or {}))


def draw_prompt(
    marks: Sequence[Mark],
    width: int,
    height: int,
    size: int,
    *,
    style: PromptStyle | None = None,
    most: int = 20,
    picture: Image.Image | None = None,
) -> Image.Image:
    """Draw marks of an image of ``width`` x ``height`` on the square canvas of its letterbox.

    Large marks are drawn first, so that a small one inside is seen. What reaches over the edge of the image
    is cut off there. Neither marks nor picture are changed.

    Args:
        marks: marks in pixels of the image, numbered from 1 in this order.
        width: of the image, in pixels.
        height: of the image, in pixels.
        size: side of the canvas, in pixels.
        style: see :class:`PromptStyle`.
        most: as many marks as the model tells apart.
        picture: the image itself, for the ``overlay`` style.

    Returns:
        RGB image of ``size`` x ``size``.

    Raises:
        MarkError: see :func:`check_marks`; or for the ``overlay`` style without a picture.
    """
    style = style or PromptStyle()
    check_marks(marks, width, height, most)
    letterbox = Letterbox(width, height, size)
    canvas = _canvas(letterbox, style, picture)
    shapes = [_shape(mark, letterbox, style) for mark in marks]
    pixels = np.array(canvas)
    # Of each pixel: the smallest mark that covers it, and the mark that it shows; 0 for none.
    owner, shown = (np.zeros((size, size), dtype=np.int32) for _ in range(2))
    paints = [colour(i + 1) if style.palette else _WHITE for i in range(len(marks))]
    for i in sorted(range(len(marks)), key=lambda i: -np.count_nonzero(shapes[i])):
        drawn = shapes[i]
        owner[drawn] = i + 1
        if style.shape == "outline":
            drawn = raster.edge(drawn, max(1, round(style.least)))
        shown[drawn] = i + 1
        if style.shape == "overlay":
            pixels[drawn] = _covered(pixels[drawn], paints[i])
    if style.shape != "overlay":
        pixels = np.array([(0, 0, 0), *paints], dtype=np.uint8)[shown]
    canvas = Image.fromarray(pixels)
    if style.digits:
        pen = ImageDraw.Draw(canvas)
        for i, paint in enumerate(paints):
            if style.shape == "outline":
                numbers.write(pen, str(i + 1), (owner == i + 1) & (shown == 0), paint)
            else:
                numbers.write(pen, str(i + 1), owner == i + 1, ink(paint))
    return canvas


def _covered(pixels: NDArray[np.uint8], paint: Colour) -> NDArray[np.uint8]:
    """Half the picture and half the colour: (n, 3) uint8."""
    mixed: NDArray[np.uint8] = ((pixels.astype(np.uint16) + np.array(paint, np.uint16) + 1) // 2).astype(
        np.uint8
    )
    return mixed


def _canvas(letterbox: Letterbox, style: PromptStyle, picture: Image.Image | None) -> Image.Image:
    if style.shape != "overlay":
        return Image.new("RGB", (letterbox.size, letterbox.size))
    if picture is None:
        raise MarkError("the overlay style draws on the picture: give it")
    return letterbox.fit(as_rgb(picture))


def _shape(mark: Mark, letterbox: Letterbox, style: PromptStyle) -> raster.Shape:
    """(size, size) bool: pixels of the canvas that a mark covers, never none."""
    size = letterbox.size
    if isinstance(mark, Mask):
        return raster.grown(raster.scaled(np.asarray(mark.pixels, dtype=bool), letterbox), style.least)
    if isinstance(mark, Point):
        radius = max(style.least, style.radius * size)
        return raster.disc(letterbox.to_canvas(mark.outline)[0], radius, size)
    outline = letterbox.to_canvas(clipped(mark.outline, letterbox.width, letterbox.height))
    outline = _widen(outline, style.least, size)
    shape = raster.fill(outline, size)
    steps = np.linalg.norm(np.roll(outline, -1, axis=0) - outline, axis=1)
    # Twice the area by the perimeter is the width of a sliver, and half the side of a square.
    if 2 * area(outline) < steps.sum() * style.least / 2 - 1e-6:
        shape = shape | raster.stroke(outline, max(1, round(style.least)), size)
    return shape


def _widen(outline: NDArray[np.float64], least: float, size: int) -> NDArray[np.float64]:
    """Widen what would be thinner than ``least`` pixels about its centre, and keep it on the canvas."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    centre, extent = (low + high) / 2, np.maximum(high - low, 1e-9)
    wide = centre + (outline - centre) * np.maximum(1.0, least / extent)
    kept: NDArray[np.float64] = (
        wide + np.maximum(0, -wide.min(axis=0)) - np.maximum(0, wide.max(axis=0) - size)
    )
    return kept
