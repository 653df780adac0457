"""Drawing itself: outlines, rings and numbers on one picture."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rsvp_builder.captioning.drawing.palette import colour_of
from rsvp_builder.captioning.drawing.places import Place, place_numbers
from rsvp_builder.captioning.drawing.settings import DrawingSettings
from rsvp_builder.captioning.drawing.shapes import Shape

_HALO = "#000"

_TOUCHING = 0.3
"""Of a tag's height: a gap up to which it plainly belongs to the mark beside it."""

_LEAST_FONT = 13
_LEAST_OF_ALL = 6
"""Pixels of the font, the second where a picture is too narrow for the first."""


@dataclass(frozen=True, slots=True)
class Pen:
    """Sizes that follow from that of the picture, in its pixels.

    Attributes:
        font: height of the digits' font.
        line: width of an outline without its halo.
        ring: radius of the ring around a point.
    """

    font: int
    line: int
    ring: float

    @classmethod
    def of(cls, size: tuple[int, int]) -> Pen:
        """For a picture of this width and height."""
        longest, shortest = max(size), min(size)
        # A fiftieth of the longer side, unless a narrow picture would be covered by it.
        font = max(_LEAST_FONT, min(round(longest / 50), shortest // 6))
        font = max(_LEAST_OF_ALL, min(font, shortest // 3))
        return cls(font, max(2, round(font / 9)), max(4.0, 0.42 * font))

    def tag(self, index: int) -> tuple[int, int]:
        """Width and height of the tag of a number."""
        return math.ceil(_font(self.font).getlength(str(index)) + 0.55 * self.font), round(1.3 * self.font)


def numbers_of(
    size: tuple[int, int],
    shapes: Sequence[Shape],
    settings: DrawingSettings,
    optional: Container[int] = (),
) -> list[Place]:
    """Where the numbers go in a picture; none if none are drawn.

    Args:
        size: width and height of the picture as it will be sent.
        shapes: marks in its pixels, the larger first.
        settings: what is drawn.
        optional: indices of marks whose numbers also stand in another picture.
    """
    if not settings.numbers:
        return []
    pen = Pen.of(size)
    fitting = [(s, pen.tag(s.index)) for s in shapes]
    fitting = [(s, tag) for s, tag in fitting if tag[0] <= size[0] and tag[1] <= size[1]]
    return place_numbers([s for s, _ in fitting], [tag for _, tag in fitting], size, pen.ring, optional)


def draw_on(
    picture: Image.Image, shapes: Sequence[Shape], places: Sequence[Place], settings: DrawingSettings
) -> None:
    """Draw marks on an RGB picture, in place.

    Args:
        picture: RGB, as large as it will be sent.
        shapes: marks in its pixels, the larger first.
        places: of their numbers.
        settings: what is drawn.
    """
    sizes = Pen.of(picture.size)
    if settings.fill and settings.boxes:
        _fill(picture, shapes, settings.fill)
    pen = ImageDraw.Draw(picture)
    if settings.boxes:
        for colour_line, extra in ((False, 2), (True, 0)):  # every halo below every line
            for shape in shapes:
                if not shape.is_point:
                    colour = colour_of(shape.index)[0] if colour_line else _HALO
                    _outline(pen, shape, picture.size, colour, sizes.line, extra)
    if settings.points:
        for shape in shapes:
            if shape.is_point:
                _ring(pen, shape, sizes)
    by_index = {shape.index: shape for shape in shapes}
    for place in places:
        if not place.inside:
            _leader(pen, place, _edge(by_index[place.index], place, sizes), max(1, sizes.line // 2))
    for place in places:
        _number(pen, place, _font(sizes.font))


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return font


def _fill(picture: Image.Image, shapes: Sequence[Shape], opacity: float) -> None:
    for shape in shapes:
        if not shape.is_point:
            mask = Image.new("L", picture.size)
            corners = [(float(x), float(y)) for x, y in shape.corners - 0.5]
            ImageDraw.Draw(mask).polygon(corners, fill=round(255 * opacity))
            picture.paste(colour_of(shape.index)[0], mask=mask)


def _outline(
    pen: ImageDraw.ImageDraw, shape: Shape, size: tuple[int, int], colour: str, line: int, extra: int
) -> None:
    """The outline around a mark, so that it hides none of it, but inside the picture."""
    out = (line + 2) / 2 + 0.5  # half a pixel, since a line of even width leans to one side
    ahead = np.roll(shape.corners, -1, axis=0) - shape.corners
    length = np.hypot(ahead[:, 0], ahead[:, 1])[:, None]
    ahead = np.divide(ahead, length, out=np.zeros_like(ahead), where=length > 0)
    # Each corner goes on along both of its sides: a rectangle grows by `out` on every side.
    corners = shape.corners + out * (np.roll(ahead, 1, axis=0) - ahead)
    # Pixel centres lie at half numbers of ours and at whole ones of Pillow's.
    least, most = line / 2, np.array(size) - 1 - line / 2
    around = [(float(x), float(y)) for x, y in np.clip(corners - 0.5, least, np.maximum(most, least))]
    pen.line([*around, around[0], around[1]], fill=colour, width=line + extra, joint="curve")


def _ring(pen: ImageDraw.ImageDraw, shape: Shape, sizes: Pen) -> None:
    """A ring around a point, and the point itself: between them one sees what it is on."""
    ((x, y),) = shape.corners - 0.5
    colour = colour_of(shape.index)[0]
    for reach, width, ink in ((sizes.ring + 1, sizes.line + 2, _HALO), (sizes.ring, sizes.line, colour)):
        pen.ellipse([x - reach, y - reach, x + reach, y + reach], outline=ink, width=width)
    for reach, ink in ((sizes.line / 2 + 1, _HALO), (sizes.line / 2, colour)):
        pen.ellipse([x - reach, y - reach, x + reach, y + reach], fill=ink)


def _edge(shape: Shape, place: Place, sizes: Pen) -> tuple[float, float]:
    """The point of a mark's outline, or of a point's ring, that is nearest to its tag."""
    x1, y1, x2, y2 = place.box
    middle = np.array(((x1 + x2) / 2, (y1 + y2) / 2))
    if shape.is_point:
        towards = middle - shape.corners[0]
        x, y = shape.corners[0] + towards / (math.hypot(*towards) or 1.0) * (sizes.ring + 1)
        return float(x), float(y)
    ahead = np.roll(shape.corners, -1, axis=0) - shape.corners
    squared = (ahead**2).sum(axis=1)
    along = ((middle - shape.corners) * ahead).sum(axis=1)
    share = np.divide(along, squared, out=np.zeros_like(along), where=squared > 0).clip(0, 1)
    nearest = shape.corners + share[:, None] * ahead
    x, y = nearest[((nearest - middle) ** 2).sum(axis=1).argmin()]
    return float(x), float(y)


def _leader(pen: ImageDraw.ImageDraw, place: Place, end: tuple[float, float], width: int) -> None:
    """A line from a tag to the edge of its mark, where the two do not all but touch."""
    x1, y1, x2, y2 = place.box
    gap = math.hypot(max(x1 - end[0], end[0] - x2, 0.0), max(y1 - end[1], end[1] - y2, 0.0))
    if gap > _TOUCHING * (y2 - y1):
        ends = [((x1 + x2) / 2, (y1 + y2) / 2), end]
        pen.line(ends, fill=_HALO, width=width + 2)
        pen.line(ends, fill=colour_of(place.index)[0], width=width)


def _number(pen: ImageDraw.ImageDraw, place: Place, font: ImageFont.FreeTypeFont) -> None:
    colour, ink = colour_of(place.index)
    x1, y1, x2, y2 = place.box
    pen.rounded_rectangle([x1, y1, x2 - 1, y2 - 1], radius=font.size / 4, fill=colour, outline=_HALO)
    pen.text(((x1 + x2) / 2, (y1 + y2) / 2), str(place.index), fill=ink, font=font, anchor="mm")
