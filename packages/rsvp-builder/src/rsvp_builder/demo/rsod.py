"""Writes a miniature RSOD: a folder for each class, and tags in an order of their own.

Source: https://github.com/RSIA-LIESMARS-WHU/RSOD-Dataset-. ``ymax`` stands before ``xmax`` and ``depth``
before ``height``; boxes are 1-based with inclusive corners; ``truncated`` is 1 everywhere and means nothing.
An image is annotated for the class of its folder only, whatever else is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rsvp_builder.demo.snapshots import Sight, draw, encoded
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.demo.voc_parts import Node, bad_boxes, object_lines, save, texts, xml
from rsvp_builder.ledger import Reason

SPLIT = "train"
"""The release has no split of its own."""

_SIZE = (280, 230)
_PICTURES: dict[str, tuple[str, list[Sight]]] = {
    "aircraft_1": (
        "concrete",
        [
            Sight("aircraft", "plane", 60, 70, 70, 74, 12),
            Sight("aircraft", "plane", 150, 90, 66, 70, -25),
            Sight("", "storage-tank", 236, 180, 50, 50),
        ],
    ),
    "aircraft_293": ("asphalt", [Sight("aircraft", "plane", 130, 120, 110, 120, 75)]),
    "oiltank_1": (
        "paving",
        [Sight("oiltank", "storage-tank", x, y, 52, 52) for x, y in ((50, 60), (120, 60), (120, 140))],
    ),
    "overpass_2": ("grass", [Sight("overpass", "overpass", 140, 115, 180, 150, 20)]),
    "playground_7": ("meadow", [Sight("playground", "ground-track-field", 140, 115, 84, 160, 8)]),
}


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    for number, (stem, (ground, sights)) in enumerate(_PICTURES.items()):
        folder = stem.partition("_")[0]
        image = encoded(draw(_SIZE, ground, sights, (seed, number)), "JPEG")
        annotated = [sight for sight in sights if sight.token]
        nodes = [_object(sight.token, _inclusive(sight)) for sight in annotated]
        _save(root, folder, stem, image, _document(stem, nodes))
        release.images[f"{SPLIT}/{folder}/{stem}"] = [Thing(s.token, s.box) for s in annotated]
    if with_defects:
        _spoil(release, encoded(draw(_SIZE, "grass", [], (seed, 99)), "JPEG"))
    return release


def _inclusive(sight: Sight) -> tuple[str, str, str, str]:
    x1, y1, x2, y2 = sight.box
    return f"{x1 + 1:.0f}", f"{y1 + 1:.0f}", f"{x2:.0f}", f"{y2:.0f}"


def _object(name: str, corners: tuple[str, str, str, str] | None) -> Node:
    rest = texts(difficult=0, pose="Left", name=name, truncated=1)
    if corners is None:
        return "object", rest
    xmin, ymin, xmax, ymax = corners
    return "object", [("bndbox", texts(xmin=xmin, ymin=ymin, ymax=ymax, xmax=xmax)), *rest]


def _document(stem: str, objects: Sequence[Node], size: tuple[int, int] = _SIZE) -> str:
    source: Node = (
        "source",
        [
            ("image", "optic rs image"),
            ("annotation", "Lmars RSDS2016"),
            ("flickrid", "0"),
            ("database", "Lmars Detection Dataset of RS"),
        ],
    )
    owner: Node = ("owner", texts(flickrid="I do not know", name="I do not know"))
    told: Node = ("size", texts(width=size[0], depth=3, height=size[1]))
    head = texts(filename=f"{stem}.jpg", segmented=0)
    return xml(("annotation", [source, *objects, *head, owner, ("folder", "RSDS2016"), told]))


def _save(root: Path, folder: str, stem: str, image: bytes | None, label: str | bytes | None) -> None:
    files = (f"{folder}/JPEGImages/{stem}.jpg", image), (f"{folder}/Annotation/xml/{stem}.xml", label)
    save(root, [(name, content) for name, content in files if content is not None])


def _spoil(release: Release, image: bytes) -> None:
    bad = bad_boxes("oiltank", "oil tank farm", _SIZE)
    good = _object("oiltank", ("21", "31", "60", "70"))
    document = _document("oiltank_90", [good, *(_object(box.token, box.corners) for box in bad), good])
    _save(release.root, "oiltank", "oiltank_90", image, document)
    thing = Thing("oiltank", (20, 30, 60, 70))
    release.images[f"{SPLIT}/oiltank/oiltank_90"] = [thing, thing]
    label = "oiltank/Annotation/xml/oiltank_90.xml"
    for line, box in zip(object_lines(document)[1:], bad, strict=False):
        release.defects.append(Planted(label, line, box.reason, box.value))

    sound = _document("x", [good])
    larger = _document("x", [good], (_SIZE[0] + 1, _SIZE[1]))
    broken: list[tuple[bytes | None, str | bytes, str, Reason, str]] = [
        (image[: len(image) // 2], sound, "image", Reason.IMAGE_UNREADABLE, ""),
        (b"", sound, "image", Reason.IMAGE_UNREADABLE, ""),
        (None, sound, "label", Reason.IMAGE_MISSING, ""),
        (image, b"", "label", Reason.LABEL_UNREADABLE, ""),
        (image, sound[: len(sound) // 2], "label", Reason.LABEL_UNREADABLE, ""),
        (image, sound.replace("Left", "L\xe9ft").encode("latin-1"), "label", Reason.LABEL_UNREADABLE, ""),
        (image, f"<!DOCTYPE annotation>\n{sound}", "label", Reason.LABEL_UNREADABLE, "DOCTYPE"),
        (image, larger, "label", Reason.SIZE_MISMATCH, f"{_SIZE[0] + 1} x {_SIZE[1]}"),
    ]
    for number, (picture, text, where, reason, value) in enumerate(broken, start=91):
        stem = f"oiltank_{number}"
        _save(release.root, "oiltank", stem, picture, text)
        inner = f"JPEGImages/{stem}.jpg" if where == "image" else f"Annotation/xml/{stem}.xml"
        release.defects.append(Planted(f"oiltank/{inner}", None, reason, value))
        if reason == Reason.SIZE_MISMATCH:
            release.images[f"{SPLIT}/oiltank/{stem}"] = [thing]
