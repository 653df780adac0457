"""Counting the rows and marks of shards with polars, one shard at a time; pictures are never read.

Everything is a count by some keys, so the counts of shards add up, in any order, and memory holds one
shard's light columns and as many lines as there are different keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from rsvp_builder.dataset.layout import is_captions
from rsvp_builder.errors import RsvpError

GRID = 8
"""Cells of the grid of mark positions, across and down."""

_MERGED_AT_ONCE = 32

_ASK = ("source", "task", "granularity")

# What is counted: keys, whatever their type, and what adds up over shards. Pictures and images add up
# because all rows of an image lie in one shard, or captioned ones in the shard beside it.
_COUNTED: dict[str, tuple[dict[str, type[pl.DataType]], tuple[str, ...]]] = {
    "rows": (
        dict.fromkeys(("source", "split", "task", "granularity", "provenance"), pl.String),
        ("rows", "marks"),
    ),
    "images": (dict.fromkeys(("source", "split", "task", "granularity"), pl.String), ("images",)),
    "frames": ({"source": pl.String, "width": pl.Int32, "height": pl.Int32}, ("pictures", "rows")),
    "labels": (dict.fromkeys((*_ASK, "label"), pl.String), ("marks",)),
    "flags": (dict.fromkeys(("source", "task", "flags"), pl.String), ("marks",)),
    "sides": ({**dict.fromkeys(_ASK, pl.String), "tenths": pl.Int64}, ("marks",)),
    "cells": (
        {**dict.fromkeys(("source", "granularity"), pl.String), "column": pl.Int64, "row": pl.Int64},
        ("marks",),
    ),
    "words": ({**dict.fromkeys(_ASK, pl.String), "words": pl.Int64}, ("captions",)),
}

# An answer with a line a mark holds as many captions; white space can stand for no line's beginning.
_LINE_START = r"(?m)^<(?:Region|Mark) \d+>:"
_BREAK = "\x1f"
_NAME = r"<(Region|Mark) (\d+)>"


def count(paths: Iterable[Path]) -> dict[str, pl.DataFrame]:
    """Count shards of the published row.

    Returns:
        Tables of counts, keys before counts, in no order. ``tenths`` is the square root of a box's area
        in tenths of a pixel, rounded down; ``column`` and ``row`` the cell of the centre of a box, or of
        a point, in a grid of ``GRID`` by ``GRID`` laid over its picture; ``words`` the length of a
        mark's caption or, in tasks that caption, of an answer whose marks have none.

    Raises:
        RsvpError: a shard cannot be read.
    """
    gathered = {name: [_empty(name)] for name in _COUNTED}
    for path in paths:
        try:
            found = pl.collect_all([*_plans(path).values(), _answers(path)], engine="streaming")
        except (pl.exceptions.PolarsError, OSError) as error:
            raise RsvpError(
                f"{path}: cannot be counted ({error}). `rsvp-build validate` says what is wrong with the "
                "data set; building again writes what is missing."
            ) from error
        for name, frame in zip([*_COUNTED, "words"], found, strict=True):
            gathered[name].append(frame)
            if len(gathered[name]) > _MERGED_AT_ONCE:
                gathered[name] = [_merged(name, gathered[name])]
    return {name: _merged(name, frames) for name, frames in gathered.items()}


def _empty(name: str) -> pl.DataFrame:
    keys, added = _COUNTED[name]
    return pl.DataFrame(schema={**keys, **dict.fromkeys(added, pl.Int64)})


def _merged(name: str, frames: list[pl.DataFrame]) -> pl.DataFrame:
    keys, added = _COUNTED[name]
    everything = pl.concat([frame.cast(_empty(name).schema) for frame in frames])
    return everything.group_by(list(keys)).agg(pl.col(added).sum())


def _plans(path: Path) -> dict[str, pl.LazyFrame]:
    """A table of counts for each entry of ``_COUNTED``, in its order."""
    text = pl.col("source", "split", "task", "granularity", "provenance").fill_null("")
    rows = pl.scan_parquet(path).select(
        text, "image_id", "window", "width", "height", pl.col("marks").list.len().fill_null(0).alias("marks")
    )
    window = pl.col("window").cast(pl.List(pl.String)).list.join(",").fill_null("")
    picture = pl.concat_str(pl.col("image_id").fill_null(""), pl.lit("\n"), window)
    plans = {
        "rows": [pl.len().alias("rows"), pl.col("marks").sum()],
        "images": [pl.col("image_id").n_unique().alias("images")],
        "frames": [pl.col("picture").drop_nulls().n_unique().alias("pictures"), pl.len().alias("rows")],
    }
    framed = rows.with_columns(picture.alias("picture"))
    beside = _shard_beside(path)
    if beside is not None:  # its pictures are counted there
        known = pl.scan_parquet(beside).select(picture.alias("picture"), pl.lit(value=True).alias("known"))
        framed = framed.join(known.unique(), on="picture", how="left").with_columns(
            pl.when(pl.col("known").is_null()).then(pl.col("picture"))
        )
    return {name: framed.group_by(_keys(name)).agg(agg) for name, agg in plans.items()} | _mark_plans(path)


def _shard_beside(path: Path) -> Path | None:
    """The shard with the other rows of the frames of a shard of captioned rows."""
    if not is_captions(path):
        return None
    found = path.with_name(path.name.replace("-captions-", "-", 1))
    return found if found.is_file() else None


def _mark_plans(path: Path) -> dict[str, pl.LazyFrame]:
    fields = ("kind", "xyxy", "xy", "label", "caption", "flags")
    marks = (
        pl.scan_parquet(path)
        .select(pl.col(_ASK).fill_null(""), "width", "height", "marks")
        .explode("marks")
        .drop_nulls("marks")
        .select(*_ASK, "width", "height", *(pl.col("marks").struct.field(field) for field in fields))
    )
    boxes = pl.col("kind") == "box"
    x1, y1, x2, y2 = (_number("xyxy", position) for position in range(4))
    x, y = _number("xy", 0), _number("xy", 1)
    tenths = (((x2 - x1) * (y2 - y1)).sqrt() * 10).floor()
    column = pl.when(boxes).then((x1 + x2) / 2).otherwise(x) / pl.col("width")
    row = pl.when(boxes).then((y1 + y2) / 2).otherwise(y) / pl.col("height")
    counted = {
        "labels": marks.drop_nulls("label"),
        "flags": marks.explode("flags").drop_nulls("flags"),
        "sides": _whole(marks.filter(boxes), tenths=tenths),
        "cells": _whole(marks, column=_cell(column), row=_cell(row)),
    }
    plans = {name: frame.group_by(_keys(name)).len("marks") for name, frame in counted.items()}
    captions = marks.drop_nulls("caption").with_columns(_words(pl.col("caption")))
    plans["words"] = captions.group_by(_keys("words")).len("captions")
    return plans


def _answers(path: Path) -> pl.LazyFrame:
    """As ``words``, for answers of captioning tasks whose marks have no caption of their own."""
    own = pl.col("marks").list.eval(pl.element().struct.field("caption").is_not_null()).list.any()
    said = (
        pl.scan_parquet(path)
        .select(pl.col(_ASK).fill_null(""), "marks", "messages")
        .filter(pl.col("task").str.contains("caption", literal=True) & ~own.fill_null(False))
        .select(*_ASK, "messages")
        .explode("messages")
        .drop_nulls("messages")
        .select(*_ASK, pl.col("messages").struct.field("role"), pl.col("messages").struct.field("content"))
        .filter(pl.col("role") == "assistant")
    )
    parts = pl.col("content").str.replace_all(_LINE_START, _BREAK).str.split(_BREAK)
    texts = said.select(*_ASK, parts.alias("content")).explode("content").drop_nulls("content")
    spoken = texts.with_columns(_words(pl.col("content").str.replace_all(_NAME, "<$1$2>")))
    return spoken.filter(pl.col("words") > 0).group_by(_keys("words")).len("captions")


def _keys(name: str) -> list[str]:
    return list(_COUNTED[name][0])


def _number(column: str, position: int) -> pl.Expr:
    return pl.col(column).list.get(position, null_on_oob=True)


def _cell(share: pl.Expr) -> pl.Expr:
    """The cell of a place given as a share of its picture; what lies on the far edge is in the last."""
    return (share * GRID).floor().clip(0, GRID - 1)


def _whole(frame: pl.LazyFrame, **columns: pl.Expr) -> pl.LazyFrame:
    """The frame with these columns as whole numbers; rows where one is no number are left out."""
    numbers = frame.with_columns(**columns).filter(*(pl.col(name).is_finite() for name in columns))
    return numbers.with_columns(pl.col(name).cast(pl.Int64) for name in columns)


def _words(text: pl.Expr) -> pl.Expr:
    return text.str.count_matches(r"\S+").alias("words")
