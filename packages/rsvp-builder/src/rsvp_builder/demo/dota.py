"""Writes a miniature raw DOTA release, with the folders and files that a user has after unzipping.

The pictures are drawn, so the truth is known exactly. The same scenes serve all three versions: a later
version annotates more of what is in them, which is what makes mixing label folders a mistake.
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from rsvp_builder.demo.defects import Defect, spoil_files, spoil_lines
from rsvp_builder.demo.drawing import DrawnObject
from rsvp_builder.demo.labels import label_text, meta_text
from rsvp_builder.demo.scenes import PLANS, compose

__all__ = ["Defect", "DrawnObject", "Release", "label_folder", "label_text", "meta_text", "write_release"]

Version: TypeAlias = Literal["1.0", "1.5", "2.0"]


@dataclass(frozen=True, slots=True)
class Release:
    """What was written.

    Attributes:
        root: the release's top folder.
        version: which annotation the rest of this record speaks of.
        images: by ``split/stem``, the objects of every image that has a readable picture and a readable
            label file, with coordinates as the label file states them; bad lines are not among them.
        unlabelled: ``split/stem`` of the test images, whose labels are never released.
        defects: what a reader has to report, empty unless asked for.
    """

    root: Path
    version: Version
    images: dict[str, list[DrawnObject]]
    unlabelled: list[str]
    defects: list[Defect]


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture to be taken; grey ones come from the panchromatic satellite GF-2."""

    place: str
    size: tuple[int, int]
    grey: bool = False
    gsd_known: bool = True


# Each training picture but the first has a quirk of the real release: a quad that reaches over the border
# (port), a single band, no object at all, an unknown GSD, more than 1024 pixels.
SHOTS: dict[str, tuple[Shot, ...]] = {
    "train": (
        Shot("airfield", (820, 680)),
        Shot("port", (900, 760)),
        Shot("panorama", (860, 720), grey=True),
        Shot("countryside", (640, 560)),
        Shot("town", (720, 660), gsd_known=False),
        Shot("sports-and-town", (1440, 1180)),
    ),
    "val": (
        Shot("sports", (740, 680)),
        Shot("river", (760, 640)),
        Shot("airfield", (760, 600), gsd_known=False),
    ),
    "test": (Shot("river", (640, 600)), Shot("town", (600, 520))),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn picture with everything that is in it, before a version chooses what to annotate."""

    split: str
    stem: str
    in_first_release: bool
    shot: Shot
    png: bytes
    objects: tuple[DrawnObject, ...]

    @property
    def source(self) -> str:
        """Image source as the label files spell it."""
        return "GF" if self.shot.grey else "GoogleEarth"

    @property
    def gsd(self) -> float | None:
        """Metres per pixel, if the release knows it."""
        return PLANS[self.shot.place][2] if self.shot.gsd_known else None


def write_release(
    root: Path,
    *,
    version: Version = "2.0",
    train: int = 6,
    val: int = 3,
    test: int = 2,
    seed: int = 0,
    with_defects: bool = False,
) -> Release:
    """Writes a release; the same arguments give the same bytes.

    Six training pictures show all the quirks of the real one, fewer show the first of them.

    Args:
        root: top folder, made if need be.
        version: which release; 2.0 has the images and labels of 1.0 in the same folders, as users do.
        train: number of training images.
        val: number of validation images.
        test: number of images without labels.
        seed: seed of everything drawn.
        with_defects: also plant one defect of each kind in the training part.

    Raises:
        ValueError: if defects are wanted where there is no training image to spoil.
    """
    if with_defects and train < 1:
        raise ValueError("with_defects needs at least one training image; got train=0")
    release = Release(root, version, {}, [], [])
    old_stems = (f"P{i:04d}" for i in count())
    new_stems = (f"P{i}" for i in count(10_000))
    pictures = [
        picture
        for split, number in (("train", train), ("val", val), ("test", test))
        for picture in _pictures(split, number, version, seed, old_stems, new_stems)
    ]
    for picture in pictures:
        folder = root / picture.split / "images"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{picture.stem}.png").write_bytes(picture.png)
        if version == "2.0":
            _write_meta(root, picture)
        if picture.split.startswith("test"):
            release.unlabelled.append(f"{picture.split}/{picture.stem}")
        else:
            _write_labels(root, picture, version)
            truth = _annotated(picture.objects, version)
            release.images[f"{picture.split}/{picture.stem}"] = truth
    if with_defects:
        labels = label_folder(version, "train")
        first = pictures[0]
        release.defects.extend(spoil_lines(root, f"{labels}/{first.stem}.txt", first.shot.size))
        stems = new_stems if version == "2.0" else old_stems
        release.defects.extend(spoil_files(root, "train/images", labels, stems))
    return release


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the version that a source's name ends with; see :func:`write_release`."""
    version: Version = {"1.0": "1.0", "1.5": "1.5", "2.0": "2.0"}[source.rpartition("-v")[2]]  # type: ignore[assignment]
    return write_release(root, version=version, seed=seed, with_defects=with_defects)


def label_folder(version: Version, split: str, *, hbb: bool = False) -> str:
    """Folder of a version's label files, relative to the root; ``hbb`` gives the axis-aligned variant."""
    if version == "1.0":
        return f"{split}/labelTxt"
    return f"{split}/labelTxt-v{version}/DOTA-v{version}_{split}{'_hbb' if hbb else ''}"


def first_version(item: DrawnObject) -> Version:
    """The earliest version that annotates such an object: its class is new, or it was too small before."""
    if item.category in ("airport", "helipad"):
        return "2.0"
    x1, y1, x2, y2, x3, y3 = item.quad[:6]
    longest = max(math.hypot(x2 - x1, y2 - y1), math.hypot(x3 - x2, y3 - y2))
    return "1.5" if item.category == "container-crane" or longest < 10 else "1.0"


def _pictures(
    split: str, number: int, version: Version, seed: int, old: Iterator[str], new: Iterator[str]
) -> Iterator[Picture]:
    """Draws a split; in v2.0 two thirds of its images, as in the real one, come from v1.0."""
    folder = "test-dev" if split == "test" and version == "2.0" else split
    first = number if version != "2.0" else math.ceil(number * 2 / 3)
    shots = SHOTS[split]
    for index in range(number):
        shot = shots[index % len(shots)]
        png, objects = _drawn(shot, (seed, list(SHOTS).index(split), index))
        yield Picture(folder, next(old if index < first else new), index < first, shot, png, objects)


# Suites write the same release many times over; the cap keeps about three of them.
@lru_cache(maxsize=40)
def _drawn(shot: Shot, key: tuple[int, ...]) -> tuple[bytes, tuple[DrawnObject, ...]]:
    """PNG bytes and objects; depends on nothing but its arguments."""
    scene = compose(shot.place, shot.size, np.random.default_rng(key))
    buffer = io.BytesIO()
    # Run-length matching is five times as fast here, and the grain compresses no better with the default.
    scene.picture("L" if shot.grey else "RGB").save(buffer, "PNG", compress_level=6, compress_type=zlib.Z_RLE)
    return buffer.getvalue(), tuple(scene.objects)


def _annotated(objects: Sequence[DrawnObject], version: Version) -> list[DrawnObject]:
    """The objects of a version with coordinates as precise as its label files: integers in v1.0."""
    digits = 0 if version == "1.0" else 1
    return [
        DrawnObject(tuple(round(value, digits) for value in item.quad), item.category, item.difficult)
        for item in objects
        if first_version(item) <= version
    ]


def _axis_aligned(item: DrawnObject) -> DrawnObject:
    """The bounding rectangle of an object, as a quad from its top left."""
    xs, ys = item.quad[::2], item.quad[1::2]
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    return DrawnObject((left, top, right, top, right, bottom, left, bottom), item.category, item.difficult)


def _write_labels(root: Path, picture: Picture, version: Version) -> None:
    """Writes every label file that a user of this version has for a picture."""
    variants: list[tuple[Version, bool]] = [] if version == "1.0" else [(version, False), (version, True)]
    if picture.in_first_release:
        variants.append(("1.0", False))
    for edition, hbb in variants:
        objects = _annotated(picture.objects, edition)
        text = label_text(
            [_axis_aligned(item) for item in objects] if hbb else objects,
            image_source=picture.source,
            gsd=picture.gsd,
            header=edition != "2.0",
            float_coordinates=edition != "1.0",
        )
        folder = root / label_folder(edition, picture.split, hbb=hbb)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{picture.stem}.txt").write_bytes(text)


def _write_meta(root: Path, picture: Picture) -> None:
    """Writes a meta file of v2.0; where the GSD is unknown the date is too, as for most real images."""
    inside = picture.split if picture.split.startswith("test") else f"{picture.split}/labelTxt-v2.0"
    folder = root / inside / f"{picture.split}_meta" / "meta"
    folder.mkdir(parents=True, exist_ok=True)
    date = f"20{13 + zlib.crc32(picture.png) % 7}-0{1 + len(picture.png) % 9}-17"
    text = meta_text(
        acquisition_dates=date if picture.shot.gsd_known else None,
        image_source=picture.source,
        gsd=picture.gsd,
    )
    (folder / f"{picture.stem}.txt").write_bytes(text)
