"""Writes a miniature DOSR: ships whose horizontal box and quad share one element, in two editions.

Source: https://github.com/yaqihan-9898/DOSR. In the edition of eight parameters ``bndbox`` holds the box and
the quad; the box is exactly the bounds of the quad, in whole pixels counted from 0. Names are lower-case, one
is misspelled (``transpot``) and some have an underscore. Stems have six digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rsvp_builder.demo.snapshots import Sight, draw, encoded
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.demo.voc_parts import Node, bad_boxes, object_lines, save, texts, xml
from rsvp_builder.ledger import Reason

_SIZE = (240, 200)
_EIGHT = "Annotations_8_parameters_version"
_FIVE = "Annotations_5_parameters_version"

_PICTURES: dict[str, tuple[str, list[Sight]]] = {
    "000001": (
        "train",
        [
            Sight("transpot", "ship", 60, 100, 34, 150, 20),
            Sight("military_ship", "ship", 150, 90, 26, 130, -35),
        ],
    ),
    "000002": ("train", [Sight("deckbarge", "ship", 120, 100, 50, 160, 80)]),
    # The first one touches the left border: 0 occurs.
    "000003": ("val", [Sight("tug", "ship", 12, 60, 24, 60), Sight("cargo", "ship", 130, 110, 40, 160, 50)]),
    "000004": (
        "test",
        [Sight("yacht", "ship", x, 100, 18, 48, 10 * n) for n, x in enumerate((50, 90, 130, 180))],
    ),
}
_DIFFICULT = {"000001": 1, "000004": 3}
"""Position in its file of the object that is difficult."""


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    lists: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for number, (stem, (split, sights)) in enumerate(_PICTURES.items()):
        image = encoded(draw(_SIZE, "water", sights, (seed, number)), "PNG")
        things = [_thing(s, difficult=_DIFFICULT.get(stem) == n) for n, s in enumerate(sights)]
        nodes = [_object(_name(thing, stem), _values(thing), bool(thing.flags)) for thing in things]
        _save(root, stem, image, _document(nodes))
        save(root, [(f"{_FIVE}/{stem}.xml", _five(sights))])
        lists[split].append(stem)
        release.images[f"{split}/{stem}"] = things
    if with_defects:
        lists["train"] += _spoil(release, encoded(draw(_SIZE, "water", [], (seed, 99)), "PNG"))
        lists["test"].append("000001")
        line = len(lists["test"])
        release.defects.append(Planted("ImageSets/test.txt", line, Reason.DUPLICATE_ID, "000001"))
    lists["trainval"] = [*lists["train"], *lists["val"]]
    save(root, [(f"ImageSets/{s}.txt", "".join(f"{n}\n" for n in names)) for s, names in lists.items()])
    return release


def _thing(sight: Sight, *, difficult: bool) -> Thing:
    quad = tuple(float(round(v)) for v in sight.quad)
    box = min(quad[0::2]), min(quad[1::2]), max(quad[0::2]), max(quad[1::2])
    return Thing(sight.token, box, quad, flags=("difficult",) if difficult else ())


def _name(thing: Thing, stem: str) -> str:
    """The name as written; some have a blank behind."""
    return f"{thing.token} " if stem == "000002" else f"{thing.token}"


def _values(thing: Thing) -> list[str]:
    return [f"{v:.0f}" for v in (*(thing.box or ()), *(thing.quad or ()))]


def _object(name: str, values: Sequence[str] | None, difficult: bool = False) -> Node:
    head = texts(name=name, difficult=int(difficult))
    if values is None:
        return "object", head
    tags = ["xmin", "ymin", "xmax", "ymax", *(f"{axis}{n}" for n in range(1, 5) for axis in "xy")]
    corners: list[Node] = list(zip(tags, values, strict=True))
    return "object", [*head, ("bndbox", corners)]


def _document(objects: Sequence[Node]) -> str:
    return xml(("annotation", list(objects)), indent="    ")


def _five(sights: Sequence[Sight]) -> str:
    """The edition of five parameters: centre, size and an angle from the vertical."""
    nodes: list[Node] = []
    for sight in sights:
        angle = f"{sight.heading % 180 * 3.141592653589793 / 180:.6f}"
        place = texts(cx=sight.x, cy=sight.y, w=sight.width, h=sight.length, angle=angle)
        nodes.append(("object", [*texts(name=sight.token, difficult=0), ("robndbox", place)]))
    return _document(nodes)


def _save(root: Path, stem: str, image: bytes | None, label: str | bytes | None) -> None:
    files = (f"Images/{stem}.png", image), (f"{_EIGHT}/{stem}.xml", label)
    save(root, [(name, content) for name, content in files if content is not None])


def _spoil(release: Release, image: bytes) -> list[str]:
    """Adds images with something wrong each, all to be listed for training."""
    stems = ["000010"]
    thing = Thing("barge", (20, 30, 60, 70), (20, 40, 50, 30, 60, 60, 30, 70))
    good = _object("barge", _values(thing))
    bad = bad_boxes("barge", "barque", _SIZE)
    quad = _values(thing)[4:]
    nodes = []
    for box in bad:
        own = quad
        if box.reason == Reason.OUTSIDE_IMAGE and box.corners:
            x1, y1, x2, y2 = box.corners
            own = [x1, y1, x2, y1, x2, y2, x1, y2]
        nodes.append(_object(box.token, None if box.corners is None else [*box.corners, *own]))
    letters = _object("barge", [*_values(thing)[:-1], "7o"])
    document = _document([good, *nodes, letters, good])
    _save(release.root, "000010", image, document)
    release.images["train/000010"] = [thing, thing]
    lines = object_lines(document)
    for line, box in zip(lines[1:], bad, strict=False):
        release.defects.append(Planted(f"{_EIGHT}/000010.xml", line, box.reason, box.value))
    release.defects.append(Planted(f"{_EIGHT}/000010.xml", lines[-2], Reason.MALFORMED_LINE, "7o"))

    sound = _document([good])
    broken: list[tuple[bytes | None, str | bytes | None, str, Reason, str]] = [
        (image[: len(image) // 2], sound, "image", Reason.IMAGE_UNREADABLE, ""),
        (b"", sound, "image", Reason.IMAGE_UNREADABLE, ""),
        (None, sound, "label", Reason.IMAGE_MISSING, ""),
        (image, None, "image", Reason.LABEL_MISSING, ""),
        (image, b"\n", "label", Reason.LABEL_UNREADABLE, ""),
        (image, sound[: len(sound) // 2], "label", Reason.LABEL_UNREADABLE, ""),
        (image, sound.replace("barge", "b\xe4rge").encode("latin-1"), "label", Reason.LABEL_UNREADABLE, ""),
        (image, f'<!DOCTYPE a [<!ENTITY b "c">]>\n{sound}', "label", Reason.LABEL_UNREADABLE, "DOCTYPE"),
    ]
    for number, (picture, text, where, reason, value) in enumerate(broken, start=11):
        stem = f"{number:06d}"
        stems.append(stem)
        _save(release.root, stem, picture, text)
        file = f"Images/{stem}.png" if where == "image" else f"{_EIGHT}/{stem}.xml"
        release.defects.append(Planted(file, None, reason, value))
    return stems
