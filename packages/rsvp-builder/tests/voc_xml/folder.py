"""Writes small releases of VOC-like XML, piece by piece, and reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rsvp_builder.catalog import shipped
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import reader_for
from rsvp_builder.record import Annotations, Item

SIDES = ("xmin", "ymin", "xmax", "ymax")
Number = float | int | str


def thing(name: str, box: Sequence[Number], more: str = "", tags: Sequence[str] = SIDES) -> str:
    """An object; ``more`` stands beside its name."""
    sides = "".join(f"\t\t\t<{tag}>{value}</{tag}>\n" for tag, value in zip(tags, box, strict=True))
    return f"\t<object>\n\t\t<name>{name}</name>{more}\n\t\t<bndbox>\n{sides}\t\t</bndbox>\n\t</object>\n"


def label(*things: str, size: tuple[int, int] | None = (64, 48), filename: str = "") -> bytes:
    """A label file; the first object is on line 5, or on line 2 where it has no size."""
    head = ""
    if size:
        head = f"\t<filename>{filename}</filename>\n\t<size><width>{size[0]}</width><depth>3</depth>\n"
        head += f"\t<height>{size[1]}</height></size>\n"
    return f"<annotation>\n{head}{''.join(things)}</annotation>\n".encode()


@dataclass(frozen=True, slots=True)
class Read:
    """A release that was read."""

    items: Sequence[Item]
    annotations: Annotations
    drops: list[Drop]

    @property
    def ids(self) -> list[str]:
        return [item.image_id for item in self.items]

    def boxes(self, image_id: str) -> list[list[float]]:
        objects = self.annotations.objects
        return objects.box[objects.item == self.ids.index(image_id)].tolist()

    @property
    def told(self) -> list[tuple[str, str, int | None, Reason]]:
        return [(d.kind, d.file, d.line, d.reason) for d in self.drops]


MANIFESTS = cache(shipped)
"""Reading all manifests takes longer than most tests."""


class Folder:
    """A small release that is being put together."""

    def __init__(self, root: Path, source: str) -> None:
        self.root = root
        self.manifest: Manifest = MANIFESTS()[source]

    def put(self, path: str, data: bytes | str = b"\xff\xd8 never opened here") -> str:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def read(self) -> Read:
        reader = reader_for(self.manifest)
        index = reader.index(self.root, self.manifest)
        drops = Drops()
        annotations = reader.read(self.root, self.manifest, index.items, drops)
        met = sum(annotations.seen)
        lost = sum(drop.kind == "object" for drop in drops.entries)
        assert met == len(annotations.objects) + lost, "every object is given or dropped"
        assert (np.diff(annotations.objects.item) >= 0).all()
        return Read(index.items, annotations, [*index.drops, *drops.entries])
