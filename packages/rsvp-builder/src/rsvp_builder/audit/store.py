"""Fingerprints on disk, beside the data set, so that a picture is decoded for an audit only once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rsvp_builder.audit.fingerprint import Fingerprint
from rsvp_builder.dataset.layout import publish, temporary_for

VERSION = b"1"
"""Changes whenever the same bytes would get another fingerprint."""

_KEY = b"rsvp-audit-fingerprints"
_SCHEMA = pa.schema(
    [
        ("content", pa.binary(32)),
        ("problem", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("pixels", pa.binary(32)),
        ("hashes", pa.binary(64)),
        ("grey", pa.binary(64 * 64)),
    ],
    metadata={_KEY: VERSION},
)
_AT_ONCE = 2048


def store_of(out: Path) -> Path:
    """The store of a data set."""
    return out / ".audit" / "fingerprints.parquet"


def load(path: Path) -> Iterator[Fingerprint]:
    """The fingerprints of a store, a few at a time in memory.

    A store that is missing, damaged or of another version has none: it will be made anew.
    """
    try:
        with pq.ParquetFile(path) as file:
            if (file.schema_arrow.metadata or {}).get(_KEY) != VERSION:
                return
            for batch in file.iter_batches(_AT_ONCE):
                yield from map(_fingerprint, batch.to_pylist())
    except (pa.ArrowException, OSError):
        return


def save(path: Path, fingerprints: Iterable[Fingerprint]) -> None:
    """Write a store; it is there whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_for(path)
    rest = iter(fingerprints)
    try:
        with pq.ParquetWriter(temporary, _SCHEMA, compression="zstd", use_dictionary=False) as writer:
            while rows := [_row(fingerprint) for fingerprint in islice(rest, _AT_ONCE)]:
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=_SCHEMA))
        publish(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _row(of: Fingerprint) -> dict[str, Any]:
    return {
        "content": of.content,
        "problem": of.problem,
        "width": of.width,
        "height": of.height,
        "pixels": of.pixels,
        "hashes": of.hashes.astype("<u8").tobytes(),
        "grey": of.grey.tobytes(),
    }


def _fingerprint(row: dict[str, Any]) -> Fingerprint:
    return Fingerprint(
        row["content"],
        row["problem"],
        row["width"],
        row["height"],
        row["pixels"],
        np.frombuffer(row["hashes"], "<u8").astype(np.uint64),
        np.frombuffer(row["grey"], np.uint8).reshape(64, 64),
    )
