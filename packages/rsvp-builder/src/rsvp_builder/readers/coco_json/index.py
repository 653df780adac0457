"""Joining the records of COCO files: each image gets the annotations that name its id.

The JSON is read once, one record at a time. What an image's annotations say travels in ``Item.data``, still
unjudged, so that a bad one is told when its image is built.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import nothing_found
from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.coco_json.records import CocoFile, ImageRecord, Told
from rsvp_builder.readers.layouts import layout_of
from rsvp_builder.readers.pairing import item_of
from rsvp_builder.readers.pictures import Pictures
from rsvp_builder.readers.scan import Found, walk
from rsvp_builder.readers.splits import SplitRule, matches
from rsvp_builder.readers.texts import shown
from rsvp_builder.record import Item


class CocoLayout(BaseModel):
    """``[layout]`` of a COCO manifest; patterns are those of :func:`rsvp_builder.readers.splits.matches`.

    Attributes:
        annotations: split -> patterns of the JSON files that annotate it.
        images: patterns of the pictures; empty for any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    annotations: dict[str, list[str]]
    images: list[str] = []


class Annotation(NamedTuple):
    """An annotation as it travels.

    Attributes:
        line: line of its record.
        name: name of its category, None where the file has no such category.
        before: line of an earlier annotation with the same id, 0 where there is none.
        record: the record, as far as it matters.
    """

    line: int
    name: str | None
    before: int
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ImageData:
    """What ``Item.data`` holds.

    Attributes:
        size: width and height, if the file states them.
        annotations: of the image, in the order of the file.
    """

    size: tuple[int, int] | None
    annotations: list[Annotation]

    @classmethod
    def load(cls, data: str) -> ImageData:
        """What :func:`_dump` wrote."""
        size, annotations = json.loads(data)
        return cls((size[0], size[1]) if size else None, [Annotation(*one) for one in annotations])


def _dump(image: ImageRecord, told: Sequence[Told], file: CocoFile) -> str:
    # Records are JSON already.
    each = [
        f"[{one.line},{json.dumps(file.categories.get(one.category))},{one.before},{one.record}]"
        for one in told
    ]
    return f"[{json.dumps(image.size)},[{','.join(each)}]]"


def index_release(root: Path, manifest: Manifest) -> Index:
    """Read the annotation files and find the pictures of their images.

    Raises:
        RsvpError: there is no annotation file, or no image record can be read from any.
    """
    layout = layout_of(manifest, CocoLayout)
    found = list(walk(root))
    files = [
        (split, file)
        for split, patterns in layout.annotations.items()
        for file in found
        if any(matches(file.path, pattern) for pattern in patterns)
    ]
    if not files:
        raise RsvpError(nothing_found(root, [manifest], found))
    rule = SplitRule(manifest, root, found)
    shown = [f for f in found if not layout.images or any(matches(f.path, p) for p in layout.images)]
    pictures = {
        split: Pictures(f for f in shown if rule.by_folder(f.folder) in (None, split))
        for split in layout.annotations
    }
    joining = _Joining(rule)
    damage = []
    for split, file in files:
        coco = CocoFile(split, file.path)
        coco.read(root)
        joining.join(coco, pictures[split])
        damage += coco.damage
    if not joining.known:
        first = damage[0] if damage else None
        told = f":{first.line}: read {first.value!r}, expected {first.expected}" if first else ": no images"
        raise RsvpError(f"{root / files[0][1].path}{told}")
    if layout.images:
        for split, of_split in pictures.items():
            joining.add_unnamed(split, of_split.unused(), files)
    items = sorted(joining.items.values(), key=lambda item: (item.split, item.image_id))
    notices = [f"{drop.file} is damaged from line {drop.line} on" for drop in damage]
    return Index(tuple(items), (*rule.drops, *joining.drops, *rule.not_met()), tuple(notices))


class _Joining:
    """Collects the images of all annotation files."""

    def __init__(self, rule: SplitRule) -> None:
        self.items: dict[str, Item] = {}
        self.drops: list[Drop] = []
        self.known: set[str] = set()
        """Ids of all images that a file speaks of."""
        self._rule = rule

    def join(self, file: CocoFile, pictures: Pictures) -> None:
        """Add the images of one file, each with the annotations that name it."""
        self.drops += file.drops
        by_name: dict[str, ImageRecord] = {}
        for key, image in file.images.items():
            told = file.annotations.pop(key, [])
            split = self._rule.listed(image.name, PurePosixPath(image.name).name) or file.split
            image_id = f"{split}/{image.name}"
            if image_id in self.known:
                before = by_name.get(image.name)
                where = f"line {before.line}" if before else "another file"
                expected = f"a picture once; {where} has it already"
                self._drop(file, image_id, "metadata", image.line, f"file_name {image.file_name}", expected)
                for one in told:
                    self._drop(file, image_id, "object", one.line, f"image_id {key}", expected)
                continue
            self.known.add(image_id)
            by_name[image.name] = image
            picture = pictures.find(image.file_name)
            if told:
                data = _dump(image, told, file)
                item = replace(item_of(split, image.name, picture, None), label=file.path, data=data)
                self.items[image_id] = replace(item, label_bytes=len(data))
            else:
                self._without(file, image, image_id, split, picture)
        for key, told in file.annotations.items():
            for one in told:
                drop = (one.line, f"image_id {key}", "the id of one of the file's images")
                self._drop(file, file.split, "object", *drop, reason=Reason.IMAGE_MISSING)

    def add_unnamed(self, split: str, pictures: Sequence[Found], files: Sequence[tuple[str, Found]]) -> None:
        """Add the pictures that no file speaks of; the build reports that they have no label."""
        if split not in {of for of, _ in files}:
            return
        for picture in pictures:
            item = item_of(split, picture.stem, picture, None)
            if item.image_id not in self.known:
                self.known.add(item.image_id)
                self.items[item.image_id] = item

    def _without(
        self, file: CocoFile, image: ImageRecord, image_id: str, split: str, picture: Found | None
    ) -> None:
        path = picture.path if picture else file.path
        if self._rule.unlabelled(split):
            expected = f"labels, which were never released for split '{split}'"
            self.drops.append(Drop("image", Reason.UNLABELLED_SPLIT, image_id, path, None, "", expected))
        elif file.damage:
            # The annotations may be in the part that is damaged.
            told = file.damage[0]
            self.drops.append(
                Drop(
                    "image",
                    Reason.LABEL_UNREADABLE,
                    image_id,
                    file.path,
                    told.line,
                    told.value,
                    told.expected,
                )
            )
        else:
            expected = "an annotation of this image"
            self.drops.append(Drop("image", Reason.NO_OBJECTS, image_id, file.path, image.line, "", expected))

    def _drop(
        self,
        file: CocoFile,
        image_id: str,
        kind: Any,
        line: int,
        value: str,
        expected: str,
        *,
        reason: Reason = Reason.DUPLICATE_STEM,
    ) -> None:
        self.drops.append(Drop(kind, reason, image_id, file.path, line, shown(value), expected))
