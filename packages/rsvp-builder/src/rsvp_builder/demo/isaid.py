"""Writes a miniature iSAID: pictures of DOTA v1.0 with a mask of ids and a mask of classes each.

Train lies as the archives unpack, val with all three kinds of picture in one folder, as the devkit wants it.
Ids are colours of one fixed sequence, so they repeat from picture to picture.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsvp_builder.demo.backdrops import backdrop, encoded
from rsvp_builder.demo.outlines import Stamp, bounds, draw
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.ledger import Reason

_COLOURS = {
    "ship": (0, 0, 63),
    "tennis_court": (0, 63, 127),
    "Large_Vehicle": (0, 127, 127),
    "Small_Vehicle": (0, 0, 127),
    "Roundabout": (0, 191, 127),
    "plane": (0, 127, 255),
    "Harbor": (0, 100, 155),
}

# The numbering of the train file; the devkit has another.
_NUMBERS = {
    "Large_Vehicle": 2, "Small_Vehicle": 3, "plane": 4, "ship": 5, "Harbor": 7, "tennis_court": 8,
    "Roundabout": 14,
}  # fmt: skip

# Every channel of an id is a multiple of 5, and ids are far above 1000.
_IDS = ((15, 20, 70), (85, 235, 105), (110, 5, 175), (200, 60, 240), (255, 130, 135), (40, 220, 95))

_IMAGE, _CLASSES, _INSTANCES = "images", "Semantic_masks/images", "Instance_masks/images"


@dataclass(frozen=True, slots=True)
class _Shot:
    """A picture: split, stem, size, ground cover, and its instances by class."""

    split: str
    stem: str
    size: tuple[int, int]
    base: str
    instances: tuple[tuple[str, Stamp], ...]


_SHOTS = (
    _Shot(
        "train",
        "P0000",
        (240, 200),
        "grass",
        (
            ("Roundabout", Stamp("roundabout", 120, 100, 0, 120, 120)),  # a ring: its island is background
            ("Small_Vehicle", Stamp("small-vehicle", 30, 40, 15, 9, 20)),
            ("Small_Vehicle", Stamp("small-vehicle", 210, 160, 100, 9, 20)),
        ),
    ),
    _Shot(
        "train",
        "P0002",
        (200, 220),
        "concrete",
        (
            ("plane", Stamp("plane", 70, 70, 30, 90, 94)),
            ("plane", Stamp("plane", 130, 165, 190, 80, 84)),
            ("Large_Vehicle", Stamp("large-vehicle", 160, 40, 80, 13, 36)),
        ),
    ),
    _Shot(
        "val",
        "P0003",
        (230, 180),
        "water",
        (
            ("Harbor", Stamp("harbor", 120, 90, 15, 70, 120)),
            ("ship", Stamp("ship", 50, 60, 20, 20, 80)),
            ("ship", Stamp("ship", 190, 110, 200, 18, 76)),
        ),
    ),
    _Shot(
        "val", "P0004", (160, 140), "grass", (("tennis_court", Stamp("tennis-court", 80, 70, 12, 54, 96)),)
    ),
)


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Write the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    for number, shot in enumerate(_SHOTS):
        picture = draw(shot.size, shot.base, [stamp for _, stamp in shot.instances], (seed, number))
        masks = [stamp.mask(shot.size) for _, stamp in shot.instances]
        ids = np.zeros((shot.size[1], shot.size[0], 3), np.uint8)
        classes = ids.copy()
        for (token, _), mask, colour in zip(shot.instances, masks, _IDS, strict=False):
            ids[mask], classes[mask] = colour, _COLOURS[token]
        _put(root, shot.split, shot.stem, encoded(picture, "PNG"), _png(classes), _png(ids))
        release.images[f"{shot.split}/{shot.stem}"] = [
            Thing(token, mask=mask) for (token, _), mask in zip(shot.instances, masks, strict=True)
        ]
    for split, name in (("train", "iSAID_train_20190823_114751"), ("val", "iSAID_val_20190823_114742")):
        folder = root / split / "Annotations"
        folder.mkdir()
        (folder / f"{name}.json").write_text(json.dumps(_coco(split)), encoding="utf-8")
    test = root / "test/images"
    test.mkdir(parents=True)
    (test / "P0006.png").write_bytes(encoded(backdrop("airport", (120, 100), 0, seed), "PNG"))
    (root / "test/test_info.json").write_text('{"images": [{"id": 0, "file_name": "P0006.png"}]}')
    release.unlabelled.append("test/P0006")
    if with_defects:
        _spoil(root, release)
    return release


def _paths(split: str, stem: str) -> tuple[str, str, str]:
    """Picture, classes and ids of an image, relative to the root."""
    folders = (_IMAGE, _CLASSES, _INSTANCES) if split == "train" else (_IMAGE,) * 3
    names = (f"{stem}.png", f"{stem}_instance_color_RGB.png", f"{stem}_instance_id_RGB.png")
    picture, classes, ids = (f"{split}/{folder}/{name}" for folder, name in zip(folders, names, strict=True))
    return picture, classes, ids


def _put(root: Path, split: str, stem: str, *files: bytes | None) -> tuple[str, str, str]:
    paths = _paths(split, stem)
    for path, data in zip(paths, files, strict=True):
        if data is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
    return paths


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _coco(split: str) -> dict[str, Any]:
    """The COCO file of a split as of 2019: images without their sizes, categories in another order."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, shot in enumerate(shot for shot in _SHOTS if shot.split == split):
        classes, ids = (path.rpartition("/")[2] for path in _paths(split, shot.stem)[1:])
        names = {"file_name": f"{shot.stem}.png", "seg_file_name": classes, "ins_file_name": ids}
        images.append({"id": number, **names})
        for token, stamp in shot.instances:
            mask = stamp.mask(shot.size)
            x1, y1, x2, y2 = bounds(mask)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "segmentation": [[round(v) for point in stamp.outline() for v in point]],
                    "category_id": _NUMBERS[token],
                    "category_name": token,
                    "iscrowd": 0,
                    "area": int(mask.sum()),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                }
            )
    categories = [{"id": number, "name": token} for token, number in _NUMBERS.items()]
    return {"images": images, "annotations": annotations, "categories": categories}


def _spoil(root: Path, release: Release) -> None:
    """Plant one of each defect, each in an image of its own."""
    picture = encoded(backdrop("harbor", (90, 70), 1, 0), "PNG")
    mask = np.zeros((70, 90, 3), np.uint8)
    mask[20:50, 20:60] = _IDS[0]
    ids, small = _png(mask), _png(mask[:60])
    mask[20:50, 20:60] = _COLOURS["ship"]
    classes = _png(mask)
    mask[20:50, 20:60] = (1, 2, 3)
    strange = _png(mask)

    cut = _put(root, "train", "P1000", picture, classes, ids[: len(ids) // 2])
    cut_classes = _put(root, "train", "P1001", picture, classes[: len(classes) // 2], ids)
    lone_picture = _put(root, "train", "P1002", picture, None, None)
    lone_masks = _put(root, "train", "P1003", None, classes, ids)
    cut_picture = _put(root, "train", "P1004", picture[: len(picture) // 2], classes, ids)
    other_size = _put(root, "train", "P1005", picture, classes, small)
    no_class = _put(root, "train", "P1006", picture, strange, ids)
    empty = _put(root, "train", "P1007", picture, classes, b"")
    release.defects += [
        Planted(cut[2], None, Reason.LABEL_UNREADABLE),
        Planted(cut_classes[1], None, Reason.LABEL_UNREADABLE),
        Planted(lone_picture[0], None, Reason.LABEL_MISSING),
        Planted(lone_masks[2], None, Reason.IMAGE_MISSING),
        Planted(cut_picture[0], None, Reason.IMAGE_UNREADABLE),
        Planted(other_size[2], None, Reason.SIZE_MISMATCH, "90 x 60"),
        Planted(no_class[1], None, Reason.UNKNOWN_CLASS),
        Planted(empty[2], None, Reason.LABEL_UNREADABLE),
    ]
