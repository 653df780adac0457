"""Writes a miniature DIOR-RSVG: objects that people described, split by the number of the object.

Source: https://github.com/ZhanYang-nwpu/RSVG-pytorch. A line of a split list is the number of an object,
counted from 0 over all label files in the order of their names; so one image lies in several splits. Every
object counts, whether it can be used or not. Coordinates are taken for 0-based.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rsvp_builder.demo.snapshots import Sight, draw, encoded
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.demo.voc_parts import Node, bad_boxes, object_lines, save, texts, xml
from rsvp_builder.ledger import Reason

_SIZE = (280, 240)
_TOP = "DIOR_RSVG"


@dataclass(frozen=True, slots=True)
class _Described:
    """A thing, what people wrote about it, and the split its number is listed in."""

    sight: Sight
    text: str
    split: str


def _sees(token: str, kind: str, place: tuple[float, float], size: tuple[float, float]) -> Sight:
    return Sight(token, kind, *place, *size)


_PICTURES: dict[str, tuple[str, list[_Described]]] = {
    "00011": (
        "concrete",
        [
            _Described(_sees("airplane", "plane", (70, 80), (84, 90)), "The airplane on the left", "train"),
            _Described(_sees("airplane", "plane", (200, 140), (96, 102)), "A big white airplane", "train"),
        ],
    ),
    # Not the next number: the release has 17,402 of DIOR's 23,463 images.
    "00014": (
        "water",
        [
            _Described(
                _sees("ship", "ship", (60, 110), (24, 90)), " The ship on the left of the harbor ", "train"
            ),
            _Described(_sees("harbor", "harbor", (140, 120), (44, 190)), "The harbor in the middle", "test"),
            _Described(_sees("ship", "ship", (215, 100), (28, 100)), "The ship to the right", "val"),
        ],
    ),
    "00398": (
        "grass",
        [
            _Described(
                _sees("storagetank", "storage-tank", (80, 90), (70, 70)), "A storage tank at the top", "val"
            ),
            _Described(
                _sees("Expressway-toll-station", "hall", (200, 120), (60, 110)),
                "An expressway toll station  beside a storage tank & its road",
                "test",
            ),
        ],
    ),
    "23001": (
        "meadow",
        [
            _Described(
                _sees("tenniscourt", "tennis-court", (x, 120), (50, 96)), f"Tennis court number {n}", split
            )
            for n, (x, split) in enumerate(((50, "train"), (130, "train"), (220, "test")), start=1)
        ],
    ),
}


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    lists: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    count = 0
    for number, (stem, (ground, things)) in enumerate(_PICTURES.items()):
        sights = [thing.sight for thing in things]
        nodes = []
        for described in things:
            sight = described.sight
            nodes.append(_object(sight.token, [f"{v:.0f}" for v in sight.box], described.text))
            thing = Thing(sight.token, sight.box, text=" ".join(described.text.split()))
            release.images.setdefault(f"{described.split}/{stem}", []).append(thing)
            lists[described.split].append(str(count))
            count += 1
        _save(
            root, stem, encoded(draw(_SIZE, ground, sights, (seed, number)), "JPEG"), _document(stem, nodes)
        )
    if with_defects:
        blank = encoded(draw(_SIZE, "grass", [], (seed, 99)), "JPEG")
        for objects in _spoil(release, blank):
            lists["train"] += map(str, range(count, count + objects))
            count += objects
        # Copies of the lists from before 2023 overlapped.
        lists["test"].append("0")
        lists["val"].append("one")
        release.defects += [
            Planted(f"{_TOP}/test.txt", len(lists["test"]), Reason.DUPLICATE_ID, "0"),
            Planted(f"{_TOP}/val.txt", len(lists["val"]), Reason.MALFORMED_LINE, "one"),
        ]
    save(root, [(f"{_TOP}/{s}.txt", "".join(f"{n}\n" for n in lines)) for s, lines in lists.items()])
    return release


def _object(name: str, corners: Sequence[str] | None, text: str) -> Node:
    place: list[Node] = []
    if corners is not None:
        xmin, ymin, xmax, ymax = corners
        place = [("bndbox", texts(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax))]
    return "object", [*texts(name=name, pose="Unspecified"), *place, ("description", text)]


def _document(stem: str, objects: Sequence[Node], size: tuple[int, int] = _SIZE) -> str:
    told: Node = ("size", texts(width=size[0], height=size[1], depth=3))
    return xml(("annotation", [("filename", f"{stem}.jpg"), told, *objects]))


def _save(root: Path, stem: str, image: bytes | None, label: str | bytes) -> None:
    save(root, [(f"{_TOP}/Annotations/{stem}.xml", label)])
    if image is not None:
        save(root, [(f"{_TOP}/JPEGImages/{stem}.jpg", image)])


def _spoil(release: Release, image: bytes) -> list[int]:
    """Adds images with something wrong each; gives how many objects each has, all listed for training."""
    good = _object("dam", ("20", "30", "60", "70"), "The dam in the valley")
    thing = Thing("dam", (20, 30, 60, 70), text="The dam in the valley")
    bad = bad_boxes("dam", "dyke", _SIZE)
    nodes = [
        good,
        *(_object(box.token, box.corners, f"Something about a {box.token}") for box in bad),
        _object("dam", ("20", "30", "60", "70"), ""),
        _object("dam", ("20", "30", "60", "70"), "a"),
        good,
    ]
    document = _document("23100", nodes)
    _save(release.root, "23100", image, document)
    release.images["train/23100"] = [thing, thing]
    label = f"{_TOP}/Annotations/23100.xml"
    lines = object_lines(document)
    for line, box in zip(lines[1:], bad, strict=False):
        release.defects.append(Planted(label, line, box.reason, box.value))
    for line, value in zip(lines[-3:-1], ("", "a"), strict=True):
        release.defects.append(Planted(label, line, Reason.EMPTY_TEXT, value))

    sound = _document("x", [good])
    larger = _document("x", [good], (800, 800))
    broken: list[tuple[bytes | None, str | bytes, str, Reason, str]] = [
        (image[: len(image) // 2], sound, "image", Reason.IMAGE_UNREADABLE, ""),
        (None, sound, "label", Reason.IMAGE_MISSING, ""),
        (image, larger, "label", Reason.SIZE_MISMATCH, "800 x 800"),
        # Last, so that nobody has to agree on how many objects a broken file has.
        (image, sound[:-20], "label", Reason.LABEL_UNREADABLE, ""),
    ]
    counts = [len(lines)]
    for number, (picture, text, where, reason, value) in enumerate(broken, start=23101):
        _save(release.root, f"{number}", picture, text)
        counts.append(1)
        file = f"JPEGImages/{number}.jpg" if where == "image" else f"Annotations/{number}.xml"
        release.defects.append(Planted(f"{_TOP}/{file}", None, reason, value))
        if reason == Reason.SIZE_MISMATCH:
            release.images[f"train/{number}"] = [thing]
    return counts
