"""Rows with their pictures, read one row group at a time."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from torch.utils.data import Dataset

from earthmarker.data.index import RowIndex
from earthmarker.errors import EarthMarkerError
from earthmarker.prompts import Box, Mark, Point

_COLUMNS = ["id", "image", "width", "height", "task", "source", "granularity", "marks", "messages"]


@dataclass(frozen=True)
class Row:
    """A row of a data set.

    Attributes:
        id: the row's id.
        picture: encoded bytes of its picture, PNG or JPEG.
        picture_sha256: hash of these bytes.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        task: what is asked.
        source: name of its source.
        granularity: ``image``, ``region`` or ``point``.
        marks: what is asked about.
        messages: ``{"role", "content"}`` by turns.
    """

    id: str
    picture: bytes
    picture_sha256: str
    width: int
    height: int
    task: str
    source: str
    granularity: str
    marks: tuple[Mark, ...]
    messages: tuple[dict[str, str], ...]


class RowDataset(Dataset[Row]):
    """Rows by number, for samplers that keep rows of one picture together.

    A worker holds the row groups that it read last, so that neighbouring rows cost one read.

    Args:
        index: the rows.
        groups: row groups held at a time (each at most 128 MiB with its pictures).
    """

    def __init__(self, index: RowIndex, groups: int = 4) -> None:
        self.index = index
        self.groups = groups
        self._held: OrderedDict[tuple[int, int], pa.Table] = OrderedDict()

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, i: int) -> Row:
        """Read a row.

        Raises:
            EarthMarkerError: if its file is damaged, or its picture lies elsewhere and is not there.
        """
        table = self._group(int(self.index.shard[i]), int(self.index.group[i]))
        return _row(table.slice(int(self.index.offset[i]), 1).to_pylist()[0])

    def _group(self, shard: int, group: int) -> pa.Table:
        key = (shard, group)
        if key not in self._held:
            path = self.index.shards[shard]
            try:
                with pq.ParquetFile(path) as file:
                    self._held[key] = file.read_row_group(group, columns=_COLUMNS)
            except (OSError, pa.ArrowException, KeyError) as error:
                raise EarthMarkerError(
                    f"{path}: row group {group} cannot be read ({error}); build its source anew"
                ) from error
            if len(self._held) > self.groups:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]

    def __getstate__(self) -> dict[str, Any]:
        """Workers begin with nothing held."""
        return {**self.__dict__, "_held": OrderedDict()}


def _row(record: dict[str, Any]) -> Row:
    picture = record["image"]["bytes"] or _elsewhere(record)
    return Row(
        record["id"],
        picture,
        hashlib.sha256(picture).hexdigest(),
        record["width"],
        record["height"],
        record["task"],
        record["source"],
        record["granularity"],
        tuple(_mark(mark) for mark in record["marks"]),
        tuple({"role": m["role"], "content": m["content"]} for m in record["messages"]),
    )


def _elsewhere(record: dict[str, Any]) -> bytes:
    """Bytes of a picture that the data set only refers to (``rsvp-build --images reference``)."""
    from pathlib import Path

    path = record["image"]["path"]
    try:
        return Path(path).read_bytes()
    except (OSError, TypeError) as error:
        raise EarthMarkerError(
            f"row {record['id']}: its picture {path} cannot be read ({error}); put it back, or build with "
            "--images embed"
        ) from error


def _mark(mark: dict[str, Any]) -> Mark:
    if mark["kind"] == "point":
        return Point(*mark["xy"])
    return Box(*mark["xyxy"])
