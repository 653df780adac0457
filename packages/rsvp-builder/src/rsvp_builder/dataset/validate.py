"""Checking a finished data set: its format, its pictures and its agreement with the ledger."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagesize
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rsvp_builder.dataset.layout import Folder, read_json
from rsvp_builder.record import ROW_SCHEMA

_LIGHT = ["id", "width", "height", "source", "split", "task", "granularity", "marks", "messages"]
_MARKERS = {"image": "Region", "region": "Region", "point": "Mark"}
_MOST_PROBLEMS = 1000


@dataclass(slots=True)
class Report:
    """What a check found.

    Attributes:
        problems: one sentence each, with shard and row; at most a thousand are kept.
        rows: rows read.
        shards: shards read.
    """

    problems: list[str] = field(default_factory=list)
    rows: int = 0
    shards: int = 0

    def add(self, problem: str) -> None:
        """Note a problem."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(problem)


def validate(out: Path, *, decode: bool = False) -> Report:
    """Check every row of a data set.

    Args:
        out: folder of the data set.
        decode: decode each picture too, not only its header.

    Raises:
        RsvpError: ``out`` is no finished data set.
    """
    folder, report = Folder(out), Report()
    ids: list[np.ndarray[Any, Any]] = []
    for source in folder.sources():
        summary = read_json(folder.ledger(source) / "summary.json")
        for kind in ("images", "objects"):
            account = summary[kind]
            if account["seen"] != account["written"] + sum(account["dropped"].values()):
                report.add(f"ledger/{source}: {kind} do not balance: {account}")
        for split, expected in summary["splits"].items():
            rows = 0
            for number in range(expected["shards"]):
                path = folder.shard(source, split, number, expected["shards"])
                if path.exists():
                    rows += _check_shard(path, str(path.relative_to(out)), decode, report, ids)
                else:
                    report.add(f"{path.relative_to(out)}: missing")
            if rows != expected["rows"]:
                report.add(f"{source}/{split}: {rows} rows, the ledger says {expected['rows']}")
    every = np.concatenate(ids) if ids else np.zeros(0)
    repeated = len(every) - len(np.unique(every))
    if repeated:
        report.add(f"{repeated} rows repeat the id of another row")
    return report


def _check_shard(path: Path, name: str, decode: bool, report: Report, ids: list[np.ndarray[Any, Any]]) -> int:
    report.shards += 1
    try:
        with pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=["image.bytes"]) as file:
            plain = pa.schema([f for f in file.schema_arrow if f.name != "image"])
            if not plain.equals(pa.schema([f for f in ROW_SCHEMA if f.name != "image"])):
                report.add(f"{name}: columns are not those of the published row")
                return int(file.metadata.num_rows)
            first = 0
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group, columns=_LIGHT).to_pylist()
                ids.append(np.array([row["id"] for row in rows], "S32"))
                for number, row in enumerate(rows, start=first):
                    for problem in _row_problems(row):
                        report.add(f"{name}: row {number} ({row['id']}): {problem}")
                pictures = file.read_row_group(group, columns=["image"])["image"]
                for number, problem in _picture_problems(pictures, rows, decode):
                    report.add(f"{name}: row {first + number} ({rows[number]['id']}): {problem}")
                first += len(rows)
            report.rows += first
            return first
    except (OSError, pa.ArrowException) as error:
        report.add(f"{name}: cannot be read: {error}")
        return 0


def _row_problems(row: dict[str, Any]) -> Iterator[str]:
    marks, messages = row["marks"], row["messages"]
    size = f"{row['width']} x {row['height']}"
    if not marks:
        yield "has no marks"
        return
    if [mark["index"] for mark in marks] != list(range(1, len(marks) + 1)):
        yield "marks are not numbered from 1"
    for mark in marks:
        if mark["kind"] == "box":
            x1, y1, x2, y2 = mark["xyxy"]
            if not (0 <= x1 < x2 <= row["width"] and 0 <= y1 < y2 <= row["height"]):
                yield f"mark {mark['index']}: box {mark['xyxy']} is not inside {size}"
        elif mark["kind"] == "point":
            x, y = mark["xy"]
            if not (0 <= x < row["width"] and 0 <= y < row["height"]):
                yield f"mark {mark['index']}: point {mark['xy']} is not inside {size}"
        else:
            yield f"mark {mark['index']}: kind {mark['kind']!r}, expected box or point"
    if [message["role"] for message in messages] != ["user", "assistant"] * (len(messages) // 2):
        yield f"roles are {[message['role'] for message in messages]}, expected user and assistant by turns"
    elif messages:
        marker = _MARKERS.get(row["granularity"])
        lines = messages[1]["content"].split("\n")
        if len(lines) != len(marks):
            yield f"{len(lines)} answer lines for {len(marks)} marks"
        for number, line in enumerate(lines[: len(marks)], start=1):
            if not line.startswith(f"<{marker} {number}>: ") or line.endswith(": "):
                yield f"answer line {number} is {line!r}, expected <{marker} {number}>: text"
    else:
        yield "has no messages"


def _picture_problems(
    pictures: pa.ChunkedArray, rows: list[dict[str, Any]], decode: bool
) -> Iterator[tuple[int, str]]:
    seen: set[int] = set()
    column = pictures.combine_chunks()
    stored, paths = column.field("bytes"), column.field("path")
    for number, row in enumerate(rows):
        if not stored[number].is_valid:
            if not Path(paths[number].as_py() or "").is_file():
                yield number, f"referenced picture {paths[number].as_py()} is not there"
            continue
        if pa.types.is_dictionary(stored.type):
            key = stored.indices[number].as_py()
            if key in seen:
                continue
            seen.add(key)
        data = stored[number].as_py()
        size = imagesize.get(io.BytesIO(data))
        if size != (row["width"], row["height"]):
            yield (
                number,
                f"the picture is {size[0]} x {size[1]}, the row says {row['width']} x {row['height']}",
            )
        if decode and (problem := _undecodable(data)):
            yield number, problem


def _undecodable(data: bytes) -> str | None:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except Exception as error:  # decoders fail in many ways on damaged data; all mean the same here
        return f"the picture cannot be decoded: {error}"
    return None
