"""Small pictures of one kind of place each, for releases that name whole scenes."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from rsvp_builder.demo.drawing import Scene, Site
from rsvp_builder.demo.scenes import grove, parking, road, stream

Draw = Callable[[Site], None]


def _houses(site: Site) -> None:
    road(site, 60, 5)
    for x in (-14, 14):
        for y in range(-20, 21, 10):
            site.decorate("hall", x, y, 0, 6, 5)


def _halls(site: Site) -> None:
    for x in (-12, 12):
        site.decorate("hall", x, 0, 0, 14, 34)


def _woods(site: Site) -> None:
    grove(site, 26, 26, 60)


def _planes(site: Site) -> None:
    site.area(0, 0, 44, 44, "concrete")
    site.place("plane", -9, -8, 10, width=16, length=17)
    site.place("plane", 10, 9, 190, width=16, length=17)


def _ships(site: Site) -> None:
    site.place("ship", -8, 0, 20, width=5, length=24)
    site.place("ship", 10, 4, 200, width=5, length=24)


def _tanks(site: Site) -> None:
    for x in (-12, 12):
        for y in (-12, 12):
            site.place("storage-tank", x, y)


def _court(site: Site) -> None:
    site.area(0, 0, 30, 44, "paving")
    site.place("tennis-court", 0, 0)


def _cars(site: Site) -> None:
    parking(site, rows=4, columns=14)


def _roads(site: Site) -> None:
    road(site, 80, 9)
    road(site.at(0, 0, 90), 80, 9)


def _river(site: Site) -> None:
    stream(site, [(-6, -60), (4, -10), (-4, 20), (6, 60)], 18, "water")


def _shore(site: Site) -> None:
    stream(site, [(-60, 10), (0, 14), (60, 8)], 18, "sand")
    stream(site, [(-60, 32), (0, 36), (60, 30)], 34, "water")


def _nothing(_: Site) -> None:
    pass


# The first word that a class's name holds decides; ground cover, then what stands on it.
_PLACES: tuple[tuple[str, str, Draw], ...] = (
    ("farm", "straw", _nothing),
    ("forest", "forest", _woods),
    ("chaparral", "soil", _woods),
    ("airp", "grass", _planes),
    ("harbor", "water", _ships),
    ("port", "water", _ships),
    ("dock", "water", _ships),
    ("ship", "water", _ships),
    ("tank", "concrete", _tanks),
    ("refinery", "concrete", _tanks),
    ("sewage", "concrete", _tanks),
    ("court", "grass", _court),
    ("field", "grass", _court),
    ("playground", "grass", _court),
    ("stadium", "grass", _court),
    ("parking", "paving", _cars),
    ("river", "meadow", _river),
    ("bridge", "meadow", _river),
    ("beach", "sand", _shore),
    ("island", "water", _shore),
    ("residential", "grass", _houses),
    ("building", "paving", _houses),
    ("home", "grass", _houses),
    ("industrial", "concrete", _halls),
    ("factory", "concrete", _halls),
    ("commercial", "paving", _halls),
    ("water", "water", _nothing),
    ("lake", "water", _nothing),
    ("pond", "water", _nothing),
    ("sea", "water", _nothing),
    ("desert", "sand", _nothing),
    ("bare", "soil", _nothing),
    ("mountain", "soil", _woods),
    ("meadow", "meadow", _nothing),
    ("grass", "grass", _nothing),
    ("", "paving", _roads),
)


def backdrop(name: str, size: tuple[int, int], number: int, seed: int) -> Image.Image:
    """A picture of a kind of place.

    Args:
        name: of the kind, in any spelling; words in it decide what is drawn.
        size: width and height in pixels.
        number: of the picture among those of its kind.
        seed: of everything drawn.
    """
    folded = name.lower()
    _, base, draw = next(place for place in _PLACES if place[0] in folded)
    rng = np.random.default_rng((seed, zlib.crc32(name.encode()), number))
    scene = Scene(size, 60 / max(size), rng, base)
    draw(scene.site(heading=float(rng.uniform(-30, 30))))
    return scene.picture()


def encoded(picture: Image.Image, format_: str) -> bytes:
    """A picture as the bytes of a file: ``JPEG``, ``PNG``, ``TIFF`` or ``BMP``."""
    buffer = io.BytesIO()
    options = {"quality": 88} if format_ == "JPEG" else {}
    picture.save(buffer, format_, **options)
    return buffer.getvalue()
