"""Referring expressions of RefCOCO, RefCOCO+ and RefCOCOg: a pickle of expressions, a JSON file of boxes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import nothing_found
from rsvp_builder.images.probe import MAX_SIDE
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.classes import ClassTable
from rsvp_builder.readers.json_records import JsonError, records
from rsvp_builder.readers.layouts import layout_of
from rsvp_builder.readers.objects import ObjectList
from rsvp_builder.readers.pickles import PickleError, load
from rsvp_builder.readers.pictures import Pictures
from rsvp_builder.readers.scan import Found, walk
from rsvp_builder.readers.texts import called, sentence, shown
from rsvp_builder.readers.values import brief, brief_dict, is_number
from rsvp_builder.record import Annotations, Item

_FOLDERS = ("refcoco", "refcoco+", "refcocog")
_MAX_PICKLE = 64 * 2**20


class RefLayout(BaseModel):
    """``[layout]`` of a RefCOCO manifest.

    Attributes:
        folder: name of the folder that holds the two files.
        refs: name of the pickle: expressions with splits of one kind.
        instances: name of the JSON file with the boxes.
        images: name of the folder with the pictures, wherever it lies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str
    refs: str
    instances: str = "instances.json"
    images: str = "train2014"


class RefReader:
    """Reads the release of the ``refer`` toolkit (lichengunc/refer).

    Each sentence is an object with the box and the class of what it refers to, so a thing counts as often
    as it was described. An image that has expressions in two splits is an item of each. A line is the
    position of the expression's ``ref`` in the pickle, from 1.
    """

    def index(self, root: Path, manifest: Manifest) -> Index:
        """See :class:`rsvp_builder.readers.Reader`."""
        layout = layout_of(manifest, RefLayout)
        found = list(walk(root))
        refs_file = _refs_file(root, layout, found)
        if refs_file is None:
            raise RsvpError(nothing_found(root, [manifest], found))
        refs = _load_refs(root / refs_file.path)
        index = _Indexing(manifest, refs_file.path)
        for line, ref in enumerate(refs, start=1):
            index.take(line, ref)
        if not index.things:
            raise RsvpError(f"{root / refs_file.path}: no expression in it. {next(iter(index.drops), '')}")
        path = (refs_file.folder / layout.instances).as_posix()
        index.boxes = _read_instances(root, path, index)
        within = [f for f in found if layout.images.lower() in (part.lower() for part in f.folder.parts)]
        items = index.items(path, Pictures(within or found))
        return Index(tuple(items), tuple(index.drops), ())

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """See :class:`rsvp_builder.readers.Reader`; boxes are 0-based and continuous, as COCO's are."""
        classes = ClassTable(manifest)
        objects = ObjectList(items, texts=True)
        for position, item in enumerate(items):
            data = json.loads(item.data)
            objects.declared[position] = data["size"] and tuple(data["size"])
            for ref in data["refs"]:
                self._add(objects, position, item, ref, classes, drops)
        return objects.annotations()

    def _add(
        self,
        objects: ObjectList,
        position: int,
        item: Item,
        ref: dict[str, Any],
        classes: ClassTable,
        drops: Drops,
    ) -> None:
        line, texts = ref["line"], ref["texts"]

        def lose(reason: Reason, value: str, expected: str, count: int = 1) -> None:
            objects.lose(position, count)
            place = item.label or ""
            drops.add(Drop("object", reason, item.image_id, place, line, value, expected, count))

        box, class_id = None, classes.id(ref["class"])
        if ref["wrong"]:
            value, expected = ref["wrong"]
            lose(Reason.MALFORMED_LINE, value, expected, len(texts))
        elif class_id is None:
            lose(Reason.UNKNOWN_CLASS, shown(ref["class"]), classes.expected, len(texts))
        else:
            try:
                box = _box(ref["box"])
            except _BoxError as error:
                lose(error.reason, f"bbox {shown(str(ref['box']))}", error.expected, len(texts))
        if box is None or class_id is None:
            return
        for raw in texts:
            try:
                text = sentence(raw)
            except (ValueError, AttributeError):
                lose(Reason.MALFORMED_LINE, f"sent {shown(str(raw))}", "an expression, which is text")
                continue
            if any(character.isalnum() for character in text):
                objects.add(position, line=line, class_id=class_id, box=box, text=text)
            else:
                lose(Reason.EMPTY_TEXT, f"sent {shown(raw)!r}", "an expression with a word or a number")


class _BoxError(Exception):
    def __init__(self, reason: Reason, expected: str) -> None:
        super().__init__(expected)
        self.reason = reason
        self.expected = expected


def _box(values: object) -> tuple[float, float, float, float]:
    """``x1 y1 x2 y2`` of COCO's ``x y width height``."""
    if not isinstance(values, list) or len(values) != 4 or not all(map(is_number, values)):
        raise _BoxError(Reason.MALFORMED_LINE, "four numbers: x, y, width, height")
    x, y, width, height = (float(v) for v in values)
    if not all(math.isfinite(v) for v in (x, y, width, height)):
        raise _BoxError(Reason.NOT_FINITE, "finite numbers")
    if width < 0 or height < 0:
        raise _BoxError(Reason.DEGENERATE, "a width and a height above 0")
    return x, y, x + width, y + height


def _refs_file(root: Path, layout: RefLayout, found: Sequence[Found]) -> Found | None:
    """The pickle in the folder of its name, or else the only one in a folder of another name."""
    files = [f for f in found if f.name.lower() == layout.refs.lower()]
    names = [(f.folder.name or root.resolve().name).lower() for f in files]
    named = [f for f, name in zip(files, names, strict=True) if name == layout.folder.lower()]
    other = [f for f, name in zip(files, names, strict=True) if name not in _FOLDERS]
    return named[0] if named else other[0] if len(other) == 1 else None


def _load_refs(path: Path) -> list[Any]:
    """The list in a pickle of Python 2.

    Raises:
        RsvpError: it cannot be read, or holds anything but plain values.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_PICKLE + 1)
        if len(data) > _MAX_PICKLE:
            raise RsvpError(f"{path}: more than {_MAX_PICKLE} bytes, expected a list of expressions")
        try:
            refs = load(data, frozenset(), encoding="utf-8")
        except PickleError:  # perhaps for a string that is no UTF-8
            refs = load(data, frozenset())
    except OSError as error:
        raise RsvpError(f"{path}: cannot be read: {error.strerror or error}") from error
    except PickleError as error:
        raise RsvpError(f"{path}: refused: {error}; get the file of the official release") from error
    if not isinstance(refs, list):
        raise RsvpError(f"{path}: holds a {type(refs).__name__}, expected a list of expressions")
    return refs


@dataclass(slots=True)
class _Boxes:
    """What ``instances.json`` says of the things and images that expressions are about."""

    images: dict[int, tuple[str, tuple[int, int] | None]] = field(default_factory=dict)
    annotations: dict[int, tuple[Any, Any, Any]] = field(default_factory=dict)
    categories: dict[int, str] = field(default_factory=dict)


def _read_instances(root: Path, path: str, index: _Indexing) -> _Boxes:
    boxes = _Boxes()
    try:
        for record in records(root / path, lambda key: key in ("images", "annotations", "categories")):
            value = record.value
            number = value.get("id") if isinstance(value, dict) else None
            if type(number) is not int:
                continue
            if record.key == "annotations":
                if number in index.things:
                    triple = (value.get("image_id"), value.get("category_id"), value.get("bbox"))
                    boxes.annotations[number] = triple
            elif record.key == "categories":
                boxes.categories[number] = str(value.get("name"))
            elif number in index.pictured:
                size = (value.get("width"), value.get("height"))
                known = size if all(type(side) is int and 0 < side <= MAX_SIDE for side in size) else None
                boxes.images[number] = (str(value.get("file_name") or ""), known)
    except OSError as error:
        message = (
            f"{root / path}: cannot be read: {error.strerror or error}; it must lie beside the expressions"
        )
        raise RsvpError(message) from error
    except JsonError as error:
        stem = PurePosixPath(path).stem
        index.drops.append(
            Drop(
                "metadata",
                Reason.LABEL_UNREADABLE,
                stem,
                path,
                error.line,
                shown(error.value),
                error.expected,
            )
        )
    return boxes


@dataclass(slots=True)
class _Indexing:
    """Groups expressions by split and image, then joins them with boxes and pictures.

    Attributes:
        things: ids of the annotations that expressions are about.
        pictured: ids of their images.
    """

    manifest: Manifest
    label: str
    drops: list[Drop] = field(default_factory=list)
    things: set[int] = field(default_factory=set)
    pictured: set[int] = field(default_factory=set)
    boxes: _Boxes = field(default_factory=_Boxes)
    _refs: dict[tuple[str, int], list[tuple[int, int, list[Any]]]] = field(default_factory=dict)

    def take(self, line: int, ref: object) -> None:
        """Take up one entry of the pickle."""
        match ref:
            case {
                "ann_id": int(thing),
                "image_id": int(image),
                "split": str(split),
                "sentences": [_, *_] as sentences,
            } if is_number(thing) and is_number(image):
                pass
            case _:
                expected = "an entry with ann_id, image_id, split and sentences"
                self._lose(line, f"?/{line}", shown(brief_dict(ref)), expected, 1)
                return
        if split not in self.manifest.splits.labelled:
            expected = f"a split: one of {', '.join(self.manifest.splits.labelled)}"
            self._lose(line, f"{called(split)}/{image}", shown(split), expected, len(sentences))
            return
        sents = [s.get("sent") if isinstance(s, dict) else None for s in sentences]
        texts = [sent if isinstance(sent, str) else None for sent in sents]
        self.things.add(thing)
        self.pictured.add(image)
        self._refs.setdefault((split, image), []).append((line, thing, texts))

    def items(self, meta: str, pictures: Pictures) -> list[Item]:
        """The items, in order."""
        items = []
        for (split, number), refs in self._refs.items():
            name, size = self.boxes.images.get(number, ("", None))
            picture = pictures.find(name) if name else None
            told = [self._joined(meta, number, *ref) for ref in refs]
            data = json.dumps({"size": size, "refs": told}, separators=(",", ":"))
            item = Item(
                image_id=f"{split}/{called(PurePosixPath(name).stem or str(number))}",
                split=split,
                image=picture.path if picture else None,
                label=self.label,
                meta=meta,
                image_bytes=picture.size if picture else 0,
                label_bytes=len(data),
                data=data,
                image_stamp=picture.stamp if picture else None,
            )
            items.append(item)
        return sorted(items, key=lambda item: (item.split, item.image_id))

    def _joined(self, meta: str, image: int, line: int, thing: int, texts: list[Any]) -> dict[str, Any]:
        """One entry with the box and the class of its thing, or what is wrong with it."""
        of_image, category, box = self.boxes.annotations.get(thing, (None, None, None))
        wrong = None
        if of_image is None:
            wrong = (f"ann_id {thing}", f"an annotation of that id in {meta}")
        elif of_image != image:
            wrong = (f"ann_id {thing} of image {brief(of_image)}", f"an annotation of image {image}")
        token = self.boxes.categories.get(category, str(category)) if type(category) is int else str(category)
        return {"line": line, "texts": texts, "class": token, "box": box, "wrong": wrong}

    def _lose(self, line: int, image_id: str, value: str, expected: str, count: int) -> None:
        reason = Reason.MALFORMED_LINE
        self.drops.append(Drop("object", reason, image_id, self.label, line, value, expected, count))


READER = RefReader()
