"""Writes a miniature HRSC2016: ships of a tree of classes, each with an upright and a turned box.

Source: Liu et al., ICPRAM 2017, and the label file in the tests of mmrotate. A turned box is centre, width,
height and an angle in radians, clockwise on screen; its corners are

    c +- (w / 2) (cos a, sin a) +- (h / 2) (-sin a, cos a).

The upright box was drawn by itself and is not the bounds of the turned one, which may leave the picture.
Classes of all three layers of the tree occur. Pictures and labels lie in ``FullDataSet`` and, as copies, in
``Train`` and ``Test``; lists say which are which, and pictures of no list have no labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rsvp_builder.demo.backdrops import encoded
from rsvp_builder.demo.snapshots import Box, Quad, Sight, draw
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.demo.voc_parts import Node, save, texts
from rsvp_builder.ledger import Reason

_SIZE = (140, 100)
_FULL = "HRSC2016/FullDataSet"

# Class_ID, name, layer, Class_ID of its parent. A part of the tree, as sysdata.xml holds it.
_TREE = (
    (1, "ship", 0, 0),
    (2, "aircraft carrier", 1, 1),
    (3, "warcraft", 1, 1),
    (4, "merchant ship", 1, 1),
    (27, "submarine", 1, 1),
    (7, "Arleigh Burke class destroyers", 2, 3),
    (13, "Admiral Kuznetsov aircraft carrier", 2, 2),
    (25, "Container ship(_|.--.--|_]=", 2, 4),
)


@dataclass(frozen=True, slots=True)
class _Ship:
    """An annotated ship: how it lies, by how much its upright box misses it, and what is said of it."""

    sight: Sight
    inset: tuple[int, int, int, int] = (4, 3, 5, 4)
    difficult: int = 0
    truncated: int = 0


_PICTURES: dict[int, tuple[str, tuple[_Ship, ...]]] = {
    1: ("train", (_Ship(Sight("100000007", "ship", 66, 52, 16, 84, 62)),)),
    2: (
        "train",
        (
            # The turned box reaches over the top of the picture, the upright one does not.
            _Ship(Sight("100000013", "ship", 62, 40, 26, 96, -25), (6, 14, 7, 8), truncated=1),
            _Ship(Sight("100000001", "ship", 122, 70, 8, 36, 190), difficult=1),
        ),
    ),
    5: ("val", (_Ship(Sight("100000027", "ship", 70, 50, 12, 88, 100)),)),
    6: (
        "test",
        (
            _Ship(Sight("100000002", "ship", 48, 50, 22, 76, 15)),
            _Ship(Sight("100000025", "ship", 106, 50, 14, 60, 165), (-3, 2, -2, 3)),
        ),
    ),
    752: ("test", ()),
}
_OUTSIDE_THE_LISTS = 900
"""A picture that nobody has annotated."""


@dataclass(frozen=True, slots=True)
class _Written:
    """What a label file says of a ship, every number as it is written."""

    token: str
    box: Sequence[str]
    turned: Sequence[str]
    header: tuple[int, int] = (0, 0)
    difficult: int = 0
    truncated: int = 0


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    lists: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for number, (split, ships) in _PICTURES.items():
        name = _name(number)
        picture = _picture([ship.sight for ship in ships], (seed, number))
        written = [_written(ship) for ship in ships]
        # One of the files begins with a byte order mark, as those of some copies do.
        document = ("\ufeff" if number == 5 else "") + _document(name, written)
        files = (f"AllImages/{name}.bmp", picture), (f"Annotations/{name}.xml", document)
        for folder in (_FULL, "HRSC2016/Test" if split == "test" else "HRSC2016/Train"):
            save(root / folder, files)
        lists[split].append(name)
        things = [_thing(ship) for ship in written]
        if things:
            release.images[f"{split}/{name}"] = things
        else:
            release.background.append(f"{split}/{name}")
    outside = _name(_OUTSIDE_THE_LISTS)
    save(root / _FULL, [(f"AllImages/{outside}.bmp", _picture([], (seed, _OUTSIDE_THE_LISTS)))])
    release.background.append(f"unlisted/{outside}")
    save(root / _FULL, [("sysdata.xml", _sysdata())])
    if with_defects:
        _spoil(release, lists, _picture([], (seed, 99)))
    _save_lists(root, lists)
    return release


def _name(number: int) -> str:
    return str(100_000_000 + number)


def _picture(sights: Sequence[Sight], key: Sequence[int]) -> bytes:
    return encoded(draw(_SIZE, "water", sights, key), "BMP")


def _written(ship: _Ship) -> _Written:
    sight = ship.sight
    along = math.radians(sight.heading - 90)  # headings count from up, angles from the right
    angle = (along + math.pi / 2) % math.pi - math.pi / 2
    turned = (*(f"{v:.4f}" for v in (sight.x, sight.y, sight.length, sight.width)), f"{angle:.6f}")
    (x1, y1, x2, y2), (left, top, right, bottom) = sight.box, ship.inset
    box = [f"{v:.0f}" for v in (x1 + left, max(0, y1 + top), x2 - right, y2 - bottom)]
    reach = 0.45 * sight.length
    header = (round(sight.x + reach * math.cos(along)), round(sight.y + reach * math.sin(along)))
    return _Written(sight.token, box, turned, header, ship.difficult, ship.truncated)


def _thing(ship: _Written) -> Thing:
    flags = [name for name in ("difficult", "truncated") if getattr(ship, name)]
    x1, y1, x2, y2 = map(float, ship.box)
    box: Box = (x1, y1, x2, y2)
    return Thing(ship.token, box, _corners(*map(float, ship.turned)), flags=tuple(flags))


def _corners(cx: float, cy: float, w: float, h: float, angle: float) -> Quad:
    """The corners of a turned box: from (-w, -h) along +w, and round."""
    cos, sin = math.cos(angle), math.sin(angle)
    around = ((-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2))
    return tuple(v for p, q in around for v in (cx + p * cos - q * sin, cy + p * sin + q * cos))


def _document(name: str, ships: Sequence[_Written], size: tuple[int, int] = _SIZE) -> str:
    head = [
        *texts(Img_ID=name, Place_ID="100000001", Source_ID="100000001", Img_NO=name, Img_FileName=name),
        *texts(Img_FileFmt="bmp", Img_Date="1900-01-01", Img_CusType="sealand", Img_Des=""),
        *texts(Img_Location="69.040297,33.070036", Img_SizeWidth=size[0], Img_SizeHeight=size[1]),
        *texts(Img_SizeDepth=3, Img_Resolution="1.07", Img_Resolution_Layer=18, Img_Scale=100),
        *texts(Img_SclPxlNum="", segmented=0, Img_Havemask=0, Img_MaskFileName="", Img_MaskFileFmt=""),
        *texts(Img_MaskType="", Img_SegFileName="", Img_SegFileFmt="", Img_Rotation="000d", Annotated=1),
    ]
    objects = [_object(str(100_000_001 + number), ship) for number, ship in enumerate(ships)]
    return _indented(("HRSC_Image", [*head, ("HRSC_Objects", objects)]))


def _object(number: str, ship: _Written) -> Node:
    sides = ("box_xmin", "box_ymin", "box_xmax", "box_ymax")
    turned = ("mbox_cx", "mbox_cy", "mbox_w", "mbox_h", "mbox_ang")
    token = texts(Class_ID=ship.token) if ship.token else []
    return "HRSC_Object", [
        ("Object_ID", number),
        *token,
        *texts(Object_NO=number, truncated=ship.truncated, difficult=ship.difficult),
        *zip(sides, ship.box, strict=True),
        *zip(turned, ship.turned, strict=True),
        *texts(segmented=0, seg_color="", header_x=ship.header[0], header_y=ship.header[1]),
    ]


def _indented(node: Node, depth: int = 0) -> str:
    """The text of an element as the release has it: what holds no text ends on a line of its own."""
    (tag, content), margin = node, "  " * depth
    if content == []:
        return f"{margin}<{tag} />\n"
    if isinstance(content, str):
        inside = content or f"\n{margin}"
        return f"{margin}<{tag}>{inside}</{tag}>\n"
    inner = "".join(_indented(child, depth + 1) for child in content)
    return f"{margin}<{tag}>\n{inner}{margin}</{tag}>\n"


def _sysdata() -> str:
    classes: list[Node] = [
        (
            "HRSC_Class",
            texts(Class_ID=_name(number), Class_Name=name, Class_Layer=layer, HRS_Class_ID=_name(parent)),
        )
        for number, name, layer, parent in _TREE
    ]
    return _indented(("HRSC_Sysdata", [("HRSC_Classes", classes)]))


def _save_lists(root: Path, lists: Mapping[str, Sequence[str]]) -> None:
    every = {**lists, "trainval": [*lists["train"], *lists["val"]]}
    files = [(f"{name}.txt", "".join(f"{n}\n" for n in names)) for name, names in every.items()]
    # What an editor has left there.
    save(root / "HRSC2016/ImageSets", [*files, ("test.txt~", f"{_name(3)}\n")])


_BOX = ("30", "25", "80", "65")
_TURNED = ("55.0000", "45.0000", "60.0000", "20.0000", "0.400000")
_BAD: tuple[tuple[Reason, str, _Written], ...] = (
    (Reason.UNKNOWN_CLASS, "100000021", _Written("100000021", _BOX, _TURNED)),
    (Reason.UNKNOWN_CLASS, "destroyer", _Written("destroyer", _BOX, _TURNED)),
    (Reason.MALFORMED_LINE, "", _Written("", _BOX, _TURNED)),
    (Reason.MALFORMED_LINE, "3o", _Written("100000003", ("3o", *_BOX[1:]), _TURNED)),
    (Reason.NOT_FINITE, "nan", _Written("100000003", _BOX, (*_TURNED[:4], "nan"))),
    (Reason.NOT_FINITE, "inf", _Written("100000003", (*_BOX[:2], "inf", "65"), _TURNED)),
    (Reason.DEGENERATE, "80", _Written("100000003", ("80", "25", "30", "65"), _TURNED)),
    (Reason.DEGENERATE, "", _Written("100000003", _BOX, (*_TURNED[:2], "0.0000", "0.0000", "0.400000"))),
    (
        Reason.OUTSIDE_IMAGE,
        "",
        _Written("100000003", ("230", "225", "280", "265"), ("255.0000", "245.0000", *_TURNED[2:])),
    ),
)


def _spoil(release: Release, lists: dict[str, list[str]], picture: bytes) -> None:
    """Adds pictures to the training list with something wrong each, and wrong lines to the lists."""

    def add(number: int, image: bytes | None, document: bytes | str | None) -> None:
        name = _name(number)
        files = (f"AllImages/{name}.bmp", image), (f"Annotations/{name}.xml", document)
        save(release.root / _FULL, [(file, content) for file, content in files if content is not None])
        lists["train"].append(name)

    good = _Written("100000003", _BOX, _TURNED)
    document = _document(_name(300), [good, *(ship for *_, ship in _BAD), good])
    add(300, picture, document)
    release.images[f"train/{_name(300)}"] = [_thing(good), _thing(good)]
    lines = [n for n, line in enumerate(document.split("\n"), start=1) if line.strip() == "<HRSC_Object>"]
    for line, (reason, value, _) in zip(lines[1:], _BAD, strict=False):
        file = f"{_FULL}/Annotations/{_name(300)}.xml"
        release.defects.append(Planted(file, line, reason, value))

    sound = _document("x", [good])
    small = _document("x", [good], (1172, 816))
    image_file, label_file = "AllImages/{}.bmp", "Annotations/{}.xml"
    broken: list[tuple[bytes | None, bytes | str | None, str, Reason, str]] = [
        (picture[: len(picture) // 2], sound, image_file, Reason.IMAGE_UNREADABLE, ""),
        (b"BM", sound, image_file, Reason.IMAGE_UNREADABLE, ""),
        (None, sound, label_file, Reason.IMAGE_MISSING, ""),
        (picture, None, image_file, Reason.LABEL_MISSING, ""),
        (picture, "", label_file, Reason.LABEL_UNREADABLE, ""),
        (picture, sound[:-30], label_file, Reason.LABEL_UNREADABLE, ""),
        (picture, sound.encode().replace(b"sealand", b"se\xe9"), label_file, Reason.LABEL_UNREADABLE, ""),
        (picture, small, label_file, Reason.SIZE_MISMATCH, "1172"),
    ]
    for number, (image, text, file, reason, value) in enumerate(broken, start=301):
        add(number, image, text)
        place = f"{_FULL}/{file.format(_name(number))}"
        release.defects.append(Planted(place, None, reason, value))
        if reason == Reason.SIZE_MISMATCH:
            release.images[f"train/{_name(number)}"] = [_thing(good)]
    for split, number, reason in (
        ("test", 1070, Reason.IMAGE_MISSING),  # nobody has it
        ("val", 1, Reason.DUPLICATE_ID),  # it is a training image already
    ):
        lists[split].append(_name(number))
        file = f"HRSC2016/ImageSets/{split}.txt"
        release.defects.append(Planted(file, len(lists[split]), reason, _name(number)))
