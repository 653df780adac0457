"""Planned rows with their pictures, for a captioner to answer.

A planned row carries its picture only where no other row does; the others are in the shard of the same
number, in the same order of frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from rsvp_builder.dataset.layout import Folder


def planned_rows(folder: Folder, source: str) -> Iterator[tuple[dict[str, Any], bytes | None]]:
    """Every planned row of a source, and its picture's bytes; None where pictures are referenced.

    One picture is in memory at a time, beside a row group of each shard.
    """
    for path in folder.planned_shards(source):
        groups = _groups(folder.out / "data" / source / path.name)
        group: _Group = {}
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=256):
                for row in batch.to_pylist():
                    picture = row.pop("image")["bytes"]
                    frame = _frame(row["image_id"], row["window"])
                    while picture is None and frame not in group:
                        # Frames come in the same order in both shards, so this group is done with.
                        following = next(groups, None)
                        if following is None:
                            break
                        group = following
                    found = group.get(frame)
                    yield row, picture or (found.as_py() if found is not None else None)


_Group = dict[str, Any]
"""Frame -> its picture, as an Arrow scalar that copies nothing yet."""


def _frame(image_id: str, window: list[int] | None) -> str:
    return f"{image_id}\x1f{window}"


def _groups(path: Path) -> Iterator[_Group]:
    if not path.exists():
        return
    with pq.ParquetFile(path, read_dictionary=["image.bytes"]) as file:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, columns=["image_id", "window", "image"])
            stored = table["image"].combine_chunks().field("bytes")
            keys = zip(table["image_id"].to_pylist(), table["window"].to_pylist(), strict=True)
            group: _Group = {}
            for row, (image_id, window) in enumerate(keys):
                group.setdefault(_frame(image_id, window), stored[row])
            yield group
