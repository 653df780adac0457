"""Where the rows of a data set are, and as much about each as a sampler needs: no picture is read for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from earthmarker.errors import EarthMarkerError

_COLUMNS = ["id", "image_id", "window", "source", "split", "task", "marks", "messages"]


@dataclass(frozen=True)
class RowIndex:
    """The chosen rows of a data set, in the order of its files.

    Attributes:
        shards: the Parquet files.
        shard: (n,) int32, each row's file.
        group: (n,) int32, its row group in the file.
        offset: (n,) int32, its place in the row group.
        image: (n,) int64, numbers that are equal for rows of one picture, which lie next to each other.
        length: (n,) int32, characters of its messages: what its number of tokens goes by.
        ids: the rows' ids.
        kind: (n,) int32, numbers of ``kinds``.
        kinds: (source, task) of the rows.
    """

    shards: tuple[Path, ...]
    shard: NDArray[np.int32]
    group: NDArray[np.int32]
    offset: NDArray[np.int32]
    image: NDArray[np.int64]
    length: NDArray[np.int32]
    ids: tuple[str, ...]
    kind: NDArray[np.int32]
    kinds: tuple[tuple[str, str], ...]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def read(
        cls,
        data: Path | Sequence[Path],
        *,
        tasks: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
        splits: Sequence[str] | None = None,
    ) -> RowIndex:
        """Index the rows of one data set or several.

        Args:
            data: what ``rsvp-build --out`` wrote, a folder or several.
            tasks: what is asked; all if None.
            sources: names of sources; all if None.
            splits: splits of the releases; all if None.

        Raises:
            EarthMarkerError: if a folder is no finished data set, a file of it is damaged, no row fits, or
                two folders hold the same row.
        """
        folders = [data] if isinstance(data, Path) else list(data)
        shards = tuple(_shards(folders, sources))
        parts = [_part(path, tasks, splits) for path in shards]
        sizes = [len(part.ids) for part in parts]
        if not sum(sizes):
            raise EarthMarkerError(
                f"{', '.join(map(str, folders))}: no row fits: tasks {_told(tasks)}; "
                f"sources {_told(sources)}; splits {_told(splits)}"
            )
        if len(folders) > 1:
            _each_once(shards, parts)
        kinds = sorted({kind for part in parts for kind in part.kinds})
        number = {kind: i for i, kind in enumerate(kinds)}
        starts = np.cumsum([0, *(int(part.image.max()) + 1 if len(part.image) else 0 for part in parts)])
        return cls(
            shards,
            np.repeat(np.arange(len(shards), dtype=np.int32), sizes),
            np.concatenate([part.group for part in parts]),
            np.concatenate([part.offset for part in parts]),
            np.concatenate([part.image + start for part, start in zip(parts, starts[:-1], strict=True)]),
            np.concatenate([part.length for part in parts]),
            tuple(key for part in parts for key in part.ids),
            np.array([number[kind] for part in parts for kind in part.kinds], dtype=np.int32),
            tuple(kinds),
        )


def _told(names: Sequence[str] | None) -> str:
    return "(any)" if names is None else ", ".join(names)


def _shards(folders: Sequence[Path], sources: Sequence[str] | None) -> list[Path]:
    complete = {folder: _complete(folder) for folder in folders}
    known = sorted({name for names in complete.values() for name in names})
    for name in sources or ():
        if name not in known:
            raise EarthMarkerError(
                f"{', '.join(map(str, folders))}: no source '{name}'; there are {', '.join(known)}"
            )
    return [
        shard
        for folder, names in complete.items()
        for name in names
        if sources is None or name in sources
        for shard in sorted((folder / "data" / name).glob("*.parquet"))
    ]


def _complete(folder: Path) -> list[str]:
    """Names of the sources whose build is finished."""
    path = folder / "dataset.json"
    if not path.is_file():
        raise EarthMarkerError(
            f"{folder}: not a finished data set (no dataset.json); give rsvp-build's --out"
        )
    try:
        return sorted(json.loads(path.read_bytes())["sources"])
    except (ValueError, KeyError, TypeError) as error:
        raise EarthMarkerError(f"{path}: damaged ({error}); build the data set anew") from error


def _each_once(shards: Sequence[Path], parts: Sequence[_Part]) -> None:
    """Refuse a row that two files hold: equal rows have equal ids, in every build."""
    where: dict[str, Path] = {}
    for shard, part in zip(shards, parts, strict=True):
        for key in part.ids:
            if where.setdefault(key, shard) != shard:
                raise EarthMarkerError(
                    f"row {key} is in {where[key]} and in {shard}: leave one of the data sets out"
                )


@dataclass(frozen=True)
class _Part:
    group: NDArray[np.int32]
    offset: NDArray[np.int32]
    image: NDArray[np.int64]
    length: NDArray[np.int32]
    ids: list[str]
    kinds: list[tuple[str, str]]


def _part(path: Path, tasks: Sequence[str] | None, splits: Sequence[str] | None) -> _Part:
    """The fitting rows of one file."""
    try:
        with pq.ParquetFile(path) as file:
            lacking = set(_COLUMNS) - set(file.schema_arrow.names)
            tables = [file.read_row_group(g, columns=_COLUMNS) for g in range(file.num_row_groups)]
    except (OSError, pa.ArrowException) as error:
        raise EarthMarkerError(f"{path}: damaged ({error}); build its source anew") from error
    if lacking:
        raise EarthMarkerError(f"{path}: not a shard of rsvp-build (no column {', '.join(sorted(lacking))})")
    group = np.concatenate(
        [np.full(len(t), g, dtype=np.int32) for g, t in enumerate(tables)] or [np.zeros(0, dtype=np.int32)]
    )
    offset = np.concatenate(
        [np.arange(len(t), dtype=np.int32) for t in tables] or [np.zeros(0, dtype=np.int32)]
    )
    table = pa.concat_tables(tables) if tables else pa.table({name: [] for name in _COLUMNS})
    keep = np.ones(len(table), dtype=bool)
    for column, names in (("task", tasks), ("split", splits)):
        if names is not None:
            keep &= np.asarray(pc.is_in(table[column], pa.array(list(names), pa.string())))
    chosen = table.filter(pa.array(keep))
    pictures = [
        (image, tuple(window or ()))
        for image, window in zip(chosen["image_id"].to_pylist(), chosen["window"].to_pylist(), strict=True)
    ]
    number: dict[tuple[str, tuple[int, ...]], int] = {}
    image = np.array([number.setdefault(p, len(number)) for p in pictures], dtype=np.int64)
    said = chosen["messages"].to_pylist()
    length = np.array([sum(len(m["content"]) for m in messages) for messages in said], dtype=np.int32)
    kinds = list(zip(chosen["source"].to_pylist(), chosen["task"].to_pylist(), strict=True))
    return _Part(
        group[keep].astype(np.int32),
        offset[keep].astype(np.int32),
        image,
        length,
        chosen["id"].to_pylist(),
        kinds,
    )
