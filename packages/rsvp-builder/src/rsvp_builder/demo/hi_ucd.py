"""Writes a miniature Hi-UCD or Hi-UCD mini: two dates of a place and one file with the classes of both.

A mask is a colour picture by its form only: red is the class at the first date, green the class at the
second, blue the change. It looks black.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rsvp_builder.demo.land_cover import Bytes, LandCover, Numbers
from rsvp_builder.demo.map_files import corner_of, png, store, without_corner
from rsvp_builder.demo.settlements import growth, village
from rsvp_builder.demo.truth import Planted, Release, TokenMap
from rsvp_builder.ledger import Reason

TOKENS = (
    "water",
    "grass",
    "building",
    "greenhouse",
    "road",
    "bridge",
    "others",
    "bare_land",
    "woodland",
)
"""Classes in the order of their ids, which start at 1; 0 is unlabelled."""

TOKEN_OF = {
    "water": "water",
    "lawn": "grass",
    "roof": "building",
    "greenhouse": "greenhouse",
    "street": "road",
    "bridge": "bridge",
    "yard": "others",
    "bare": "bare_land",
    "wood": "woodland",
}
UNCHANGED, CHANGED = 1, 2
SIZE = (150, 130)


@dataclass(frozen=True, slots=True)
class Part:
    """A split: its two dates, its pairs, and whether their masks were released."""

    dates: tuple[str, str]
    names: tuple[str, ...]
    masks: bool = True


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a release keeps its files.

    Attributes:
        level: a folder between the date and the files.
        masks: name of the folder of masks.
        parts: by split.
        spare: names that no pair of the training part has.
    """

    level: str
    masks: str
    parts: dict[str, Part]
    spare: tuple[str, ...]

    def picture(self, split: str, date: str, name: str) -> str:
        """The picture of a date, relative to the root."""
        return f"{split}/image/{date}/{self.level}{name}.png"

    def mask(self, split: str, name: str) -> str:
        """The mask of a pair, relative to the root."""
        return f"{split}/{self.masks}/{'_'.join(self.parts[split].dates)}/{self.level}{name}.png"


LAYOUTS: dict[str, Layout] = {
    "Hi-UCD": Layout(
        "",
        "mask",
        {
            "train": Part(("2018", "2019"), ("0", "1", "10", "2")),
            "val": Part(("2018", "2019"), ("0", "1")),
            "test": Part(("2018", "2019"), ("0", "3"), masks=False),
        },
        tuple(str(number) for number in range(20, 40)),
    ),
    "Hi-UCD-mini": Layout(
        "9/",
        "mask_merge",
        {
            "train": Part(("2017", "2018"), ("583536_18", "583536_19", "584536_2")),
            "val": Part(("2017", "2018"), ("583537_7",)),
            "test": Part(("2018", "2019"), ("585538_18", "585538_20")),
        },
        tuple(f"586539_{number}" for number in range(1, 20)),
    ),
}


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    layout, release = LAYOUTS[source], Release(root)
    place = 0
    for split, part in layout.parts.items():
        for name in part.names:
            place += 1
            pair = _drawn(seed, place)
            for date, (picture, _) in zip(part.dates, pair, strict=True):
                store(root, layout.picture(split, date, name), png(picture))
            if part.masks:
                store(root, layout.mask(split, name), png(_mask(*(numbers for _, numbers in pair))))
            for date, (_, numbers) in zip(part.dates, pair, strict=True):
                if part.masks:
                    release.maps[f"{split}/{date}/{name}"] = TokenMap(TOKENS, numbers)
                else:
                    release.unlabelled.append(f"{split}/{date}/{name}")
    if source == "Hi-UCD-mini":
        store(root, "readme.txt", b"R: class of the first date, G: of the second, B: change.\r\n")
    if with_defects:
        _spoil(release, layout, seed)
    return release


def _drawn(seed: int, place: int) -> tuple[tuple[Bytes, Numbers], tuple[Bytes, Numbers]]:
    """A place a year apart: pictures and classes.

    In every other place nothing happened, as is usual. The two pictures are the same bytes there, which no
    pair of the real release is, but releases have duplicates and a build has to get over them.
    """
    dates = []
    for later in (False, True):
        cover = LandCover(SIZE, 0.5, (seed, place))
        village(cover)
        if later and place % 2:
            growth(cover)
        numbers = cover.numbers(TOKENS, TOKEN_OF)
        # Nobody labelled a corner, at the second date a little less of it.
        numbers[94 + 2 * later :, 118 + 5 * later :] = -1
        dates.append((cover.picture(), numbers))
    return dates[0], dates[1]


def _mask(before: Numbers, after: Numbers) -> Bytes:
    """A mask file: (height, width, 3)."""
    labelled = (before >= 0) & (after >= 0)
    change = np.where(labelled, np.where(before == after, UNCHANGED, CHANGED), 0)
    return np.stack([before + 1, after + 1, change], axis=2).astype(np.uint8)


def _spoil(release: Release, layout: Layout, seed: int) -> None:
    """Adds one pair of each bad kind to the training part; what is sound of a pair stays."""
    root, names = release.root, iter(layout.spare)
    first, second = layout.parts["train"].dates
    (before, numbers), (after, later) = _drawn(seed, 99)
    mask = png(_mask(numbers, later))
    sound = {first: png(before), second: png(after)}
    truth = {first: TokenMap(TOKENS, numbers), second: TokenMap(TOKENS, later)}

    def add(pictures: dict[str, bytes], mask: bytes | None, kept: tuple[str, ...] = ()) -> str:
        """Writes a pair whose pictures of the ``kept`` dates can be used."""
        name = next(names)
        for date, picture in pictures.items():
            store(root, layout.picture("train", date, name), picture)
        if mask is not None:
            store(root, layout.mask("train", name), mask)
        release.maps.update({f"train/{date}/{name}": truth[date] for date in kept})
        return name

    def report(file: str, reason: Reason) -> None:
        release.defects.append(Planted(file, None, reason))

    half = sound[first][: len(sound[first]) // 2]
    name = add({first: half, second: sound[second]}, mask, kept=(second,))
    report(layout.picture("train", first, name), Reason.IMAGE_UNREADABLE)
    name = add({first: sound[first], second: b""}, mask, kept=(first,))
    report(layout.picture("train", second, name), Reason.IMAGE_UNREADABLE)
    report(layout.mask("train", add(sound, mask[: len(mask) // 2])), Reason.LABEL_UNREADABLE)
    report(layout.mask("train", add(sound, b"")), Reason.LABEL_UNREADABLE)
    other = png(_mask(numbers[:-9, :-7], later[:-9, :-7]))
    report(layout.mask("train", add(sound, other)), Reason.SIZE_MISMATCH)
    name = add(sound, None)
    for date in (first, second):
        report(layout.picture("train", date, name), Reason.LABEL_MISSING)
    report(layout.mask("train", add({}, mask)), Reason.IMAGE_MISSING)
    report(layout.mask("train", add({first: sound[first]}, mask, kept=(first,))), Reason.IMAGE_MISSING)

    strange = _mask(numbers, later)
    strange[(*corner_of(numbers), 0)] = 12
    name = add(sound, png(strange), kept=(second,))
    release.maps[f"train/{first}/{name}"] = TokenMap(TOKENS, without_corner(numbers))
    report(layout.mask("train", name), Reason.UNKNOWN_CLASS)
