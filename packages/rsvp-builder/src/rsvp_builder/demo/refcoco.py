"""Writes miniature RefCOCO releases: a pickle of references, ``instances.json``, photographs of COCO.

The pickle is in the text form of Python 2 (protocol 0). A reference's own file name exists nowhere; the box
and the true name come from ``instances.json`` through ``ann_id`` and ``image_id``.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from rsvp_builder.demo.backdrops import backdrop, encoded
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.ledger import Reason

_SIZE = (160, 120)

# Names and numbers of COCO; numbers have gaps.
_CATEGORIES = ((1, "person"), (3, "car"), (18, "dog"), (44, "bottle"), (62, "chair"))
_COLOURS = {1: (176, 46, 42), 3: (46, 82, 138), 18: (198, 186, 152), 44: (70, 120, 92), 62: (108, 72, 60)}


@dataclass(frozen=True, slots=True)
class _Edition:
    """One of the data sets: its folder, its pickle, and the split of each of the six references."""

    folder: str
    refs: str
    splits: tuple[str, ...]


_EDITIONS = {
    "RefCOCO": _Edition("refcoco", "refs(unc).p", ("train", "train", "val", "testA", "testB", "train")),
    "RefCOCO+": _Edition("refcoco+", "refs(unc).p", ("train", "train", "val", "testA", "testB", "train")),
    "RefCOCOg": _Edition("refcocog", "refs(umd).p", ("train", "train", "val", "test", "test", "train")),
    # The split is by object here, so that two splits share a picture.
    "RefCOCOg-google": _Edition(
        "refcocog", "refs(google).p", ("train", "val", "val", "val", "train", "train")
    ),
}

# Picture, category, box (x y w h), sentences. The last two refer to one annotation.
_REFERENCES: tuple[tuple[int, int, tuple[float, float, float, float], tuple[str, ...]], ...] = (
    (581857, 1, (12.5, 20.25, 40.0, 70.5), ("the lady with the blue shirt", "woman at left")),
    (581857, 1, (90.0, 18.0, 36.0, 80.0), ("right person",)),
    (98304, 3, (30.0, 40.0, 60.0, 30.0), ("the car in the middle", "blue car", "car")),
    (131074, 1, (20.0, 10.0, 30.0, 60.0), ("man standing",)),
    (131075, 18, (70.0, 60.0, 40.0, 30.0), ("small dog near the wall",)),
    (131075, 18, (70.0, 60.0, 40.0, 30.0), ("the dog",)),
)


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Write one of the releases; see :func:`rsvp_builder.demo.write`."""
    edition, release = _EDITIONS[source], Release(root)
    folder, pictures = root / edition.folder, root / "images/mscoco/images/train2014"
    for path in (folder, pictures):
        path.mkdir(parents=True)
    names = {number: f"COCO_train2014_{number:012d}" for number in sorted({r[0] for r in _REFERENCES})}
    for order, (number, name) in enumerate(names.items()):
        picture = _drawn(number, order, seed)
        if number == 131074:
            picture = picture.convert("L")  # some photographs are grey
        (pictures / f"{name}.jpg").write_bytes(encoded(picture, "JPEG"))
    refs = []
    annotations: list[dict[str, Any]] = [
        _annotation(5, 98304, 62, (1.0, 1.0, 8.0, 8.0))
    ]  # nobody refers to it
    sent_id = 0
    for ref_id, ((number, category, box, texts), split) in enumerate(
        zip(_REFERENCES, edition.splits, strict=True)
    ):
        ann_id = 1719310 + (4 if ref_id == 5 else ref_id)
        if ref_id != 5:
            annotations.append(_annotation(ann_id, number, category, box))
        refs.append(_reference(ref_id, ann_id, number, category, names[number], split, texts, sent_id))
        sent_id += len(texts)
        x, y, w, h = box
        token = dict(_CATEGORIES)[category]
        release.images.setdefault(f"{split}/{names[number]}", []).extend(
            Thing(token, (x, y, x + w, y + h), text=text) for text in texts
        )
    if with_defects:
        _spoil(release, edition, refs, annotations, names, sent_id)
    (folder / edition.refs).write_bytes(pickle.dumps(refs, protocol=0))
    images = [
        {
            "license": 1,
            "file_name": f"{name}.jpg",
            "coco_url": "",
            "height": _SIZE[1],
            "width": _SIZE[0],
            "id": n,
        }
        for n, name in names.items()
    ]
    categories = [{"supercategory": "thing", "id": n, "name": name} for n, name in _CATEGORIES]
    content = {
        "info": {"description": "refer"},
        "images": images,
        "licenses": [{"id": 1, "name": "Attribution", "url": ""}],
        "annotations": annotations,
        "categories": categories,
    }
    (folder / "instances.json").write_text(json.dumps(content))
    return release


def _drawn(number: int, order: int, seed: int) -> Image.Image:
    """A street with what is referred to as plain figures."""
    picture = backdrop("street", _SIZE, order, seed)
    pen = ImageDraw.Draw(picture)
    for where, category, (x, y, w, h), _ in _REFERENCES:
        if where == number:
            pen.rectangle((x, y, x + w, y + h), fill=_COLOURS[category], outline=(20, 20, 20))
    return picture


def _annotation(
    number: int, image: int, category: int, box: tuple[float, float, float, float]
) -> dict[str, Any]:
    x, y, w, h = box
    return {
        "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]],
        "area": w * h,
        "iscrowd": 0,
        "image_id": image,
        "bbox": list(box),
        "category_id": category,
        "id": number,
    }


def _reference(
    ref_id: int,
    ann_id: int,
    image: int,
    category: int,
    name: str,
    split: str,
    texts: tuple[str, ...],
    sent_id: int,
) -> dict[str, Any]:
    sentences = [
        {"tokens": text.split(), "raw": f"{text.upper()} ", "sent_id": sent_id + k, "sent": text}
        for k, text in enumerate(texts)
    ]
    return {
        "sent_ids": [sentence["sent_id"] for sentence in sentences],
        "file_name": f"{name}_{ref_id + 16}.jpg",
        "ann_id": ann_id,
        "ref_id": ref_id,
        "image_id": image,
        "split": split,
        "sentences": sentences,
        "category_id": category,
    }


def _spoil(
    release: Release,
    edition: _Edition,
    refs: list[dict[str, Any]],
    annotations: list[dict[str, Any]],
    names: dict[int, str],
    sent_id: int,
) -> None:
    """References to nothing, without words, to a box that is none, to a picture that is not there."""
    pickled = f"{edition.folder}/{edition.refs}"

    def add(
        ann_id: int, image: int, texts: tuple[str, ...], reason: Reason, value: str = "", **more: Any
    ) -> None:
        number = len(refs)
        name = names.get(image, "COCO_train2014_000000000001")
        record = _reference(number, ann_id, image, 1, name, "train", texts, sent_id + number) | more
        refs.append(record)
        release.defects.append(Planted(pickled, number + 1, reason, value))

    add(424242, 98304, ("a reference to no annotation",), Reason.MALFORMED_LINE, "424242")
    add(1719310, 581857, (" ",), Reason.EMPTY_TEXT)
    annotations.append(_annotation(8000, 98304, 3, (float("nan"), 1.0, 5.0, 5.0)))
    add(8000, 98304, ("not a number",), Reason.NOT_FINITE)
    annotations.append(_annotation(8001, 98304, 3, (5.0, 5.0, 0.0, 5.0)))
    add(8001, 98304, ("no width",), Reason.DEGENERATE)
    annotations.append(_annotation(8002, 98304, 999, (5.0, 5.0, 9.0, 5.0)))
    add(8002, 98304, ("of no category",), Reason.UNKNOWN_CLASS, "999", category_id=999)
    names[777] = "COCO_train2014_000000000777"
    annotations.append(_annotation(8003, 777, 3, (5.0, 5.0, 9.0, 5.0)))
    number = len(refs)
    refs.append(_reference(number, 8003, 777, 3, names[777], "train", ("gone",), sent_id + 90))
    release.defects.append(Planted(pickled, None, Reason.IMAGE_MISSING, names[777]))
