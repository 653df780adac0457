"""Writes a miniature MAR20: military aircraft with a horizontal and an oriented label file each.

Source: https://gcheng-nwpu.github.io/. The horizontal files are indented by tabs and name an image that is
not there (``1.xml``); the oriented ones are a single line with corners as decimals, no exact rectangles, and
an angle that is always 0. Both have the same objects in the same order, but a horizontal box is drawn by
itself and mostly smaller than the bounds of its quad. Coordinates are taken for 0-based.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rsvp_builder.demo.snapshots import Box, Quad, Sight, draw, encoded
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.demo.voc_parts import Node, bad_boxes, object_lines, save, texts, xml
from rsvp_builder.ledger import Reason

_SIZE = (290, 250)
_HBB = "Annotations/Horizontal Bounding Boxes"
_OBB = "Annotations/Oriented Bounding Boxes"
_CORNERS = ("left_top", "right_top", "right_bottom", "left_bottom")
_OFFSETS = (
    1.2807017543859,
    -0.7894736842105,
    -0.6666666666667,
    1.4912280701754,
    0.1754385964912,
    -1.5789473684,
)
"""Pixels by which hand-drawn corners miss the rectangle."""

_PICTURES: dict[str, tuple[str, str, list[Sight]]] = {
    "1": (
        "train",
        "concrete",
        [Sight("A2", "plane", 75, 80, 90, 96, 38), Sight("A14", "plane", 200, 130, 96, 104, -62)],
    ),
    "2": ("train", "asphalt", [Sight("A5", "plane", 140, 120, 60, 84, 0)]),
    "10": ("test", "concrete", [Sight("A13", "plane", x, 120, 64, 84, 150) for x in (70, 150, 230)]),
    "100": ("test", "grass", [Sight("A20", "plane", 150, 120, 80, 110, 200)]),
}
_COPIED = "2"
"""An image whose quads are the horizontal boxes, as some of the release are."""


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    lists: dict[str, list[str]] = {"train": [], "test": []}
    for number, (stem, (split, ground, sights)) in enumerate(_PICTURES.items()):
        things = [_thing(sight, copied=stem == _COPIED) for sight in sights]
        image = encoded(draw(_SIZE, ground, sights, (seed, number)), "JPEG")
        boxes = [_hbb_object(t.token or "", _words(t.box or ())) for t in things]
        quads = [_obb_object(t.token or "", [str(v) for v in t.quad or ()]) for t in things]
        _save(root, stem, image, _hbb(stem, boxes), _obb(stem, quads))
        lists[split].append(stem)
        release.images[f"{split}/{stem}"] = things
    if with_defects:
        lists["train"] += _spoil(release, encoded(draw(_SIZE, "grass", [], (seed, 99)), "JPEG"))
        lists["test"].append("3842")
        line = len(lists["test"])
        release.defects.append(Planted("ImageSets/Main/test.txt", line, Reason.IMAGE_MISSING, "3842"))
    save(root, [(f"ImageSets/Main/{s}.txt", "".join(f"{n}\n" for n in names)) for s, names in lists.items()])
    return release


def _thing(sight: Sight, *, copied: bool) -> Thing:
    x1, y1, x2, y2 = sight.box
    inset = 0 if copied else 5
    box: Box = (x1 + inset, y1 + inset, x2 - inset, y2 - inset)
    if copied:
        return Thing(sight.token, box, (x1, y1, x2, y1, x2, y2, x1, y2))
    return Thing(sight.token, box, _by_hand(sight.quad))


def _by_hand(quad: Quad) -> Quad:
    return tuple(value + _OFFSETS[index % len(_OFFSETS)] for index, value in enumerate(quad))


def _words(box: Sequence[float]) -> list[str]:
    return [f"{value:.0f}" for value in box]


def _hbb_object(name: str, corners: Sequence[str] | None) -> Node:
    if corners is None:
        return "object", [("name", name)]
    xmin, ymin, xmax, ymax = corners
    return "object", [("name", name), ("bndbox", texts(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax))]


def _obb_object(name: str, values: Sequence[str]) -> Node:
    tags = [f"{axis}_{corner}" for corner in _CORNERS for axis in "xy"]
    corners: list[Node] = list(zip(tags, values, strict=True))
    head = texts(type="robndbox", name=name, pose="Unspecified", truncated=0, difficult=0)
    return "object", [*head, ("robndbox", corners), ("angle", "0")]


def _head(filename: str, size: tuple[int, int]) -> list[Node]:
    told: Node = ("size", texts(width=size[0], height=size[1], depth=3))
    return [("filename", filename), ("source", texts(database="MAR20")), told, ("segmented", "0")]


def _hbb(stem: str, objects: Sequence[Node], size: tuple[int, int] = _SIZE) -> str:
    return xml(("annotation", [*_head(f"{stem}.xml", size), *objects])).removesuffix("\n")


def _obb(stem: str, objects: Sequence[Node]) -> str:
    return xml(("annotation", [*_head(f"{stem}.jpg", _SIZE), *objects]), indent=None)


def _save(
    root: Path, stem: str, image: bytes | None, hbb: str | bytes | None, obb: str | bytes | None
) -> None:
    files = (f"JPEGImages/{stem}.jpg", image), (f"{_HBB}/{stem}.xml", hbb), (f"{_OBB}/{stem}.xml", obb)
    save(root, [(name, content) for name, content in files if content is not None])


def _spoil(release: Release, image: bytes) -> list[str]:
    """Adds images with something wrong each, all to be listed for training."""
    stems = ["200"]
    good = _hbb_object("A3", ("40", "30", "90", "80"))
    quad = [str(v) for v in (36.5, 50.25, 62.75, 26.5, 93.25, 61.5, 66.5, 84.75)]
    thing = Thing("A3", (40, 30, 90, 80), tuple(map(float, quad)))
    bad = bad_boxes("A3", "A21", _SIZE)
    document = _hbb("200", [good, *(_hbb_object(box.token, box.corners) for box in bad), good])
    # The oriented file is sound; what is beyond the picture is so in both.
    quads = [quad, *(_moved(quad) if box.reason == Reason.OUTSIDE_IMAGE else quad for box in bad), quad]
    tokens = ["A3", *(box.token for box in bad), "A3"]
    oriented = [_obb_object(token, values) for token, values in zip(tokens, quads, strict=True)]
    _save(release.root, "200", image, document, _obb("200", oriented))
    release.images["train/200"] = [thing, thing]
    for line, box in zip(object_lines(document)[1:], bad, strict=False):
        # The ledger shows the quad of what lies outside.
        value = _moved(quad)[0] if box.reason == Reason.OUTSIDE_IMAGE else box.value
        release.defects.append(Planted(f"{_HBB}/200.xml", line, box.reason, value))

    sound, sound_obb = _hbb("x", [good]), _obb("x", [_obb_object("A3", quad)])
    letters = sound_obb.replace("62.75", "62.7x")
    small = _hbb("x", [good], (100, 90))
    broken: list[tuple[bytes | None, str | bytes | None, str, str, Reason, str]] = [
        (image[: len(image) // 2], sound, sound_obb, "JPEGImages/{}.jpg", Reason.IMAGE_UNREADABLE, ""),
        (None, sound, sound_obb, f"{_HBB}/{{}}.xml", Reason.IMAGE_MISSING, ""),
        (image, b"", sound_obb, f"{_HBB}/{{}}.xml", Reason.LABEL_UNREADABLE, ""),
        (image, sound[:-20], sound_obb, f"{_HBB}/{{}}.xml", Reason.LABEL_UNREADABLE, ""),
        (image, b"\xff" + sound.encode(), sound_obb, f"{_HBB}/{{}}.xml", Reason.LABEL_UNREADABLE, ""),
        (image, sound, sound_obb[:-20], f"{_OBB}/{{}}.xml", Reason.LABEL_UNREADABLE, ""),
        (image, sound, letters, f"{_OBB}/{{}}.xml", Reason.MALFORMED_LINE, "62.7x"),
        (image, small, sound_obb, f"{_HBB}/{{}}.xml", Reason.SIZE_MISMATCH, "100 x 90"),
    ]
    for number, (picture, hbb, obb, file, reason, value) in enumerate(broken, start=201):
        stems.append(str(number))
        _save(release.root, str(number), picture, hbb, obb)
        release.defects.append(Planted(file.format(number), None, reason, value))
        if reason == Reason.SIZE_MISMATCH:
            release.images[f"train/{number}"] = [thing]
    return stems


def _moved(quad: Sequence[str]) -> list[str]:
    """The quad beyond the right and the bottom of the picture."""
    return [str(float(v) + (_SIZE[0], _SIZE[1])[index % 2]) for index, v in enumerate(quad)]
