"""The records of the toolkit: what readers give, and the published row that everything ends in.

Objects travel in columns, not one Python object each: a unit of work holds hundreds of thousands.
Coordinates are pixels of the image they belong to, origin top left, x right, y down; boxes are
``x1 y1 x2 y2``, half-open, float64.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from enum import IntFlag
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from datasets import Features

    from rsvp_builder.images.label_map import LabelCoding

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]
ObjectArray = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Item:
    """One image of a raw release with the file that annotates it; either may be missing.

    Paths are relative to the release's root, with forward slashes, so that a ledger reads the same
    on every machine.

    Attributes:
        image_id: unique in the source; begins with the split.
        split: split of the release.
        image: the picture.
        label: the file that annotates it: its own, or one that it shares with other images. Where the
            folder of a picture is its label, the picture itself.
        meta: a second file about it.
        image_bytes: size of the picture.
        label_bytes: bytes of annotation to read for this image.
        data: what the index knows of this image and the reader will need, in a form of the reader's
            own; shared annotation files are read once, by the index, and reach the workers this way.
        image_stamp: size and time of the picture when it was indexed, see :mod:`rsvp_builder.stamps`. Stamps
            are None for what workers do not read. They are no part of what an item is: a release that is
            copied stays the same release.
        label_stamp: the same of the label file.
        meta_stamp: the same of the second file.
    """

    image_id: str
    split: str
    image: str | None
    label: str | None
    meta: str | None = None
    image_bytes: int = 0
    label_bytes: int = 0
    data: str = ""
    image_stamp: int | None = field(default=None, repr=False, compare=False)
    label_stamp: int | None = field(default=None, repr=False, compare=False)
    meta_stamp: int | None = field(default=None, repr=False, compare=False)


class ObjectFlag(IntFlag):
    """What is known about an object or a mark besides its place; published by lower-case name."""

    DIFFICULT = 1
    """The source calls it difficult."""
    TRUNCATED = 2
    """The source says that it is cut by the edge of its image."""
    CLIPPED = 4
    """It reached over the edge of the row's image and its box was clipped to it."""
    OCCLUDED = 8
    """The source says that something hides a part of it."""
    THIN = 16
    """Its mask is thinner than a pixel; the point lies on its outline."""
    SHARED = 32
    """Its point lies on another instance too, because that one covers it."""


@dataclass(frozen=True, slots=True)
class Objects:
    """Annotated things of a batch of items, in columns of length n, grouped by item.

    A thing has a place: a box (and perhaps a quad, a mask, a point), only a point, or neither, which
    means the whole image: a caption, a scene class.

    Attributes:
        item: (n,) int64, position of the object's item in the batch, non-decreasing.
        line: (n,) int64, 1-based line in the item's label file.
        class_id: (n,) int64, position in the manifest's class table; -1 where it has no class.
        quad: (n, 8) float64, ``x1 y1 .. x4 y4`` in the order of the source; NaN where it has none.
        box: (n, 4) float64, ``x1 y1 x2 y2``, unclipped; NaN where it has none.
        flags: (n,) uint8 of :class:`ObjectFlag`.
        point: (n, 2) float64, NaN where it has none; None where no object has one.
        text: (n,) what people wrote about it, None where nothing; None where no object has any.
        mask: (n,) its :class:`rsvp_builder.masks.Mask` or None; None where no object has one.
    """

    item: IntArray
    line: IntArray
    class_id: IntArray
    quad: FloatArray
    box: FloatArray
    flags: ByteArray
    point: FloatArray | None = None
    text: ObjectArray | None = None
    mask: ObjectArray | None = None

    def __len__(self) -> int:
        return len(self.item)

    def take(self, which: npt.NDArray[Any]) -> Objects:
        """The objects at positions ``which``, or where a boolean ``which`` is true."""
        return _taken(self, which)


@dataclass(frozen=True, slots=True)
class MapFile:
    """A semantic map of an image: which file, and how its samples mean classes."""

    path: str
    coding: LabelCoding


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a reader gives for a batch of items.

    Attributes:
        objects: every object that could be read.
        seen: objects met per item, those that could not be read included.
        gsd: official ground sampling distance per item, metres per pixel, None where unknown.
        image_source: official origin of the picture per item (e.g. ``GoogleEarth``).
        readable: False for an item whose label file could not be read at all.
        maps: semantic map per item; empty where the source has none.
        prose: a written text per item that cites its objects as ``<Region k>``, k from 1 in the order
            of *all* objects of the item met in the file; empty where the source has none.
        numbers: where there is prose, (n,) the k of each object.
        declared: width and height per item as its label file states them; empty where none does.
    """

    objects: Objects
    seen: list[int]
    gsd: list[float | None]
    image_source: list[str | None]
    readable: list[bool]
    maps: Sequence[MapFile | None] = ()
    prose: Sequence[str | None] = ()
    numbers: IntArray | None = None
    declared: Sequence[tuple[int, int] | None] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """The image of a row: a whole raw image, or one tile of it.

    Attributes:
        item: position of the raw image in the batch.
        window: ``x1 y1 x2 y2`` of the tile in the raw image, or None for the whole image.
        width: width of the row's own image in pixels.
        height: height of the row's own image in pixels.
    """

    item: int
    window: tuple[int, int, int, int] | None
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks on frames, in columns of length n, grouped by frame. Coordinates are the frame's own.

    All of them are boxes, or all of them are points.

    Attributes:
        frame: (n,) int64, position of the mark's frame, non-decreasing.
        source: (n,) int64, position of the object that the mark came from.
        class_id: (n,) int64, position in the manifest's class table; -1 where it has no class.
        box: (n, 4) float64, ``x1 y1 x2 y2`` inside the frame; NaN for points.
        quad: (n, 8) float64, the source's quad moved into the frame, unclipped; NaN where none.
        flags: (n,) uint8 of :class:`ObjectFlag`.
        point: (n, 2) float64 inside the frame; None for boxes.
        text: (n,) what people wrote about each, or None; None where no mark has any.
    """

    frame: IntArray
    source: IntArray
    class_id: IntArray
    box: FloatArray
    quad: FloatArray
    flags: ByteArray
    point: FloatArray | None = None
    text: ObjectArray | None = None

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, which: npt.NDArray[Any]) -> Marks:
        """The marks at positions ``which``, or where a boolean ``which`` is true."""
        return _taken(self, which)


_Columns = TypeVar("_Columns", Objects, Marks)


def _taken(columns: _Columns, which: npt.NDArray[Any]) -> _Columns:
    every = {field.name: getattr(columns, field.name) for field in fields(columns)}
    made: Any = {name: None if value is None else value[which] for name, value in every.items()}
    return type(columns)(**made)


# Lists are of variable length on purpose: pyarrow before 26 cannot read a nullable fixed-size list
# back from inside a list of structs.
_COORDINATES = pa.list_(pa.float64())

MARK_TYPE = pa.struct(
    [
        ("index", pa.int32()),
        ("kind", pa.string()),
        ("xyxy", _COORDINATES),
        ("xy", _COORDINATES),
        ("quad", _COORDINATES),
        ("label", pa.string()),
        ("caption", pa.string()),
        ("flags", pa.list_(pa.string())),
    ]
)

MESSAGE_TYPE = pa.struct([("role", pa.string()), ("content", pa.string())])

IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

ROW_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image", IMAGE_TYPE),
        ("image_id", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("window", pa.list_(pa.int32())),
        ("gsd", pa.float64()),
        ("image_source", pa.string()),
        ("source", pa.string()),
        ("source_version", pa.string()),
        ("split", pa.string()),
        ("task", pa.string()),
        ("granularity", pa.string()),
        ("domain", pa.string()),
        ("marks", pa.list_(MARK_TYPE)),
        ("messages", pa.list_(MESSAGE_TYPE)),
        ("provenance", pa.string()),
        ("license", pa.string()),
        ("builder_version", pa.string()),
    ]
)
"""The published row, as Arrow types. docs/dataset-format.md says what each column means."""


def _feature(arrow_type: pa.DataType) -> dict[str, Any]:
    if arrow_type == IMAGE_TYPE:
        return {"_type": "Image"}
    if pa.types.is_list(arrow_type):
        return {"feature": _feature(arrow_type.value_type), "_type": "List"}
    if pa.types.is_struct(arrow_type):
        return {field.name: _feature(field.type) for field in arrow_type}
    return {"dtype": {"double": "float64"}.get(str(arrow_type), str(arrow_type)), "_type": "Value"}


def huggingface_metadata() -> bytes:
    """The ``huggingface`` key of a shard's metadata, from which ``datasets`` knows the features.

    Written from the Arrow schema because importing ``datasets`` costs a build most of a second;
    a test holds it equal to what :func:`features` gives.
    """
    features = {field.name: _feature(field.type) for field in ROW_SCHEMA}
    return json.dumps({"info": {"features": features}}).encode()


def features() -> Features:
    """The published row as ``datasets.Features``."""
    from datasets import Features

    return Features.from_dict(json.loads(huggingface_metadata())["info"]["features"])
