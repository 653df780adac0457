"""Checking a finished data set: its rows, its pictures and its agreement with the ledger."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagesize
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from rsvp_builder.dataset.captions import account_problems, read_captions
from rsvp_builder.dataset.layout import Folder, read_json
from rsvp_builder.dataset.rowcheck import row_problems
from rsvp_builder.record import ROW_SCHEMA

_LIGHT = pa.schema([column for column in ROW_SCHEMA if column.name != "image"])
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


@dataclass(slots=True)
class _Found:
    """What the shards of one split hold."""

    rows: int = 0
    marks: int = 0
    tasks: Counter[str] = field(default_factory=Counter)


def validate(out: Path, *, decode: bool = False) -> Report:
    """Check every row of a data set.

    Args:
        out: folder of the data set.
        decode: decode each picture too, not only its header.

    Raises:
        RsvpError: ``out`` is no finished data set.
    """
    folder, report = Folder(out), Report()
    check = _Check(out, report, decode)
    for source in folder.sources():
        summary = read_json(folder.ledger(source) / "summary.json")
        expected: set[Path] = set()
        found: dict[str, _Found] = {}
        planned = _Found()
        for split, of_split in summary["splits"].items():
            found[split] = _Found()
            for number in range(of_split["shards"]):
                path = folder.shard(source, split, number, of_split["shards"])
                expected.add(path)
                check.shard(path, {"source": source, "split": split}, found[split])
            if summary["planned"]["tasks"]:
                for number in range(of_split["shards"]):
                    path = folder.planned_shard(source, split, number, of_split["shards"])
                    expected.add(path)
                    check.shard(path, {"source": source, "split": split}, planned, planned=True)
        problems = [*_ledger_problems(summary, found, planned)]
        account = read_captions(folder, source)
        if account is not None:
            problems += _captions(folder, check, source, account, expected)
            own = {task: planned.tasks[task] for task in summary["planned"]["tasks"]}
            problems += account_problems(account, own)
        for path in (*folder.shards(source), *folder.planned_shards(source)):
            if path not in expected:
                report.add(f"{path.relative_to(out)}: not a shard that the ledger knows")
        for problem in problems:
            report.add(f"ledger/{source}: {problem}")
    check.repeated_ids()
    return report


def _captions(
    folder: Folder, check: _Check, source: str, account: dict[str, Any], expected: set[Path]
) -> Iterator[str]:
    """Check the shards of captioned rows against their account."""
    for split, told in account["splits"].items():
        found = _Found()
        for name, rows in told["shards"].items():
            path = folder.out / "data" / source / name
            expected.add(path)
            before = found.rows
            check.shard(path, {"source": source, "split": split}, found)
            if found.rows - before != rows:
                yield f"{rows} captioned rows in {name}, the shard holds {found.rows - before}"
        for what in ("rows", "marks"):
            if told[what] != getattr(found, what):
                yield f"{told[what]} captioned {what} in {split}, the shards hold {getattr(found, what)}"
        tasks = {task: count["rows"] for task, count in told["tasks"].items()}
        if tasks != found.tasks:
            yield f"captioned rows by task in {split} are {tasks}, the shards hold {dict(found.tasks)}"


def _ledger_problems(summary: dict[str, Any], found: dict[str, _Found], planned: _Found) -> Iterator[str]:
    for kind in ("images", "objects"):
        account = summary[kind]
        if account["seen"] != account["written"] + sum(account["dropped"].values()):
            yield f"{kind} do not balance: {account}"
    for split, told in summary["splits"].items():
        for what in ("rows", "marks"):
            if told[what] != getattr(found[split], what):
                yield f"{told[what]} {what} in {split}, the shards hold {getattr(found[split], what)}"
    for what in ("rows", "marks"):
        held = sum(getattr(split, what) for split in found.values())
        if summary[what]["written"] != held:
            yield f"{summary[what]['written']} {what} in all, the shards hold {held}"
    if summary["planned"]["rows"] != planned.rows:
        yield f"{summary['planned']['rows']} planned rows in all, the shards hold {planned.rows}"
    tasks = sum((split.tasks for split in found.values()), planned.tasks)
    if {task: count for task, count in summary["tasks"].items() if count} != tasks:
        yield f"rows by task are {summary['tasks']}, the shards hold {dict(tasks)}"


class _Check:
    """Goes over shards and remembers the ids of their rows."""

    def __init__(self, out: Path, report: Report, decode: bool) -> None:
        self._out = out
        self._report = report
        self._decode = decode
        self._ids: list[npt.NDArray[np.bytes_]] = []
        self._places: list[tuple[str, int]] = []

    def shard(self, path: Path, place: dict[str, str], found: _Found, *, planned: bool = False) -> None:
        """Check one shard that the ledger expects."""
        name = str(path.relative_to(self._out))
        if not path.exists():
            self._report.add(f"{name}: missing")
            return
        self._report.shards += 1
        try:
            columns = pq.read_schema(path)
            if not columns.equals(ROW_SCHEMA):
                self._report.add(f"{name}: columns are not those of the published row")
                return
            with pq.ParquetFile(
                path, page_checksum_verification=True, read_dictionary=["image.bytes"]
            ) as file:
                first = 0
                for group in range(file.num_row_groups):
                    first += self._row_group(file, group, first, name, place, found, planned=planned)
        except (OSError, pa.ArrowException) as error:
            self._report.add(f"{name}: cannot be read: {error}")

    def _row_group(
        self,
        file: pq.ParquetFile,
        group: int,
        first: int,
        name: str,
        place: dict[str, str],
        found: _Found,
        *,
        planned: bool,
    ) -> int:
        rows = file.read_row_group(group, columns=_LIGHT.names).to_pylist()
        self._ids.append(np.array([row["id"] for row in rows], "S32"))
        self._places.append((name, first))
        for number, row in enumerate(rows):
            for problem in row_problems(row, place, planned=planned):
                self._report.add(f"{name}: row {first + number} ({row['id']}): {problem}")
            found.marks += len(row["marks"] or ())
            found.tasks[row["task"]] += 1
        found.rows += len(rows)
        self._report.rows += len(rows)
        pictures = file.read_row_group(group, columns=["image"])["image"]
        for number, problem in _picture_problems(pictures, rows, self._decode, planned):
            self._report.add(f"{name}: row {first + number} ({rows[number]['id']}): {problem}")
        return len(rows)

    def repeated_ids(self) -> None:
        """Report every row whose id another row has too."""
        if not self._ids:
            return
        ids, counts = np.unique(np.concatenate(self._ids), return_counts=True)
        repeated = ids[counts > 1]
        if not len(repeated):
            return
        for (name, first), of_group in zip(self._places, self._ids, strict=True):
            for number in np.flatnonzero(np.isin(of_group, repeated)).tolist():
                told = of_group[number].decode()
                self._report.add(f"{name}: row {first + number} ({told}): repeats the id of another row")


def _picture_problems(
    pictures: pa.ChunkedArray, rows: list[dict[str, Any]], decode: bool, planned: bool
) -> Iterator[tuple[int, str]]:
    column = pictures.combine_chunks()
    stored, paths = column.field("bytes"), column.field("path")
    sizes: dict[int, tuple[int, int]] = {}
    for number, row in enumerate(rows):
        if not stored[number].is_valid:
            if planned and not Path(paths[number].as_py() or "").is_absolute():
                continue  # the rows of the other shard show it
            if not Path(paths[number].as_py() or "").is_file():
                yield number, f"referenced picture {paths[number].as_py()} is not there"
            continue
        # Rows of one image share its bytes, and it is looked at once.
        key = stored.indices[number].as_py() if pa.types.is_dictionary(stored.type) else number
        if key not in sizes:
            data = stored[number].as_py()
            sizes[key] = imagesize.get(io.BytesIO(data))
            if decode and (problem := _undecodable(data)):
                yield number, problem
        width, height = sizes[key]
        if (width, height) != (row["width"], row["height"]):
            told = f"{row['width']} x {row['height']}"
            yield number, f"the picture is {width} x {height}, the row says {told}"


def _undecodable(data: bytes) -> str | None:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except Exception as error:  # decoders fail in many ways on damaged data; all mean the same here
        return f"the picture cannot be decoded: {error}"
    return None
