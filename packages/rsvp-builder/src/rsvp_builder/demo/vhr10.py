"""Writes a miniature NWPU VHR-10 with the COCO annotations of its instances.

``annotations.json`` is a work of its own, laid beside the pictures; its boxes count their last row and
column, and its images count from 0 where the files count from 1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from rsvp_builder.demo.backdrops import backdrop, encoded
from rsvp_builder.demo.outlines import Ring, Stamp, draw, filled
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.ledger import Reason

_CATEGORIES = (
    "airplane", "ship", "storage_tank", "baseball_diamond", "tennis_court", "basketball_court",
    "ground_track_field", "harbor", "bridge", "vehicle",
)  # fmt: skip

_TOP = "NWPU VHR-10 dataset"
_POSITIVE = f"{_TOP}/positive image set"
_JSON = f"{_TOP}/annotations.json"
_README = "The NWPU VHR-10 dataset is used for research purposes only.\r\n"


@dataclass(frozen=True, slots=True)
class _Shot:
    """A picture: number, size, ground cover, and per instance its category and stamps."""

    number: int
    size: tuple[int, int]
    base: str
    instances: tuple[tuple[str, tuple[Stamp, ...]], ...]


_SHOTS = (
    _Shot(
        1,
        (240, 180),
        "concrete",
        (
            ("airplane", (Stamp("plane", 60, 60, 20, 78, 82),)),
            ("airplane", (Stamp("plane", 170, 100, 200, 84, 88),)),
            ("vehicle", (Stamp("small-vehicle", 120, 30, 90, 9, 20),)),
        ),
    ),
    _Shot(
        14,  # two courts annotated as one instance, as in the real 014.jpg and 228.jpg
        (200, 220),
        "grass",
        (
            (
                "tennis_court",
                (Stamp("tennis-court", 55, 60, 8, 50, 90), Stamp("tennis-court", 125, 68, 8, 50, 90)),
            ),
            ("baseball_diamond", (Stamp("baseball-diamond", 140, 165, 0, 80, 80),)),
        ),
    ),
    _Shot(
        21,  # a polygon that crosses itself, as in the real 021.jpg
        (220, 200),
        "concrete",
        (
            ("storage_tank", (Stamp("storage-tank", 60, 60, 0, 70, 70),)),
            ("storage_tank", (Stamp("storage-tank", 150, 80, 0, 84, 84),)),
            ("storage_tank", (Stamp("storage-tank", 80, 150, 0, 60, 60),)),
        ),
    ),
    _Shot(
        369,  # from here to 453 the pictures are false colour
        (210, 170),
        "water",
        (
            ("ship", (Stamp("ship", 60, 60, 30, 18, 80),)),
            ("ship", (Stamp("ship", 160, 110, 350, 16, 70),)),
            ("harbor", (Stamp("harbor", 110, 120, 10, 60, 90),)),
        ),
    ),
)


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Write the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    for folder in (_POSITIVE, f"{_TOP}/negative image set"):
        (root / folder).mkdir(parents=True)
    (root / f"{_TOP}/readme.txt").write_bytes(_README.encode())
    (root / f"{_TOP}/negative image set/001.jpg").write_bytes(
        encoded(backdrop("forest", (150, 120), 0, seed), "JPEG")
    )
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for shot in _SHOTS:
        stamps = [stamp for _, several in shot.instances for stamp in several]
        picture = draw(shot.size, shot.base, stamps, (seed, shot.number))
        if shot.number >= 369:
            red, green, blue = picture.split()
            picture = Image.merge("RGB", (green, red, blue))
        (root / _picture(shot.number)).write_bytes(encoded(picture, "JPEG"))
        images.append(_image(shot.number, shot.size))
        things: list[Thing] = []
        for category, several in shot.instances:
            rings = [_whole_numbers(stamp.outline()) for stamp in several]
            if (shot.number, len(things)) == (21, 2):
                rings[0][3], rings[0][4] = rings[0][4], rings[0][3]
            record, thing = _instance(len(annotations), shot, category, rings)
            annotations.append(record)
            things.append(thing)
        release.images[f"train/{shot.number:03d}"] = things
    if with_defects:
        _spoil(release, images, annotations)
    _write_json(root / _JSON, images, annotations)
    if with_defects:
        _find_lines(root, release)
    return release


def _picture(number: int) -> str:
    return f"{_POSITIVE}/{number:03d}.jpg"


def _whole_numbers(ring: Ring) -> Ring:
    return [(round(x), round(y)) for x, y in ring]


def _image(number: int, size: tuple[int, int]) -> dict[str, Any]:
    return {
        "license": 0,
        "url": "",
        "file_name": f"{number:03d}.jpg",
        "height": size[1],
        "width": size[0],
        "date_captured": "2014-01-01",
        "id": number - 1,
    }


def _instance(number: int, shot: _Shot, category: str, rings: list[Ring]) -> tuple[dict[str, Any], Thing]:
    mask = filled(shot.size, rings)
    xs, ys = ([p[i] for ring in rings for p in ring] for i in (0, 1))
    x, y, width, height = min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1
    record = {
        "id": number,
        "image_id": shot.number - 1,
        "category_id": _CATEGORIES.index(category) + 1,
        "segmentation": [[v for point in ring for v in point] for ring in rings],
        "area": float(mask.sum()),
        "bbox": [float(x), float(y), float(width), float(height)],
        "iscrowd": 0,
    }
    return record, Thing(category, (x, y, x + width, y + height), mask=mask)


def _write_json(path: Path, images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> None:
    """Keys in the order of the real file; a record a line, so that a ledger can name it."""
    categories = [{"supercategory": "none", "id": i, "name": n} for i, n in enumerate(_CATEGORIES, 1)]
    parts = [
        f'"info": {json.dumps({"description": "NWPU VHR-10", "year": 2019})}',
        f'"licenses": {json.dumps([{"id": 0, "name": None, "url": None}])}',
        f'"images": {_lines(images)}',
        '"type": "instances"',
        f'"annotations": {_lines(annotations)}',
        f'"categories": {_lines(categories)}',
    ]
    path.write_text("{" + ",\n".join(parts) + "}", encoding="utf-8")


def _lines(records: list[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join(json.dumps(record) for record in records) + "\n]"


# Id of the annotation that shows it, what it changes of a sound one, and what the ledger has to say.
_SPOILED: tuple[tuple[int, dict[str, Any], Reason, str], ...] = (
    (900, {"category_id": 99}, Reason.UNKNOWN_CLASS, "99"),
    (901, {"segmentation": [[30.0, float("nan"), 50.0, 40.0, 40.0, 60.0]]}, Reason.NOT_FINITE, ""),
    (902, {"segmentation": [[30, 40, 50, 40, 40, 60, 35]]}, Reason.MALFORMED_LINE, ""),
    (903, {"segmentation": [[900, 900, 950, 900, 950, 950]]}, Reason.EMPTY_MASK, ""),
    (904, {"segmentation": "none"}, Reason.MALFORMED_LINE, ""),
)


def _spoil(release: Release, images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> None:
    """Plant one of each defect; lines follow when the file is written."""
    root = release.root
    sound = next(a for a in annotations if a["image_id"] == 20)
    annotations += [{**sound, "id": number, **change} for number, change, _, _ in _SPOILED]
    annotations.append({**sound, "segmentation": [[20, 20, 40, 20, 40, 40, 20, 40]]})  # its id is taken
    picture = encoded(backdrop("airport", (120, 90), 1, 0), "JPEG")
    for number, data in ((500, picture[: len(picture) // 2]), (501, None), (502, picture), (503, b"")):
        if data is not None:
            (root / _picture(number)).write_bytes(data)
        if number != 502:
            images.append(_image(number, (120, 90)))
            annotations.append({**sound, "id": 1000 + number, "image_id": number - 1})
    # The file speaks of a larger picture than there is.
    (root / _picture(504)).write_bytes(picture)
    images.append(_image(504, (240, 180)))
    annotations.append({**sound, "id": 1504, "image_id": 503})
    release.defects += [
        Planted(_picture(500), None, Reason.IMAGE_UNREADABLE),
        Planted(_JSON, None, Reason.IMAGE_MISSING),
        Planted(_picture(502), None, Reason.LABEL_MISSING),
        Planted(_picture(503), None, Reason.IMAGE_UNREADABLE),
        Planted(_JSON, None, Reason.SIZE_MISMATCH, "240 x 180"),
    ]


def _find_lines(root: Path, release: Release) -> None:
    lines = (root / _JSON).read_text(encoding="utf-8").splitlines()
    line_of = {
        record["id"]: number
        for number, line in enumerate(lines, start=1)
        if line.startswith('{"id": ') and "segmentation" in (record := json.loads(line.rstrip(",")))
    }
    for number, _, reason, value in _SPOILED:
        release.defects.append(Planted(_JSON, line_of[number], reason, value))
    twice = [n for n, line in enumerate(lines, start=1) if line.startswith('{"id": 5, "image_id"')]
    release.defects.append(Planted(_JSON, twice[-1], Reason.DUPLICATE_ID, "5"))
