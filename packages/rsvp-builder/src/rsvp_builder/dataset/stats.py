"""Counts over a finished data set, read from its shards with polars; pictures are never read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from rsvp_builder.dataset.layout import Folder


def statistics(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Tables over all rows, each a list of records.

    Returns:
        ``rows`` and marks by source, split and task; marks by ``classes`` and ``flags``, a column a
        task; ``mark_sizes``, the square root of the box area in pixels; ``frames``, sizes of pictures.

    Raises:
        RsvpError: ``out`` is no finished data set.
    """
    folder = Folder(out)
    paths = [path for source in folder.sources() for path in folder.shards(source)]
    rows = pl.scan_parquet(paths).select("source", "split", "task", "image_id", "width", "height", "marks")
    by_row = rows.with_columns(pl.col("marks").list.len().alias("marks"))
    marks = (
        rows.select("source", "task", "marks")
        .explode("marks")
        .select("source", "task", pl.col("marks").struct.unnest())
    )
    side = ((_corner(2) - _corner(0)) * (_corner(3) - _corner(1))).sqrt()
    frames = {
        "rows": by_row.group_by("source", "split", "task").agg(
            pl.col("image_id").n_unique().alias("images"),
            pl.len().alias("rows"),
            pl.col("marks").sum(),
            pl.col("marks").mean().alias("marks_per_row"),
        ),
        "classes": marks.group_by("source", "task", "label").agg(pl.len().alias("marks")),
        "flags": marks.explode("flags").drop_nulls("flags").group_by("source", "task", "flags").len("marks"),
        "mark_sizes": marks.filter(pl.col("kind") == "box")
        .group_by("source", "task")
        .agg(
            side.min().alias("min_px"),
            side.quantile(0.25).alias("lower_quartile_px"),
            side.median().alias("median_px"),
            side.quantile(0.75).alias("upper_quartile_px"),
            side.max().alias("max_px"),
        ),
        "frames": by_row.group_by("source", "width", "height").agg(pl.len().alias("rows")),
    }
    collected = dict(zip(frames, pl.collect_all(list(frames.values()), engine="streaming"), strict=True))
    return {
        "rows": collected["rows"].sort("source", "split", "task").to_dicts(),
        "classes": _by_task(collected["classes"], "label"),
        "flags": _by_task(collected["flags"], "flags"),
        "mark_sizes": collected["mark_sizes"].sort("source", "task").to_dicts(),
        "frames": collected["frames"]
        .sort("source", "rows", "width", "height", descending=[False, True, False, False])
        .to_dicts(),
    }


def _by_task(counts: pl.DataFrame, what: str) -> list[dict[str, Any]]:
    """Marks of each source and ``what``, a column a task, most marks first."""
    order = counts.group_by("source", what).agg(pl.col("marks").sum())
    order = order.sort("source", "marks", what, descending=[False, True, False]).drop("marks")
    wide = counts.pivot("task", index=["source", what], values="marks", sort_columns=True).fill_null(0)
    return order.join(wide, on=["source", what], how="left", maintain_order="left").to_dicts()


def _corner(position: int) -> pl.Expr:
    return pl.col("xyxy").list.get(position)
