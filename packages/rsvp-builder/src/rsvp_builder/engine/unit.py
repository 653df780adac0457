"""One unit of work: some images and their labels in, one shard and its account out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rsvp_builder.converse import Pictured, converse
from rsvp_builder.dataset.layout import Folder, commit, read_json
from rsvp_builder.dataset.shard import ShardWriter
from rsvp_builder.engine.pictures import DamagedImageError, picture_groups
from rsvp_builder.engine.plan import Unit
from rsvp_builder.images.probe import ImageInfo, UnreadableImageError, probe
from rsvp_builder.ledger import Counts, Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.marks.boxes import place_boxes
from rsvp_builder.readers import reader_for
from rsvp_builder.record import Annotations, Frame, IntArray, Item, Marks
from rsvp_builder.settings import Settings
from rsvp_builder.tasks import task
from rsvp_builder.tiling import frames_of


@dataclass(frozen=True, slots=True)
class Job:
    """What all units of a build share; small, and sent to every worker."""

    root: Path
    out: Path
    manifest: Manifest
    settings: Settings
    strict: bool


@dataclass(slots=True)
class UnitResult:
    """The account of a finished unit.

    Attributes:
        unit: its number.
        split: its split.
        shard: its shard, relative to the data set's folder.
        bytes: size of the shard.
        counts: what was seen, written and dropped.
        images: one entry an image, for ``ledger/<source>/images.parquet``.
        drops: every drop with its reason.
        tasks: rows by task.
        classes: objects written by label.
    """

    unit: int
    split: str
    shard: str
    bytes: int
    counts: Counts
    images: list[dict[str, Any]]
    drops: list[Drop]
    tasks: dict[str, int]
    classes: dict[str, int]

    def save(self, path: Path) -> None:
        """Write the unit's marker: from now on a rerun passes it over."""
        content = {
            **{name: getattr(self, name) for name in self.__slots__},
            "counts": self.counts.to_json(),
            "drops": [asdict(drop) for drop in self.drops],
        }
        commit(path, json.dumps(content, ensure_ascii=False).encode())

    @classmethod
    def load(cls, path: Path) -> UnitResult:
        """Read a marker."""
        data = read_json(path)
        data["counts"] = Counts.from_json(data["counts"])
        data["drops"] = [Drop(**{**d, "reason": Reason(d["reason"])}) for d in data["drops"]]
        return cls(**data)


def run_unit(job: Job, unit: Unit) -> UnitResult:
    """Build one shard and write its marker.

    Raises:
        StrictError: under ``strict``, at the first input that cannot be used.
    """
    damaged: dict[int, UnreadableImageError] = {}
    while True:
        try:
            result = _build(job, unit, damaged)
        except DamagedImageError as found:
            # The shard is begun anew without the image, so that no half of it is published.
            damaged[found.item] = found.cause
        else:
            result.counts.check(f"unit {unit.number}")
            result.save(Folder(job.out).marker(job.manifest.name, unit.number))
            return result


def _build(job: Job, unit: Unit, damaged: dict[int, UnreadableImageError]) -> UnitResult:
    settings, items = job.settings, unit.items
    drops = Drops(job.strict)
    annotations = reader_for(job.manifest).read(job.root, job.manifest, items, drops)
    images = _probe(job.root, items, annotations, damaged, drops)
    annotations = _drop_objects_of_unusable(items, annotations, images, drops)
    sizes = [(image.width, image.height) if image else (0, 0) for image in images]
    frames = [
        frame
        for position, image in enumerate(images)
        if image
        for frame in frames_of(position, image.width, image.height, settings.tiling)
    ]
    marks = place_boxes(
        annotations.objects,
        items,
        sizes,
        frames,
        min_area=settings.min_area,
        difficult=settings.difficult,
        drops=drops,
    )
    frames, marks = _marked(frames, marks)
    tasks = [task(name) for name in settings.tasks or job.manifest.tasks]
    path = Folder(job.out).shard(job.manifest.name, unit.split, unit.shard, unit.shards)
    rows_by_task = dict.fromkeys((t.name for t in tasks), 0)
    rows_by_frame = -(-np.bincount(marks.frame, minlength=len(frames)) // settings.marks_per_row)
    with ShardWriter(path) as writer:
        for group in picture_groups(job.root, settings, items, images, frames, rows_by_frame * len(tasks)):
            first, last = np.searchsorted(marks.frame, [group.first, group.last])
            here = marks.take(np.arange(first, last))
            here = replace(here, frame=here.frame - group.first)
            pictured = Pictured(
                job.manifest,
                items,
                annotations.gsd,
                annotations.image_source,
                frames[group.first : group.last],
            )
            answered = [converse(t, pictured, here, settings.wording) for t in tasks]
            for t, (table, _) in zip(tasks, answered, strict=True):
                rows_by_task[t.name] += table.num_rows
            pictures = None if group.pictures is None else group.pictures.array()
            writer.write([a[0] for a in answered], [a[1] for a in answered], pictures, group.paths)
        rows, size = writer.rows, writer.commit()

    entries, written = _entries(items, annotations, images, frames, marks, rows_by_frame * len(tasks), drops)
    counts = Counts(
        images_seen=len(items),
        images_written=sum(entry["status"] == "written" for entry in entries),
        objects_seen=sum(annotations.seen),
        objects_written=len(written),
        rows=rows,
        marks=len(marks) * len(tasks),
    )
    counts.drop(drops.entries)
    labels = list(job.manifest.classes.values())
    by_class = np.bincount(annotations.objects.class_id[written], minlength=len(labels)).tolist()
    return UnitResult(
        unit=unit.number,
        split=unit.split,
        shard=str(path.relative_to(job.out)),
        bytes=size,
        counts=counts,
        images=entries,
        drops=drops.entries,
        tasks=rows_by_task,
        classes={label: count for label, count in zip(labels, by_class, strict=True) if count},
    )


def _probe(
    root: Path,
    items: Sequence[Item],
    annotations: Annotations,
    damaged: dict[int, UnreadableImageError],
    drops: Drops,
) -> list[ImageInfo | None]:
    """Header of each image that the build can use; the others are dropped with their reason."""
    found: list[ImageInfo | None] = []
    for position, item in enumerate(items):
        info = None
        try:
            if not annotations.readable[position]:
                pass  # the reader has dropped it, with its reason
            elif item.image is None:
                _drop_image(drops, item, Reason.IMAGE_MISSING, item.label, "an image of the same name")
            elif item.label is None:
                _drop_image(drops, item, Reason.LABEL_MISSING, item.image, "a label file of the same name")
            elif position in damaged:
                raise damaged[position]
            else:
                info = probe(root / item.image)
        except UnreadableImageError as error:
            _drop_image(drops, item, Reason.IMAGE_UNREADABLE, item.image, error.expected, error.value)
        found.append(info)
    return found


def _drop_image(
    drops: Drops, item: Item, reason: Reason, file: str | None, expected: str, value: str = ""
) -> None:
    drops.add(Drop("image", reason, item.image_id, file or "", None, value, expected))


def _drop_objects_of_unusable(
    items: Sequence[Item], annotations: Annotations, images: Sequence[ImageInfo | None], drops: Drops
) -> Annotations:
    """Objects of images that cannot be used go with them, for the image's reason."""
    reasons = {d.image_id: d.reason for d in drops.entries if d.kind == "image"}
    objects = annotations.objects
    usable = np.array([image is not None for image in images], bool)[objects.item]
    for index in np.flatnonzero(~usable).tolist():
        item = items[objects.item[index]]
        line = int(objects.line[index])
        drops.add(
            Drop("object", reasons[item.image_id], item.image_id, item.label or "", line, "", "its image")
        )
    return replace(annotations, objects=objects.take(usable))


def _marked(frames: Sequence[Frame], marks: Marks) -> tuple[list[Frame], Marks]:
    """Only the frames that have marks, renumbered."""
    used = np.bincount(marks.frame, minlength=len(frames)) > 0
    number = np.cumsum(used) - 1
    kept = [frames[index] for index in np.flatnonzero(used).tolist()]
    return kept, replace(marks, frame=number[marks.frame])


def _entries(
    items: Sequence[Item],
    annotations: Annotations,
    images: Sequence[ImageInfo | None],
    frames: Sequence[Frame],
    marks: Marks,
    rows_by_frame: IntArray,
    drops: Drops,
) -> tuple[list[dict[str, Any]], IntArray]:
    """The ledger's entry of each image, and the positions of the objects that were written."""
    written = np.flatnonzero(np.bincount(marks.source, minlength=len(annotations.objects)))
    objects = np.bincount(annotations.objects.item[written], minlength=len(items))
    frame_item = np.array([frame.item for frame in frames], np.int64)
    rows = np.bincount(frame_item, weights=rows_by_frame, minlength=len(items)).astype(np.int64)
    for position, item in enumerate(items):
        if images[position] and not rows[position]:
            found = (
                f"{annotations.seen[position]} objects, none of them usable"
                if annotations.seen[position]
                else ""
            )
            _drop_image(drops, item, Reason.NO_OBJECTS, item.label, "an object to mark", found)
    reasons = {d.image_id: d.reason.value for d in drops.entries if d.kind == "image"}
    entries = []
    for position, item in enumerate(items):
        info = images[position]
        entries.append(
            {
                "image_id": item.image_id,
                "split": item.split,
                "status": "dropped" if item.image_id in reasons else "written",
                "reason": reasons.get(item.image_id),
                "image": item.image,
                "label": item.label,
                "width": info.width if info else None,
                "height": info.height if info else None,
                "objects_seen": annotations.seen[position],
                "objects_written": int(objects[position]),
                "rows": int(rows[position]),
            }
        )
    return entries, written
