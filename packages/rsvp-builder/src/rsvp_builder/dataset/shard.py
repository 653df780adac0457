"""Writing Parquet shards of the published row.

Rows of one image lie in one row group and share its bytes through Parquet's dictionary encoding, so
a picture with twelve rows is stored once, and readers see twelve ordinary rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rsvp_builder.dataset.layout import publish, temporary_for
from rsvp_builder.record import ROW_SCHEMA, IntArray, huggingface_metadata

ROW_GROUP_BYTES = 16 * 2**20
"""Picture bytes after which a row group ends, each picture counted once."""

ROW_GROUP_BYTES_READ = 128 * 2**20
"""The same with each picture counted for every row: what a reader of the row group holds."""

ROW_GROUP_ROWS = 4_000
"""Rows after which a row group ends where pictures are only referenced."""

# All but ids and texts: their values are distinct and would only fill a dictionary, whose size is not
# limited here. Coordinates repeat, being whole pixels in most sources.
_DICTIONARY_COLUMNS = [
    "image.bytes",
    "image.path",
    "image_id",
    "width",
    "height",
    "gsd",
    "image_source",
    "source",
    "source_version",
    "split",
    "task",
    "granularity",
    "domain",
    "marks.list.element.index",
    "marks.list.element.kind",
    "marks.list.element.xyxy.list.element",
    "marks.list.element.xy.list.element",
    "marks.list.element.quad.list.element",
    "marks.list.element.label",
    "marks.list.element.caption",
    "marks.list.element.flags.list.element",
    "messages.list.element.role",
    "provenance",
    "license",
    "builder_version",
]
_UNLIMITED = 2**31 - 1

# As ROW_SCHEMA, with the picture's bytes given as a dictionary.
_IMAGE_TYPE = pa.struct([("bytes", pa.dictionary(pa.int32(), pa.binary())), ("path", pa.string())])
_WRITTEN_SCHEMA = pa.schema([(f.name, _IMAGE_TYPE if f.name == "image" else f.type) for f in ROW_SCHEMA])


class ShardWriter:
    """Writes one shard under a temporary name; :meth:`commit` gives it its own.

    Attributes:
        rows: rows written so far.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.rows = 0
        self._path = path
        self._temporary = temporary_for(path)
        self._writer = pq.ParquetWriter(
            self._temporary,
            _WRITTEN_SCHEMA,
            compression={name: _compression(name) for name in _physical_columns()},
            use_dictionary=_DICTIONARY_COLUMNS,
            dictionary_pagesize_limit=_UNLIMITED,
            write_page_checksum=True,
            write_page_index=True,
            # A stored Arrow schema would tell readers that image.bytes is a dictionary.
            store_schema=False,
        )
        self._writer.add_key_value_metadata({"huggingface": huggingface_metadata()})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the temporary file, unless the shard was committed."""
        try:
            self._writer.close()
        finally:
            self._temporary.unlink(missing_ok=True)

    def write(
        self,
        tables: Sequence[pa.Table],
        frames: Sequence[IntArray],
        pictures: pa.Array | None,
        paths: Sequence[str],
        *,
        shown: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Write one row group.

        Args:
            tables: rows without ``image``, one table a task.
            frames: for each table, the picture of each row.
            pictures: encoded pictures, a binary array, or None where they are only referenced.
            paths: name of each picture, or its absolute path where it is referenced.
            shown: which pictures to store; the rows of the others carry a name only. None for all.
        """
        frame = np.concatenate(frames)
        names = pa.array(paths, pa.string()).take(pa.array(frame))
        hidden = np.full(len(frame), pictures is None) if shown is None else ~shown[frame]
        if pictures is None or hidden.all():
            stored = pa.nulls(len(frame), _IMAGE_TYPE.field("bytes").type)
        else:
            # A dictionary is written as it is given, and Arrow leaves the tail of one with equal values as it
            # was in memory: only what rows show goes in, and each picture once.
            alike = _first_alike(pictures)
            needed = np.unique(alike[frame[~hidden]])
            place = np.searchsorted(needed, alike[frame]).astype(np.int32)
            kept = pictures if len(needed) == len(pictures) else pictures.take(pa.array(needed))
            mask = hidden if hidden.any() else None
            stored = pa.DictionaryArray.from_arrays(pa.array(place, pa.int32(), mask=mask), kept)
        image = pa.StructArray.from_arrays([stored, names], fields=list(_IMAGE_TYPE))
        # One array for all tables: Arrow would compare the dictionaries of several, byte by byte.
        joined = pa.concat_tables(tables).add_column(1, _WRITTEN_SCHEMA.field("image"), image)
        if joined.num_rows:
            self._writer.write_table(joined, row_group_size=joined.num_rows)
        self.rows += joined.num_rows

    def commit(self) -> int:
        """Finish the file, make it last and give it its name; returns its size in bytes."""
        self._writer.close()
        publish(self._temporary, self._path)
        return self._path.stat().st_size


def _first_alike(pictures: pa.Array) -> IntArray:
    """Of each picture the first one that has the same bytes: (n,) int64."""
    first = np.arange(len(pictures))
    by_size: dict[int, list[int]] = {}
    for number, size in enumerate(pc.binary_length(pictures).to_pylist()):
        for before in by_size.setdefault(size, []):
            if pictures[before].as_buffer().equals(pictures[number].as_buffer()):
                first[number] = before
                break
        else:
            by_size[size].append(number)
    return first


def _compression(column: str) -> str:
    # Pictures are compressed already, and a column of few values is tiny as a dictionary.
    return "zstd" if column.startswith(("id", "marks.", "messages.")) else "none"


def _physical_columns() -> list[str]:
    names = []
    for field in ROW_SCHEMA:
        names += _leaves(field.name, field.type)
    return names


def _leaves(path: str, arrow_type: pa.DataType) -> list[str]:
    if pa.types.is_list(arrow_type):
        return _leaves(f"{path}.list.element", arrow_type.value_type)
    if pa.types.is_struct(arrow_type):
        return [leaf for field in arrow_type for leaf in _leaves(f"{path}.{field.name}", field.type)]
    return [path]
