"""Statistics of a finished data set as tables, from :mod:`counts`; pictures are never read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from rsvp_builder.dataset.counts import GRID, count
from rsvp_builder.dataset.layout import Folder

Statistics = dict[str, list[dict[str, Any]]]
"""Tables by name, each a list of records; see :func:`statistics`."""

_ASK = ["source", "task", "granularity"]


def statistics(out: Path) -> Statistics:
    """Tables over all rows, each a list of records, which do not depend on the order of anything.

    Returns:
        * ``rows``: images, rows and marks by source, split, task and granularity.
        * ``granularities``, ``provenance``: rows and marks of each over the whole set; by source and
          task as well for the latter.
        * ``classes``, ``flags``: marks by source, a column a task; ``class_totals``: marks of each class
          by granularity over all sources. Marks without a class are in none of them. A mark that two
          tasks ask about counts twice.
        * ``mark_sizes``, ``mark_size_bins``: quantiles and histogram of the square root of the area of
          boxes in pixels; a bin holds ``from_px <= size < to_px``. Quantiles are values that occur,
          rounded down to a tenth.
        * ``mark_positions``: marks in each cell of an 8 x 8 ``grid`` over their picture, a list a row of
          cells from the top; a box is where its centre is.
        * ``frames``: pictures and rows by size of the picture; ``image_sizes``: quantiles of the longer
          side in pixels, over pictures.
        * ``caption_lengths``, ``caption_length_bins``: quantiles and counts of words in captions: those
          of marks or, in captioning tasks whose marks have none, the answers.

    Raises:
        RsvpError: ``out`` is no finished data set, or a shard cannot be read.
    """
    folder = Folder(out)
    return tabulate(path for source in folder.sources() for path in folder.shards(source))


def tabulate(shards: Iterable[Path]) -> Statistics:
    """The tables of :func:`statistics` over some shards.

    Raises:
        RsvpError: a shard cannot be read.
    """
    counts = count(shards)
    tables = {
        "rows": _rows(counts),
        "granularities": _granularities(counts["rows"]),
        "provenance": _sums(counts["rows"], ["source", "task", "provenance"], "rows", "marks"),
        "classes": _by_task(counts["labels"], "label"),
        "class_totals": _class_totals(counts["labels"]),
        "flags": _by_task(counts["flags"], "flags"),
        "mark_sizes": _quantiles(counts["sides"], _ASK, (pl.col("tenths") / 10).round(1), "marks", "px"),
        "mark_size_bins": _octaves(counts["sides"]),
        "mark_positions": _grids(counts["cells"]),
        "frames": counts["frames"].sort(
            "source", "rows", "width", "height", descending=[False, True, False, False]
        ),
        "image_sizes": _quantiles(
            counts["frames"], ["source"], pl.max_horizontal("width", "height"), "pictures", "px"
        ),
        "caption_lengths": _quantiles(counts["words"], _ASK, pl.col("words"), "captions", "words"),
        "caption_length_bins": counts["words"].sort(*_ASK, "words"),
    }
    return {name: table.to_dicts() for name, table in tables.items()}


def _sums(counts: pl.DataFrame, keys: list[str], *added: str) -> pl.DataFrame:
    return counts.group_by(keys).agg(pl.col(added).sum()).sort(keys)


def _rows(counts: dict[str, pl.DataFrame]) -> pl.DataFrame:
    keys = ["source", "split", "task", "granularity"]
    rows = _sums(counts["rows"], keys, "rows", "marks").join(counts["images"], on=keys, how="left")
    per_row = (pl.col("marks") / pl.col("rows")).alias("marks_per_row")
    return rows.select(*keys, "images", "rows", "marks", per_row).sort(keys)


def _granularities(rows: pl.DataFrame) -> pl.DataFrame:
    added = [pl.col("source").n_unique().alias("sources"), pl.col("rows", "marks").sum()]
    return rows.group_by("granularity").agg(added).sort("granularity")


def _by_task(counts: pl.DataFrame, what: str) -> pl.DataFrame:
    """Marks of each source and ``what``, a column a task, most marks first."""
    counts = _sums(counts, ["source", "task", what], "marks")
    order = counts.group_by("source", what).agg(pl.col("marks").sum())
    order = order.sort("source", "marks", what, descending=[False, True, False]).drop("marks")
    wide = counts.pivot("task", index=["source", what], values="marks", sort_columns=True).fill_null(0)
    return order.join(wide, on=["source", what], how="left", maintain_order="left")


def _class_totals(labels: pl.DataFrame) -> pl.DataFrame:
    added = [pl.col("source").n_unique().alias("sources"), pl.col("marks").sum()]
    totals = labels.group_by("label", "granularity").agg(added)
    return totals.sort("marks", "label", "granularity", descending=[True, False, False])


def _quantiles(counts: pl.DataFrame, keys: list[str], value: pl.Expr, weight: str, unit: str) -> pl.DataFrame:
    """Least, quartiles and greatest of a value, where each stands for ``weight`` things.

    A quartile is the value of the first thing, in order, up to which there are so many quarters of all.
    """
    counts = counts.select(*keys, value.alias("value"), weight).drop_nulls("value").sort(*keys, "value")
    many, ordered = pl.col(weight).cum_sum(), pl.col("value")
    numbers = {
        "min": ordered.first(),
        **{
            name: ordered.filter(many * 4 >= quarters * pl.col(weight).sum()).first()
            for quarters, name in enumerate(("lower_quartile", "median", "upper_quartile"), start=1)
        },
        "max": ordered.last(),
    }
    named = [number.alias(f"{name}_{unit}") for name, number in numbers.items()]
    return counts.group_by(keys, maintain_order=True).agg(pl.col(weight).sum(), *named)


def _octaves(sides: pl.DataFrame) -> pl.DataFrame:
    """Marks by size, in bins that double: below 1 px, from 1 to 2, from 2 to 4 and so on."""
    powers = [2**power for power in range(32)]
    above = pl.sum_horizontal((pl.col("tenths") >= 10 * edge).cast(pl.Int64) for edge in powers)
    binned = sides.with_columns(above.alias("above"))
    edges = pl.DataFrame(
        {"above": range(len(powers)), "from_px": [0, *powers[:-1]], "to_px": powers},
        schema_overrides={"above": pl.Int64},
    )
    return _sums(binned.join(edges, on="above"), [*_ASK, "from_px", "to_px"], "marks")


def _grids(cells: pl.DataFrame) -> pl.DataFrame:
    """A grid of counts for each source and granularity."""
    keys = ["source", "granularity"]
    every = pl.DataFrame({"row": range(GRID)}).join(pl.DataFrame({"column": range(GRID)}), how="cross")
    full = cells.select(keys).unique().join(every, how="cross")
    full = full.join(cells, on=[*keys, "row", "column"], how="left").fill_null(0).sort(*keys, "row", "column")
    lines = full.group_by(*keys, "row", maintain_order=True).agg(pl.col("marks").alias("grid"))
    grids = lines.group_by(keys, maintain_order=True).agg(
        pl.col("grid").list.sum().sum().alias("marks"), pl.col("grid")
    )
    return grids.sort(keys)
