"""Rows of a data set made by rsvp-build, without their pictures."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import polars as pl

from rsvp_eval.errors import EvalError, UnknownNameError
from rsvp_eval.inputs.folder import Content, contents, read, shards, unanswered

T = TypeVar("T")

Names = str | Sequence[str] | None
"""One name, several, or None for all."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of a row; see docs/dataset-format.md.

    Attributes:
        index: from 1, in the order of the list.
        kind: ``box`` or ``point``.
        xyxy: the box in pixels of the row's picture, or None.
        xy: the point, or None.
        label: its class, or None.
        caption: what people or a rule wrote about it, or None.
    """

    index: int
    kind: str
    xyxy: tuple[float, float, float, float] | None
    xy: tuple[float, float] | None
    label: str | None
    caption: str | None


class Message(NamedTuple):
    """One turn: ``user`` or ``assistant``, and what it says."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a data set, all but its picture.

    Attributes:
        id: 32 hexadecimal digits.
        image_id: raw image, unique within its source.
        source: name of the source.
        split: split of the release.
        task: what is asked.
        granularity: ``image``, ``region`` or ``point``.
        marks: what is asked about.
        messages: question and answer by turns; a planned row has no answer.
        width: of the row's picture, in pixels.
        height: of the row's picture, in pixels.
        window: ``x1 y1 x2 y2`` of the tile in the raw image; None for a whole image.
    """

    id: str
    image_id: str
    source: str
    split: str
    task: str
    granularity: str
    marks: tuple[Mark, ...]
    messages: tuple[Message, ...]
    width: int
    height: int
    window: tuple[int, int, int, int] | None = None

    @property
    def answer(self) -> str | None:
        """The whole answer, or None where nobody has written one yet."""
        said = [message.content for message in self.messages if message.role == "assistant"]
        return "\n\n".join(said) if said else None

    @property
    def image(self) -> str:
        """The raw image among all sources."""
        return f"{self.source}/{self.image_id}"

    @property
    def indices(self) -> tuple[int, ...]:
        """Indices of the marks."""
        return tuple(mark.index for mark in self.marks)


def read_rows(
    folder: Path,
    *,
    task: Names = None,
    source: Names = None,
    split: Names = None,
    granularity: Names = None,
    planned: bool = False,
) -> list[Row]:
    """Read rows of a data set, in the order of its files; pictures are not touched.

    Args:
        folder: the data set.
        task: what is asked.
        source: names of sources.
        split: splits of the release.
        granularity: ``image``, ``region`` or ``point``.
        planned: read the planned rows too, behind the others.

    Raises:
        EvalError: this is no finished data set, a file of it is damaged, or no row fits.
        UnknownNameError: no row has one of the names; the message says what is there.
    """
    wanted = {"task": task, "source": source, "split": split, "granularity": granularity}
    names = {key: (n,) if isinstance(n, str) else tuple(n) for key, n in wanted.items() if n is not None}
    kinds = (False, True) if planned else (False,)
    found = {kind: contents(folder, planned=kind) for kind in kinds}
    there = [content for kind in kinds for content in found[kind]]
    for key, given in names.items():
        for name in given:
            known = {getattr(content, key) for content in there}
            if name not in known:
                if key == "task" and not planned:
                    _refuse_planned(folder, name)
                raise UnknownNameError(key, name, known)
    rows: list[Row] = []
    for kind in kinds:
        chosen = [content for content in found[kind] if _fits(content, names)]
        files = shards(folder, sorted({content.source for content in chosen}), planned=kind)
        if files:
            with _collector_paused():
                rows.extend(_read(folder, files, names))
    if not rows:
        asked = ", ".join(f"{key} {' or '.join(given)}" for key, given in names.items())
        raise EvalError(f"{folder}: no rows of {asked or 'any kind'}. There are {_told(there, names)}")
    return rows


def _fits(content: Content, names: dict[str, tuple[str, ...]]) -> bool:
    return all(getattr(content, key) in given for key, given in names.items())


def _refuse_planned(folder: Path, task: str) -> None:
    """Say so where the rows of a task have no answers yet."""
    rows = sum(content.rows for content in contents(folder, planned=True) if content.task == task)
    if rows:
        raise unanswered(folder, [task], rows)


def _told(there: Iterable[Content], names: dict[str, tuple[str, ...]]) -> str:
    """What there is, what fits best first."""
    there = sorted(there, key=lambda c: -sum(getattr(c, key) in given for key, given in names.items()))
    told = [f"{c.rows:,} of {c.task} in {c.source} {c.split}" for c in there]
    more = f" and {len(told) - 12} more kinds" if len(told) > 12 else ""
    return "; ".join(told[:12]) + more if told else "none at all"


_NAMED = ("image_id", "source", "split", "task", "granularity")


def _read(folder: Path, files: list[Path], names: dict[str, tuple[str, ...]]) -> Iterator[Row]:
    def query() -> pl.DataFrame:
        scan = pl.scan_parquet(files)
        for key, given in names.items():
            scan = scan.filter(pl.col(key).is_in(list(given)))
        return scan.select("id", *_NAMED, "width", "height", "window", "marks", "messages").collect()

    frame = read(folder, query)
    share: dict[str, str] = {}
    marks, messages = read(folder, lambda: (_marks(frame, share), _messages(frame, share)))
    plain = [frame[name].to_list() for name in ("id", "width", "height")]
    named = [_shared(frame[name], share) for name in _NAMED]
    windows = [None if window is None else tuple(window) for window in frame["window"].to_list()]
    columns = zip(plain[0], *named, marks, messages, plain[1], plain[2], windows, strict=True)
    return itertools.starmap(Row, columns)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Millions of small objects without a cycle among them: collecting would take as long as reading."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _marks(frame: pl.DataFrame, share: dict[str, str]) -> Iterator[tuple[Mark, ...]]:
    """The marks of each row. Unnested in columns: structs in lists take polars twenty times as long."""
    flat = frame.select("marks").explode("marks").unnest("marks").drop_nulls("index")
    boxes = _coordinates(flat["xyxy"], 4)
    points = _coordinates(flat["xy"], 2)
    every = zip(
        flat["index"].to_list(),
        _shared(flat["kind"], share),
        boxes,
        points,
        _shared(flat["label"], share),
        flat["caption"].to_list(),
        strict=True,
    )
    return _grouped(itertools.starmap(Mark, every), frame["marks"].list.len())


def _messages(frame: pl.DataFrame, share: dict[str, str]) -> Iterator[tuple[Message, ...]]:
    flat = frame.select("messages").explode("messages").unnest("messages").drop_nulls("role")
    every = zip(_shared(flat["role"], share), _shared(flat["content"], share), strict=True)
    return _grouped(map(Message._make, every), frame["messages"].list.len())


def _grouped(items: Iterator[T], lengths: pl.Series) -> Iterator[tuple[T, ...]]:
    return (tuple(itertools.islice(items, length)) for length in lengths.fill_null(0).to_list())


def _coordinates(series: pl.Series, length: int) -> list[tuple[float, ...] | None]:
    parts = [series.list.get(k, null_on_oob=True).alias(str(k)) for k in range(length)]
    return [None if values[0] is None else values for values in pl.DataFrame(parts).iter_rows()]


def _shared(series: pl.Series, share: dict[str, str]) -> list[Any]:
    """The strings of a column, equal ones as one object."""
    return [value if value is None else share.setdefault(value, value) for value in series.to_list()]
