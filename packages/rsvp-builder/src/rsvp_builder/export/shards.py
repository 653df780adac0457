"""Which shards a finished data set consists of, by its ledger."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rsvp_builder.dataset.captions import read_captions
from rsvp_builder.dataset.layout import Folder, read_json
from rsvp_builder.errors import RsvpError, UnknownNameError


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard of rows, and the shard of captioned rows about the same pictures, if there is one."""

    path: Path
    captions: Path | None = None

    @property
    def paths(self) -> list[Path]:
        """Its files."""
        return [self.path] if self.captions is None else [self.path, self.captions]


@dataclass(frozen=True, slots=True)
class Split:
    """One split of one source.

    Attributes:
        source: name of the source.
        split: name of the split.
        rows: rows in ``data/``, captioned ones included.
        shards: in order.
        planned: shards of rows that wait for answers, in order.
        tasks: tasks of its rows.
    """

    source: str
    split: str
    rows: int
    shards: tuple[Shard, ...]
    planned: tuple[Path, ...]
    tasks: frozenset[str]

    @property
    def paths(self) -> list[Path]:
        """Files of its shards, without those of planned rows."""
        return [path for shard in self.shards for path in shard.paths]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which rows to take; an empty collection takes all.

    Attributes:
        sources: names of sources.
        splits: names of splits.
        tasks: names of tasks.
    """

    sources: Collection[str] = ()
    splits: Collection[str] = ()
    tasks: Collection[str] = ()


def splits_of(folder: Folder, source: str) -> list[Split]:
    """Every split of a complete source, those without rows too.

    Raises:
        RsvpError: its ledger cannot be read.
    """
    summary = read_json(folder.ledger(source) / "summary.json")
    account = read_captions(folder, source)
    captioned = account["splits"] if account else {}
    found = []
    for split, of in summary["splits"].items():
        own = captioned.get(split, {"rows": 0, "shards": {}, "tasks": {}})
        shards, planned = [], []
        for number in range(of["shards"]):
            captions = folder.captions_shard(source, split, number, of["shards"])
            path = folder.shard(source, split, number, of["shards"])
            shards.append(Shard(path, captions if captions.name in own["shards"] else None))
            if summary["planned"]["tasks"]:
                planned.append(folder.planned_shard(source, split, number, of["shards"]))
        tasks = frozenset((*of["tasks"], *own["tasks"]))
        found.append(Split(source, split, of["rows"] + own["rows"], tuple(shards), tuple(planned), tasks))
    return found


def choose(folder: Folder, chosen: Chosen) -> list[Split]:
    """The chosen splits that have rows, by source.

    Raises:
        RsvpError: it is no finished data set, or no row is left.
        UnknownNameError: a source, split or task is not in it.
    """
    every = [split for source in folder.sources() for split in splits_of(folder, source)]
    for what, names, known in (
        ("source", chosen.sources, {split.source for split in every}),
        ("split", chosen.splits, {split.split for split in every}),
        ("task", chosen.tasks, {task for split in every for task in split.tasks}),
    ):
        for name in names:
            if name not in known:
                raise UnknownNameError(f"{what} of {folder.out}", name, known)
    found = [
        split
        for split in every
        if split.rows
        and (not chosen.sources or split.source in chosen.sources)
        and (not chosen.splits or split.split in chosen.splits)
        and (not chosen.tasks or not split.tasks.isdisjoint(chosen.tasks))
    ]
    if not found:
        raise RsvpError(f"{folder.out}: no row is left: no chosen source has the chosen splits and tasks")
    return found
