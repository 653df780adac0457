"""Pictures of some rows of a data set, for showing them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rsvp_eval.inputs.folder import read, shards, sources
from rsvp_eval.inputs.rows import Mark, _marks


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture of a row, with its marks.

    Attributes:
        bytes: the encoded picture, PNG or JPEG; None where it lies elsewhere and is not there any more.
        width: in pixels.
        height: in pixels.
        marks: of the row.
    """

    bytes: bytes | None
    width: int
    height: int
    marks: tuple[Mark, ...]


def pictures(folder: Path, ids: Collection[str]) -> dict[str, Picture]:
    """Read the pictures of some rows, planned ones included, and of no others.

    Args:
        folder: the data set.
        ids: ids of rows; those that no row has are left out of the answer.

    Raises:
        EvalError: this is no finished data set, or a file of it is damaged.
    """
    wanted = list(dict.fromkeys(ids))
    found: dict[str, Picture] = {}
    names = sources(folder)
    for planned in (False, True):
        for path in shards(folder, names, planned=planned):
            if len(found) == len(wanted):
                return found
            for key, picture in _of_file(folder, path, wanted, planned=planned).items():
                found.setdefault(key, picture)
    return found


def _of_file(folder: Path, path: Path, wanted: list[str], *, planned: bool) -> dict[str, Picture]:
    there = read(
        folder, lambda: pl.scan_parquet(path).select("id").filter(pl.col("id").is_in(wanted)).collect()
    )
    if there.is_empty():
        return {}
    frame = read(folder, lambda: _rows(path, pl.col("id").is_in(there["id"].to_list())))
    if planned:
        frame = _with_pictures_of(folder, frame, folder / "data" / path.parent.name / path.name)
    marks = read(folder, lambda: list(_marks(frame, {})))
    columns = (frame[name].to_list() for name in ("id", "width", "height", "bytes", "path"))
    return {
        key: Picture(own if own is not None else _elsewhere(path), width, height, marked)
        for key, width, height, own, path, marked in zip(*columns, marks, strict=True)
    }


def _rows(path: Path, fits: pl.Expr) -> pl.DataFrame:
    # Prefiltered: the pictures of a row group are decoded only where a row of it is wanted.
    scan = pl.scan_parquet(path, parallel="prefiltered").filter(fits)
    image = pl.col("image").struct
    return scan.select(
        "id",
        "image_id",
        "window",
        "width",
        "height",
        "marks",
        image.field("bytes").alias("bytes"),
        image.field("path").alias("path"),
    ).collect()


def _with_pictures_of(folder: Path, frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """The same rows, each without bytes given those of a row of ``path`` that shows the same."""
    lacking = frame.filter(pl.col("bytes").is_null())
    if lacking.is_empty() or not path.is_file():
        return frame
    images = lacking["image_id"].unique().to_list()
    others = read(folder, lambda: _rows(path, pl.col("image_id").is_in(images)))
    by_frame = {
        (image, tuple(window or ())): own
        for image, window, own in others.select("image_id", "window", "bytes").iter_rows()
    }
    own = [
        stored if stored is not None else by_frame.get((image, tuple(window or ())))
        for image, window, stored in frame.select("image_id", "window", "bytes").iter_rows()
    ]
    return frame.with_columns(pl.Series("bytes", own, dtype=pl.Binary))


def _elsewhere(path: str | None) -> bytes | None:
    """The picture's own file, where the data set only refers to it."""
    if path is None or not Path(path).is_absolute():
        return None
    try:
        return Path(path).read_bytes()
    except OSError:
        return None
