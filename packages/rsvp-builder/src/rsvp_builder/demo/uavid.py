"""Writes a miniature UAVid v1.5, its zip unpacked as it is.

Its frames are a twentieth of the real 3840x2160 and 4096x2160 pixels across, which would take seconds to
draw, and are seen from straight above where the real ones are oblique. As there, frames are called alike in
every sequence and the last row of patches is cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rsvp_builder.demo.land_cover import Bytes, LandCover, Numbers
from rsvp_builder.demo.map_files import Slot, coloured, corner_of, png, spoil_pairs, store, without_corner
from rsvp_builder.demo.palette import Colour
from rsvp_builder.demo.settlements import neighbourhood
from rsvp_builder.demo.truth import Planted, Release, TokenMap
from rsvp_builder.ledger import Reason

TOP = "uavid_v1.5_official_release_image"
COLOURS: dict[str, Colour] = {
    "Clutter": (0, 0, 0),
    "Building": (128, 0, 0),
    "Road": (128, 64, 128),
    "Static_Car": (192, 0, 192),
    "Tree": (0, 128, 0),
    "Vegetation": (128, 128, 0),
    "Human": (64, 64, 0),
    "Moving_Car": (64, 0, 128),
}
"""Class -> red, green, blue; black is a class, and there is no colour for the unlabelled."""

TOKENS = tuple(COLOURS)
CODE = tuple(COLOURS.values())
NO_CLASS: Colour = (255, 255, 255)
TOKEN_OF = {
    "clutter": "Clutter",
    "roof": "Building",
    "street": "Road",
    "parked-car": "Static_Car",
    "tree": "Tree",
    "lawn": "Vegetation",
    "person": "Human",
    "driving-car": "Moving_Car",
}
GSD = 0.16
NARROW, WIDE = (192, 108), (205, 108)
SEQUENCES: dict[str, dict[int, tuple[int, int]]] = {
    "train": {1: WIDE, 3: NARROW},
    "val": {16: WIDE, 67: NARROW},
    "test": {21: WIDE},
}
"""Split -> number of a sequence -> size of its frames; the numbers of a split have gaps."""

FRAMES = ("000000", "000100")


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    for split, sequences in SEQUENCES.items():
        for number, size in sequences.items():
            folder = f"{TOP}/uavid_{split}/seq{number}"
            for index, frame in enumerate(FRAMES):
                picture, numbers = _drawn(size, (seed, number, index))
                image_id = f"{split}/seq{number}/{frame}"
                store(root, f"{folder}/Images/{frame}.png", png(picture))
                if split == "test":
                    release.unlabelled.append(image_id)
                    continue
                store(root, f"{folder}/Labels/{frame}.png", png(coloured(numbers, CODE)))
                release.maps[image_id] = TokenMap(TOKENS, numbers)
    if with_defects:
        _spoil(release, seed)
    return release


def _drawn(size: tuple[int, int], key: tuple[int, ...]) -> tuple[Bytes, Numbers]:
    cover = LandCover(size, GSD, key)
    neighbourhood(cover, people=True)
    return cover.picture(), cover.numbers(TOKENS, TOKEN_OF)


def _spoil(release: Release, seed: int) -> None:
    """Adds a frame of each bad kind, and one with a colour of no class in a corner, to a sequence."""
    picture, numbers = _drawn(WIDE, (seed, 99))
    colours = coloured(numbers, CODE)
    slots = _slots()
    defects = spoil_pairs(
        release.root, slots, png(picture), png(colours), png(coloured(numbers[:-9, :-7], CODE))
    )
    release.defects.extend(defects)

    colours[corner_of(numbers)] = NO_CLASS
    slot = next(slots)
    store(release.root, slot.picture, png(picture))
    store(release.root, slot.label, png(colours))
    frame = Path(slot.picture).stem
    release.maps[f"train/seq1/{frame}"] = TokenMap(TOKENS, without_corner(numbers))
    release.defects.append(Planted(slot.label, None, Reason.UNKNOWN_CLASS))


def _slots() -> Iterator[Slot]:
    """Where the later frames of the first sequence go."""
    folder = f"{TOP}/uavid_train/seq1"
    for frame in range(200, 1000, 100):
        yield Slot(f"{folder}/Images/{frame:06d}.png", f"{folder}/Labels/{frame:06d}.png")
