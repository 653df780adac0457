"""The colours of the drawn scenes."""

from __future__ import annotations

from typing import TypeAlias

Colour: TypeAlias = tuple[int, int, int]

WHITE: Colour = (238, 238, 234)
GLASS: Colour = (44, 52, 62)
DARK: Colour = (66, 68, 72)
STEEL: Colour = (172, 176, 180)
ASPHALT: Colour = (94, 96, 99)
CONCRETE: Colour = (176, 174, 167)
PAINTS: tuple[Colour, ...] = (
    WHITE,
    WHITE,
    (196, 199, 203),
    (58, 62, 70),
    (120, 126, 134),
    (176, 46, 42),
    (46, 82, 138),
    (198, 186, 152),
)
ROOFS: tuple[Colour, ...] = ((158, 88, 66), (142, 78, 62), (120, 112, 106), (168, 110, 82), (98, 96, 98))
BOXES: tuple[Colour, ...] = (
    (168, 62, 48),
    (44, 92, 134),
    (206, 140, 54),
    (70, 120, 92),
    (200, 200, 194),
    (108, 72, 60),
)
TURF: tuple[Colour, Colour] = ((92, 134, 66), (104, 147, 74))


def shaded(colour: Colour, factor: float) -> Colour:
    """The colour made lighter (above 1) or darker."""
    red, green, blue = (min(255, round(c * factor)) for c in colour)
    return red, green, blue
