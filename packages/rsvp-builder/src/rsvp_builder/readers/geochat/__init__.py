"""Grounded captions of GeoChat_Instruct, whose other conversations are counted and passed over."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import nothing_found
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.geochat.grammar import Cited, parse, to_quad
from rsvp_builder.readers.json_records import JsonError, Record, records
from rsvp_builder.readers.objects import ObjectList
from rsvp_builder.readers.pictures import Pictures
from rsvp_builder.readers.scan import walk
from rsvp_builder.readers.sizes import picture_size
from rsvp_builder.readers.texts import sentence, shown
from rsvp_builder.record import Annotations, Item
from rsvp_builder.visible import visible

FILE = "GeoChat_Instruct.json"

_GROUNDED = re.compile(r"\s*<image>\s*\[grounding\]", re.IGNORECASE)
_KINDS = (
    ("referring", re.compile(r"\[refer\]", re.IGNORECASE)),
    ("region caption", re.compile(r"\[identify\]", re.IGNORECASE)),
    ("scene classification", re.compile(r"classify the given image.*classes:", re.IGNORECASE | re.DOTALL)),
    ("question", re.compile(r"answer in one word or a short phrase", re.IGNORECASE)),
)
_WORD = re.compile(r"\w")


class GeoChatReader:
    """Reads ``GeoChat_Instruct.json``; an item is a record, since the release's own ids repeat."""

    def index(self, root: Path, manifest: Manifest) -> Index:
        """See :class:`rsvp_builder.readers.Reader`."""
        found = list(walk(root))
        file = next((f for f in found if f.name.lower() == FILE.lower()), None)
        if file is None:
            raise RsvpError(nothing_found(root, [manifest], found))
        pictures = Pictures(found)
        split = manifest.splits.default
        items: list[Item] = []
        drops: list[Drop] = []
        others: Counter[str] = Counter()
        try:
            for record in records(root / file.path):
                talk = _talk(record.value)
                if talk is None:
                    expected = "an image and a conversation of a human and gpt"
                    value = f"record {record.number}: {shown(str(record.value))}"
                    reason, image_id = Reason.MALFORMED_LINE, f"{split}/{record.number}"
                    drops.append(Drop("image", reason, image_id, file.path, record.line, value, expected))
                elif _GROUNDED.match(talk[1]):
                    items.append(_item(split, file.path, record, talk, pictures))
                else:
                    others[_kind(talk[1])] += 1
        except OSError as error:
            raise RsvpError(f"{root / file.path}: cannot be read: {error.strerror or error}") from error
        except JsonError as error:
            reason, value = Reason.LABEL_UNREADABLE, shown(error.value)
            image_id = f"{split}/rest of {file.name}"
            drops.append(Drop("image", reason, image_id, file.path, error.line, value, error.expected))
        if not items and not others:
            raise RsvpError(f"{root / file.path}: no conversation in it. {next(iter(drops), '')}")
        expected = "a grounded caption, whose question begins with [grounding]"
        for kind, count in sorted(others.items()):
            image_id = f"{split}/{kind}"
            drops.append(Drop("image", Reason.NOT_ASKED, image_id, file.path, None, kind, expected, count))
        return Index(tuple(sorted(items, key=lambda item: item.image_id)), tuple(drops), ())

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """See :class:`rsvp_builder.readers.Reader`.

        Percents become pixels of the picture as it lies on disk. A line is that of the record.
        """
        objects = ObjectList(items, texts=True)
        prose: list[str | None] = []
        numbers: list[int] = []
        for position, item in enumerate(items):
            data = json.loads(item.data)
            line, number, place = data["line"], data["record"], item.label or ""
            try:
                caption = parse(sentence(data["answer"]))
            except ValueError:
                value, expected = f"record {number}: {shown(data['answer'])}", "text in UTF-8"
                drops.add(Drop("image", Reason.LABEL_UNREADABLE, item.image_id, place, line, value, expected))
                objects.readable[position] = False
                prose.append(None)
                continue
            prose.append(caption.prose)
            # Where there is no sound picture, its boxes go with it, whatever they are.
            size = picture_size(root, item) or (100, 100)
            for k, box in enumerate(caption.boxes, start=1):
                wrong = _wrong(box)
                if wrong is None and box.numbers is not None:
                    quad = to_quad(box.numbers, *size)
                    bounds = (min(quad[::2]), min(quad[1::2]), max(quad[::2]), max(quad[1::2]))
                    objects.add(position, line=line, box=bounds, quad=quad, text=box.phrase)
                    numbers.append(k)
                elif wrong is not None:
                    objects.lose(position)
                    reason, expected = wrong
                    value = f"record {number}: {shown(box.raw)}"
                    drops.add(Drop("object", reason, item.image_id, place, line, value, expected))
        return replace(objects.annotations(), prose=prose, numbers=np.array(numbers, np.int64))


def _talk(record: object) -> tuple[str, str, str] | None:
    """Image, first question and its answer of a record; None for what is none."""
    match record:
        case {
            "image": str(image),
            "conversations": [
                {"from": "human", "value": str(question)},
                {"from": "gpt", "value": str(answer)},
                *_,
            ],
        } if image.strip():
            return image, question, answer
    return None


def _kind(question: str) -> str:
    return next((name for name, pattern in _KINDS if pattern.search(question)), "conversation")


def _item(split: str, file: str, record: Record, talk: tuple[str, str, str], pictures: Pictures) -> Item:
    image, _, answer = talk
    picture = pictures.find(image)
    stem = picture.stem if picture else PurePosixPath(image.strip().replace("\\", "/")).stem
    data = json.dumps({"line": record.line, "record": record.number, "answer": answer})
    return Item(
        image_id=f"{split}/{record.number}-{visible(shown(stem))}",
        split=split,
        image=picture.path if picture else None,
        label=file,
        image_bytes=picture.size if picture else 0,
        label_bytes=len(data),
        data=data,
        image_stamp=picture.stamp if picture else None,
    )


def _wrong(box: Cited) -> tuple[Reason, str] | None:
    """Why a box cannot be used.

    The corners of a turned box may lie outside the picture before it is turned, so it is the centre that has
    to lie inside.
    """
    if box.numbers is None:
        return Reason.MALFORMED_LINE, "{<x1><y1><x2><y2>|<angle>}: percents of the picture, and degrees"
    x1, y1, x2, y2, _ = box.numbers
    if x1 == x2 or y1 == y2:
        return Reason.DEGENERATE, "a box with an area"
    if not (0 <= x1 + x2 <= 200 and 0 <= y1 + y2 <= 200):
        return Reason.OUTSIDE_IMAGE, "a box whose centre lies in the picture, between 0 and 100 percent"
    if not _WORD.search(box.phrase):
        return Reason.EMPTY_TEXT, "a box behind the <p>phrase</p> that it belongs to"
    return None


READER = GeoChatReader()
