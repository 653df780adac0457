"""The rows of a finished data set with their pictures, those of one picture together.

One row group is in memory at a time, beside one of the shard of captioned rows, with each picture once: its
bytes are shared by the rows that show it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rsvp_builder.errors import RsvpError
from rsvp_builder.export.shards import Shard
from rsvp_builder.record import ROW_SCHEMA

_LIGHT = [name for name in ROW_SCHEMA.names if name != "image"]
_SUFFIXES = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"II*\0", "tif"), (b"MM\0*", "tif"))

Frame = tuple[Any, ...]
"""What a row's picture is: image id and window."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture and the rows that show it.

    Attributes:
        rows: of the published form, without ``image``; at least one.
        path: file name, or the absolute path where the picture is only referenced.
        stored: its bytes as an Arrow scalar that copies nothing yet; null where it is only referenced.
    """

    rows: list[dict[str, Any]]
    path: str
    stored: pa.Scalar

    @property
    def frame(self) -> Frame:
        """Identity of the picture in its source."""
        return (self.rows[0]["image_id"], *(self.rows[0]["window"] or ()))

    @property
    def referenced(self) -> bool:
        """Whether the data set only names it."""
        return not self.stored.is_valid

    def read(self) -> bytes | memoryview:
        """Its encoded bytes.

        Raises:
            RsvpError: it is only referenced, and not there.
        """
        if self.stored.is_valid:
            return memoryview(self.stored.as_buffer())
        try:
            return Path(self.path).read_bytes()
        except OSError as error:
            raise RsvpError(
                f"{self.path}: the data set names this picture, and it cannot be read: {error.strerror}"
            ) from error


def pictures(shard: Shard, tasks: Collection[str] = ()) -> Iterator[Picture]:
    """The pictures of a shard in the order of their first rows, captioned rows after the others.

    Pictures that only captioned rows show come where that shard has them.

    Args:
        shard: the shard.
        tasks: tasks whose rows to take; empty for all. Pictures without a row are left out.

    Raises:
        RsvpError: a file of it cannot be read.
    """
    if shard.captions is None:
        yield from _stored(shard.path, tasks)
        return
    ahead = _frames(shard.path)
    captioned = _stored(shard.captions, tasks)
    waiting = next(captioned, None)
    for of_group in _by_group(shard.path, tasks):
        here = {picture.frame: picture for picture in of_group}
        alone = []
        # Both shards have the pictures in one order, so what belongs here comes next.
        while waiting is not None and (waiting.frame in here or waiting.frame not in ahead):
            if waiting.frame in here:
                here[waiting.frame].rows.extend(waiting.rows)
            else:
                alone.append(waiting)
            waiting = next(captioned, None)
        ahead -= here.keys()
        yield from here.values()
        yield from alone
    if waiting is not None:
        yield waiting
    yield from captioned


def rows_from(
    shards: Collection[Shard], tasks: Collection[str], shard: int = 0, row: int = 0
) -> Iterator[tuple[tuple[int, int], dict[str, Any], Picture]]:
    """Each row with its place (number of its shard, and of the row in what the shard gives) and picture.

    Args:
        shards: all shards of a split.
        tasks: tasks whose rows to take; empty for all.
        shard: number of the first shard to read.
        row: number of the first row to give of it.
    """
    for number, of in enumerate(shards):
        if number < shard:
            continue
        count = 0
        for picture in pictures(of, tasks):
            for one in picture.rows:
                if number > shard or count >= row:
                    yield (number, count), one, picture
                count += 1


def suffix(data: bytes | memoryview, path: str) -> str:
    """The usual suffix of an encoded picture, by its first bytes; of an unknown kind, that of its name."""
    head = bytes(data[:8])
    named = next((name for magic, name in _SUFFIXES if head.startswith(magic)), None)
    return named or Path(path).suffix.lstrip(".").lower() or "bin"


def _stored(path: Path, tasks: Collection[str]) -> Iterator[Picture]:
    for group in _by_group(path, tasks):
        yield from group


def _by_group(path: Path, tasks: Collection[str]) -> Iterator[list[Picture]]:
    try:
        with pq.ParquetFile(path, read_dictionary=["image.bytes"]) as file:
            for number in range(file.num_row_groups):
                yield _of_table(file.read_row_group(number), tasks)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _of_table(table: pa.Table, tasks: Collection[str]) -> list[Picture]:
    image = table["image"].combine_chunks()
    stored, paths = image.field("bytes"), image.field("path")
    by_frame: dict[Frame, Picture] = {}
    for number, row in enumerate(table.select(_LIGHT).to_pylist()):
        if tasks and row["task"] not in tasks:
            continue
        frame = (row["image_id"], *(row["window"] or ()))
        if frame not in by_frame:
            by_frame[frame] = Picture([], paths[number].as_py() or "", _plain(stored[number]))
        by_frame[frame].rows.append(row)
    return list(by_frame.values())


def _frames(path: Path) -> set[Frame]:
    try:
        table = pq.read_table(path, columns=["image_id", "window"])
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    columns = (table["image_id"].to_pylist(), table["window"].to_pylist())
    return {(image_id, *(window or ())) for image_id, window in zip(*columns, strict=True)}


def _plain(value: pa.Scalar) -> pa.Scalar:
    """A value of a dictionary-encoded column as the value itself."""
    if not value.is_valid:
        return pa.scalar(None, pa.binary())
    return value.value if isinstance(value, pa.DictionaryScalar) else value


def _unreadable(path: Path, error: Exception) -> RsvpError:
    return RsvpError(
        f"{path}: cannot be read as Parquet ({error}). `rsvp-build validate` says what is wrong with the "
        "data set; building again writes only what is missing."
    )
