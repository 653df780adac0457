"""The label files of HRSC2016.

::

    <HRSC_Image> ... <Img_SizeWidth>1172</Img_SizeWidth> <Img_Resolution>1.07</Img_Resolution> ...
      <HRSC_Objects><HRSC_Object>
        <Class_ID>100000013</Class_ID> <truncated>0</truncated> <difficult>0</difficult>
        <box_xmin>119</box_xmin> <box_ymin>75</box_ymin> <box_xmax>587</box_xmax> <box_ymax>789</box_ymax>
        <mbox_cx>341.2143</mbox_cx> <mbox_cy>443.3325</mbox_cy>
        <mbox_w>778.4297</mbox_w> <mbox_h>178.2595</mbox_h> <mbox_ang>-1.122944</mbox_ang>
      </HRSC_Object></HRSC_Objects></HRSC_Image>

Source: Liu et al., A High Resolution Optical Satellite Image Dataset for Ship Recognition and Some New
Baselines (ICPRAM 2017), and a real file. The angle is in radians, positive clockwise on screen. The
horizontal box was drawn by itself and is not the bounds of the oriented one, which may leave the image.
Coordinates are taken for 0-based and continuous.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers.classes import ClassTable
from rsvp_builder.readers.objects import ObjectList
from rsvp_builder.readers.texts import number, shown
from rsvp_builder.readers.unusable import UnusableError
from rsvp_builder.readers.xml_labels import XmlLabel, declared_size, numeral, open_label
from rsvp_builder.record import Annotations, Item, ObjectFlag

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_WIDEST_ANGLE = math.pi * (1 + 1e-6)
"""Radians above which an angle must have been meant in degrees."""
_FLAGS = {"truncated": ObjectFlag.TRUNCATED, "difficult": ObjectFlag.DIFFICULT}
_BOX = ("box_xmin", "box_ymin", "box_xmax", "box_ymax")
_OBB = ("mbox_cx", "mbox_cy", "mbox_w", "mbox_h", "mbox_ang")


def read_labels(root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
    """Parse the label files of some items.

    Args:
        root: folder of the release.
        manifest: the source; its class table decides which ids are known.
        items: images with their label files; an item without one has no objects.
        drops: gets every object, value and file that cannot be used.
    """
    classes, objects = ClassTable(manifest), ObjectList(items)
    for position, item in enumerate(items):
        if item.label is None:
            continue
        label = open_label(root, item, drops, root_tag="HRSC_Image", object_tag="HRSC_Object")
        if label is None:
            objects.readable[position] = False
            continue
        objects.declared[position] = declared_size(label, item, "Img_SizeWidth", "Img_SizeHeight", drops)
        objects.gsd[position] = _gsd(label, item, drops)
        for element, line in zip(label.objects, label.lines, strict=True):
            try:
                class_id = _class_of(element, classes)
                box, quad, flags = _box(element), _quad(element), _flags(element)
            except UnusableError as error:
                drops.add(error.of_object(item, line))
                objects.lose(position)
                continue
            objects.add(position, line=line, class_id=class_id, box=box, quad=quad, flags=flags)
    return objects.annotations()


def quad_of(cx: float, cy: float, w: float, h: float, angle: float) -> list[float]:
    """Corners of a rotated rectangle, in pixels.

    The corners (-w, -h), (+w, -h), (+w, +h), (-w, +h) of the upright one, each half, turned clockwise on
    screen by ``angle`` radians about (cx, cy).
    """
    cos, sin = math.cos(angle), math.sin(angle)
    corners = ((-w, -h), (w, -h), (w, h), (-w, h))
    return [
        value for u, v in corners for value in (cx + (u * cos - v * sin) / 2, cy + (u * sin + v * cos) / 2)
    ]


def _numbers(element: Element, tags: Sequence[str]) -> list[float]:
    return [numeral(element.findtext(tag), tag) for tag in tags]


def _box(element: Element) -> list[float]:
    box = x1, y1, x2, y2 = _numbers(element, _BOX)
    if x1 >= x2 or y1 >= y2:
        value = " ".join(f"{v:.15g}" for v in box)
        raise UnusableError(Reason.DEGENERATE, value, "box_xmin < box_xmax and box_ymin < box_ymax")
    return box


def _quad(element: Element) -> list[float]:
    obb = cx, cy, w, h, angle = _numbers(element, _OBB)
    if w <= 0 or h <= 0:
        value = " ".join(f"{v:.15g}" for v in obb)
        raise UnusableError(Reason.DEGENERATE, value, "mbox_w and mbox_h above 0")
    if abs(angle) > _WIDEST_ANGLE:
        expected = "mbox_ang in radians, from -pi to pi; this looks like degrees"
        raise UnusableError(Reason.MALFORMED_LINE, f"{angle:.15g}", expected)
    return quad_of(cx, cy, w, h, angle)


def _class_of(element: Element, classes: ClassTable) -> int:
    token = (element.findtext("Class_ID") or "").strip()
    if not token:
        raise UnusableError(Reason.MALFORMED_LINE, token, "a class in Class_ID")
    class_id = classes.id(token)
    if class_id is None:
        raise UnusableError(Reason.UNKNOWN_CLASS, token, classes.expected)
    return class_id


def _flags(element: Element) -> int:
    flags = 0
    for tag, flag in _FLAGS.items():
        value = (element.findtext(tag) or "0").strip()
        if value not in ("", "0", "1"):
            raise UnusableError(Reason.MALFORMED_LINE, value, f"{tag} to be 0 or 1")
        flags |= flag if value == "1" else 0
    return flags


def _gsd(label: XmlLabel, item: Item, drops: Drops) -> float | None:
    """Metres per pixel; some files say 0 or nothing."""
    told = (label.root.findtext("Img_Resolution") or "").strip()
    if not told:
        return None
    try:
        gsd = number(told)
    except ValueError:
        gsd = math.nan
    if math.isfinite(gsd) and gsd >= 0:
        return gsd or None
    expected = "Img_Resolution in metres per pixel"
    file = item.label or ""
    drops.add(Drop("metadata", Reason.MALFORMED_LINE, item.image_id, file, None, shown(told), expected))
    return None
