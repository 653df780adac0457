"""Answers become rows: shards in ``data/`` beside those of the rows of the same frames.

A shard of captioned rows, ``<split>-captions-00003-of-00007.parquet``, holds the answered ones of the planned
rows of shard 3, with their pictures, so that whoever reads the data set finds them. The same answers give
the same bytes; a later merge, with more answers or with verdicts of people, replaces them.
"""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rsvp_builder.captioning.answers import Answer, ShardAnswers, answers
from rsvp_builder.captioning.shelf import Shelf, id_of
from rsvp_builder.captioning.store import Store
from rsvp_builder.dataset.captions import forget_captions
from rsvp_builder.dataset.card import write_card
from rsvp_builder.dataset.layout import Folder, commit_json, publish, read_json
from rsvp_builder.dataset.lock import locked
from rsvp_builder.dataset.rowcheck import row_problems
from rsvp_builder.dataset.shard import ROW_GROUP_BYTES, ROW_GROUP_BYTES_READ, ROW_GROUP_ROWS, ShardWriter
from rsvp_builder.errors import RsvpError
from rsvp_builder.prose import renumbered
from rsvp_builder.record import ROW_SCHEMA

_LIGHT = pa.schema([column for column in ROW_SCHEMA if column.name != "image"])
_MOST_PROBLEMS = 20


@dataclass(slots=True)
class Merged:
    """What a merge did.

    Attributes:
        accounts: of each source that has answers, as in ``ledger/<source>/captions.json``.
        gone: rows that were asked about and are not in the data set any more.
        unfit: answers that do not make a sound row, which no check should let through.
        problems: what is wrong with the first of those.
    """

    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: int = 0
    unfit: int = 0
    problems: list[str] = field(default_factory=list)


def merge(out: Path, *, model: str | None = None) -> Merged:
    """Put all answers of the store into the data set, in place of those of an earlier merge.

    Args:
        out: folder of the data set.
        model: only answers of models that fit this pattern, such as ``gpt-4o*``.

    Raises:
        RsvpError: it is no finished data set, has no store, or another process writes into it.
    """
    folder = Folder(out)
    sources = folder.sources()
    with Store(folder.store, read_only=True) as store, locked(folder):
        merged = Merged()
        staged = out / ".captions" / "merging"
        shutil.rmtree(staged, ignore_errors=True)
        try:
            made = {source: _Source(folder, source, staged / source) for source in sources}
            for of_shard in answers(store, model):
                if of_shard.source in made:
                    made[of_shard.source].add(of_shard, merged)
                else:
                    merged.gone += len(of_shard.answers)
            for source in sources:
                account = made[source].publish()
                if account is not None:
                    merged.accounts[source] = account
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        write_card(folder, sources)
    return merged


class _Source:
    """The captioned rows of one source: written aside, and published when all of them are there."""

    def __init__(self, folder: Folder, source: str, staged: Path) -> None:
        self._folder = folder
        self._source = source
        self._staged = staged
        self._shelf = Shelf(folder.out)
        summary = read_json(folder.ledger(source) / "summary.json")
        self._planned = {task: summary["tasks"].get(task, 0) for task in summary["planned"]["tasks"]}
        self._asked = Counter[str]()
        self._captioned = Counter[str]()
        self._rejected = Counter[str]()
        self._in_review = Counter[str]()
        self._faults = Counter[str]()
        self._provenance: dict[str, Counter[str]] = {}
        self._splits: dict[str, dict[str, Any]] = {}
        self._spent: dict[str, tuple[int, float]] = {}

    def add(self, of_shard: ShardAnswers, merged: Merged) -> None:
        """Write the captioned rows of one shard aside."""
        rows: list[_Row] = []
        for answer in of_shard.answers:
            try:
                row = self._shelf.row(answer.place)
            except RsvpError:
                merged.gone += 1
                continue
            self._spent.update(answer.spent)
            task = answer.place.task
            self._asked[task] += 1
            made = None if answer.taken is None else self._answered(row, answer)
            problems = [] if made is None else list(row_problems(made, {"source": self._source}))
            if problems:
                merged.unfit += 1
                if len(merged.problems) < _MOST_PROBLEMS:
                    merged.problems.append(f"{answer.place.shard}: row {row['id']}: {problems[0]}")
            if made is not None and not problems:
                rows.append(_Row(answer, made, self._frame(answer)))
            elif answer.rejected or problems:
                self._rejected[task] += 1
                self._in_review[task] += answer.in_review
                self._faults.update(answer.faults)
                self._faults["unfit"] += bool(problems)
        if rows:
            self._write(of_shard.name, rows)

    def _frame(self, answer: Answer) -> str:
        contents = self._shelf.shard(answer.place.shard).contents
        return contents.frames[self._shelf.position(answer.place)]

    def _answered(self, row: dict[str, Any], answer: Answer) -> dict[str, Any]:
        """The row with its answer; marks that the drawing had to leave out are not asked about any more."""
        result = answer.taken
        assert result is not None and result.text is not None
        contents = self._shelf.shard(answer.place.shard).contents
        part = contents.parts[self._shelf.position(answer.place)]
        shown = set(result.drawing["shown"])
        kept = [mark for mark in row["marks"] if mark["index"] in shown]
        numbers = {mark["index"]: number for number, mark in enumerate(kept, start=1)}
        text = renumbered(result.text, numbers)
        made = {
            **row,
            "marks": [
                {
                    **mark,
                    "index": numbers[mark["index"]],
                    "caption": result.captions.get(mark["index"], mark["caption"]),
                }
                for mark in kept
            ],
            "messages": [row["messages"][0], {"role": "assistant", "content": text}],
            "provenance": f"{result.model} {result.prompt_version}",
        }
        return {**made, "id": id_of(made, part, text)}

    def _write(self, name: str, rows: list[_Row]) -> None:
        split = rows[0].row["split"]
        number, of = (int(part) for part in name.removesuffix(".parquet")[len(split) + 1 :].split("-of-"))
        path = self._folder.captions_shard(self._source, split, number, of)
        with ShardWriter(self._staged / path.name) as writer:
            for group in _groups(self._shelf, rows):
                group.write(writer)
            writer.commit()
        told = self._splits.setdefault(split, {"shards": {}, "rows": 0, "marks": 0, "tasks": {}})
        told["shards"][path.name] = len(rows)
        for row in rows:
            task, marks = row.row["task"], len(row.row["marks"])
            of_task = told["tasks"].setdefault(task, {"rows": 0, "marks": 0})
            for counts in (told, of_task):
                counts["rows"] += 1
                counts["marks"] += marks
            self._captioned[task] += 1
            by = self._provenance.setdefault(row.row["provenance"], Counter())
            by["rows"] += 1
            taken = row.answer.taken
            by["accepted"] += taken is not None and taken.verdict == "accept"

    def publish(self) -> dict[str, Any] | None:
        """Put the shards into the data set, and the account of them; None where nothing was asked."""
        self._shelf.close()
        forget_captions(self._folder, self._source)
        if not self._asked:
            return None
        # The account comes first, so that a killed merge is seen by `validate`; the next one mends it.
        account = self._account()
        commit_json(self._folder.captions(self._source), account)
        for path in sorted(self._staged.glob("*.parquet")):
            publish(path, self._folder.out / "data" / self._source / path.name)
        return account

    def _account(self) -> dict[str, Any]:
        tasks = {}
        for task in sorted({*self._planned, *self._asked}):
            rows = self._planned.get(task, self._asked[task])
            done, rejected = self._captioned[task], self._rejected[task]
            tasks[task] = {
                "planned": task in self._planned,
                "rows": rows,
                "captioned": done,
                "rejected": rejected,
                "rejected_in_review": self._in_review[task],
                "waiting": rows - done - rejected,
            }
        return {
            "format": 1,
            "tasks": tasks,
            "splits": {split: self._splits[split] for split in sorted(self._splits)},
            "provenance": {
                name: {"rows": by["rows"], "accepted": by["accepted"]}
                for name, by in sorted(self._provenance.items())
            },
            "faults": {fault: count for fault, count in sorted(self._faults.items()) if count},
            "usage": {
                "asks": sum(asks for asks, _ in self._spent.values()),
                "usd": round(math.fsum(usd for _, usd in self._spent.values()), 9),
            },
        }


@dataclass(frozen=True, slots=True)
class _Row:
    """A captioned row, its answer, and the frame that shows it."""

    answer: Answer
    row: dict[str, Any]
    frame: str


@dataclass(slots=True)
class _Group:
    """Rows of one row group, each picture once."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    pictures: list[bytes | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    bytes: int = 0
    read: int = 0

    def write(self, writer: ShardWriter) -> None:
        """Write it."""
        embedded = all(picture is not None for picture in self.pictures)
        writer.write(
            [pa.Table.from_pylist(self.rows, schema=_LIGHT)],
            [np.array(self.frames, np.int64)],
            pa.array(self.pictures, pa.binary()) if embedded else None,
            self.paths,
        )


def _groups(shelf: Shelf, rows: Sequence[_Row]) -> Iterator[_Group]:
    """The rows in groups of bounded size: those of one picture together, in the order of the planned rows."""
    by_frame: dict[str, list[_Row]] = {}
    for row in rows:
        by_frame.setdefault(row.frame, []).append(row)
    group = _Group()
    for of_frame in by_frame.values():
        picture = shelf.picture(of_frame[0].answer.place)
        size = len(picture.content or b"")
        full = (
            group.bytes + size > ROW_GROUP_BYTES
            or group.read + size * len(of_frame) > ROW_GROUP_BYTES_READ
            or len(group.rows) + len(of_frame) > ROW_GROUP_ROWS
        )
        if full and group.rows:
            yield group
            group = _Group()
        group.rows += [row.row for row in of_frame]
        group.frames += [len(group.pictures)] * len(of_frame)
        group.pictures.append(picture.content)
        group.paths.append(picture.path)
        group.bytes += size
        group.read += size * len(of_frame)
    if group.rows:
        yield group
