"""Writes a miniature HRRSD: lists for every class, junk among the labels, scenes that come again turned.

Source: https://github.com/CrazyStoneonRoad/TGRS-HRRSD-Dataset. Label files are indented by tabs; boxes are
1-based with inclusive corners, and a few of them begin at 0 all the same. Most scenes of the release are
flipped or turned copies of others, also across splits. ``COCOFormat`` and ``labels`` hold what was derived.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from rsvp_builder.demo.snapshots import Box, Sight, draw, encoded
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.demo.voc_parts import Node, bad_boxes, object_lines, save, texts, xml
from rsvp_builder.ledger import Reason

_CLASSES = (
    "airplane",
    "baseball diamond",
    "basketball court",
    "bridge",
    "crossroad",
    "ground track field",
    "harbor",
    "parking lot",
    "ship",
    "storage tank",
    "T junction",
    "tennis court",
    "vehicle",
)
_SIZE = (260, 220)
_TOP = "OPT2017"

_SCENES: dict[str, tuple[str, str, list[Sight]]] = {
    "00001": ("train", "concrete", [Sight("airplane", "plane", 90, 100, 90, 96, 30)]),
    "00002": (
        "train",
        "grass",
        [
            Sight("crossroad", "crossroad", 130, 110, 150, 150),
            Sight("vehicle", "small-vehicle", 130, 60, 10, 22),
        ],
    ),
    "00003": ("val", "grass", [Sight("T junction", "junction", 130, 110, 150, 150)]),
    "00017": (
        "val",
        "water",
        # The first one begins at the left border: its label says 0 where it should say 1.
        [Sight("ship", "ship", 8, 90, 16, 60), Sight("harbor", "harbor", 120, 110, 40, 180)],
    ),
    "00019": (
        "test",
        "paving",
        [
            Sight("storage tank", "storage-tank", 60, 60, 56, 56),
            Sight("tennis court", "tennis-court", 150, 80, 50, 90),
            Sight("parking lot", "parking", 150, 180, 120, 60),
        ],
    ),
}
_TURNED = ("00020", "00001")
"""A test image, and the training image that it is a half turn of."""


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    lists: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    classes: dict[str, set[str]] = {}
    for number, (stem, (split, ground, sights)) in enumerate(_SCENES.items()):
        picture = draw(_SIZE, ground, sights, (seed, number))
        boxes = [(sight.token, _written(sight.box)) for sight in sights]
        variants = [(stem, split, picture, boxes)]
        if stem == _TURNED[1]:
            turned = [(token, _half_turn(box)) for token, box in boxes]
            variants.append((_TURNED[0], "test", picture.transpose(Image.Transpose.ROTATE_180), turned))
        for name, of_split, shot, told in variants:
            nodes = [_object(token, tuple(f"{v:.0f}" for v in box)) for token, box in told]
            _save(root, name, encoded(shot, "JPEG"), _document(name, nodes))
            derived = "".join(f"{_CLASSES.index(t)} {b[0]:.0f} {b[1]:.0f} 20 20\n" for t, b in told)
            save(root, [(f"{_TOP}/labels/{name}.txt", derived)])
            lists[of_split].append(name)
            classes[name] = {token for token, _ in told}
            release.images[f"{of_split}/{name}"] = [Thing(token, _half_open(box)) for token, box in told]
    save(root, [(f"{_TOP}/Annotations/~00001.xml", "<annotation>\n\t<folder>OPTI")])
    if with_defects:
        blank = encoded(draw(_SIZE, "grass", [], (seed, 99)), "JPEG")
        lists["train"] += _spoil(release, blank)
        lists["train"].append("00099")
        lists["val"].append("00001")
        release.defects += [
            Planted(f"{_TOP}/ImageSets/Main/train.txt", len(lists["train"]), Reason.IMAGE_MISSING, "00099"),
            Planted(f"{_TOP}/ImageSets/Main/val.txt", len(lists["val"]), Reason.DUPLICATE_ID, "00001"),
        ]
    lists["trainval"] = sorted({*lists["train"], *lists["val"]})
    save(root, _list_files(lists, classes))
    return release


def _written(box: Box) -> Box:
    """1-based inclusive corners; one that begins at the border is written 0, as in 20 real boxes."""
    x1, y1, x2, y2 = box
    return (x1 + 1 if x1 else 0), y1 + 1, x2, y2


def _half_open(written: Box) -> Box:
    x1, y1, x2, y2 = written
    return x1 - 1, y1 - 1, x2, y2


def _half_turn(written: Box) -> Box:
    width, height = _SIZE
    x1, y1, x2, y2 = written
    return width + 1 - x2, height + 1 - y2, width + 1 - x1, height + 1 - y1


def _object(name: str, corners: Sequence[str] | None) -> Node:
    head = texts(name=name, pose="overlook", truncated=0, difficult=0)
    if corners is None:
        return "object", head
    xmin, ymin, xmax, ymax = corners
    return "object", [*head, ("bndbox", texts(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax))]


def _document(stem: str, objects: Sequence[Node], size: tuple[int, int] = _SIZE) -> str:
    source: Node = (
        "source",
        [
            ("database", "The OPTIMAL_Z Database"),
            ("annotation", "OPTIMAL_Z_anno"),
            ("image", "OPTIMAL_Z_img"),
            ("flickrid", "NULL"),
        ],
    )
    owner: Node = ("owner", texts(flickrid="NULL", name="somebody"))
    told: Node = ("size", texts(width=size[0], height=size[1], depth=3))
    head = texts(folder="OPTIMAL_Z", filename=f"{stem}.jpg")
    return xml(("annotation", [*head, source, owner, told, ("segmented", "0"), *objects]))


def _list_files(lists: dict[str, list[str]], classes: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Split lists, and for each class and split a list that says of each image whether it has any."""
    for split, stems in lists.items():
        yield f"{_TOP}/ImageSets/Main/{split}.txt", "".join(f"{stem}\n" for stem in stems)
        for name in _CLASSES:
            lines = [f"{stem} {' 1' if name in classes.get(stem, ()) else '-1'}\n" for stem in stems]
            yield f"{_TOP}/ImageSets/Main/{name}_{split}.txt", "".join(lines)


def _save(root: Path, stem: str, image: bytes | None, label: str | bytes | None) -> None:
    files = (f"{_TOP}/JPEGImages/{stem}.jpg", image), (f"{_TOP}/Annotations/{stem}.xml", label)
    save(root, [(name, content) for name, content in files if content is not None])


def _spoil(release: Release, image: bytes) -> list[str]:
    """Adds images with something wrong each, all to be listed for training."""
    stems = ["00030"]
    bad = bad_boxes("bridge", "Bridge over water", _SIZE)
    good = _object("bridge", ("21", "31", "60", "70"))
    thing = Thing("bridge", (20, 30, 60, 70))
    document = _document("00030", [good, *(_object(box.token, box.corners) for box in bad), good])
    _save(release.root, "00030", image, document)
    release.images["train/00030"] = [thing, thing]
    for line, box in zip(object_lines(document)[1:], bad, strict=False):
        release.defects.append(Planted(f"{_TOP}/Annotations/00030.xml", line, box.reason, box.value))

    sound = _document("x", [good])
    larger = _document("x", [good], (_SIZE[0], _SIZE[1] * 2))
    broken: list[tuple[bytes | None, str | bytes | None, str, Reason, str]] = [
        (image[: len(image) // 2], sound, "image", Reason.IMAGE_UNREADABLE, ""),
        (b"<html>404</html>", sound, "image", Reason.IMAGE_UNREADABLE, "<html>"),
        (None, sound, "label", Reason.IMAGE_MISSING, ""),
        (image, None, "image", Reason.LABEL_MISSING, ""),
        (image, b"", "label", Reason.LABEL_UNREADABLE, ""),
        (image, sound[:-20], "label", Reason.LABEL_UNREADABLE, ""),
        (image, sound.replace("overlook", "\xfcber").encode("latin-1"), "label", Reason.LABEL_UNREADABLE, ""),
        (image, larger, "label", Reason.SIZE_MISMATCH, f"{_SIZE[0]} x {_SIZE[1] * 2}"),
    ]
    for number, (picture, text, where, reason, value) in enumerate(broken, start=31):
        stem = f"{number:05d}"
        stems.append(stem)
        _save(release.root, stem, picture, text)
        file = f"JPEGImages/{stem}.jpg" if where == "image" else f"Annotations/{stem}.xml"
        release.defects.append(Planted(f"{_TOP}/{file}", None, reason, value))
        if reason == Reason.SIZE_MISMATCH:
            release.images[f"train/{stem}"] = [thing]
    # A second picture of one name: the first in the order of names is the one that is meant.
    save(release.root, [(f"{_TOP}/JPEGImages/00030.png", b"\x89PNG\r\n\x1a\n")])
    duplicate = Planted(f"{_TOP}/JPEGImages/00030.png", None, Reason.DUPLICATE_STEM, "00030.png")
    release.defects.append(duplicate)
    return stems
