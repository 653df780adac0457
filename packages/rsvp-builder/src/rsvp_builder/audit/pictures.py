"""The distinct pictures of finished data sets, each once, one row group in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rsvp_builder.dataset.layout import Folder
from rsvp_builder.errors import RsvpError
from rsvp_builder.record import FloatArray

Window = tuple[int, int, int, int]

_KEY_COLUMNS = ("source", "split", "image_id", "window", "width", "height")
_MARK_FIELDS = ("kind", "xyxy", "label")
_NEEDED = (*_KEY_COLUMNS, "granularity", "marks", "image")


class Place(NamedTuple):
    """Where a picture lies: its shard, a row group of it, the first row that shows it."""

    shard: Path
    group: int
    row: int


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group of a shard of a data set: what is read at once."""

    data_set: str
    shard: Path
    group: int


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture of a data set, however many rows show it.

    Attributes:
        data_set: folder of the data set, as it was given.
        source: name of its source.
        split: split of the release.
        image_id: raw image.
        window: ``x1 y1 x2 y2`` of the tile in the raw image, or None for a whole image.
        width: width in pixels, as its rows say.
        height: height in pixels, as its rows say.
        boxes: (n, 4) float64, the distinct boxes that its rows mark; marks that stand for the whole
            image are not among them.
        labels: label of each box.
        place: where it is stored.
    """

    data_set: str
    source: str
    split: str
    image_id: str
    window: Window | None
    width: int
    height: int
    place: Place
    boxes: FloatArray = field(default_factory=lambda: np.empty((0, 4)))
    labels: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, Window | None]:
        """What makes two rows show the same picture."""
        return (self.source, self.split, self.image_id, self.window)


def row_groups(outs: Iterable[Path]) -> list[RowGroup]:
    """All row groups of finished data sets, in the order of the folders, sources and shards.

    Raises:
        RsvpError: a folder is no finished data set, or a shard cannot be read.
    """
    found = []
    for out in outs:
        folder = Folder(out)
        for source in folder.sources():
            for shard in folder.shards(source):
                with _opened(shard) as file:
                    found += [RowGroup(str(out), shard, group) for group in range(file.num_row_groups)]
    return found


def read_pictures(where: RowGroup) -> Iterator[tuple[Picture, bytes | Path]]:
    """The distinct pictures of a row group with their bytes, or the path of one that is referenced.

    Bytes that several rows share are stored once in a row group and are taken out once.

    Raises:
        RsvpError: the shard cannot be read.
    """
    light, images = _read(where)
    columns = [light[name].to_pylist() for name in _KEY_COLUMNS]
    first: dict[tuple[Any, ...], int] = {}
    rows_of: list[int] = []
    picture_of = np.empty(light.num_rows, np.int64)
    for row, (source, split, image_id, window, *_) in enumerate(zip(*columns, strict=True)):
        key = (source, split, image_id, tuple(window or ()))
        number = first.setdefault(key, len(rows_of))
        if number == len(rows_of):
            rows_of.append(row)
        picture_of[row] = number
    layouts = _layouts(light, picture_of, len(rows_of))
    stored, paths = images.field("bytes"), images.field("path")
    for number, row in enumerate(rows_of):
        source, split, image_id, window, width, height = (column[row] for column in columns)
        boxes, labels = layouts[number]
        yield (
            Picture(
                where.data_set,
                source or "",
                split or "",
                image_id or "",
                None if not window else _window(window),
                width or 0,
                height or 0,
                Place(where.shard, where.group, row),
                boxes,
                labels,
            ),
            _content(stored[row].as_py(), paths[row].as_py(), where),
        )


def _window(values: list[int]) -> Window:
    x1, y1, x2, y2 = values
    return (x1, y1, x2, y2)


def _content(stored: bytes | None, path: str | None, where: RowGroup) -> bytes | Path:
    return stored if stored is not None else Path(where.data_set) / (path or "")


def _opened(shard: Path) -> pq.ParquetFile:
    try:
        told = pq.read_metadata(shard)
        missing = sorted(set(_NEEDED) - set(told.schema.to_arrow_schema().names))
        if not missing:
            return pq.ParquetFile(shard, metadata=told, read_dictionary=["image.bytes"])
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(shard, error) from error
    raise RsvpError(
        f"{shard}: not a shard of a data set built by rsvp-build: column(s) {', '.join(missing)} are "
        "missing. Build it again, or audit another folder."
    )


def _unreadable(shard: Path, error: Exception) -> RsvpError:
    return RsvpError(
        f"{shard}: cannot be read as Parquet ({error}). `rsvp-build validate` says what is wrong with the "
        "data set; building again writes only what is missing."
    )


def _read(where: RowGroup) -> tuple[pa.Table, pa.StructArray]:
    with _opened(where.shard) as file:
        marks = [
            column.path
            for column in file.schema
            if column.path.startswith("marks.") and _mark_field(column.path) in _MARK_FIELDS
        ]
        try:
            light = file.read_row_group(where.group, columns=[*_KEY_COLUMNS, "granularity", *marks])
            images = file.read_row_group(where.group, columns=["image"])["image"]
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(where.shard, error) from error
    if images.num_chunks == 0:
        return light, pa.array([], images.type)
    return light, images.combine_chunks()


def _mark_field(path: str) -> str:
    """``kind`` of ``marks.list.element.kind``, whatever the writer called the levels between."""
    return next((part for part in path.split(".")[1:] if part in (*_MARK_FIELDS, "xy", "quad")), "")


def _layouts(
    light: pa.Table, picture_of: npt.NDArray[np.int64], count: int
) -> list[tuple[FloatArray, tuple[str, ...]]]:
    """The distinct labelled boxes of each picture: rows of several tasks repeat them."""
    nothing: tuple[FloatArray, tuple[str, ...]] = (np.empty((0, 4)), ())
    layouts = [nothing] * count
    if not light.num_rows:
        return layouts
    column = light["marks"].combine_chunks()
    row = column.value_parent_indices().to_numpy(zero_copy_only=False).astype(np.int64)
    marks = column.flatten()
    corners = pc.struct_field(marks, "xyxy")
    region = pc.not_equal(pc.fill_null(light["granularity"], ""), "image").to_numpy(zero_copy_only=False)
    wanted = pc.and_(
        pc.equal(pc.fill_null(pc.struct_field(marks, "kind"), ""), "box"),
        pc.equal(pc.fill_null(pc.list_value_length(corners), 0), 4),
    ).to_numpy(zero_copy_only=False)
    wanted = wanted & region[row] if len(row) else wanted
    boxes = corners.filter(pa.array(wanted)).flatten().to_numpy(zero_copy_only=False).reshape(-1, 4)
    coded = pc.fill_null(pc.struct_field(marks, "label"), "").filter(pa.array(wanted)).dictionary_encode()
    names = coded.dictionary.to_pylist()
    labels = coded.indices.to_numpy(zero_copy_only=False)
    table = np.column_stack([picture_of[row[wanted]], labels, boxes]) if len(boxes) else np.empty((0, 6))
    table = np.unique(table[np.isfinite(table).all(axis=1)], axis=0)
    ends = np.searchsorted(table[:, 0], np.arange(count + 1))
    for number in range(count):
        part = table[ends[number] : ends[number + 1]]
        if len(part):
            layouts[number] = (part[:, 2:], tuple(names[int(code)] for code in part[:, 1]))
    return layouts
