"""Writes miniature SAMRS releases: SOTA, SIOR and FAST, masks that a model drew inside detection boxes.

Per picture there is a pickle of instances, and a grey and a coloured map; 255 and white are unlabelled. The
pickles name numpy as numpy 1 did. One of SOTA and SIOR is of the early kind, which has numbers for classes.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rsvp_builder.demo.backdrops import backdrop, encoded
from rsvp_builder.demo.outlines import BoolArray, Stamp, bounds, draw
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.ledger import Reason

_Colour = tuple[int, int, int]
_Instance = tuple[str, Stamp]


@dataclass(frozen=True, slots=True)
class _Shot:
    """A picture: list that names it, folder and stem, ground cover, instances."""

    split: str
    stem: str
    base: str
    instances: tuple[_Instance, ...]
    folder: int = 0


@dataclass(frozen=True, slots=True)
class _Subset:
    """One of the three.

    Attributes:
        top: folder of everything.
        images: folders of pictures.
        segs: folder of ``gray``, ``color`` and ``ins``.
        suffix: of pictures.
        size: width and height of pictures.
        classes: number of each class that occurs here, with the colour of that number.
        turned: instances have turned boxes.
        shots: pictures.
        early: stem of the picture whose pickle is of the early kind; empty for none.
    """

    top: str
    images: tuple[str, ...]
    segs: str
    suffix: str
    size: tuple[int, int]
    classes: dict[str, tuple[int, _Colour]]
    turned: bool
    shots: tuple[_Shot, ...]
    early: str = ""


_TWO_PLANES = (Stamp("plane", 60, 70, 25, 84, 88), Stamp("plane", 140, 120, 200, 80, 84))
_TWO_SHIPS = (Stamp("ship", 60, 70, 30, 22, 90), Stamp("ship", 140, 110, 195, 20, 84))
_TANKS = (Stamp("storage-tank", 60, 60, 0, 76, 76), Stamp("storage-tank", 140, 140, 0, 66, 66))
_COURT = Stamp("tennis-court", 100, 100, 10, 60, 110)
_PIER = Stamp("harbor", 100, 95, 20, 80, 150)
_CARS = (Stamp("small-vehicle", 50, 50, 80, 14, 30), Stamp("large-vehicle", 140, 130, 20, 18, 52))

_SUBSETS = {
    "SAMRS-SOTA": _Subset(
        top="dotav2_1024/trainval",
        images=("images",),
        segs="hbox_segs_init",
        suffix=".png",
        size=(200, 200),
        classes={
            "large-vehicle": (0, (0, 127, 255)),
            "plane": (4, (0, 0, 127)),
            "ship": (5, (0, 127, 127)),
            "small-vehicle": (9, (0, 191, 127)),
            "tennis-court": (11, (0, 63, 63)),
            "storage-tank": (13, (0, 0, 255)),
            "harbor": (14, (0, 0, 191)),
        },
        turned=False,
        shots=(
            _Shot("train", "P0000_0001", "concrete", tuple(("plane", s) for s in _TWO_PLANES)),
            # Boxes overlap, and the later map wins.
            _Shot("train", "P0012_0003", "water", (("harbor", _PIER), ("ship", _TWO_SHIPS[0]))),
            _Shot(
                "train", "P0101_0000", "paving", (("small-vehicle", _CARS[0]), ("large-vehicle", _CARS[1]))
            ),
            _Shot("valid", "P1415_0002", "concrete", tuple(("storage-tank", s) for s in _TANKS)),
            _Shot("valid", "P1416_0000", "grass", (("tennis-court", _COURT),)),
        ),
        early="P0101_0000",
    ),
    "SAMRS-SIOR": _Subset(
        top="dior",
        images=("JPEGImages-trainval", "JPEGImages-test"),
        segs="hbox_segs_trainvaltest_init",
        suffix=".jpg",
        size=(200, 200),
        classes={
            "airplane": (0, (0, 127, 255)),
            "harbor": (11, (0, 63, 63)),
            "ship": (13, (0, 0, 255)),
            "storagetank": (15, (64, 191, 127)),
            "tenniscourt": (16, (64, 0, 191)),
        },
        turned=False,
        shots=(
            _Shot("train", "00001", "concrete", tuple(("airplane", s) for s in _TWO_PLANES)),
            _Shot("train", "04133", "water", (("harbor", _PIER), ("ship", _TWO_SHIPS[0]))),
            _Shot("valid", "11726", "concrete", tuple(("storagetank", s) for s in _TANKS), folder=1),
            _Shot("valid", "11727", "grass", (("tenniscourt", _COURT),), folder=1),
        ),
        early="04133",
    ),
    "SAMRS-FAST": _Subset(
        top="fair1m_1024/trainval",
        images=("images",),
        segs="rhbox_segs_init",
        suffix=".png",
        size=(200, 200),
        classes={
            "A220": (0, (0, 127, 255)),
            "Boeing737": (7, (0, 63, 127)),
            "Cargo-Truck": (14, (0, 0, 191)),
            "Small-Car": (29, (191, 127, 0)),
            "Tennis-Court": (30, (127, 191, 0)),
            "Warship": (36, (0, 191, 64)),
        },
        turned=True,
        shots=(
            _Shot(
                "train",
                "train_2956_0001",
                "concrete",
                (("A220", _TWO_PLANES[0]), ("Boeing737", _TWO_PLANES[1])),
            ),
            _Shot("train", "train_12_0000", "water", tuple(("Warship", s) for s in _TWO_SHIPS)),
            # FAIR1M counts its train and its val pictures from 0 each.
            _Shot("valid", "valid_12_0000", "paving", (("Small-Car", _CARS[0]), ("Cargo-Truck", _CARS[1]))),
            _Shot("valid", "valid_13_0002", "grass", (("Tennis-Court", _COURT),)),
        ),
    ),
}


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Write one of the subsets; see :func:`rsvp_builder.demo.write`."""
    subset, release = _SUBSETS[source], Release(root)
    top = root / subset.top
    for folder in (*subset.images, *(f"{subset.segs}/{kind}" for kind in ("gray", "color", "ins"))):
        (top / folder).mkdir(parents=True)
    for number, shot in enumerate(subset.shots):
        stamps = [stamp for _, stamp in shot.instances]
        picture = draw(subset.size, shot.base, stamps, (seed, number))
        (root / _picture(subset, shot.stem, shot.folder)).write_bytes(_encoded(subset, picture))
        records, things = [], []
        for token, stamp in shot.instances:
            record, thing = _instance(subset, token, stamp, early=shot.stem == subset.early)
            records.append(record)
            things.append(thing)
        (root / _pickle(subset, shot.stem)).write_bytes(_pickled(records))
        _write_maps(top / subset.segs, shot.stem, subset, things)
        release.images[f"{shot.split}/{shot.stem}"] = things
    for split in ("train", "valid"):
        stems = [shot.stem for shot in subset.shots if shot.split == split]
        (top / f"{split}.txt").write_text("".join(f"{stem}\n" for stem in stems))
    # Pictures without a detection box were passed over when masks were made, and are in no list.
    bare = "train_7_0000" if subset.turned else "P0003_0000" if "SOTA" in source else "00007"
    (root / _picture(subset, bare)).write_bytes(_encoded(subset, backdrop("meadow", (90, 90), 0, seed)))
    release.background.append(f"train/{bare}")
    if with_defects:
        _spoil(root, subset, release)
    return release


def _picture(subset: _Subset, stem: str, folder: int = 0) -> str:
    return f"{subset.top}/{subset.images[folder]}/{stem}{subset.suffix}"


def _pickle(subset: _Subset, stem: str) -> str:
    return f"{subset.top}/{subset.segs}/ins/{stem}.pkl"


def _encoded(subset: _Subset, picture: Image.Image) -> bytes:
    return encoded(picture, "PNG" if subset.suffix == ".png" else "JPEG")


def _instance(
    subset: _Subset, token: str, stamp: Stamp, *, early: bool = False
) -> tuple[dict[str, Any], Thing]:
    mask = stamp.mask(subset.size)
    number = subset.classes[token][0]
    corners = np.array(stamp.quad())
    record: dict[str, Any] = {"mask": _rle(mask)}
    if subset.turned:
        x1, y1 = corners.min(axis=0).tolist()
        x2, y2 = corners.max(axis=0).tolist()
        record |= {"rbox": corners, "rhbox": np.array([x1, y1, x2, y2])}
        thing = Thing(token, (x1, y1, x2, y2), tuple(corners.ravel().tolist()), mask=mask)
    else:
        # The detection box is the annotators' and a little larger than what the model found in it.
        x1, y1, x2, y2 = bounds(mask)
        box = (max(x1 - 2, 0.0), max(y1 - 2, 0.0), x2 + 1.5, y2 + 1.5)
        record |= {"bbox": np.array(box)}
        thing = Thing(token, box, mask=mask)
    record |= {"category": number} if early else {"category": token, "label": number}
    return record | {"size": np.int64(mask.sum())}, thing


def _rle(mask: BoolArray) -> dict[str, Any]:
    from pycocotools import mask as coco

    code = coco.encode(np.asfortranarray(mask, np.uint8))
    return {"size": [int(side) for side in mask.shape], "counts": code["counts"].decode("ascii")}


def _pickled(records: object) -> bytes:
    # Protocol 3 names a module in one line, which any numpy writes and this makes numpy 1's.
    return pickle.dumps(records, protocol=3).replace(b"cnumpy._core.", b"cnumpy.core.")


def _write_maps(folder: Path, stem: str, subset: _Subset, things: list[Thing]) -> None:
    width, height = subset.size
    grey = np.full((height, width), 255, np.uint8)
    colour = np.full((height, width, 3), 255, np.uint8)
    for thing in things:
        assert thing.token is not None
        grey[thing.mask], colour[thing.mask] = subset.classes[thing.token]
    for kind, pixels in (("gray", grey), ("color", colour)):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        (folder / kind / f"{stem}.png").write_bytes(buffer.getvalue())


class _Intruder:
    """Pickles as a call, which a reader must refuse."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("a pickle that runs",)


def _spoil(root: Path, subset: _Subset, release: Release) -> None:
    """Plant one of each defect, each in an image of its own that the train list names."""
    token, stamp = subset.shots[0].instances[0]
    sound, thing = _instance(subset, token, stamp)
    picture = _encoded(subset, draw(subset.size, "concrete", [stamp], (0, 99)))
    prefix = "train_9" if subset.turned else "P9" if subset.suffix == ".png" else "9"
    stems: list[str] = []

    def add(records: object, image: bytes | None = picture, raw: bytes | None = None) -> str:
        stem = f"{prefix}{len(stems):03d}"
        stems.append(stem)
        (root / _pickle(subset, stem)).write_bytes(_pickled(records) if raw is None else raw)
        if image is not None:
            (root / _picture(subset, stem)).write_bytes(image)
        return stem

    def plant(stem: str, reason: Reason, value: str = "") -> None:
        release.defects.append(Planted(_pickle(subset, stem), None, reason, value))

    empty = {**sound, "mask": _rle(np.zeros(subset.size[::-1], bool)), "size": np.int64(0)}
    broken = {**sound, "mask": {"size": sound["mask"]["size"], "counts": "Q~!"}}
    other = {**sound, "mask": _rle(np.ones((50, 60), bool))}
    for reason, value, record in (
        (Reason.EMPTY_MASK, "", empty),
        (Reason.MALFORMED_LINE, "", broken),
        (Reason.UNKNOWN_CLASS, "spaceship", {**sound, "category": "spaceship"}),
        (Reason.MALFORMED_LINE, "", "not a dict"),
        (Reason.SIZE_MISMATCH, "60 x 50", other),
    ):
        stem = add([sound, record])
        plant(stem, reason, value)
        release.images[f"train/{stem}"] = [thing]
    plant(add([_Intruder()]), Reason.LABEL_UNREADABLE, "print")
    plant(add(None, raw=_pickled([sound])[:-20]), Reason.LABEL_UNREADABLE)
    plant(add(None, raw=b""), Reason.LABEL_UNREADABLE)
    plant(add([sound], image=None), Reason.IMAGE_MISSING)
    cut = add([sound], image=picture[: len(picture) // 2])
    release.defects.append(Planted(_picture(subset, cut), None, Reason.IMAGE_UNREADABLE))
    names = root / subset.top / "train.txt"
    listed = names.read_text() + "".join(f"{stem}\n" for stem in [*stems, f"{prefix}999"])
    names.write_text(listed)
    line = listed.count("\n")
    release.defects.append(Planted(f"{subset.top}/train.txt", line, Reason.IMAGE_MISSING, f"{prefix}999"))
