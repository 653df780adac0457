"""Writes a miniature GeoChat_Instruct: one array of conversations, pictures under a path of its makers.

Boxes in the texts are ``{<x1><y1><x2><y2>|<angle>}`` in whole percents of the picture. Everything but
grounded captions is in the array too, as the release has it.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from rsvp_builder.demo.backdrops import backdrop, encoded
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.ledger import Reason

_IMAGES = "share/softwares/kartik/GeoChat_finetuning/final_images_llava"
_SIZE = (200, 150)

Box = tuple[int, int, int, int, int]

# Name in the record, name on disk, question, parts of the answer: text, or a phrase with its boxes.
_Part = str | tuple[str, tuple[Box, ...]]
_GROUNDED: tuple[tuple[str, str, str, tuple[_Part, ...]], ...] = (
    (
        "P0001_0001.png",
        "P0001_0001.png",
        "give a thorough description of what you see in this image",
        (
            "In the image, ",
            ("two planes", ((10, 20, 30, 40, 0), (50, 20, 70, 40, 0))),
            " are parked beside ",
            ("a hangar", ((40, 60, 80, 90, 0),)),
            ".",
        ),
    ),
    (
        "04133.tif",  # the record has another suffix than the file
        "04133.png",
        "please describe this image in details",
        (("A ship", ((30, 30, 70, 40, 30),)), " leaves the harbor."),
    ),
    (
        " train_2956_0001.png ",  # blanks around the name
        "train_2956_0001.png",
        "describe this image as detailed as possible",
        (
            "There are ",
            ("1 dump-truck at the center", ((40, 45, 60, 55, 90),)),
            " and ",
            ("a car", ((5, 5, 15, 15, 0),)),
            ".",
        ),
    ),
)

_OTHERS: tuple[tuple[str, str], ...] = (
    ("[refer] where is <p>silver airplane</p> ?", "{<10><20><30><40>|<0>}"),
    ("[identify] the object in {<35><32><37><36>|<67>} is", "<p>1 dump-truck at the center</p>"),
    (
        "Classify the given image in one of the following classes. Classes: airport, beach. "
        "Answer in one word or a short phrase.",
        "airport",
    ),
    ("Is there a road?\nAnswer in one word or a short phrase.", "yes"),
    ("What may have happened here?", "The picture shows a quiet harbor, so nothing much."),
)


def quad_of(box: Box, size: tuple[int, int]) -> tuple[float, ...]:
    """Corners in pixels: the rectangle turned about its centre, clockwise on screen for a positive angle."""
    x1, y1, x2, y2 = (box[i] / 100 * size[i % 2] for i in range(4))
    cx, cy, w, h = (x1 + x2) / 2, (y1 + y2) / 2, abs(x2 - x1) / 2, abs(y2 - y1) / 2
    cos, sin = math.cos(math.radians(box[4])), math.sin(math.radians(box[4]))
    corners = [(-w, -h), (w, -h), (w, h), (-w, h)]
    return tuple(v for u, t in corners for v in (cx + u * cos - t * sin, cy + u * sin + t * cos))


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Write the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    folder = root / _IMAGES
    folder.mkdir(parents=True)
    records: list[dict[str, Any]] = []
    for order, (named, on_disk, question, parts) in enumerate(_GROUNDED):
        (folder / on_disk).write_bytes(encoded(_drawn(parts, order, seed), "PNG"))
        records.append(_record(named, f"[grounding] {question}", _answer(parts)))
        _tell(release, f"train/{len(records)}-{Path(on_disk).stem}", parts)
        # The same id again, for another conversation about the picture.
        ask, answer = _OTHERS[order]
        records.append(
            _record(named, ask, answer, more=(("\n[refer] where is <p>it</p> ?", "{<1><1><5><5>|<0>}"),))
        )
    records += [_record("P0001_0001.png", ask, answer) for ask, answer in _OTHERS[3:]]
    if with_defects:
        _spoil(release, records)
    (root / "GeoChat_Instruct.json").write_text(json.dumps(records, indent=1))
    return release


def _record(image: str, ask: str, answer: str, more: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    turns = [{"from": "human", "value": f"<image>\n{ask}"}, {"from": "gpt", "value": answer}]
    for question, reply in more:
        turns += [{"from": "human", "value": question}, {"from": "gpt", "value": reply}]
    return {"id": Path(image.strip()).stem, "image": image, "conversations": turns}


def _answer(parts: tuple[_Part, ...]) -> str:
    told = []
    for part in parts:
        if isinstance(part, str):
            told.append(part)
        else:
            phrase, boxes = part
            places = ["{{<{}><{}><{}><{}>|<{}>}}".format(*box) for box in boxes]
            told.append(f"<p>{phrase}</p> {'<delim>'.join(places)}")
    return "".join(told)


def _tell(release: Release, image_id: str, parts: tuple[_Part, ...]) -> None:
    """What a build has to make of an answer: prose that cites each box, and the boxes."""
    prose, things = [], []
    for part in parts:
        if isinstance(part, str):
            prose.append(part)
            continue
        phrase, boxes = part
        prose.append(f"{phrase} ")
        for box in boxes:
            quad = quad_of(box, _SIZE)
            bounds = (min(quad[::2]), min(quad[1::2]), max(quad[::2]), max(quad[1::2]))
            things.append(Thing(None, bounds, quad, phrase))
            prose.append(f"<Region {len(things)}>")
    release.prose[image_id] = "".join(prose)
    release.images[image_id] = things


def _drawn(parts: tuple[_Part, ...], order: int, seed: int) -> Image.Image:
    picture = backdrop("airport", _SIZE, order, seed)
    pen = ImageDraw.Draw(picture)
    for part in parts:
        if not isinstance(part, str):
            for box in part[1]:
                quad = quad_of(box, _SIZE)
                pen.polygon(
                    list(zip(quad[::2], quad[1::2], strict=True)), fill=(196, 199, 203), outline=(40, 40, 40)
                )
    return picture


def _spoil(release: Release, records: list[dict[str, Any]]) -> None:
    """Boxes out of all bounds or without an area, a missing picture, records that are none."""
    file = "GeoChat_Instruct.json"
    ask = "[grounding] summarize this image in details"

    def add(answer: str, reason: Reason, value: str = "", image: str = "P0001_0001.png") -> None:
        records.append(_record(image, ask, answer))
        release.defects.append(Planted(file, None, reason, value))

    good = "{<10><20><30><40>|<0>}"
    told = (("A plane", ((10, 20, 30, 40, 0),)),)
    for broken, reason in (
        ("{<77><981><83><100>|<29>}", Reason.OUTSIDE_IMAGE),
        ("{<10><20><10><40>|<0>}", Reason.DEGENERATE),
    ):
        add(f"<p>A plane</p> {good} and <p>a road</p> {broken} .", reason)
        _tell(release, f"train/{len(records)}-P0001_0001", (*told, " and a road ."))
    add(f"<p>A plane</p> {good}.", Reason.IMAGE_MISSING, "gone", image="gone.png")
    records.append({"id": "x", "image": 7, "conversations": "none"})
    release.defects.append(Planted(file, None, Reason.MALFORMED_LINE))
