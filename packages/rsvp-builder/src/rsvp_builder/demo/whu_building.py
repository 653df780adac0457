"""Writes miniatures of the three parts of the WHU building data set.

The parts store the same two classes in three ways: the aerial one as bits of which 0 is white, the first
satellite one as 0 and 1, the second as 0 and 255. White, or the larger value, is building in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rsvp_builder.demo.land_cover import KINDS, Bytes, LandCover, Numbers
from rsvp_builder.demo.map_files import (
    Slot,
    bits_tiff,
    corner_of,
    spoil_pairs,
    store,
    tiff,
    without_corner,
)
from rsvp_builder.demo.settlements import farmland, neighbourhood
from rsvp_builder.demo.truth import Planted, Release, TokenMap
from rsvp_builder.ledger import Reason

TOKENS = ("background", "building")
TOKEN_OF = dict.fromkeys(KINDS, "background") | {"roof": "building"}
SIZE = (150, 130)
NO_CLASS = 77
"""A grey value that no edition of the maps has."""

CITIES = "Satellite dataset \u2160 (global cities)"
EAST_ASIA = "Satellite dataset \u2161 (East Asia)"
"""The names have one character for the Roman number."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the data set.

    Attributes:
        top: its folder.
        building: the value of a building in a map; 0 where maps are bits.
        gsd: metres per pixel.
        tiles: folder -> stem -> whether the tile has houses.
        spoilt: the folder that defects go to.
    """

    top: str
    building: int
    gsd: float
    tiles: dict[str, dict[str, bool]]
    spoilt: str


PARTS: dict[str, Part] = {
    "WHU-Building": Part(
        "3. The cropped image tiles and raster labels",
        0,
        0.3,
        {
            "train": {"0": True, "1": True, "2": False},
            "val": {"val_0": True, "val_1": True},
            "test": {"0": True, "1": True},
        },
        "train",
    ),
    "WHU-Building-Satellite-I": Part(
        CITIES, 1, 0.5, {"": {"1": True, "2": True, "3": False, "10": True}}, ""
    ),
    "WHU-Building-Satellite-II": Part(
        f"{EAST_ASIA}/1. The cropped image data and raster labels",
        255,
        0.45,
        {
            "train": {"1_1": True, "2_1": True},
            # Most tiles of these folders are empty, but not all.
            "train_no": {"1_2": False, "2_2": True},
            "test": {"0": True, "1": True},
            "test_no": {"2": False, "3": True},
        },
        "train",
    ),
}


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the part that the source is; see :func:`rsvp_builder.demo.write`."""
    part, release = PARTS[source], Release(root)
    place = 0
    for folder, tiles in part.tiles.items():
        for stem, houses in tiles.items():
            place += 1
            picture, numbers = _drawn(part, (seed, place), houses=houses)
            slot = _slot(part, folder, stem)
            store(root, slot.picture, _picture(picture))
            store(root, slot.label, _label(part, numbers))
            release.maps[_image_id(folder, stem)] = TokenMap(TOKENS, numbers)
    if source == "WHU-Building-Satellite-II":
        _write_whole_images(root)
    if with_defects:
        _spoil(release, part, seed)
    return release


def _image_id(folder: str, stem: str) -> str:
    return f"{folder or 'train'}/{stem}"


def _slot(part: Part, folder: str, stem: str) -> Slot:
    top = f"{part.top}/{folder}" if folder else part.top
    return Slot(f"{top}/image/{stem}.tif", f"{top}/label/{stem}.tif")


def _drawn(part: Part, key: tuple[int, ...], *, houses: bool) -> tuple[Bytes, Numbers]:
    cover = LandCover(SIZE, part.gsd, key)
    (neighbourhood if houses else farmland)(cover)
    return cover.picture(), cover.numbers(TOKENS, TOKEN_OF)


def _picture(pixels: Bytes) -> bytes:
    return tiff(pixels, compression="packbits")


def _label(part: Part, numbers: Numbers) -> bytes:
    mask = numbers.astype(np.uint8)
    return tiff(mask * np.uint8(part.building)) if part.building else bits_tiff(mask)


def _write_whole_images(root: Path) -> None:
    """Writes what lies beside the tiles: outlines, and rasters of whole regions.

    The rasters are tiny here; the real ones have a thousand million pixels and more, and are no tiles.
    """
    folder = f"{EAST_ASIA}/2. The shape file of the whole images"
    store(root, f"{folder}/EA.shp", b"\x00\x00\x27\x0a" + bytes(96))
    whole = LandCover((60, 40), 2.0, (0,))
    neighbourhood(whole)
    store(root, f"{folder}/1.tif", _picture(whole.picture()))


def _spoil(release: Release, part: Part, seed: int) -> None:
    """Adds a tile of each bad kind, and one with a value of no class where values are bytes."""
    root, slots = release.root, _slots(part)
    pixels, numbers = _drawn(part, (seed, 99), houses=True)
    picture, label = _picture(pixels), _label(part, numbers)
    release.defects.extend(spoil_pairs(root, slots, picture, label, _label(part, numbers[:-9, :-7])))

    # A tile of the aerial part may have been stored anew by somebody, as bytes.
    values = numbers.astype(np.uint8) * np.uint8(part.building or 255)
    values[corner_of(numbers)] = NO_CLASS
    slot = next(slots)
    store(root, slot.picture, picture)
    store(root, slot.label, tiff(values))
    image_id = _image_id(part.spoilt, Path(slot.picture).stem)
    release.maps[image_id] = TokenMap(TOKENS, without_corner(numbers))
    release.defects.append(Planted(slot.label, None, Reason.UNKNOWN_CLASS))


def _slots(part: Part) -> Iterator[Slot]:
    """Where tiles go whose stems are free yet."""
    prefix = "1_" if part.top.startswith(EAST_ASIA) else ""
    for number in range(40, 60):
        yield _slot(part, part.spoilt, f"{prefix}{number}")
