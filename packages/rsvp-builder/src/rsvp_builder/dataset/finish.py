"""The end of a source's build: the ledger merged, the settings saved, the card written, the mark set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rsvp_builder.dataset.card import write_card
from rsvp_builder.dataset.layout import Folder, commit_json, written
from rsvp_builder.engine.layers import is_planned
from rsvp_builder.engine.plan import Plan, saved_settings
from rsvp_builder.engine.unit import UnitResult
from rsvp_builder.ledger import Counts
from rsvp_builder.manifest import Manifest
from rsvp_builder.settings import Settings
from rsvp_builder.tasks import task

_IMAGES = pa.schema(
    [
        ("image_id", pa.string()),
        ("split", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("image", pa.string()),
        ("label", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("objects_seen", pa.int64()),
        ("objects_written", pa.int64()),
        ("rows", pa.int64()),
    ]
)
_DROPS = pa.schema(
    [
        ("kind", pa.string()),
        ("reason", pa.string()),
        ("image_id", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("value", pa.string()),
        ("expected", pa.string()),
        ("count", pa.int64()),
    ]
)


def finish(folder: Folder, manifest: Manifest, settings: Settings, plan: Plan) -> dict[str, Any]:
    """Close the build of one source whose units are all done.

    Returns:
        The source's summary, as in ``ledger/<source>/summary.json``.

    Raises:
        UnbalancedLedgerError: something that was seen is neither written nor dropped.
    """
    name = manifest.name
    counts = Counts(
        images_seen=sum(drop.count for drop in plan.drops if drop.kind == "image"),
        objects_seen=sum(drop.count for drop in plan.drops if drop.kind == "object"),
    )
    counts.drop(plan.drops)
    splits: dict[str, Counts] = {}
    tasks, classes, sizes = Counter[str](), Counter[str](), Counter[str]()
    rows: dict[str, Counter[str]] = {}
    marks: dict[str, Counter[str]] = {}
    ledger = folder.ledger(name)
    with (
        _table(ledger / "images.parquet", _IMAGES) as write_images,
        _table(ledger / "drops.parquet", _DROPS) as write_drops,
    ):
        write_images(_left_out(plan))
        write_drops([asdict(drop) for drop in plan.drops])
        for unit in plan.units:
            result = UnitResult.load(folder.marker(name, unit.number))
            counts.add(result.counts)
            splits.setdefault(result.split, Counts()).add(result.counts)
            tasks.update(result.tasks)
            rows.setdefault(result.split, Counter()).update(result.tasks)
            marks.setdefault(result.split, Counter()).update(result.marks)
            classes.update(result.classes)
            sizes[result.split] += result.bytes
            write_images(result.images)
            write_drops([asdict(drop) for drop in result.drops])
        counts.check(name)
    order = list(manifest.classes.values())
    summary = {
        "source": name,
        "version": manifest.version,
        **counts.summary(),
        "splits": {
            split: {
                "shards": sum(unit.split == split for unit in plan.units),
                "bytes": sizes[split],
                "images": of_split.images_written,
                "objects": of_split.objects_written,
                "rows": of_split.rows,
                "marks": of_split.marks,
                "tasks": {
                    task: {"rows": count, "marks": marks[split][task]} for task, count in rows[split].items()
                },
            }
            for split, of_split in splits.items()
        },
        "tasks": dict(tasks),
        "planned": {
            "rows": counts.planned,
            "tasks": [name for name in settings.tasks if is_planned(task(name), manifest)],
        },
        "classes": {label: classes[label] for label in order if classes[label]},
    }
    commit_json(ledger / "summary.json", summary)
    commit_json(folder.settings(name), saved_settings(manifest, settings))
    sources = sorted({*folder.finished(), name})
    write_card(folder, sources)
    mark_complete(folder, sources)
    return summary


def mark_complete(folder: Folder, sources: list[str]) -> None:
    """Say which sources of the folder are complete; with none, it is no data set."""
    if sources:
        commit_json(folder.complete, {"format": 1, "sources": sources})
    else:
        folder.complete.unlink(missing_ok=True)


def _left_out(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "image_id": drop.image_id,
            "split": drop.image_id.partition("/")[0],
            "status": "dropped",
            "reason": drop.reason.value,
            "image": drop.file,
            "objects_seen": 0,
            "objects_written": 0,
            "rows": 0,
        }
        for drop in plan.drops
        if drop.kind == "image"
    ]


@contextmanager
def _table(path: Path, schema: pa.Schema) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    """A function that adds records to a Parquet file, which gets its name when the block ends well."""
    with written(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:

        def write(records: list[dict[str, Any]]) -> None:
            if records:
                writer.write_batch(pa.RecordBatch.from_pylist(records, schema=schema))

        yield write
