"""Reading one COCO file: images by id, annotations by the id of their image, names of categories."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from rsvp_builder.errors import RsvpError
from rsvp_builder.images.probe import MAX_SIDE
from rsvp_builder.ledger import Drop, Kind, Reason
from rsvp_builder.readers.json_records import JsonError, Record, records
from rsvp_builder.readers.texts import called, shown

Id = int | str

_KEPT = ("id", "category_id", "segmentation", "bbox", "iscrowd")
_ARRAYS = ("images", "annotations", "categories")


class ImageRecord(NamedTuple):
    """An image of a COCO file.

    Attributes:
        name: what the toolkit calls it: the file's name and the folders before it, without suffix.
        file_name: what the file calls it.
        line: line of its record.
        size: width and height in pixels, if the record states them.
    """

    name: str
    file_name: str
    line: int
    size: tuple[int, int] | None


class Told(NamedTuple):
    """An annotation, not looked into yet.

    Attributes:
        line: line of its record.
        category: id of its category, None for one that is none.
        before: line of an earlier annotation of the same id, or 0.
        record: JSON of what matters of the record; text takes a tenth of the memory of lists.
    """

    line: int
    category: Id | None
    before: int
    record: str


class CocoFile:
    """One file.

    Args:
        split: the split that it annotates.
        path: relative to the root.

    Attributes:
        images: by id, in the order of the file.
        annotations: by the id of their image.
        categories: names by id.
        drops: records that cannot be used.
        damage: those of them that end the file.
    """

    def __init__(self, split: str, path: str) -> None:
        self.split = split
        self.path = path
        self.images: dict[Id, ImageRecord] = {}
        self.annotations: dict[Id, list[Told]] = {}
        self.categories: dict[Id | None, str] = {}
        self.drops: list[Drop] = []
        self.damage: list[Drop] = []
        self._lines: dict[Id, int] = {}

    def read(self, root: Path) -> None:
        """Read it, up to where it is damaged.

        Raises:
            RsvpError: it cannot be opened.
        """
        take = {"images": self._image, "annotations": self._annotation, "categories": self._category}
        try:
            for record in records(root / self.path, lambda key: key in _ARRAYS):
                if record.key in take:
                    take[record.key](record)
        except OSError as error:
            raise RsvpError(f"{root / self.path}: cannot be read: {error.strerror or error}") from error
        except JsonError as error:
            self._drop("metadata", Reason.LABEL_UNREADABLE, error.line, error.value, error.expected)
            self.damage.append(self.drops[-1])

    def _drop(self, kind: Kind, reason: Reason, line: int, value: str, expected: str) -> None:
        self.drops.append(Drop(kind, reason, self.split, self.path, line, shown(value), expected))

    def _image(self, record: Record) -> None:
        value = record.value
        key = _id(value.get("id")) if isinstance(value, dict) else None
        file_name = value.get("file_name") if isinstance(value, dict) else None
        if key is None or not isinstance(file_name, str) or not (name := _name(file_name)):
            told = json.dumps(value)
            self._drop("metadata", Reason.MALFORMED_LINE, record.line, told, "an image with id and file_name")
            return
        before = self.images.get(key)
        if before is None:
            size = _size(value.get("width"), value.get("height"))
            self.images[key] = ImageRecord(name, file_name, record.line, size)
        else:
            told = f"image id {key} of {file_name}"
            expected = f"an id once; line {before.line} has it for {shown(before.file_name)}"
            self._drop("metadata", Reason.DUPLICATE_ID, record.line, told, expected)

    def _annotation(self, record: Record) -> None:
        value = record.value
        image = _id(value.get("image_id")) if isinstance(value, dict) else None
        if image is None:
            told = json.dumps(value)
            self._drop("object", Reason.MALFORMED_LINE, record.line, told, "an annotation with an image_id")
            return
        before = 0
        own = _id(value.get("id"))
        if own is not None and own in self._lines:
            before = self._lines[own]
        elif own is not None:
            self._lines[own] = record.line
        kept = json.dumps({key: value[key] for key in _KEPT if key in value}, separators=(",", ":"))
        told_by_image = self.annotations.setdefault(image, [])
        told_by_image.append(Told(record.line, _id(value.get("category_id")), before, kept))

    def _category(self, record: Record) -> None:
        value = record.value
        key = _id(value.get("id")) if isinstance(value, dict) else None
        name = value.get("name") if isinstance(value, dict) else None
        if key is None or not isinstance(name, str):
            told = json.dumps(value)
            self._drop("metadata", Reason.MALFORMED_LINE, record.line, told, "a category with id and name")
        elif self.categories.setdefault(key, name) != name:
            expected = f"an id once; it is {shown(self.categories[key])} already"
            self._drop("metadata", Reason.DUPLICATE_ID, record.line, f"category id {key} of {name}", expected)


def _id(value: Any) -> Id | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def _name(file_name: str) -> str:
    path = PurePosixPath(file_name.strip().replace("\\", "/"))
    parts = [part for part in path.with_suffix("").parts if part not in ("/", "..")] if path.name else []
    return called("/".join(parts))


def _size(width: Any, height: Any) -> tuple[int, int] | None:
    w, h = _id(width), _id(height)
    if not isinstance(w, int) or not isinstance(h, int):
        return None
    return (w, h) if 0 < w <= MAX_SIDE and 0 < h <= MAX_SIDE else None
