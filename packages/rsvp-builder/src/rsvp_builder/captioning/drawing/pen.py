"""Drawing itself: outlines, discs and numbers on one picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from rsvp_builder.captioning.drawing.palette import colour_of
from rsvp_builder.captioning.drawing.places import Place, place_numbers
from rsvp_builder.captioning.drawing.settings import DrawingSettings
from rsvp_builder.captioning.drawing.shapes import Shape

_HALO = "#000"


def draw_on(picture: Image.Image, shapes: Sequence[Shape], settings: DrawingSettings) -> list[Place]:
    """Draw marks on an RGB picture, in place.

    Args:
        picture: RGB, as large as it will be sent.
        shapes: marks in its pixels, the larger first.
        settings: what is drawn.

    Returns:
        Where the numbers went; empty where none are drawn.
    """
    longest = max(picture.size)
    line = max(2, round(longest / 450))
    disc = max(4.0, longest / 130)
    if settings.fill and settings.boxes:
        _fill(picture, shapes, settings.fill)
    pen = ImageDraw.Draw(picture)
    if settings.boxes:
        for colour_line, extra in ((False, 2), (True, 0)):  # every halo below every line
            for shape in shapes:
                if not shape.is_point:
                    colour = colour_of(shape.index)[0] if colour_line else _HALO
                    _outline(pen, shape, picture.size, colour, line + extra, line)
    if settings.points:
        for shape in shapes:
            if shape.is_point:
                _disc(pen, shape, disc, line)
    if not settings.numbers:
        return []
    font = _font(max(13, round(longest / 50)))
    tags = [_tag_size(str(shape.index), font) for shape in shapes]
    places = place_numbers(shapes, tags, *picture.size, disc)
    for place in places:
        if not place.inside:
            _leader(pen, place, max(1, line // 2))
    for place in places:
        _number(pen, place, font)
    return places


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return font


def _tag_size(text: str, font: ImageFont.FreeTypeFont) -> tuple[float, float]:
    return font.getlength(text) + 0.55 * font.size, round(1.3 * font.size)


def _fill(picture: Image.Image, shapes: Sequence[Shape], opacity: float) -> None:
    for shape in shapes:
        if not shape.is_point:
            mask = Image.new("L", picture.size)
            ImageDraw.Draw(mask).polygon(_pixels(shape), fill=round(255 * opacity))
            picture.paste(colour_of(shape.index)[0], mask=mask)


def _pixels(shape: Shape) -> list[tuple[float, float]]:
    # Pixel centres lie at half numbers of ours and at whole ones of Pillow's.
    return [(float(x), float(y)) for x, y in shape.corners - 0.5]


def _outline(
    pen: ImageDraw.ImageDraw, shape: Shape, size: tuple[int, int], colour: str, width: int, line: int
) -> None:
    """The outline, kept inside the picture by half a line."""
    edge = line / 2
    corners = [
        (min(max(x, edge), size[0] - 1 - edge), min(max(y, edge), size[1] - 1 - edge))
        for x, y in _pixels(shape)
    ]
    pen.line([*corners, corners[0], corners[1]], fill=colour, width=width, joint="curve")


def _disc(pen: ImageDraw.ImageDraw, shape: Shape, radius: float, line: int) -> None:
    ((x, y),) = _pixels(shape)
    for colour, reach in (
        ("#000", radius + 2),
        ("#fff", radius + 1),
        (colour_of(shape.index)[0], radius - line / 2),
    ):
        pen.ellipse([x - reach, y - reach, x + reach, y + reach], fill=colour)


def _leader(pen: ImageDraw.ImageDraw, place: Place, width: int) -> None:
    x1, y1, x2, y2 = place.box
    ends = [((x1 + x2) / 2, (y1 + y2) / 2), place.anchor]
    pen.line(ends, fill=_HALO, width=width + 2)
    pen.line(ends, fill=colour_of(place.index)[0], width=width)


def _number(pen: ImageDraw.ImageDraw, place: Place, font: ImageFont.FreeTypeFont) -> None:
    colour, ink = colour_of(place.index)
    x1, y1, x2, y2 = place.box
    pen.rounded_rectangle([x1, y1, x2 - 1, y2 - 1], radius=font.size / 4, fill=colour, outline=_HALO)
    pen.text(((x1 + x2) / 2, (y1 + y2) / 2), str(place.index), fill=ink, font=font, anchor="mm")
