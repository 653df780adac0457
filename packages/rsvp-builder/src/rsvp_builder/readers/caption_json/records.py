"""The shapes in which captions are published, each read as a stream.

* ``{"images": [{filename, split, sentences: [{raw, ..}, ..], filepath?, ..}, ..]}``, Karpathy's, of RSICD and
  its kin; ``tokens`` is not read, since it disagrees with ``raw`` in places.
* ``{"<class>": [{filename, split, raw, raw_1, .. raw_4, ..}, ..], ..}``, of NWPU-Captions.
* ``{"images": [{id, file_name, width, height, ..}, ..], "annotations": [{image_id, caption, ..}, ..]}``, of
  COCO.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rsvp_builder.images.probe import MAX_SIDE
from rsvp_builder.readers.json_records import JsonError, Record, records
from rsvp_builder.readers.texts import shown

_NOT_CAPTIONS = frozenset({"info", "licenses", "categories", "type", "dataset"})
_SENTENCE = re.compile(r"raw(?:_(\d{1,6}))?")


@dataclass(slots=True)
class Captioned:
    """An image with what a file says about it.

    Attributes:
        name: its file name; empty where none is known.
        line: 1-based line of its record.
        folder: folder that the record names, or the key it stands under.
        split: as the record has it, None where it has none.
        captions: line of each caption, and what stands there, which should be a string.
        size: width and height that the file states.
        number: the file's own number of the image, for what has no name.
    """

    name: str
    line: int
    folder: str = ""
    split: str | None = None
    captions: list[tuple[int, Any]] = field(default_factory=list)
    size: tuple[int, int] | None = None
    number: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that cannot be used: its line, what was read, what was expected."""

    line: int
    value: str
    expected: str


def captioned(path: Path) -> Iterator[Captioned | Broken]:
    """The images of a file, one at a time but for COCO's shape, which tells captions apart from images.

    Raises:
        OSError: the file cannot be read.
        JsonError: it is not JSON from some place on; what lies before has been given.
    """
    coco = _Coco()
    try:
        for record in records(path, lambda key: key not in _NOT_CAPTIONS):
            given = _read(record, coco)
            if given is not None:
                yield given
    except JsonError:
        # What the damage took from the other images is more than their captions, as far as anybody knows.
        yield from (image for image in coco.images() if image.captions)
        raise
    yield from coco.images()


def _read(record: Record, coco: _Coco) -> Captioned | Broken | None:
    value = record.value
    if not isinstance(value, dict):
        return Broken(record.line, _told(record), "a record with an image and its captions")
    if record.key == "annotations" and "image_id" in value:
        return coco.annotation(record)
    if "file_name" in value and "sentences" not in value:
        return coco.image(record)
    name = value.get("filename")
    if not isinstance(name, str) or not name.strip():
        return Broken(record.line, _told(record), "a record with a 'filename'")
    if isinstance(value.get("sentences"), list):
        captions = [s.get("raw") if isinstance(s, dict) else s for s in value["sentences"]]
        folder = value.get("filepath")
    else:
        keys = sorted((int(m[1] or 0), key) for key in value if (m := _SENTENCE.fullmatch(key)))
        captions = [value[key] for _, key in keys]
        folder = record.key
    split = value.get("split")
    return Captioned(
        name=name,
        line=record.line,
        folder=folder if isinstance(folder, str) else "",
        split=split if isinstance(split, str) or split is None else shown(str(split)),
        captions=[(record.line, text) for text in captions],
    )


def _told(record: Record) -> str:
    place = f"{record.key}[{record.number - 1}]" if record.key else f"[{record.number - 1}]"
    return shown(f"{place[:200]} {record.value}")


class _Coco:
    """Images and captions of COCO's shape, which refer to each other by id."""

    def __init__(self) -> None:
        self._images: dict[str, Captioned] = {}

    def image(self, record: Record) -> Broken | None:
        value = record.value
        number, name = value.get("id"), value["file_name"]
        if not _is_id(number) or not isinstance(name, str) or not name.strip():
            return Broken(record.line, _told(record), "an image with an 'id' and a 'file_name'")
        known = self._images.setdefault(str(number), Captioned("", record.line, number=str(number)))
        if known.name:
            return Broken(record.line, _told(record), f"an id that no image has; line {known.line} has it")
        known.name, known.line = name, record.line
        size = (value.get("width"), value.get("height"))
        if all(type(side) is int and 0 < side <= MAX_SIDE for side in size):
            known.size = size
        return None

    def annotation(self, record: Record) -> Broken | None:
        number = record.value["image_id"]
        if not _is_id(number):
            return Broken(record.line, _told(record), "a caption with an 'image_id'")
        known = self._images.setdefault(str(number), Captioned("", record.line, number=str(number)))
        known.captions.append((record.line, record.value.get("caption")))
        return None

    def images(self) -> Iterator[Captioned]:
        yield from self._images.values()


def _is_id(value: object) -> bool:
    return type(value) is int or (isinstance(value, str) and bool(value))
