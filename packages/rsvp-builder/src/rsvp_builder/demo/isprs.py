"""What the two ISPRS benchmarks have in common: classes, colours, world files."""

from __future__ import annotations

from collections.abc import Mapping

from rsvp_builder.demo.land_cover import LandCover, Numbers
from rsvp_builder.demo.palette import Colour
from rsvp_builder.demo.settlements import neighbourhood

COLOURS: Mapping[str, Colour] = {
    "impervious_surface": (255, 255, 255),
    "building": (0, 0, 255),
    "low_vegetation": (0, 255, 255),
    "tree": (0, 255, 0),
    "car": (255, 255, 0),
    "clutter": (255, 0, 0),
}
"""Class -> red, green, blue of the label maps; black is the eroded boundary."""

TOKENS = tuple(COLOURS)
CODE = tuple(COLOURS.values())
MAGENTA: Colour = (255, 0, 255)
"""The corner of the colour cube that no class has, however colours are rounded."""

TOKEN_OF = {
    "street": "impervious_surface",
    "roof": "building",
    "lawn": "low_vegetation",
    "tree": "tree",
    "parked-car": "car",
    "driving-car": "car",
    "clutter": "clutter",
}


def district(size: tuple[int, int], key: tuple[int, ...]) -> tuple[LandCover, Numbers]:
    """A drawn tile and its full map.

    A pixel is 0.25 m here, not 0.05 or 0.09 m as in the real tiles, so that a small tile shows every class.
    """
    cover = LandCover(size, 0.25, key)
    neighbourhood(cover)
    return cover, cover.numbers(TOKENS, TOKEN_OF)


def world_file(gsd: float, east: float, north: float) -> bytes:
    """A TFW: pixel size and rotations, then the middle of the top left pixel."""
    return "".join(f"{v:.10f}\r\n" for v in (gsd, 0, 0, -gsd, east + gsd / 2, north - gsd / 2)).encode()
