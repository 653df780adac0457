"""Which rows the gallery shows: spread over recipes, classes and the data, and never by chance.

The survey reads only light columns and keeps a bounded number of candidates a cell, so that its
memory does not grow with the data set. A *cell* is one (source, split, task).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rsvp_builder.gallery.shards import Shard

MAX_LABELS = 4096
"""Distinct labels a cell looks out for; an open vocabulary beyond that is sampled by position only."""


class Cell(NamedTuple):
    """One recipe's share of a split."""

    source: str
    split: str
    task: str


class ImageKey(NamedTuple):
    """What makes two rows show the same picture."""

    source: str
    split: str
    image_id: str
    window: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that may be shown: where it lies and what it would add.

    Attributes:
        shard: position of its file in the sorted list of shards.
        group: its row group in the file.
        row: its row in the row group.
        position: how many rows of its cell come before it.
        labels: the distinct labels of its marks.
        image: the picture it shows.
    """

    shard: int
    group: int
    row: int
    position: int
    labels: frozenset[str]
    image: ImageKey

    @property
    def place(self) -> tuple[int, int, int]:
        """Where the row lies in the data set; sorts in the order of the data."""
        return (self.shard, self.group, self.row)


@dataclass(slots=True)
class CellSurvey:
    """The candidates of one cell: every ``stride``-th row, and the first row of each label."""

    room: int
    rows: int = 0
    stride: int = 1
    spaced: list[Candidate] = field(default_factory=list)
    first_of: dict[str, Candidate] = field(default_factory=dict)

    def wants(self, position: int) -> bool:
        """True if the row at this position is one of the evenly spaced ones."""
        return position % self.stride == 0

    def keep(self, candidate: Candidate) -> None:
        """Take a candidate; when the room is full, keep every second of the spaced ones."""
        for label in candidate.labels:
            if label not in self.first_of and len(self.first_of) < MAX_LABELS:
                self.first_of[label] = candidate
        if self.wants(candidate.position):
            self.spaced.append(candidate)
        if len(self.spaced) > 2 * self.room:
            self.stride *= 2
            self.spaced = [c for c in self.spaced if self.wants(c.position)]

    def candidates(self) -> list[Candidate]:
        """All candidates, each once, in the order of the data."""
        by_position = {c.position: c for c in (*self.spaced, *self.first_of.values())}
        return [by_position[p] for p in sorted(by_position)]


Survey = dict[Cell, CellSurvey]


def survey(shards: Iterable[Shard], *, room: int) -> Survey:
    """Count the rows of every cell and collect candidates.

    Args:
        shards: the files of the data set, in order.
        room: at least how many candidates a cell keeps, where it has that many rows.

    Returns:
        The cells, sorted.
    """
    cells: Survey = {}
    for number, shard in enumerate(shards):
        for group, table in shard.light_groups():
            _survey_group(cells, number, group, table, room)
    return dict(sorted(cells.items()))


def _survey_group(cells: Survey, shard: int, group: int, table: pa.Table, room: int) -> None:
    """Add one row group; Python touches only rows that can become candidates."""
    names = [pc.fill_null(table[c], "").to_pylist() for c in Cell._fields]
    cell_of_row = [Cell(*values) for values in zip(*names, strict=True)]
    labels = _labels(table)
    taken: dict[Cell, set[str]] = {}
    for row, (cell, row_labels) in enumerate(zip(cell_of_row, labels, strict=True)):
        state = cells.setdefault(cell, CellSurvey(room))
        position = state.rows
        state.rows += 1
        known = taken.setdefault(cell, set(state.first_of))
        new = row_labels - known if len(known) < MAX_LABELS else ()
        if new or state.wants(position):
            known.update(new)
            key = _image_key(table, row, cell, fallback=f"{shard}/{group}/{row}")
            state.keep(Candidate(shard, group, row, position, row_labels, key))


def _labels(table: pa.Table) -> list[frozenset[str]]:
    """The distinct labels of each row; equal sets are one object."""
    column = table["marks"].combine_chunks()
    encoded = pc.struct_field(column.flatten(), "label").dictionary_encode()
    vocabulary = encoded.dictionary.to_pylist()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    parents = column.value_parent_indices().to_numpy(zero_copy_only=False).astype(np.int64)
    width = len(vocabulary) + 1
    pairs = np.unique((parents * width + codes)[codes >= 0])
    sets: list[set[int]] = [set() for _ in range(len(column))]
    for parent, code in zip((pairs // width).tolist(), (pairs % width).tolist(), strict=True):
        sets[parent].add(code)
    shared: dict[frozenset[int], frozenset[str]] = {}
    result = []
    for codes_of_row in map(frozenset, sets):
        if codes_of_row not in shared:
            shared[codes_of_row] = frozenset(vocabulary[c] for c in codes_of_row)
        result.append(shared[codes_of_row])
    return result


def _image_key(table: pa.Table, row: int, cell: Cell, *, fallback: str) -> ImageKey:
    image_id = table["image_id"][row].as_py()
    window = table["window"][row].as_py()
    return ImageKey(cell.source, cell.split, fallback if image_id is None else image_id, tuple(window or ()))


def choose(cells: Survey, limit: int) -> list[Candidate]:
    """Choose up to ``limit`` rows: the cells take turns, every source having its turn before a second.

    A cell gives the row with the most labels that its task has not shown yet; among equals one whose
    picture is on the page already for another task, so that tasks can be compared side by side; among
    those the one farthest from the cell's earlier rows; then the first.

    Returns:
        The rows in the order of the data.
    """
    choosers = [_Chooser(cell, cells[cell].candidates()) for cell in _turns(cells)]
    shown: set[tuple[str, str]] = set()
    tasks_of_image: dict[ImageKey, set[str]] = {}
    chosen: list[Candidate] = []
    while choosers and len(chosen) < limit:
        for chooser in choosers[: limit - len(chosen)]:
            pick = chooser.next(shown, tasks_of_image)
            chosen.append(pick)
            shown.update((chooser.cell.task, label) for label in pick.labels)
            tasks_of_image.setdefault(pick.image, set()).add(chooser.cell.task)
        choosers = [c for c in choosers if c.left]
    return sorted(chosen, key=lambda c: c.place)


def _turns(cells: Iterable[Cell]) -> list[Cell]:
    """The order in which cells take turns: the first cell of each source, the second of each, ..."""
    rank: dict[str, int] = {}
    order = []
    for cell in sorted(cells):
        order.append((rank.get(cell.source, 0), cell))
        rank[cell.source] = rank.get(cell.source, 0) + 1
    return [cell for _, cell in sorted(order)]


class _Chooser:
    """What is left of one cell, and how far each row lies from the rows that it gave."""

    def __init__(self, cell: Cell, candidates: list[Candidate]) -> None:
        self.cell = cell
        self.left = candidates
        self._given: list[int] = []

    def next(self, shown: set[tuple[str, str]], tasks_of_image: dict[ImageKey, set[str]]) -> Candidate:
        task = self.cell.task

        def merit(candidate: Candidate) -> tuple[int, bool, int, int]:
            new = sum((task, label) not in shown for label in candidate.labels)
            tasks = tasks_of_image.get(candidate.image, set())
            distance = min((abs(candidate.position - p) for p in self._given), default=0)
            return (new, bool(tasks) and task not in tasks, distance, -candidate.position)

        best = max(self.left, key=merit)
        self.left.remove(best)
        self._given.append(best.position)
        return best
