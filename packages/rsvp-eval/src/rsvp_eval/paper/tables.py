"""The form of the published tables."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FILE = Path(__file__).with_name("earthmarker.toml")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Citation(_Strict):
    """Where the tables are printed."""

    authors: str
    title: str
    venue: str
    doi: str
    arxiv: str

    def __str__(self) -> str:
        return f"{self.authors}, “{self.title},” {self.venue}, https://doi.org/{self.doi}, arXiv:{self.arxiv}"


class Published(_Strict):
    """One published row.

    Attributes:
        method: as the paper names it.
        values: by metric, as printed (times 100, with the paper's decimals).
        second_hand: likewise, but not read in the table itself; printed with a mark.
        source: where those come from.
    """

    method: str
    values: dict[str, str] = {}
    second_hand: dict[str, str] = {}
    source: str | None = None

    @model_validator(mode="after")
    def _sourced(self) -> Published:
        if bool(self.second_hand) != (self.source is not None):
            raise ValueError(f"{self.method}: values of second hand have a source, and no others do")
        if self.values.keys() & self.second_hand.keys():
            raise ValueError(f"{self.method}: a value is either confirmed or of second hand")
        return self


class Part(_Strict):
    """What one task of ours corresponds to.

    Attributes:
        key: behind the table's name in a task's ``published``.
        title: head of its columns, or what its rows are told by.
        metrics: in the order of the columns.
        n: samples of the published test set.
        n_unverified: that number is not certain.
        protocol: of labels, as the paper names it.
        splits: those of ours that are the published one.
        caveats: why no row of ours is quite comparable.
        rows: as published.
    """

    key: str
    title: str
    metrics: tuple[str, ...]
    n: int
    n_unverified: bool = False
    protocol: str | None = None
    splits: tuple[str, ...]
    caveats: tuple[str, ...] = ()
    rows: tuple[Published, ...]

    @model_validator(mode="after")
    def _known_metrics(self) -> Part:
        for row in self.rows:
            if (row.values.keys() | row.second_hand.keys()) - set(self.metrics):
                raise ValueError(f"{self.key}: {row.method} has a metric that is no column")
        return self


class PublishedTable(_Strict):
    """A table of the paper.

    Attributes:
        name: its Roman number.
        title: what it shows.
        layout: ``columns`` sets its parts side by side, ``rows`` one below the other, with equal metrics.
        notes: oddities of the table itself.
        parts: its parts.
    """

    name: str
    title: str
    layout: Literal["columns", "rows"]
    notes: tuple[str, ...] = ()
    parts: tuple[Part, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _stackable(self) -> PublishedTable:
        if self.layout == "rows" and len({part.metrics for part in self.parts}) > 1:
            raise ValueError(f"table {self.name}: parts one below the other need the same metrics")
        return self


class Paper(_Strict):
    """A paper's tables."""

    citation: Citation
    tables: tuple[PublishedTable, ...]

    def part(self, published: str) -> Part | None:
        """The part that a task's ``published`` names (``TABLE.PART``), or None if there is none."""
        name, _, key = published.partition(".")
        for table in self.tables:
            for part in table.parts:
                if (table.name, part.key) == (name, key):
                    return part
        return None


@functools.cache
def earthmarker() -> Paper:
    """The tables of the EarthMarker paper."""
    return Paper.model_validate(tomllib.loads(FILE.read_text(encoding="utf-8")))
