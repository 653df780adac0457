"""Annotations of COCO files become objects: class by name, mask from the segmentation, box as it stands.

A box is ``x y w h`` and read as the half-open ``x y x+w y+h``. An annotation without a box gets that of its
mask, one without a segmentation has no mask. A crowd, which is a region of many, is left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rsvp_builder.ledger import Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.masks import Mask, PolygonMask, RleMask
from rsvp_builder.readers.classes import ClassTable
from rsvp_builder.readers.coco_json.index import Annotation, ImageData
from rsvp_builder.readers.objects import ObjectList
from rsvp_builder.readers.sizes import picture_size
from rsvp_builder.readers.unusable import UnusableError
from rsvp_builder.readers.values import brief, is_number
from rsvp_builder.record import Annotations, Item

_POLYGON = "polygons of at least 3 points, as x and y in turn"
_BOX = "x, y, width and height"

Size = tuple[int, int]


def read_objects(root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
    """Read the annotations of some images.

    Args:
        root: folder of the release.
        manifest: the source; its class table names the categories.
        items: the images, with the annotations that the index found for them.
        drops: gets every annotation that cannot be used.
    """
    classes = ClassTable(manifest)
    objects = ObjectList(items, masks=True)
    for position, item in enumerate(items):
        if not item.data:
            continue
        data = ImageData.load(item.data)
        objects.declared[position] = data.size
        size = picture_size(root, item) or data.size
        for told in data.annotations:
            try:
                class_id = _class(told, classes)
                mask = _mask(told.record.get("segmentation"), size)
                box = _box(told.record.get("bbox"), mask)
            except UnusableError as error:
                objects.lose(position)
                drops.add(error.of_object(item, told.line))
            else:
                objects.add(position, line=told.line, class_id=class_id, box=box, mask=mask)
    return objects.annotations()


def _class(told: Annotation, classes: ClassTable) -> int:
    record = told.record
    if told.before:
        expected = f"an id once; line {told.before} has it already"
        raise UnusableError(Reason.DUPLICATE_ID, f"annotation id {record.get('id')}", expected)
    if record.get("iscrowd"):
        value = f"iscrowd {brief(record['iscrowd'])}"
        raise UnusableError(Reason.IGNORED_REGION, value, "one object, not a region of many")
    if told.name is None:
        value = f"category_id {brief(record.get('category_id'))}"
        raise UnusableError(Reason.UNKNOWN_CLASS, value, "the id of one of the file's categories")
    class_id = classes.id(told.name)
    if class_id is not None:
        return class_id
    why = classes.ignored(told.name)
    if why is not None:
        raise UnusableError(Reason.IGNORED_REGION, told.name, f"an object, which this is not: {why}")
    raise UnusableError(Reason.UNKNOWN_CLASS, told.name, classes.expected)


def _mask(segmentation: Any, size: Size | None) -> Mask | None:
    if segmentation is None or segmentation == [] or size is None:
        return None
    try:
        if isinstance(segmentation, list):
            rings = tuple(np.array(_ring(ring), np.float64).reshape(-1, 2) for ring in segmentation)
            return PolygonMask(rings, *size)
        if isinstance(segmentation, dict):
            return _runs(segmentation, size)
    except ValueError as error:
        raise UnusableError(Reason.MALFORMED_LINE, str(error), "a mask of the picture") from error
    raise UnusableError(Reason.MALFORMED_LINE, brief(segmentation), "polygons or a run-length code")


def _ring(ring: Any) -> list[float]:
    if not isinstance(ring, list) or not all(is_number(v) for v in ring):
        raise UnusableError(Reason.MALFORMED_LINE, f"a polygon {brief(ring)}", _POLYGON)
    if not all(math.isfinite(v) for v in ring):
        raise UnusableError(Reason.NOT_FINITE, f"a polygon {brief(ring)}", "finite coordinates")
    if len(ring) < 6 or len(ring) % 2:
        told = f"a polygon of {len(ring)} numbers {brief(ring)}"
        raise UnusableError(Reason.MALFORMED_LINE, told, _POLYGON)
    return ring


def _runs(code: dict[str, Any], size: Size) -> Mask:
    told, counts = code.get("size"), code.get("counts")
    right = isinstance(told, list) and len(told) == 2 and all(type(v) is int for v in told)
    if not right or not isinstance(counts, str | list):
        raise UnusableError(
            Reason.MALFORMED_LINE,
            f"a run-length code of size {brief(told)}",
            "size [height, width] and counts",
        )
    height, width = told  # type: ignore[misc]
    if (width, height) != size:
        expected = "a mask of the picture's {} x {} px".format(*size)
        raise UnusableError(Reason.SIZE_MISMATCH, f"a mask of {width} x {height} px", expected)
    return RleMask((height, width), counts)


def _box(box: Any, mask: Mask | None) -> tuple[float, float, float, float]:
    if box is None:
        crop = mask.crop() if mask else None
        if crop is None:
            raise UnusableError(Reason.MALFORMED_LINE, "neither bbox nor segmentation", _BOX)
        height, width = crop.pixels.shape
        return crop.x, crop.y, crop.x + width, crop.y + height
    if not isinstance(box, list) or len(box) != 4 or not all(is_number(v) for v in box):
        raise UnusableError(Reason.MALFORMED_LINE, f"bbox {brief(box)}", _BOX)
    x, y, width, height = box
    if not all(math.isfinite(v) for v in (x, y, width, height, x + width, y + height)):
        raise UnusableError(Reason.NOT_FINITE, f"bbox {brief(box)}", "finite numbers")
    if width < 0 or height < 0:
        raise UnusableError(Reason.DEGENERATE, f"bbox {brief(box)}", "a width and height above 0")
    return x, y, x + width, y + height
