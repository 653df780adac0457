"""What was built beside the paper's Table I: every recipe with its samples, ours, and why they differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rsvp_builder.dataset.captions import read_captions
from rsvp_builder.dataset.layout import Folder, read_json
from rsvp_builder.engine.layers import is_planned
from rsvp_builder.manifest import Manifest, Recipe
from rsvp_builder.tasks import KNOWN, task


@dataclass(frozen=True, slots=True)
class Covered:
    """One row of Table I.

    Attributes:
        task: of the recipe.
        source: as Table I calls it.
        built_from: name of our manifest.
        paper: samples in the paper.
        rows: rows of ours that the recipe counts, None where the source was not built.
        marks: marks on them.
        planned: whether a captioner writes their answers.
        captioned: how many of them have one in the data set; None where that is not the captioner's.
        note: why the two differ, where that is known.
    """

    task: str
    source: str
    built_from: str
    paper: int
    rows: int | None
    marks: int | None
    planned: bool
    captioned: int | None
    note: str

    @property
    def ratio(self) -> float | None:
        """Ours through the paper's."""
        return None if self.rows is None else self.rows / self.paper

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {name: getattr(self, name) for name in self.__slots__} | {"ratio": self.ratio}


def coverage(folder: Folder, manifests: Iterable[Manifest]) -> list[Covered]:
    """Every recipe of some manifests beside what the folder holds, in the order of the paper's tasks."""
    finished = set(folder.finished())
    found = []
    for manifest in manifests:
        summary = account = None
        if manifest.name in finished:
            summary = read_json(folder.ledger(manifest.name) / "summary.json")
            account = read_captions(folder, manifest.name)
        found += [_covered(manifest, recipe, summary, account) for recipe in manifest.recipes]
    order = {name: number for number, name in enumerate(KNOWN)}
    return sorted(found, key=lambda c: (order.get(c.task, len(order)), -c.paper, c.source))


def _covered(
    manifest: Manifest, recipe: Recipe, summary: dict[str, Any] | None, account: dict[str, Any] | None
) -> Covered:
    rows = marks = captioned = None
    planned = is_planned(task(recipe.task), manifest)
    counted = set(recipe.tasks or [recipe.task])
    if summary is not None and planned:
        captioned = sum(
            count["rows"]
            for split, told in (account["splits"] if account else {}).items()
            if not recipe.splits or split in recipe.splits
            for name, count in told["tasks"].items()
            if name in counted
        )
    if summary is not None:
        of = [
            count
            for split, told in summary["splits"].items()
            if split in (recipe.splits or summary["splits"])
            for name, count in told["tasks"].items()
            if name in counted
        ]
        rows, marks = sum(count["rows"] for count in of), sum(count["marks"] for count in of)
    return Covered(
        task=recipe.task,
        source=recipe.source or manifest.name,
        built_from=manifest.name,
        paper=recipe.paper_samples,
        rows=rows,
        marks=marks,
        planned=planned,
        captioned=captioned,
        note=recipe.note,
    )
