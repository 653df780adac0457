"""One unit of work: some images and their labels in, one shard and its account out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rsvp_builder.converse import Pictured, converse, rows_per_frame
from rsvp_builder.dataset.layout import Folder, commit, read_json
from rsvp_builder.dataset.shard import ShardWriter
from rsvp_builder.engine.changes import check_limits, check_same, check_unchanged, contents, digests
from rsvp_builder.engine.layers import Laid, lay_out
from rsvp_builder.engine.pictures import DamagedImageError, PictureGroup, picture_groups
from rsvp_builder.engine.plan import Unit
from rsvp_builder.engine.sampling import point_at_instances, sample_maps
from rsvp_builder.images.probe import ImageInfo, UnreadableImageError, probe
from rsvp_builder.ledger import Counts, Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import reader_for
from rsvp_builder.record import Annotations, Frame, IntArray, Item
from rsvp_builder.settings import Settings
from rsvp_builder.tasks import task


@dataclass(frozen=True, slots=True)
class Job:
    """What all units of a build share; small, and sent to every worker.

    Attributes:
        root: folder of the release.
        out: folder that shards and markers are written into.
        manifest: the source.
        settings: what to make of it.
        strict: stop at the first input that cannot be used.
        url: where workers upload both, if the data set lies on a URL; ``out`` is then no concern of theirs.
        paranoid: compare files by their contents too.
    """

    root: Path
    out: Path
    manifest: Manifest
    settings: Settings
    strict: bool
    url: str | None = None
    paranoid: bool = False


@dataclass(slots=True)
class UnitResult:
    """The account of a finished unit.

    Attributes:
        unit: its number.
        split: its split.
        shard: its shard, relative to the data set's folder.
        bytes: size of the shard, and of the shard of planned rows.
        counts: what was seen, written and dropped.
        images: one entry an image, for ``ledger/<source>/images.parquet``.
        drops: every drop with its reason.
        tasks: rows by task, planned ones included.
        marks: marks by task, likewise.
        classes: objects written by label.
        contents: hash of the unit's files, if it was built ``paranoid``.
    """

    unit: int
    split: str
    shard: str
    bytes: int
    counts: Counts
    images: list[dict[str, Any]]
    drops: list[Drop]
    tasks: dict[str, int]
    marks: dict[str, int]
    classes: dict[str, int]
    contents: str | None = None

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
        ReleaseChangedError: a file is not the one that was indexed; the unit has no marker then.
        RsvpError: this machine lacks what it takes to open a file.
    """
    before = digests(job.root, unit.items) if job.paranoid else {}
    try:
        result = _whole(job, unit)
    except Exception:
        check_unchanged(job.root, unit.items)  # if that is why
        raise
    check_unchanged(job.root, unit.items, result.drops)
    check_limits(result.drops)
    if job.paranoid:
        after = digests(job.root, unit.items)
        check_same(job.root, before, after)
        result.contents = contents(after)
    result.counts.check(f"unit {unit.number}")
    result.save(Folder(job.out).marker(job.manifest.name, unit.number))
    return result


def _whole(job: Job, unit: Unit) -> UnitResult:
    """Build the shard, begun anew without each image that turns out to be damaged."""
    damaged: dict[int, UnreadableImageError] = {}
    while True:
        try:
            return _build(job, unit, damaged)
        except DamagedImageError as found:
            damaged[found.item] = found.cause  # so that no half of it is published


def _build(job: Job, unit: Unit, damaged: dict[int, UnreadableImageError]) -> UnitResult:
    manifest, settings, items = job.manifest, job.settings, unit.items
    tasks = [task(name) for name in settings.tasks]
    drops = Drops(job.strict)
    annotations = reader_for(manifest).read(job.root, manifest, items, drops)
    images = _probe(job.root, manifest, items, annotations, damaged, drops)
    if any(t.needs == "point" for t in tasks):
        annotations = point_at_instances(annotations)
        if annotations.maps:
            annotations = sample_maps(job.root, manifest, settings, items, annotations, images, drops)
    annotations = _drop_objects_of_unusable(items, annotations, images, drops)
    sizes = [(image.width, image.height) if image else None for image in images]
    laid = lay_out(manifest, settings, tasks, items, annotations, sizes)
    for entry in laid.lost:
        drops.add(entry)
    shards = _Shards(job, unit, annotations, laid)
    shards.write(images)
    written = np.unique(np.concatenate([np.zeros(0, np.int64), *(la.marks.source for la in laid.layers)]))
    entries = _entries(items, annotations, images, laid.frames, written, shards.rows_per_frame, drops)
    asked = [layer for layer in laid.layers if not layer.planned]
    counts = Counts(
        images_seen=len(items),
        images_written=sum(entry["status"] == "written" for entry in entries),
        objects_seen=sum(annotations.seen),
        objects_written=len(written),
        rows=shards.rows,
        marks=sum(len(layer.marks) * settings.wording.samples(layer.task) for layer in asked),
        planned=shards.planned_rows,
    )
    counts.drop(drops.entries)
    labels = list(manifest.classes.values())
    class_id = annotations.objects.class_id[written]
    by_class = np.bincount(class_id[class_id >= 0], minlength=len(labels)).tolist()
    return UnitResult(
        unit=unit.number,
        split=unit.split,
        shard=str(shards.path.relative_to(job.out)),
        bytes=shards.bytes,
        counts=counts,
        images=entries,
        drops=drops.entries,
        tasks=shards.rows_by_task,
        marks={la.task.name: len(la.marks) * settings.wording.samples(la.task) for la in laid.layers},
        classes={label: count for label, count in zip(labels, by_class, strict=True) if count},
    )


class _Shards:
    """The shard of a unit's rows, and beside it the one of its planned rows where there are such tasks.

    Attributes:
        path: of the shard.
        rows: rows in it.
        planned_rows: rows in the other.
        rows_by_task: both.
        bytes: size of both.
        rows_per_frame: both, (frames,) int64.
    """

    def __init__(self, job: Job, unit: Unit, annotations: Annotations, laid: Laid) -> None:
        folder, name = Folder(job.out), job.manifest.name
        self.path = folder.shard(name, unit.split, unit.shard, unit.shards)
        self.rows = self.planned_rows = self.bytes = 0
        self.rows_by_task = {layer.task.name: 0 for layer in laid.layers}
        self._job = job
        self._unit = unit
        self._annotations = annotations
        self._laid = laid
        self._counts = {planned: self._rows_per_frame(planned=planned) for planned in (False, True)}
        self.rows_per_frame: IntArray = self._counts[False] + self._counts[True]
        self._planned_path = folder.planned_shard(name, unit.split, unit.shard, unit.shards)

    def _rows_per_frame(self, *, planned: bool) -> IntArray:
        frames, wording = len(self._laid.frames), self._job.settings.wording
        counts = [
            rows_per_frame(la.task, la.marks, wording, frames)
            for la in self._laid.layers
            if la.planned == planned
        ]
        total: IntArray = np.sum([np.zeros(frames, np.int64), *counts], axis=0)
        return total

    def write(self, images: Sequence[ImageInfo | None]) -> None:
        """Write the shards.

        Raises:
            DamagedImageError: a picture cannot be decoded although its header was sound.
        """
        job, unit, laid = self._job, self._unit, self._laid
        planning = any(layer.planned for layer in laid.layers)
        groups = picture_groups(
            job.root,
            job.settings,
            unit.items,
            images,
            laid.frames,
            # A frame that only planned rows show is held once, for those.
            np.maximum(self._counts[False], self._counts[True] > 0),
            job.manifest.bands,
        )
        with ShardWriter(self.path) as writer, ExitStack() as stack:
            planned = stack.enter_context(ShardWriter(self._planned_path)) if planning else None
            for group in groups:
                pictures = None if group.pictures is None else group.pictures.array()
                self._write(writer, group, pictures, planned=False)
                if planned is not None:
                    self._write(planned, group, pictures, planned=True)
            self.rows, self.bytes = writer.rows, writer.commit()
            if planned is not None:
                self.planned_rows = planned.rows
                self.bytes += planned.commit()

    def _write(
        self, writer: ShardWriter, group: PictureGroup, pictures: pa.Array | None, *, planned: bool
    ) -> None:
        annotations, job = self._annotations, self._job
        pictured = Pictured(
            job.manifest,
            self._unit.items,
            annotations.gsd,
            annotations.image_source,
            self._laid.frames[group.first : group.last],
        )
        tables, frames = [], []
        for layer in self._laid.layers:
            if layer.planned != planned:
                continue
            first, last = np.searchsorted(layer.marks.frame, [group.first, group.last])
            marks = layer.marks.take(np.arange(first, last))
            marks = replace(marks, frame=marks.frame - group.first)
            told = pictured
            if not (layer.task.written or planned):
                told = replace(pictured, prose=annotations.prose, numbers=annotations.numbers)
            table, frame_of_row = converse(layer.task, told, marks, job.settings.wording)
            self.rows_by_task[layer.task.name] += table.num_rows
            tables.append(table)
            frames.append(frame_of_row)
        if tables:
            # A planned row shows the picture only where no row of the other shard does.
            shown = self._counts[False][group.first : group.last] == 0 if planned else None
            writer.write(tables, frames, pictures, group.paths, shown=shown)


def _probe(
    root: Path,
    manifest: Manifest,
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
                name = item.image_id.partition("/")[2]
                _drop_image(drops, item, Reason.IMAGE_MISSING, item.label, "an image of that name", name)
            elif item.label is None:
                _drop_image(drops, item, Reason.LABEL_MISSING, item.image, "a label file of the same name")
            elif position in damaged:
                raise damaged[position]
            else:
                info = probe(root / item.image)
                if info.width * info.height > manifest.max_megapixels * 1e6:
                    size = f"{info.width} x {info.height} px"
                    expected = f"at most {manifest.max_megapixels:g} megapixels, as the manifest says"
                    _drop_image(drops, item, Reason.IMAGE_TOO_LARGE, item.image, expected, size)
                    info = None
        except UnreadableImageError as error:
            _drop_image(drops, item, Reason.IMAGE_UNREADABLE, item.image, error.expected, error.value)
        found.append(info)
        if (
            info
            and annotations.declared
            and annotations.declared[position] not in (None, (info.width, info.height))
        ):
            _note_size(drops, item, annotations.declared[position], info)
    return found


def _note_size(drops: Drops, item: Item, declared: tuple[int, int] | None, info: ImageInfo) -> None:
    value, expected = "{} x {} px".format(*declared or ()), f"the picture's {info.width} x {info.height} px"
    drops.add(Drop("metadata", Reason.SIZE_MISMATCH, item.image_id, item.label or "", None, value, expected))


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
    if usable.all():
        return annotations
    for index in np.flatnonzero(~usable).tolist():
        item = items[objects.item[index]]
        line = int(objects.line[index])
        drops.add(
            Drop("object", reasons[item.image_id], item.image_id, item.label or "", line, "", "its image")
        )
    numbers = None if annotations.numbers is None else annotations.numbers[usable]
    return replace(annotations, objects=objects.take(usable), numbers=numbers)


def _entries(
    items: Sequence[Item],
    annotations: Annotations,
    images: Sequence[ImageInfo | None],
    frames: Sequence[Frame],
    written: IntArray,
    rows_per_frame: IntArray,
    drops: Drops,
) -> list[dict[str, Any]]:
    """The ledger's entry of each image."""
    objects = np.bincount(annotations.objects.item[written], minlength=len(items))
    frame_item = np.array([frame.item for frame in frames], np.int64)
    rows = np.bincount(frame_item, weights=rows_per_frame, minlength=len(items)).astype(np.int64)
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
    return entries
