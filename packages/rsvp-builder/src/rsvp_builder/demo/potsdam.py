"""Writes a miniature ISPRS Potsdam, as it lies on a disk after its zips were unpacked side by side.

One tile has everything that the real tiles have. Two tiles have their full map only, since their quirks are
known of that one: ``4_12`` was through a lossy format and ``6_7`` has most cars in a yellow that is not the
yellow of the class.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rsvp_builder.demo.isprs import CODE, MAGENTA, TOKENS, district, world_file
from rsvp_builder.demo.land_cover import Bytes, LandCover, Numbers, eroded
from rsvp_builder.demo.map_files import (
    Slot,
    coloured,
    corner_of,
    jpeg,
    spoil_pairs,
    store,
    through_jpeg,
    tiff,
    without_corner,
)
from rsvp_builder.demo.truth import Planted, Release, TokenMap
from rsvp_builder.ledger import Reason

SIZE = (150, 130)
GSD = 0.05
RGB = "2_Ortho_RGB/2_Ortho_RGB"
"""The zips of pictures hold a folder of their own name; those of maps hold files."""
IRRG = "3_Ortho_IRRG/3_Ortho_IRRG"
RGBIR = "4_Ortho_RGBIR/4_Ortho_RGBIR"
ALL = "5_Labels_all"
ALL_ERODED = "5_Labels_all_noBoundary"
PARTICIPANTS = "5_Labels_for_participants"
PARTICIPANTS_ERODED = "5_Labels_for_participants_no_Boundary"

TILES = {"2_10": "train", "4_12": "train", "6_7": "train", "7_10": "train", "3_13": "test", "5_15": "test"}
FULL_ONLY = ("4_12", "6_7", "3_13")
OTHER_YELLOW = (252, 255, 0)
LOSSLESS = {"compression": "tiff_lzw"}


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    for index, (tile, split) in enumerate(TILES.items()):
        cover, numbers = district(SIZE, (seed, index))
        _write_pictures(root, tile, cover)
        release.maps[f"{split}/{tile}"] = TokenMap(TOKENS, _write_maps(root, tile, split, numbers))
    _write_heights(root)
    if with_defects:
        _spoil(release, seed)
    return release


def _write_pictures(root: Path, tile: str, cover: LandCover) -> None:
    """Writes a tile's true colours; the first tile has its false colours and all four bands too."""
    rgb = cover.picture()
    world = _world(tile)
    pictures = {f"{RGB}/top_potsdam_{tile}_RGB": rgb}
    if tile == "2_10":
        infrared = cover.infrared()[..., None]
        pictures[f"{IRRG}/top_potsdam_{tile}_IRRG"] = np.concatenate([infrared, rgb[..., :2]], axis=2)
        pictures[f"{RGBIR}/top_potsdam_{tile}_RGBIR"] = np.concatenate([rgb, infrared], axis=2)
    for name, pixels in pictures.items():
        store(root, f"{name}.tif", tiff(pixels))
        store(root, f"{name}.tfw", world)


def _write_maps(root: Path, tile: str, split: str, numbers: Numbers) -> Numbers:
    """Writes a tile's maps.

    Returns:
        What they say: the eroded map where there is one.
    """
    full = tiff(_full_map(tile, numbers), **LOSSLESS)
    store(root, f"{ALL}/top_potsdam_{tile}_label.tif", full)
    if split == "train":
        store(root, f"{PARTICIPANTS}/top_potsdam_{tile}_label.tif", full)
        store(root, f"{PARTICIPANTS}/top_potsdam_{tile}_label.tfw", _world(tile))
    if tile in FULL_ONLY:
        return numbers
    inner = eroded(numbers)
    without = tiff(coloured(inner, CODE), **LOSSLESS)
    store(root, f"{ALL_ERODED}/top_potsdam_{tile}_label_noBoundary.tif", without)
    if split == "train":
        store(root, f"{PARTICIPANTS_ERODED}/top_potsdam_{tile}_label_noBoundary.tif", without)
    return inner


def _full_map(tile: str, numbers: Numbers) -> Bytes:
    """The colours of the map that has no boundary left out."""
    exact = coloured(numbers, CODE)
    if tile == "4_12":
        lossy = through_jpeg(exact, quality=60)
        # Of the real tile it is known that no channel comes within 40 of the middle; this one keeps to that.
        close = np.abs(lossy.astype(np.int64) - 127) < 40
        return np.where(close | ((lossy > 127) != (exact > 127)), exact, lossy)
    if tile == "6_7":
        height = len(numbers)
        most = np.arange(height)[:, None] < 0.8 * height
        car = most & (numbers == TOKENS.index("car"))
        return np.where(car[..., None], np.array(OTHER_YELLOW, np.uint8), exact)
    return exact


def _write_heights(root: Path) -> None:
    """Writes what a release has beside pictures and maps; here alone the tile's numbers have two digits."""
    heights = np.linspace(30, 60, SIZE[0] * SIZE[1], dtype=np.float32).reshape(SIZE[1], SIZE[0])
    store(root, "1_DSM/1_DSM/dsm_potsdam_02_10.tif", tiff(heights, **LOSSLESS))
    store(root, "1_DSM/1_DSM/dsm_potsdam_02_10.tfw", _world("2_10"))
    folder = "1_DSM_normalisation/1_DSM_normalisation"
    grey = np.linspace(0, 255, SIZE[0] * SIZE[1]).astype(np.uint8).reshape(SIZE[1], SIZE[0])
    for method in ("lastools", "ownapproach"):
        store(root, f"{folder}/dsm_potsdam_02_10_normalized_{method}.jpg", jpeg(grey))
    store(root, f"{folder}/readme.txt", b"Heights above ground in decimetres.\r\n")


def _spoil(release: Release, seed: int) -> None:
    """Adds a tile of each bad kind, and one with a colour of no class in a corner."""
    root = release.root
    cover, numbers = district(SIZE, (seed, 99))
    picture, label = tiff(cover.picture()), tiff(coloured(numbers, CODE), **LOSSLESS)
    other = tiff(coloured(numbers[:-9, :-7], CODE), **LOSSLESS)
    release.defects.extend(spoil_pairs(root, _slots(), picture, label, other))

    colours = coloured(numbers, CODE)
    colours[corner_of(numbers)] = MAGENTA
    file = f"{ALL}/top_potsdam_5_11_label.tif"
    store(root, f"{RGB}/top_potsdam_5_11_RGB.tif", picture)
    store(root, file, tiff(colours, **LOSSLESS))
    release.maps["train/5_11"] = TokenMap(TOKENS, without_corner(numbers))
    release.defects.append(Planted(file, None, Reason.UNKNOWN_CLASS))


def _slots() -> Iterator[Slot]:
    """Where tiles go whose numbers are free yet."""
    for tile in ("2_11", "2_12", "3_10", "3_11", "3_12", "4_10", "4_11"):
        yield Slot(f"{RGB}/top_potsdam_{tile}_RGB.tif", f"{ALL}/top_potsdam_{tile}_label.tif")


def _world(tile: str) -> bytes:
    """The world file of a tile in UTM zone 33; real tiles are 300 m wide."""
    row, column = (int(number) for number in tile.split("_"))
    return world_file(GSD, 366_500.0 + 300 * (column - 10), 5_808_000.0 - 300 * (row - 2))
