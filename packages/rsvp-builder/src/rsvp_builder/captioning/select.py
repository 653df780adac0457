"""Which rows wait for an answer: planned ones, and built ones that detailed captions are asked for.

A detailed caption is asked of the marks of each row of ``referring_classification_box``, which every
marked box of a frame is in once; of a source without that task, of its ``region_caption`` rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from rsvp_builder.captioning.shelf import DERIVED, DERIVED_FROM, Place, Shard, derive
from rsvp_builder.dataset.layout import Folder, is_captions, read_json
from rsvp_builder.errors import RsvpError, UnknownNameError
from rsvp_builder.tasks import KNOWN, task

CAPTIONED = tuple(name for name in KNOWN if not task(name).written)
"""Tasks whose answers a captioner writes."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the rows that wait.

    Attributes:
        tasks: what is asked; empty for all that the builds planned.
        sources: names of sources; empty for all.
        splits: splits of the releases; empty for all.
        limit: most rows; None for all. Rows are drawn by ``seed`` and their own ``id``, so a larger limit
            takes the rows of a smaller one too.
        seed: decides which rows a limit takes.
    """

    tasks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 0


def waiting(out: Path, selection: Selection) -> Iterator[Place]:
    """The rows, in the order of the data set; pictures are not read.

    Raises:
        RsvpError: it is no finished data set, or a task needs no captioner.
        UnknownNameError: there is no such task, source or split.
    """
    folder = Folder(out)
    _check(folder, selection)
    found = (
        place
        for source in folder.sources()
        if not selection.sources or source in selection.sources
        for place in _of_source(folder, source, selection)
    )
    if selection.limit is None:
        yield from found
        return
    salt = f"{selection.seed}\x1f".encode()
    ranked = (
        (blake2b(salt + place.row_id.encode(), digest_size=8).digest(), order, place)
        for order, place in enumerate(found)
    )
    for _, _, place in sorted(heapq.nsmallest(selection.limit, ranked), key=lambda entry: entry[1]):
        yield place


def _of_source(folder: Folder, source: str, selection: Selection) -> Iterator[Place]:
    planned: set[str] = set()
    for path in folder.planned_shards(source):
        shard = Shard(path)
        table = shard.column("id", "split", "task")
        shard.close()
        name = str(path.relative_to(folder.out))
        columns = (table[column].to_pylist() for column in ("id", "split", "task"))
        for row, (row_id, split, asked) in enumerate(zip(*columns, strict=True)):
            planned.add(asked)
            if _wanted(selection, split, asked):
                yield Place(row_id, source, split, asked, name, row)
    if DERIVED in selection.tasks and DERIVED not in planned:
        yield from _derived(folder, source, selection)


def _wanted(selection: Selection, split: str, asked: str) -> bool:
    return (not selection.tasks or asked in selection.tasks) and (
        not selection.splits or split in selection.splits
    )


def _derived(folder: Folder, source: str, selection: Selection) -> Iterator[Place]:
    """Rows made of built ones."""
    by = ""
    for path in folder.shards(source):
        if is_captions(path):
            continue
        shard = Shard(path)
        tasks = shard.contents.tasks
        by = by or next((name for name in DERIVED_FROM if name in tasks), "")
        name = str(path.relative_to(folder.out))
        for position, asked in enumerate(tasks):
            if asked == by:
                row = derive(shard.row(position), shard.contents.parts[position])
                if _wanted(selection, row["split"], DERIVED):
                    yield Place(row["id"], source, row["split"], DERIVED, name, position)
        shard.close()


def _check(folder: Folder, selection: Selection) -> None:
    known = folder.sources()
    for name in selection.tasks:
        if name not in CAPTIONED:
            if name in KNOWN:
                raise RsvpError(
                    f"the answers of {name} come from labels or rules and need no captioner; "
                    f"--task takes {', '.join(CAPTIONED)}"
                )
            raise UnknownNameError("task", name, CAPTIONED)
    for name in selection.sources:
        if name not in known:
            raise UnknownNameError("source", name, known)
    splits: set[str] = set()
    for source in known:
        splits |= set(read_json(folder.ledger(source) / "summary.json")["splits"])
    for name in selection.splits:
        if name not in splits:
            raise UnknownNameError("split", name, splits)
