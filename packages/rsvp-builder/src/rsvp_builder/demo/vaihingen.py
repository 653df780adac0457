"""Writes a miniature ISPRS Vaihingen, each of its zips unpacked into a folder of its own name.

A picture and its full map have the same file name and lie in different folders. The pictures are false
colours: infrared, red, green.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rsvp_builder.demo.isprs import CODE, MAGENTA, TOKENS, district
from rsvp_builder.demo.land_cover import Bytes, LandCover, Numbers, eroded
from rsvp_builder.demo.map_files import Slot, coloured, corner_of, spoil_pairs, store, tiff, without_corner
from rsvp_builder.demo.truth import Planted, Release, TokenMap
from rsvp_builder.ledger import Reason

MAIN = "ISPRS_semantic_labeling_Vaihingen"
TOP = f"{MAIN}/top"
PARTICIPANTS = f"{MAIN}/gts_for_participants"
PARTICIPANTS_ERODED = "gts_eroded_for_participants"
COMPLETE = f"{MAIN}_ground_truth_COMPLETE"
COMPLETE_ERODED = f"{MAIN}_ground_truth_eroded_COMPLETE"

AREAS: dict[int, tuple[str, tuple[int, int]]] = {
    1: ("train", (150, 130)),
    3: ("train", (128, 161)),
    11: ("train", (117, 134)),
    2: ("test", (170, 109)),
    38: ("test", (143, 90)),
}
"""Area -> its part of the official split and its size: no two are alike."""

FULL_ONLY = 38
"""The area that only its full map is there of."""
STRAY = 9
"""The area that the eroded set has a map of and nothing else speaks of."""
LOSSLESS = {"compression": "tiff_lzw"}


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    for area, (split, size) in AREAS.items():
        cover, numbers = district(size, (seed, area))
        name = f"top_mosaic_09cm_area{area}"
        store(root, f"{TOP}/{name}.tif", tiff(_false_colours(cover)))
        truth = _write_maps(root, name, numbers, split, with_eroded=area != FULL_ONLY)
        release.maps[f"{split}/area{area}"] = TokenMap(TOKENS, truth)
    _, numbers = district((120, 100), (seed, STRAY))
    store(root, f"{COMPLETE_ERODED}/top_mosaic_09cm_area{STRAY}_noBoundary.tif", _map_file(eroded(numbers)))
    _write_the_rest(root)
    if with_defects:
        _spoil(release, seed)
    return release


def _write_maps(root: Path, name: str, numbers: Numbers, split: str, *, with_eroded: bool) -> Numbers:
    """Writes every map of an area.

    Returns:
        What they say: the eroded map where there is one.
    """
    inner = eroded(numbers)
    store(root, f"{COMPLETE}/{name}.tif", _map_file(numbers))
    if with_eroded:
        store(root, f"{COMPLETE_ERODED}/{name}_noBoundary.tif", _map_file(inner))
    if split == "train":
        store(root, f"{PARTICIPANTS}/{name}.tif", _map_file(numbers))
        store(root, f"{PARTICIPANTS_ERODED}/{name}_noBoundary.tif", _map_file(inner))
    return inner if with_eroded else numbers


def _write_the_rest(root: Path) -> None:
    """Writes heights and the mosaic of all areas, which no picture may be made of.

    The mosaic is tiny here; the real one has more than 400 million pixels.
    """
    for area, (_, (width, height)) in AREAS.items():
        heights = np.linspace(250, 290, width * height, dtype=np.float32).reshape(height, width)
        store(root, f"{MAIN}/dsm/dsm_09cm_matching_area{area}.tif", tiff(heights, **LOSSLESS))
    cover, _ = district((90, 60), (0,))
    store(root, "TOP_Mosaic_09cm.tif", tiff(_false_colours(cover)))


def _spoil(release: Release, seed: int) -> None:
    """Adds an area of each bad kind, and one with a colour of no class in a corner."""
    root = release.root
    cover, numbers = district((150, 130), (seed, 99))
    picture = tiff(_false_colours(cover))
    defects = spoil_pairs(root, _slots(), picture, _map_file(numbers), _map_file(numbers[:-9, :-7]))
    release.defects.extend(defects)

    colours = coloured(numbers, CODE)
    colours[corner_of(numbers)] = MAGENTA
    file = f"{COMPLETE}/top_mosaic_09cm_area32.tif"
    store(root, f"{TOP}/top_mosaic_09cm_area32.tif", picture)
    store(root, file, tiff(colours, **LOSSLESS))
    release.maps["train/area32"] = TokenMap(TOKENS, without_corner(numbers))
    release.defects.append(Planted(file, None, Reason.UNKNOWN_CLASS))


def _slots() -> Iterator[Slot]:
    """Where areas go whose numbers are free yet."""
    for area in (5, 7, 13, 15, 17, 21, 23):
        name = f"top_mosaic_09cm_area{area}.tif"
        yield Slot(f"{TOP}/{name}", f"{COMPLETE}/{name}")


def _false_colours(cover: LandCover) -> Bytes:
    """Infrared, red, green."""
    return np.concatenate([cover.infrared()[..., None], cover.picture()[..., :2]], axis=2)


def _map_file(numbers: Numbers) -> bytes:
    return tiff(coloured(numbers, CODE), **LOSSLESS)
