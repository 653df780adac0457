"""Writes a miniature FAIR1M 2.0: oriented planes, ships, vehicles, courts and roads in TIFF pictures.

Source: the paper, https://arxiv.org/abs/2103.05569, and the readers of torchgeo and JDet. Every folder of
pictures counts from ``0.tif`` again, and folders of labels are called ``labelXml`` or ``labelXmls``. A shape
is five points, the last of them the first again; where it starts and which way it goes is not fixed. An
object may have several possible results, of which the first is meant. The test pictures have no labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rsvp_builder.demo.backdrops import encoded
from rsvp_builder.demo.snapshots import Quad, Sight, draw
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.demo.voc_parts import Node, object_lines, save, texts, xml
from rsvp_builder.ledger import Reason

_SIZE = (150, 120)
_ORIGIN = "GF2/GF3"


@dataclass(frozen=True, slots=True)
class _Part:
    """A folder of the release: its name, what its labels lie in, how its points are spaced, its pictures."""

    folder: str
    labels: str
    between: str
    pictures: tuple[tuple[str, tuple[Sight, ...]], ...]


_PARTS = (
    _Part(
        "train/part1",
        "labelXml",
        ",",
        (
            (
                "concrete",
                (
                    Sight("Boeing737", "plane", 42, 52, 48, 52, 30),
                    Sight("other-airplane", "plane", 108, 64, 40, 46, -75),
                ),
            ),
            (
                "water",
                (
                    Sight("Liquid Cargo Ship", "ship", 70, 60, 18, 92, 48),
                    Sight("other-ship", "ship", 126, 30, 8, 26, 200),
                ),
            ),
        ),
    ),
    _Part(
        "train/part2",
        "labelXmls",
        ", ",
        (
            (
                "asphalt",
                (
                    Sight("Small Car", "small-vehicle", 30, 30, 12, 24, 10),
                    Sight("Dump Truck", "large-vehicle", 70, 60, 16, 44, 95),
                    Sight("Truck Tractor", "large-vehicle", 110, 92, 14, 38, 260),
                ),
            ),
        ),
    ),
    _Part(
        "validation",
        "labelXmls",
        ",",
        (
            ("grass", (Sight("Tennis Court", "tennis-court", 60, 60, 40, 78, 17),)),
            ("water", (Sight("Bridge", "bridge", 75, 60, 20, 118, 80),)),
        ),
    ),
)

_LESS_LIKELY = {"Dump Truck": ("Cargo Truck",)}

# What is wrong, and what of it the ledger has to show; points are x1 y1 .. x5 y5.
_SQUARE = (40.0, 40.0, 80.0, 40.0, 80.0, 80.0, 40.0, 80.0)
_BAD: tuple[tuple[Reason, str, str | None, tuple[str, ...]], ...] = (
    (Reason.UNKNOWN_CLASS, "Boeing797", "Boeing797", ("40,40", "80,40", "80,80", "40,80", "40,40")),
    (Reason.MALFORMED_LINE, "", None, ("40,40", "80,40", "80,80", "40,80", "40,40")),
    (Reason.MALFORMED_LINE, "", "A220", ("40,40", "80,40", "80,80")),
    (Reason.MALFORMED_LINE, "8o", "A220", ("40,40", "8o,40", "80,80", "40,80", "40,40")),
    (Reason.MALFORMED_LINE, "Wrong Value", "A220", ("40,40", "Wrong Value", "80,80", "40,80", "40,40")),
    (Reason.NOT_FINITE, "nan", "A220", ("40,40", "80,nan", "80,80", "40,80", "40,40")),
    (Reason.NOT_FINITE, "inf", "A220", ("40,40", "80,40", "inf,80", "40,80", "40,40")),
    (Reason.DEGENERATE, "60", "A220", ("40,40", "60,60", "80,80", "60,60", "40,40")),
    (Reason.OUTSIDE_IMAGE, "240", "A220", ("200,40", "240,40", "240,80", "200,80", "200,40")),
)


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    top, release = root / "FAIR1M", Release(root)
    for place, part in enumerate(_PARTS):
        for stem, (ground, sights) in enumerate(part.pictures):
            things = [_thing(sight, stem + turn) for turn, sight in enumerate(sights)]
            picture = _picture(ground, sights, (seed, place, stem))
            objects = [_object(t.token, _points(t.quad or (), part.between)) for t in things]
            document = _document(f"{stem}.tif", objects)
            save(top, [(f"{part.folder}/images/{stem}.tif", picture)])
            save(top, [(f"{part.folder}/{part.labels}/{stem}.xml", document)])
            release.images[f"{part.folder}/{stem}"] = things
    save(top, [("test/images/0.tif", _picture("grass", (), (seed, 9, 0)))])
    release.unlabelled.append("test/0")
    if with_defects:
        _spoil(release, _picture("concrete", (), (seed, 9, 1)))
    return release


def _picture(ground: str, sights: Sequence[Sight], key: Sequence[int]) -> bytes:
    return encoded(draw(_SIZE, ground, sights, key), "TIFF")


def _thing(sight: Sight, turn: int) -> Thing:
    """The annotated rectangle, started at one corner or another and gone round one way or the other."""
    corners = list(zip(sight.quad[0::2], sight.quad[1::2], strict=True))
    corners = corners[turn % 4 :] + corners[: turn % 4]
    if turn % 3 == 2:
        corners.reverse()
    return _told(sight.token, tuple(round(value, 6) for corner in corners for value in corner))


def _told(token: str, quad: Quad) -> Thing:
    x, y = quad[0::2], quad[1::2]
    return Thing(token, (min(x), min(y), max(x), max(y)), quad)


def _points(quad: Quad, between: str = ",") -> list[str]:
    """Five points as they are written, the first again at the end."""
    closed = (*quad, *quad[:2])
    return [f"{x:.6f}{between}{y:.6f}" for x, y in zip(closed[0::2], closed[1::2], strict=True)]


def _object(token: str | None, points: Sequence[str]) -> Node:
    names = [] if token is None else [token, *_LESS_LIKELY.get(token, ())]
    results: list[Node] = [("possibleresult", texts(name=name)) for name in names]
    shape: Node = ("points", [("point", point) for point in points])
    return "object", [*texts(coordinate="pixel", type="rectangle", description="None"), *results, shape]


def _document(filename: str, objects: Sequence[Node], size: tuple[int, int] = _SIZE) -> str:
    research = texts(
        version="1.0", provider="FAIR1M", author="Cyber", pluginname="FAIR1M", pluginclass="object detection"
    )
    head: list[Node] = [
        ("source", texts(filename=filename, origin=_ORIGIN)),
        ("research", [*research, ("time", "2021-07-21")]),
        ("size", texts(width=size[0], height=size[1], depth=3)),
        ("objects", objects),
    ]
    return '<?xml version="1.0" encoding="utf-8"?>\n' + xml(("annotation", head), indent="  ")


def _spoil(release: Release, picture: bytes) -> None:
    """Adds pictures to the second part with something wrong each."""
    part = "FAIR1M/train/part2"

    def add(stem: str, image: bytes | None, document: bytes | str | None) -> None:
        files = (f"images/{stem}.tif", image), (f"labelXmls/{stem}.xml", document)
        save(release.root / part, [(name, content) for name, content in files if content is not None])

    good = _object("A330", _points(_SQUARE))
    thing = _told("A330", _SQUARE)
    document = _document("10.tif", [good, *(_object(token, points) for *_, token, points in _BAD), good])
    add("10", picture, document)
    release.images["train/part2/10"] = [thing, thing]
    for line, (reason, value, *_) in zip(object_lines(document)[1:], _BAD, strict=False):
        release.defects.append(Planted(f"{part}/labelXmls/10.xml", line, reason, value))

    sound = _document("x.tif", [good])
    declared = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE annotation [<!ENTITY a "A330">]>\n'
    entity = declared + sound.partition("\n")[2].replace("A330", "&a;")
    broken: list[tuple[bytes | None, bytes | str | None, str, Reason, str]] = [
        (picture[: len(picture) // 2], sound, "images/{}.tif", Reason.IMAGE_UNREADABLE, ""),
        (b"", sound, "images/{}.tif", Reason.IMAGE_UNREADABLE, ""),
        (None, sound, "labelXmls/{}.xml", Reason.IMAGE_MISSING, ""),
        (picture, None, "images/{}.tif", Reason.LABEL_MISSING, ""),
        (picture, "", "labelXmls/{}.xml", Reason.LABEL_UNREADABLE, ""),
        (picture, sound[:-30], "labelXmls/{}.xml", Reason.LABEL_UNREADABLE, ""),
        (picture, sound.encode() + b"\xe9", "labelXmls/{}.xml", Reason.LABEL_UNREADABLE, ""),
        (picture, entity, "labelXmls/{}.xml", Reason.LABEL_UNREADABLE, "DOCTYPE"),
        (picture, _document("x.tif", [good], (1000, 900)), "labelXmls/{}.xml", Reason.SIZE_MISMATCH, "1000"),
    ]
    for stem, (image, text, file, reason, value) in enumerate(broken, start=11):
        add(str(stem), image, text)
        release.defects.append(Planted(f"{part}/{file.format(stem)}", None, reason, value))
        if reason == Reason.SIZE_MISMATCH:
            release.images[f"train/part2/{stem}"] = [thing]
    # Somebody unpacked the labels of the first part twice, under both names.
    save(release.root, [("FAIR1M/train/part1/labelXmls/0.xml", sound)])
    twice = "FAIR1M/train/part1/labelXmls/0.xml"
    release.defects.append(Planted(twice, None, Reason.DUPLICATE_STEM, "0.xml"))
