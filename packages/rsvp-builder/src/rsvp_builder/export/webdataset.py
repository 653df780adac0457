"""WebDataset: tar shards of samples for trainers that stream.

A sample is a row: ``<id>.jpg`` or ``<id>.png`` with the picture's bytes as they are, then ``<id>.json`` with
the row's other columns. Rows of one picture follow each other. Unlike Parquet, a tar has no way to share a
picture, so each sample carries its own.

A shard ends before it would grow over the limit. Which rows it holds follows from the data set and the
settings alone. A note beside each finished shard says where the next one begins, so a run that was killed
goes on there, and ends in the same bytes.

Format: https://github.com/webdataset/webdataset, "The WebDataset Format"; plain POSIX (ustar) archives.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rsvp_builder.dataset.layout import Folder, commit_json, read_json
from rsvp_builder.errors import RsvpError
from rsvp_builder.export.rows import Picture, rows_from, suffix
from rsvp_builder.export.shards import Chosen, Split, choose
from rsvp_builder.export.tar import TarWriter, entry_size

INDEX = "index.json"
_NOTES = ".export"


@dataclass(frozen=True, slots=True)
class Tar:
    """A finished tar.

    Attributes:
        name: file name.
        source: source of its rows.
        split: split of its rows.
        rows: samples in it.
        bytes: its size.
        sha256: of the file, in hexadecimal.
        first: place of its first row in the split: number of the shard, and of the row in it.
        next: place of the first row of the next tar, or None after the last one.
    """

    name: str
    source: str
    split: str
    rows: int
    bytes: int
    sha256: str
    first: tuple[int, int]
    next: tuple[int, int] | None


def export_webdataset(
    out: Path,
    to: Path,
    *,
    chosen: Chosen | None = None,
    shard_bytes: int = 512 * 2**20,
    tell: Callable[[int, int, str], None] | None = None,
) -> list[Tar]:
    """Write a data set as tar shards ``<source>-<split>-000000.tar`` and an ``index.json``.

    ``index.json`` is written last; it lists the shards with rows, size and SHA-256, and the licences.

    Args:
        out: folder of the data set.
        to: folder of the shards.
        chosen: which rows to take.
        shard_bytes: most bytes of a shard; one sample that is larger gets a shard of its own.
        tell: told rows written, rows in all and the tar's name, after every tar.

    Raises:
        RsvpError: it is no finished data set, or the folder holds an export of other rows.
    """
    folder, chosen = Folder(out), chosen or Chosen()
    splits = choose(folder, chosen)
    to.mkdir(parents=True, exist_ok=True)
    for leftover in (*to.glob(".*.tmp"), *(to / _NOTES).glob(".*.tmp")):
        leftover.unlink(missing_ok=True)
    _hold_settings(to, _settings(splits, chosen, shard_bytes))
    total, done = sum(split.rows for split in splits), 0
    tars: list[Tar] = []
    for split in splits:
        for tar in _tars(split, chosen, to, shard_bytes):
            tars.append(tar)
            done += tar.rows
            if tell:
                tell(done, total, tar.name)
    licences = {
        name: read_json(folder.settings(name))["manifest"]["licence"]
        for name in dict.fromkeys(split.source for split in splits)
    }
    told = [
        {key: value for key, value in asdict(tar).items() if key not in ("first", "next")} for tar in tars
    ]
    commit_json(to / INDEX, {"format": 1, "shards": told, "licences": licences})
    return tars


def _tars(split: Split, chosen: Chosen, to: Path, limit: int) -> Iterator[Tar]:
    """The tars of one split: those that are there, then those that are missing."""
    place: tuple[int, int] | None = (0, 0)
    number = 0
    while place is not None and (found := _found(to, _name(split, number))):
        yield found
        place, number = found.next, number + 1
    if place is None:
        return
    rows = rows_from(split.shards, chosen.tasks, *place)
    following = next(rows, None)
    while following is not None:
        name, first, count = _name(split, number), following[0], 0
        with TarWriter(to / name) as writer:
            while following is not None:
                _, row, picture = following
                files = _files(row, picture)
                size = sum(entry_size(len(data)) for _, data in files)
                if count and writer.size + size > limit:
                    break
                for path, data in files:
                    writer.add(path, data)
                count += 1
                following = next(rows, None)
            written, digest = writer.size, writer.commit()
        after = following[0] if following else None
        tar = Tar(name, split.source, split.split, count, written, digest, first, after)
        commit_json(to / _NOTES / f"{name}.json", asdict(tar))
        yield tar
        number += 1


def _files(row: dict[str, Any], picture: Picture) -> list[tuple[str, bytes | memoryview]]:
    data = picture.read()
    told = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
    return [(f"{row['id']}.{suffix(data, picture.path)}", data), (f"{row['id']}.json", told)]


def _name(split: Split, number: int) -> str:
    return f"{split.source}-{split.split}-{number:06d}.tar"


def _found(to: Path, name: str) -> Tar | None:
    """The finished tar of that name, if it is there whole."""
    note, path = to / _NOTES / f"{name}.json", to / name
    if not note.is_file() or not path.is_file():
        return None
    told = read_json(note)
    places = {key: told[key] and tuple(told[key]) for key in ("first", "next")}
    tar = Tar(**{**told, **places})
    return tar if tar.bytes == path.stat().st_size else None


def _settings(splits: list[Split], chosen: Chosen, shard_bytes: int) -> dict[str, Any]:
    """Everything that decides the bytes of the export."""
    sizes = {f"{split.source}/{path.name}": path.stat().st_size for split in splits for path in split.paths}
    return {"shard_bytes": shard_bytes, "tasks": sorted(chosen.tasks), "shards": sizes}


def _hold_settings(to: Path, settings: dict[str, Any]) -> None:
    path = to / _NOTES / "settings.json"
    if path.exists():
        if read_json(path) != settings:
            raise RsvpError(
                f"{to}: holds an export of other rows or with another --shard-mb; choose another folder, or "
                "delete this one"
            )
        return
    if any(to.glob("*.tar")):
        raise RsvpError(f"{to}: holds tar files of something else; choose another folder")
    commit_json(path, settings)
