"""The list of leaks on disk, and which training images it tells a build to leave out."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rsvp_builder import __version__
from rsvp_builder.audit.pairs import Pair, PairKind
from rsvp_builder.audit.pictures import Picture
from rsvp_builder.dataset.layout import publish, temporary_for
from rsvp_builder.errors import RsvpError, UnknownNameError

_KEY = b"rsvp-audit"
_SIDE: list[tuple[str, pa.DataType]] = [
    ("data_set", pa.string()),
    ("source", pa.string()),
    ("split", pa.string()),
    ("image_id", pa.string()),
    ("window", pa.list_(pa.int32())),
]
LEAKS_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("transform", pa.string()),
        ("score", pa.float64()),
        ("distance", pa.float64()),
        ("part", pa.list_(pa.float64())),
        *((f"{side}_{name}", of) for side in ("a", "b") for name, of in _SIDE),
    ]
)
"""A row a pair; ``a`` is turned by ``transform`` to give ``b``, and is the whole where ``b`` is a crop.
The metadata tell which splits were compared: a split without a row was clean, or was never looked at."""

_AT_ONCE = 65_536


def write_leaks(path: Path, pairs: Sequence[Pair], pictures: Sequence[Picture]) -> None:
    """Write all pairs of an audit.

    Args:
        path: the Parquet file; it is there whole or not at all.
        pairs: what was found.
        pictures: what the pairs count, and all that was compared.
    """
    audited = sorted({(p.source, p.split) for p in pictures})
    told = json.dumps({"builder_version": __version__, "audited": audited})
    schema = LEAKS_SCHEMA.with_metadata({_KEY: told.encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_for(path)
    try:
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for start in range(0, max(len(pairs), 1), _AT_ONCE):
                rows = [_row(pair, pictures) for pair in pairs[start : start + _AT_ONCE]]
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=schema))
        publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _row(pair: Pair, pictures: Sequence[Picture]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": pair.kind.value,
        "transform": pair.transform.label,
        "score": pair.score if pair.score == pair.score else None,
        "distance": pair.distance,
        "part": pair.part,
    }
    for side, number in (("a", pair.first), ("b", pair.second)):
        picture = pictures[number]
        row |= {f"{side}_{name}": getattr(picture, name) for name, _ in _SIDE}
    return row


def load_exclusions(
    paths: Path | Iterable[Path],
    evaluation: Collection[str],
    *,
    kinds: Collection[str] = tuple(PairKind),
    ignore_unaudited: bool = False,
) -> frozenset[tuple[str, str]]:
    """Training images to leave out because they leak into evaluation splits.

    An image is left out whole if any of its pictures is in a pair with a picture of one of the splits,
    unless it belongs to one of them itself.

    Args:
        paths: files that an audit wrote, or one of them.
        evaluation: splits to keep clean: ``AID/test``, or ``AID`` for all splits of a source.
        kinds: kinds of pairs that count.
        ignore_unaudited: pass over splits that no audit compared, for a list that is not about these
            audits in particular. One of it must have been compared.

    Returns:
        ``(source, image_id)`` of each image to leave out.

    Raises:
        UnknownNameError: a split, or under ``ignore_unaudited`` every split, was not compared by any of
            these audits; or a kind does not exist.
        RsvpError: a file cannot be read, or no audit wrote it.
    """
    files = [paths] if isinstance(paths, Path) else list(paths)
    for kind in kinds:
        if kind not in set(PairKind):
            raise UnknownNameError("kind of pair", kind, set(PairKind))
    tables = [_read(path) for path in files]
    known = {split for _, audited in tables for split in audited}
    names = {name for source, split in known for name in (source, f"{source}/{split}")}
    strange = [name for name in evaluation if name not in names]
    if strange and not (ignore_unaudited and len(strange) < len(evaluation)):
        raise UnknownNameError("evaluation split in the audit", strange[0], names)
    excluded = set()
    for table, _ in tables:
        for row in table.to_pylist():
            if row["kind"] in kinds:
                a, b = (
                    (row[f"{side}_source"], row[f"{side}_split"], row[f"{side}_image_id"]) for side in "ab"
                )
                for image, partner in ((a, b), (b, a)):
                    if _named(partner, evaluation) and not _named(image, evaluation):
                        excluded.add((image[0], image[2]))
    return frozenset(excluded)


def _named(image: tuple[str, str, str], evaluation: Collection[str]) -> bool:
    source, split, _ = image
    return source in evaluation or f"{source}/{split}" in evaluation


def _read(path: Path) -> tuple[pa.Table, list[tuple[str, str]]]:
    try:
        with pq.ParquetFile(path) as file:
            told = (file.schema_arrow.metadata or {}).get(_KEY)
            missing = set(LEAKS_SCHEMA.names) - set(file.schema_arrow.names)
            if told is None or missing:
                raise RsvpError(
                    f"{path}: not a list of leaks; `rsvp-build audit OUT ...` writes one as OUT/leaks.parquet"
                )
            columns = [
                "kind",
                *(f"{side}_{name}" for side in "ab" for name in ("source", "split", "image_id")),
            ]
            audited = [(source, split) for source, split in json.loads(told)["audited"]]
            return file.read(columns=columns), audited
    except (pa.ArrowException, OSError) as error:
        raise RsvpError(
            f"{path}: cannot be read as Parquet ({error}). Run `rsvp-build audit` again to write it anew."
        ) from error
