"""COCO JSON of the marked places, their captions and the scenes of a data set.

Of each split up to three files, as COCO has them apart:

* ``instances_<split>.json``: boxes and points with their class. A box has ``bbox`` ``[x, y, width, height]``
  and, where the release has an oriented box, the quad as ``segmentation``; else its four corners. A point is
  a keypoint, and its box and area are empty.
* ``captions_<split>.json``: ``caption`` of an image, or of the place in ``bbox``; prose that cites marks is
  a caption of the image.
* ``scenes_<split>.json``: the class of whole images.

Conversations have no place in COCO. The same object shows in rows of several tasks; it is one annotation.
Class ids are those of all sources together and the same in every file. ``area`` is that of the
segmentation. Keys that COCO does not know (``source``, ``flags``) are passed over by its tools.

Format: https://cocodataset.org/#format-data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rsvp_builder.dataset.layout import Folder, publish, read_json, temporary_for
from rsvp_builder.export.earthmarker import xywh
from rsvp_builder.export.files import JsonList
from rsvp_builder.export.rows import Picture
from rsvp_builder.tasks import PROSE

# Of the answer about a whole image, which is a line a mark of one mark.
_LINE_START = re.compile(r"^<(?:Region|Mark) \d+>: ")

KINDS = ("instances", "captions", "scenes")


class Classes:
    """Class ids from 1: those of the manifests in their order, then others as they are met."""

    def __init__(self, folder: Folder, sources: Iterable[str]) -> None:
        self._ids: dict[str, int] = {}
        for source in sources:
            for label in read_json(folder.settings(source))["manifest"]["classes"].values():
                self.id(label)

    def id(self, label: str) -> int:
        """Number of a class."""
        return self._ids.setdefault(label, len(self._ids) + 1)

    def categories(self) -> list[dict[str, Any]]:
        """Every class, for the end of a file."""
        point = {"keypoints": ["point"], "skeleton": []}
        return [
            {"id": number, "name": name, "supercategory": ""} | point for name, number in self._ids.items()
        ]


class CocoSplit:
    """Writes the files of one split under temporary names; :meth:`commit` gives them theirs.

    Args:
        to: folder of the files.
        split: name of the split.
        classes: ids of the classes.
        licences: source -> its licence as in its manifest.
    """

    def __init__(self, to: Path, split: str, classes: Classes, licences: Mapping[str, Any]) -> None:
        self._to = to
        self._split = split
        self._classes = classes
        self._licences = {
            source: {"id": number, "name": f"{source}: {told['name']}", "url": told["url"]}
            for number, (source, told) in enumerate(licences.items(), start=1)
        }
        self._images = JsonList(to / f"images_{split}.json")
        self._lists = {kind: JsonList(to / f"{kind}_{split}_annotations.json") for kind in KINDS}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was not committed."""
        for part in (self._images, *self._lists.values()):
            part.__exit__(kind, error, trace)

    def add(self, picture: Picture, image: str) -> None:
        """Add a picture and what its rows say of it.

        Args:
            picture: the picture with all its rows.
            image: path of its file.
        """
        row = picture.rows[0]
        number = self._images.count + 1
        self._images.add(
            {
                "id": number,
                "file_name": image,
                "width": row["width"],
                "height": row["height"],
                "source": row["source"],
                "image_id": row["image_id"],
                "window": row["window"],
                "license": self._licences[row["source"]]["id"],
            }
        )
        # The same object in the rows of another task is the same annotation.
        seen: set[str] = set()
        for row in picture.rows:
            for kind, annotation in _annotations(row, self._classes):
                key = json.dumps([kind, annotation], sort_keys=True)
                if key not in seen:
                    seen.add(key)
                    of = self._lists[kind]
                    of.add({"id": of.count + 1, "image_id": number} | annotation)

    def commit(self) -> list[Path]:
        """Put the files together; those without an annotation are left out."""
        images = self._images.end()
        made = []
        for kind, of in self._lists.items():
            if not of.count:
                continue
            path = self._to / f"{kind}_{self._split}.json"
            info = {"description": f"{kind} of split {self._split}, by rsvp-builder", "version": "1.0"}
            head = {"info": info, "licenses": list(self._licences.values())}
            if kind != "captions":
                head["categories"] = self._classes.categories()
            _join(path, head, {"images": images, "annotations": of.end()})
            made.append(path)
        return made


def _annotations(row: dict[str, Any], classes: Classes) -> Iterator[tuple[str, dict[str, Any]]]:
    whole = row["granularity"] == "image"
    for mark in row["marks"]:
        if mark["label"] is not None:
            told = {"category_id": classes.id(mark["label"])}
            yield ("scenes", told) if whole else ("instances", told | _place(mark))
        if mark["caption"] is not None:
            place = {} if whole else {"bbox": _bbox(mark)}
            yield "captions", {"caption": mark["caption"]} | place
    if row["task"] in PROSE or all(mark["label"] is mark["caption"] is None for mark in row["marks"]):
        answers = [turn["content"] for turn in row["messages"] if turn["role"] == "assistant"]
        yield from (("captions", {"caption": _LINE_START.sub("", answer)}) for answer in answers)


def _place(mark: dict[str, Any]) -> dict[str, Any]:
    told = {"bbox": _bbox(mark), "iscrowd": 0, "flags": mark["flags"]}
    if mark["kind"] == "point":
        return told | {"keypoints": [*mark["xy"], 2], "num_keypoints": 1, "area": 0.0, "segmentation": []}
    x1, y1, x2, y2 = mark["xyxy"]
    outline = mark["quad"] or [x1, y1, x2, y1, x2, y2, x1, y2]
    return told | {"segmentation": [outline], "area": _area(outline), "num_keypoints": 0}


def _bbox(mark: dict[str, Any]) -> list[float]:
    return [*mark["xy"], 0.0, 0.0] if mark["kind"] == "point" else xywh(mark["xyxy"])


def _area(outline: list[float]) -> float:
    """Area of a polygon ``x1 y1 x2 y2 ..`` by the shoelace formula."""
    xs, ys = outline[::2], outline[1::2]
    turned = zip(xs, ys, [*xs[1:], xs[0]], [*ys[1:], ys[0]], strict=True)
    return abs(sum(x * below - right * y for x, y, right, below in turned)) / 2


def _join(path: Path, head: dict[str, Any], lists: dict[str, Path]) -> None:
    """One JSON object from a few small keys and lists that lie in files."""
    temporary = temporary_for(path)
    with temporary.open("wb") as file:
        file.write(json.dumps(head, ensure_ascii=False).encode()[:-1])
        for key, part in lists.items():
            file.write(f',\n"{key}": '.encode())
            with part.open("rb") as content:
                while chunk := content.read(2**20):
                    file.write(chunk)
        file.write(b"}\n")
    publish(temporary, path)
