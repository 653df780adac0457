"""Reads the shards of a finished data set without ever holding more than a few images.

Rows of one image share its bytes through Parquet's dictionary, and expand when they are read: hence
light columns first, and images a handful of rows at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rsvp_builder.errors import RsvpError
from rsvp_builder.record import ROW_SCHEMA

_CELL_COLUMNS = ("source", "split", "task", "image_id", "window")
_ROW_COLUMNS = [name for name in ROW_SCHEMA.names if name != "image"]
_IMAGES_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Shard:
    """One Parquet file of a data set."""

    path: Path

    def light_groups(self) -> Iterator[tuple[int, pa.Table]]:
        """Per row group: what sampling needs, without messages, coordinates and images."""
        with self._open() as file:
            labels = [
                c.path for c in file.schema if c.path.startswith("marks.") and c.path.endswith(".label")
            ]
            for group in range(file.num_row_groups):
                yield group, file.read_row_group(group, columns=[*_CELL_COLUMNS, *labels])

    def rows(self, group: int, which: list[int]) -> list[dict[str, Any]]:
        """The rows at positions ``which`` of a row group, all columns but the image."""
        with self._open() as file:
            table: pa.Table = file.read_row_group(group, columns=_ROW_COLUMNS)
            rows: list[dict[str, Any]] = table.take(which).to_pylist()
            return rows

    def images(self, group: int, which: Iterable[int]) -> Iterator[dict[str, Any]]:
        """The ``image`` of the rows at sorted positions ``which`` of a row group, one by one."""
        wanted = sorted(which)
        with self._open() as file:
            start = 0
            batches = file.iter_batches(_IMAGES_AT_ONCE, row_groups=[group], columns=["image"])
            for batch in batches:
                while wanted and wanted[0] < start + len(batch):
                    yield batch["image"][wanted.pop(0) - start].as_py() or {}
                start += len(batch)
                if not wanted:
                    return

    @contextmanager
    def _open(self) -> Iterator[pq.ParquetFile]:
        try:
            with pq.ParquetFile(self.path) as file:
                missing = sorted(set(ROW_SCHEMA.names) - set(file.schema_arrow.names))
                if missing:
                    raise RsvpError(
                        f"{self.path}: not a shard of a data set built by rsvp-build: column(s) "
                        f"{', '.join(missing)} are missing. Build it again, or preview another directory."
                    )
                yield file
        except (pa.ArrowException, OSError) as error:
            raise RsvpError(
                f"{self.path}: cannot be read as Parquet ({error}). `rsvp-build validate` says what is "
                "wrong with the data set; building again writes only what is missing."
            ) from error


def find_shards(dataset: Path) -> list[Shard]:
    """The shards under ``dataset/data/<source>/``, sorted by path.

    Raises:
        RsvpError: there is none.
    """
    paths = sorted(p for p in dataset.glob("data/*/*.parquet") if not p.name.startswith("."))
    if not paths:
        raise RsvpError(
            f"{dataset}: no data set here: expected data/<source>/<split>-00000-of-00001.parquet. "
            "Give the directory that `rsvp-build build` wrote."
        )
    return [Shard(path) for path in paths]
