"""Rows of a data set and their pictures by position, without reading a shard for each.

A *place* says where a row lies. Rows that a build planned lie in ``planned/``; a detailed caption is
made here of a row that lies in ``data/`` (see :mod:`.select`), with the ``id`` that a build would give it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rsvp_builder.captioning.request import Subject
from rsvp_builder.converse import content_id, row_key
from rsvp_builder.errors import RsvpError
from rsvp_builder.record import ROW_SCHEMA
from rsvp_builder.tasks import task

DERIVED = "detailed_caption"
"""The task whose rows are made of built rows where no build planned them."""

DERIVED_FROM = ("referring_classification_box", "region_caption")
"""The tasks of those rows: the first of them that the source has."""

_LIGHT = [name for name in ROW_SCHEMA.names if name != "image"]
_OPEN = 4
"""Shards that a shelf keeps open, each with the last row group that was asked for."""


class Place(NamedTuple):
    """Where a row lies that waits for an answer.

    Attributes:
        row_id: its ``id``.
        source: as rows name it.
        split: of the release.
        task: what is asked; ``detailed_caption`` with a shard in ``data/`` means a row made of that one.
        shard: relative to the data set's folder.
        row: position in the shard, from 0.
    """

    row_id: str
    source: str
    split: str
    task: str
    shard: str
    row: int

    @property
    def derived(self) -> bool:
        """Whether the row is made of the one that lies there."""
        return self.shard.startswith("data/")


class Picture(NamedTuple):
    """A row's picture: its bytes, or None where it is referenced; and its name, or then its path."""

    content: bytes | None
    path: str


@dataclass(frozen=True, slots=True)
class Contents:
    """The order of a shard's rows, without what they say.

    Attributes:
        frames: image and window of each row, as one string.
        tasks: task of each row.
        parts: number of each row among those of its task on its frame, from 0.
        first: first row of each frame.
    """

    frames: list[str]
    tasks: list[str]
    parts: list[int]
    first: dict[str, int]


class Shard:
    """One Parquet file of a data set, open for reading by position.

    Attributes:
        path: of the file.
        written: tells this file from one that takes its place.
        rows: how many it has.

    Raises:
        RsvpError: it is missing or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = _written(path)
        self._tables: dict[str, tuple[int, pa.Table]] = {}
        try:
            self._file = pq.ParquetFile(path, read_dictionary=["image.bytes"])
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(path, error) from error
        sizes = [self._file.metadata.row_group(g).num_rows for g in range(self._file.num_row_groups)]
        self._ends = list(accumulate(sizes))
        self.rows = self._ends[-1] if self._ends else 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._tables.clear()

    def column(self, *names: str) -> pa.Table:
        """Whole columns."""
        try:
            return self._file.read(columns=list(names))
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(self.path, error) from error

    @cached_property
    def contents(self) -> Contents:
        """The order of its rows."""
        table = self.column("image_id", "window", "task")
        windows = table["window"].to_pylist()
        frames = [f"{i}\x1f{w}" for i, w in zip(table["image_id"].to_pylist(), windows, strict=True)]
        tasks: list[str] = table["task"].to_pylist()
        met: dict[tuple[str, str], int] = {}
        parts: list[int] = []
        first: dict[str, int] = {}
        for position, key in enumerate(zip(frames, tasks, strict=True)):
            parts.append(met.get(key, 0))
            met[key] = parts[-1] + 1
            first.setdefault(key[0], position)
        return Contents(frames, tasks, parts, first)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Position of each row by its ``id``."""
        return {row_id: position for position, row_id in enumerate(self.column("id")["id"].to_pylist())}

    def row(self, position: int) -> dict[str, Any]:
        """A row without its picture."""
        table, inside = self._group("light", _LIGHT, position)
        row: dict[str, Any] = table.slice(inside, 1).to_pylist()[0]
        return row

    def picture(self, position: int) -> Picture:
        """The picture of a row as this shard has it: no bytes where another shard has them."""
        table, inside = self._group("image", ["image"], position)
        image = table.slice(inside, 1).to_pylist()[0]["image"]
        return Picture(image["bytes"], image["path"] or "")

    def _group(self, kind: str, columns: list[str], position: int) -> tuple[pa.Table, int]:
        """The row group that holds a row, and the row's position in it."""
        number = bisect_right(self._ends, position)
        kept = self._tables.get(kind)
        if kept is None or kept[0] != number:
            self._tables.pop(kind, None)  # before the next is read: one at a time
            try:
                kept = (number, self._file.read_row_group(number, columns=columns))
            except (OSError, pa.ArrowException) as error:
                raise _unreadable(self.path, error) from error
            self._tables[kind] = kept
        return kept[1], position - (self._ends[number - 1] if number else 0)


class Shelf:
    """Finds rows that wait, and their pictures; keeps a few shards open."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._open: OrderedDict[str, Shard] = OrderedDict()

    def close(self) -> None:
        """Close every shard."""
        while self._open:
            self._open.popitem()[1].close()

    def shard(self, name: str) -> Shard:
        """A shard by its name relative to the data set's folder, as it is now."""
        if name in self._open and self._open[name].written != _written(self._out / name):
            self._open.pop(name).close()
        if name not in self._open:
            self._open[name] = Shard(self._out / name)
            if len(self._open) > _OPEN:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(name)
        return self._open[name]

    def row(self, place: Place) -> dict[str, Any]:
        """The row that waits, without its picture.

        Raises:
            RsvpError: it is not there any more, or its shard cannot be read.
        """
        return self._find(place)[0]

    def position(self, place: Place) -> int:
        """Where in its shard the row lies now.

        Raises:
            RsvpError: the same.
        """
        return self._find(place)[1]

    def picture(self, place: Place) -> Picture:
        """The row's picture, wherever it lies.

        Raises:
            RsvpError: the same, or the picture is nowhere.
        """
        return self._picture(place, self._find(place)[1])

    def subject(self, place: Place) -> Subject:
        """The row and the bytes of its picture, which are read from their file where they are referenced.

        Raises:
            RsvpError: either is not there.
        """
        row, position = self._find(place)
        content, path = self._picture(place, position)
        if content is None:
            try:
                content = Path(path).read_bytes()
            except OSError as error:
                raise RsvpError(
                    f"{path}: the referenced picture of row {place.row_id} cannot be read "
                    f"({error.strerror or error}); bring it back, or build with --images embed"
                ) from error
        return Subject(row, content)

    def _find(self, place: Place) -> tuple[dict[str, Any], int]:
        shard = self.shard(place.shard)
        if place.row < shard.rows:
            row = self._at(shard, place, place.row)
            if row["id"] == place.row_id:
                return row, place.row
        # Its source was built again since, and rows have moved.
        if not place.derived and place.row_id in shard.positions:
            position = shard.positions[place.row_id]
            return self._at(shard, place, position), position
        if place.derived:
            for position, name in enumerate(shard.contents.tasks):
                if name in DERIVED_FROM:
                    row = self._at(shard, place, position)
                    if row["id"] == place.row_id:
                        return row, position
        raise RsvpError(
            f"{place.shard}: row {place.row_id} is not there any more; its source was built again since "
            "it was planned. Run `rsvp-build caption` again, which plans the rows that are there now."
        )

    def _at(self, shard: Shard, place: Place, position: int) -> dict[str, Any]:
        row = shard.row(position)
        return derive(row, shard.contents.parts[position]) if place.derived else row

    def _picture(self, place: Place, position: int) -> Picture:
        shard = self.shard(place.shard)
        picture = shard.picture(position)
        if picture.content is not None or Path(picture.path).is_absolute():
            return picture
        frame = shard.contents.frames[position]
        twin = self.shard(place.shard.replace("planned/", "data/", 1))
        if frame not in twin.contents.first:
            raise RsvpError(
                f"{place.shard}: no shard has the picture of row {place.row_id}; `rsvp-build validate` says "
                "what is wrong with the data set"
            )
        return twin.picture(twin.contents.first[frame])


def derive(row: dict[str, Any], part: int) -> dict[str, Any]:
    """The row that asks for detailed captions of another row's marks, as a build would plan it.

    Args:
        row: a row about boxes, without its picture.
        part: its number among the rows of its task on its frame.
    """
    made = task(DERIVED)
    marks = [{**mark, "caption": None} for mark in row["marks"]]
    derived = {
        **row,
        "task": made.name,
        "granularity": made.granularity,
        "marks": marks,
        "messages": [{"role": "user", "content": made.instructions[0]}],
        "provenance": "planned",
    }
    return {**derived, "id": id_of(derived, part, None)}


def id_of(row: dict[str, Any], part: int, text: str | None) -> str:
    """The ``id`` of a row about boxes as a build computes it.

    Args:
        row: without its picture; its first message asks.
        part: its number among the rows of its task on its frame.
        text: the whole answer, or None.
    """
    window = None if row["window"] is None else tuple(row["window"])
    key = row_key(row["source"], row["image_id"], window, row["task"], part)
    places = np.array([mark["xyxy"] for mark in row["marks"]], np.float64)
    return content_id(key, row["messages"][0]["content"], text, places.tobytes())


def _written(path: Path) -> tuple[int, int] | None:
    try:
        told = path.stat()
    except OSError:
        return None
    return told.st_ino, told.st_mtime_ns


def _unreadable(path: Path, error: Exception) -> RsvpError:
    return RsvpError(
        f"{path}: cannot be read as Parquet ({error}). `rsvp-build validate` says what is wrong with the "
        "data set; building again writes what is missing."
    )
