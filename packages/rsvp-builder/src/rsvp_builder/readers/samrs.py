"""SAMRS: masks that a segmentation model drew for the boxes of DOTA-v2.0, FAIR1M and DIOR, in pickles.

::

    <base>/<...>hbox_segs_init/ins/P0000.pkl     a list of dicts, one an object
    {'mask': {'size': [h, w], 'counts': '...'}, 'bbox': array x1 y1 x2 y2, 'category': 'ship', 'label': 5,
     'size': 1234}                               with 'rbox', array (4, 2), and 'rhbox' in FAST

``counts`` is COCO's run-length code. In early files ``category`` is the number of the class and there is no
``label``. Files of one stem belong together; the gray and colour maps are not read, since they hide
what lies below another object. Source: https://github.com/ViTAE-Transformer/SAMRS.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import nothing_found
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.masks import RleMask
from rsvp_builder.readers import Index
from rsvp_builder.readers.classes import ClassTable
from rsvp_builder.readers.layouts import layout_of
from rsvp_builder.readers.objects import ObjectList
from rsvp_builder.readers.pairing import pair
from rsvp_builder.readers.pickles import NUMPY, Array, PickleError, load
from rsvp_builder.readers.scan import IMAGE_SUFFIXES, walk
from rsvp_builder.readers.sizes import picture_size
from rsvp_builder.readers.splits import SplitRule, matches
from rsvp_builder.readers.texts import read_label
from rsvp_builder.readers.unusable import UnusableError
from rsvp_builder.readers.values import brief, is_number
from rsvp_builder.record import Annotations, Item

MOST_OBJECTS = 100_000
"""Objects of one image above which its pickle is refused."""


class SamrsLayout(BaseModel):
    """``[layout]`` of a SAMRS manifest; patterns are those of :func:`rsvp_builder.readers.splits.matches`.

    Attributes:
        pickles: patterns of the pickles, two folders deep: ``*hbox_segs_init/ins/*.pkl``.
        others: patterns of what other subsets have below the same patterns.
        images: patterns of the pictures, which lie below the folder that holds the first of those two.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pickles: list[str]
    others: list[str] = []
    images: list[str]


class SamrsReader:
    """Reads SAMRS; see :class:`rsvp_builder.readers.Reader`."""

    def index(self, root: Path, manifest: Manifest) -> Index:
        """Pair pictures and pickles of one subset, also where others lie beside it.

        Raises:
            RsvpError: there is no pickle of the subset.
        """
        layout = layout_of(manifest, SamrsLayout)
        everything = list(walk(root))
        pickles = [
            file
            for file in everything
            if any(matches(file.path, pattern) for pattern in layout.pickles)
            and not any(matches(file.path, pattern) for pattern in layout.others)
        ]
        if not pickles:
            raise RsvpError(nothing_found(root, [manifest], everything))
        masks = {file.folder.parent for file in pickles}
        bases = {folder.parent for folder in masks}
        found = [f for f in everything if f.folder in bases or not bases.isdisjoint(f.folder.parents)]
        pictures = [
            file
            for file in found
            if file.suffix in IMAGE_SUFFIXES
            and file.folder.parent not in masks
            and any(matches(file.path, pattern) for pattern in layout.images)
        ]
        # A picture with maps had boxes; one without any had none, and was passed over by the authors.
        mapped = {f.stem for f in found if f.folder.parent in masks and f.suffix in IMAGE_SUFFIXES}
        paired = pair(SplitRule(manifest, root, found), pictures, pickles)
        items, drops = [], list(paired.drops)
        for item in paired.items:
            if item.label is None and item.image_id.partition("/")[2] not in mapped:
                expected = "a pickle; pictures without boxes have none"
                path = item.image or ""
                drops.append(Drop("image", Reason.NO_OBJECTS, item.image_id, path, None, "", expected))
            else:
                items.append(item)
        return Index(tuple(items), tuple(drops), paired.notices)

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """Unpickle the objects of some images; the ``line`` of an object is its place in the list."""
        classes = ClassTable(manifest, loose=True)
        objects = ObjectList(items, masks=True)
        for position, item in enumerate(items):
            if item.label is None:
                continue
            content = _content(root, item, item.label, drops)
            if content is None:
                objects.readable[position] = False
                continue
            size = picture_size(root, item)
            for line, one in enumerate(content, start=1):
                try:
                    fields = _object(one, classes, len(manifest.classes), size)
                except UnusableError as error:
                    objects.lose(position)
                    drops.add(error.of_object(item, line))
                else:
                    objects.add(position, line=line, **fields)
        return objects.annotations()


def _content(root: Path, item: Item, path: str, drops: Drops) -> list[Any] | None:
    """The list in a pickle; None where it cannot be read, which is told."""
    data = read_label(root, item, path, drops)
    if data is None:
        return None
    try:
        content = load(data, NUMPY)
    except PickleError as error:
        unreadable = UnusableError(Reason.LABEL_UNREADABLE, error.value, error.expected)
    else:
        if isinstance(content, list) and len(content) <= MOST_OBJECTS:
            return content
        value = f"{len(content)} objects" if isinstance(content, list) else brief(content)
        expected = f"a list of at most {MOST_OBJECTS} objects"
        unreadable = UnusableError(Reason.LABEL_UNREADABLE, value, expected)
    drops.add(unreadable.of_image(item, path))
    return None


def _object(one: Any, classes: ClassTable, most: int, size: tuple[int, int] | None) -> dict[str, Any]:
    """What :meth:`ObjectList.add` needs of an object.

    Raises:
        UnusableError: it cannot be used.
    """
    if not isinstance(one, dict):
        raise UnusableError(Reason.MALFORMED_LINE, brief(one), "a dict of mask, bbox and category")
    class_id = _class(one.get("category"), classes, most)
    mask = _mask(one.get("mask"), size)
    quad = _numbers(one["rbox"], 8, "rbox") if "rbox" in one else None
    box = _numbers(one.get("rhbox" if "rhbox" in one else "bbox"), 4, "bbox or rhbox")
    if box[0] > box[2] or box[1] > box[3]:
        told = " ".join(f"{v:.15g}" for v in box)
        raise UnusableError(Reason.DEGENERATE, told, "x1 y1 x2 y2 with x1 < x2 and y1 < y2")
    return {"class_id": class_id, "mask": mask, "box": box, "quad": quad}


def _class(token: Any, classes: ClassTable, most: int) -> int:
    if isinstance(token, str) and (class_id := classes.id(token)) is not None:
        return class_id
    if type(token) is int and 0 <= token < most:
        return token
    raise UnusableError(
        Reason.UNKNOWN_CLASS, f"category {brief(token)}", f"{classes.expected}, or a number below {most}"
    )


def _mask(code: Any, size: tuple[int, int] | None) -> RleMask:
    told = code.get("size") if isinstance(code, dict) else None
    counts = code.get("counts") if isinstance(code, dict) else None
    right = isinstance(told, list | tuple) and len(told) == 2 and all(type(v) is int for v in told)
    if not right or not isinstance(counts, str | bytes):
        value = f"mask of size {brief(told)}" if isinstance(code, dict) else f"mask {brief(code)}"
        raise UnusableError(Reason.MALFORMED_LINE, value, "a mask with size [height, width] and counts")
    height, width = told  # type: ignore[misc]
    if size is not None and (width, height) != size:
        expected = "a mask of the picture's {} x {} px".format(*size)
        raise UnusableError(Reason.SIZE_MISMATCH, f"{width} x {height} px", expected)
    try:
        return RleMask((height, width), counts)
    except ValueError as error:
        raise UnusableError(Reason.MALFORMED_LINE, str(error), "a mask of the picture") from error


def _numbers(value: Any, count: int, what: str) -> list[float]:
    """Numbers of an array or of nested lists."""
    flat: Any = value
    if isinstance(value, Array) and value.values.dtype.kind in "iuf":
        flat = value.values.reshape(-1).tolist()
    elif isinstance(value, list | tuple) and all(isinstance(v, list | tuple) for v in value[:count]):
        flat = [number for pair_ in value[:count] for number in pair_[:count]]
    if not isinstance(flat, list | tuple) or len(flat) != count or not all(is_number(v) for v in flat):
        raise UnusableError(Reason.MALFORMED_LINE, f"{what} {brief(flat)}", f"{count} numbers")
    if not all(math.isfinite(v) for v in flat):
        raise UnusableError(Reason.NOT_FINITE, f"{what} {brief(flat)}", f"{count} finite numbers")
    return [float(v) for v in flat]


READER = SamrsReader()
