"""Small data sets written straight from the published row's schema, and drawn pictures to put in them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from rsvp_builder.demo.scenes import PLANS, compose
from rsvp_builder.record import ROW_SCHEMA


@pytest.fixture(scope="session")
def scenes() -> dict[str, Image.Image]:
    """One drawn picture of each place, 320 pixels square; of one seed they would share their grain."""
    return {
        name: compose(name, (320, 320), np.random.default_rng(seed)).picture()
        for seed, name in enumerate(PLANS)
    }


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    def encoded(image: Image.Image, format_: str = "PNG", **options: Any) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, format_, **options)
        return buffer.getvalue()

    return encoded


@pytest.fixture(scope="session")
def make_row() -> Callable[..., dict[str, Any]]:
    """A row of the published format; ``boxes`` are ``(label, x1, y1, x2, y2)``."""

    def row(
        where: str,
        image_id: str,
        picture: bytes | Path,
        size: tuple[int, int] = (320, 320),
        boxes: Iterable[tuple[Any, ...]] = (),
        **more: Any,
    ) -> dict[str, Any]:
        source, _, split = where.partition("/")
        stored = isinstance(picture, bytes)
        return {
            "id": "0",
            "image": {
                "bytes": picture if stored else None,
                "path": "name.png" if stored else str(picture),
            },
            "image_id": image_id,
            "width": size[0],
            "height": size[1],
            "source": source,
            "split": split,
            "task": "referring_classification_box",
            "granularity": "region",
            "marks": [
                {"index": n, "kind": "box", "xyxy": list(map(float, box)), "label": label, "flags": []}
                for n, (label, *box) in enumerate(boxes, 1)
            ],
            "messages": [],
        } | more

    return row


@pytest.fixture(scope="session")
def write_data_set() -> Callable[..., Path]:
    """Write rows as a finished data set; rows of a split should follow each other."""

    def write(
        out: Path,
        rows: list[dict[str, Any]],
        *,
        manifests: dict[str, dict[str, Any]] | None = None,
        sources: Iterable[str] = (),
        group: int = 16,
    ) -> Path:
        by_split: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in rows:
            by_split.setdefault((row["source"], row["split"]), []).append(row)
        for (source, split), members in by_split.items():
            path = out / "data" / source / f"{split}-00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(members, schema=ROW_SCHEMA), path, row_group_size=group)
        names = sorted({source for source, _ in by_split} | set(sources))
        for name in names:
            manifest = {"name": name, "family": name} | (manifests or {}).get(name, {})
            path = out / "settings" / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"source": name, "manifest": manifest}))
        (out / "dataset.json").write_text(json.dumps({"format": 1, "sources": names}))
        return out

    return write
