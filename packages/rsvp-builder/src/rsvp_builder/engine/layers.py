"""Which marks each task of a build asks about, and on which frames they lie.

A layer is one task with its marks. Every object ends in the marks of some layer, or is lost with the
reason that the first layer to look at it gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rsvp_builder.converse import in_full_rows
from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.marks.boxes import place_boxes
from rsvp_builder.marks.points import box_points, place_points
from rsvp_builder.marks.whole_image import place_whole
from rsvp_builder.record import Annotations, Frame, IntArray, Item, Marks, ObjectFlag, Objects
from rsvp_builder.settings import Settings
from rsvp_builder.tasks import Task
from rsvp_builder.tiling import frames_of

_Which = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Layer:
    """One task with the marks it asks about; ``planned`` rows are kept apart until they are answered."""

    task: Task
    marks: Marks
    planned: bool


@dataclass(frozen=True, slots=True)
class Laid:
    """The frames of some images and the layers on them.

    Attributes:
        frames: grouped by item, only those that carry a mark.
        layers: one a task, in the order of the tasks.
        lost: objects that no layer marks, by position, in order.
    """

    frames: list[Frame]
    layers: list[Layer]
    lost: list[Drop]


def is_planned(task: Task, manifest: Manifest) -> bool:
    """Whether a captioner has yet to write the answers of this task."""
    return not task.written and task.name not in manifest.answered


def lay_out(
    manifest: Manifest,
    settings: Settings,
    tasks: Sequence[Task],
    items: Sequence[Item],
    annotations: Annotations,
    sizes: Sequence[tuple[int, int] | None],
) -> Laid:
    """Mark the objects of some images for every task.

    Args:
        manifest: the source.
        settings: how to tile, and what becomes of difficult objects.
        tasks: what is asked.
        items: the images.
        annotations: what is known of them; only of images that have a size.
        sizes: width and height of each image, None where it cannot be used.
    """
    placing = _Placing(settings, items, annotations, sizes)
    layers = []
    for task in tasks:
        planned = is_planned(task, manifest)
        marks = placing.marks(task, prose=not task.written and not planned)
        layers.append(Layer(task, marks, planned))
    objects = annotations.objects
    unmarked = np.ones(len(objects), bool)
    for layer in layers:
        unmarked[layer.marks.source] = False
    lost = []
    for index in np.flatnonzero(unmarked).tolist():
        drop = placing.lost.get(index)
        if drop is None:
            drop = _drop(objects, items, index, Reason.NOT_ASKED, "something that a task of this build uses")
        lost.append(drop)
    frames, layers = _used(placing.frames, layers)
    return Laid(frames, layers, lost)


def _drop(
    objects: Objects, items: Sequence[Item], index: int, reason: Reason, expected: str, value: str = ""
) -> Drop:
    item = items[objects.item[index]]
    line = int(objects.line[index])
    return Drop("object", reason, item.image_id, item.label or "", line, value, expected)


class _Placing:
    """Places objects on frames, each kind of mark once for all tasks that need it."""

    def __init__(
        self,
        settings: Settings,
        items: Sequence[Item],
        annotations: Annotations,
        sizes: Sequence[tuple[int, int] | None],
    ) -> None:
        self.lost: dict[int, Drop] = {}
        self.frames: list[Frame] = []
        self._settings = settings
        self._items = items
        self._annotations = annotations
        self._objects = annotations.objects
        self._sizes = [size or (0, 0) for size in sizes]
        tiles: list[int] = []
        whole: list[int] = []
        for position, size in enumerate(sizes):
            if size is None:
                continue
            of_item = frames_of(position, *size, settings.tiling)
            whole.append(len(self.frames))
            if of_item[0].window is not None:
                self.frames.append(Frame(position, None, *size))
            tiles += range(len(self.frames), len(self.frames) + len(of_item))
            self.frames += of_item
        self._tiles, self._whole = np.array(tiles, np.int64), np.array(whole, np.int64)
        self._placed: dict[tuple[str, bool], Marks] = {}

    def marks(self, task: Task, *, prose: bool) -> Marks:
        """The marks that a task asks about; ``prose`` where a text of the release cites them."""
        key = (task.needs, prose)
        if key not in self._placed:
            place = {"box": self._boxes, "point": self._points, "whole": self._whole_images}[task.needs]
            self._placed[key] = place(self._whole if prose or task.needs == "whole" else self._tiles)
        placed = self._placed[key]
        marks = placed.take(self._spoken_of(task)[placed.source])
        kept = self._fits_prose(marks) if prose else in_full_rows(task, marks, self._settings.wording)
        for index in np.unique(marks.source[~kept]).tolist():
            most, least = self._settings.marks_per_row, task.min_marks
            self._lose(index, Reason.MARKS_PER_ROW, f"{least} to {most} marks in a row of {task.name}")
        return marks.take(kept)

    def _spoken_of(self, task: Task) -> _Which:
        objects = self._objects
        classed: _Which = objects.class_id >= 0
        if objects.text is None or task.about == "label":
            return classed if task.about != "text" else np.zeros(len(objects), bool)
        return np.array([text is not None for text in objects.text], bool)

    def _fits_prose(self, marks: Marks) -> _Which:
        """Marks of frames that have a text, and no more marks than it may cite."""
        count = np.bincount(marks.frame, minlength=len(self.frames))
        prose = self._annotations.prose
        told = np.array([bool(prose[f.item]) for f in self.frames], bool)
        fits: _Which = (told & (count <= self._settings.marks_per_row))[marks.frame]
        return fits

    def _lose(self, index: int, reason: Reason, expected: str) -> None:
        self.lost.setdefault(index, _drop(self._objects, self._items, index, reason, expected))

    def _sub(self, which: IntArray, marks: Marks, lost: dict[int, Drop], frames: IntArray) -> Marks:
        """Marks of some of the objects on some of the frames, counted as all of them are."""
        for index, drop in lost.items():
            self.lost.setdefault(int(which[index]), drop)
        return replace(marks, source=which[marks.source], frame=frames[marks.frame])

    def _boxes(self, frames: IntArray) -> Marks:
        which = np.flatnonzero(~np.isnan(self._objects.box[:, 0]))
        lost: dict[int, Drop] = {}
        marks = place_boxes(
            self._objects.take(which),
            self._items,
            self._sizes,
            [self.frames[f] for f in frames.tolist()],
            min_area=self._settings.min_area,
            difficult=self._settings.difficult,
            lost=lost,
        )
        return self._sub(which, marks, lost, frames)

    def _points(self, frames: IntArray) -> Marks:
        objects = self._objects
        points = box_points(objects)
        if objects.point is not None:
            masked = np.zeros(len(objects), bool)
            if objects.mask is not None:
                masked = np.array([mask is not None for mask in objects.mask], bool)
            pointed = ~np.isnan(objects.point[:, 0])
            points[pointed | masked] = objects.point[pointed | masked]
            for index in np.flatnonzero(masked & ~pointed).tolist():
                self._lose(index, Reason.EMPTY_MASK, "a mask with a pixel in the image")
        unwanted = np.zeros(len(objects), bool)
        if self._settings.difficult == "drop":
            unwanted = (objects.flags & ObjectFlag.DIFFICULT) != 0
            for index in np.flatnonzero(unwanted).tolist():
                self._lose(index, Reason.DIFFICULT, "objects that are not difficult, by your settings")
        which = np.flatnonzero(~np.isnan(points[:, 0]) & ~unwanted)
        lost: dict[int, Drop] = {}
        marks = place_points(
            objects.take(which),
            points[which],
            self._items,
            self._sizes,
            [self.frames[f] for f in frames.tolist()],
            lost=lost,
        )
        return self._sub(which, marks, lost, frames)

    def _whole_images(self, frames: IntArray) -> Marks:
        objects = self._objects
        placeless = np.isnan(objects.box[:, 0])
        if objects.point is not None:
            placeless &= np.isnan(objects.point[:, 0])
        if self._settings.captions == "unique":
            placeless &= ~self._repeated(placeless)
        which = np.flatnonzero(placeless)
        marks = place_whole(objects.take(which), [self.frames[f] for f in frames.tolist()])
        return self._sub(which, marks, {}, frames)

    def _repeated(self, among: _Which) -> _Which:
        """Captions that their image has already."""
        repeated = np.zeros(len(self._objects), bool)
        if self._objects.text is None:
            return repeated
        met: set[tuple[int, str]] = set()
        for index in np.flatnonzero(among).tolist():
            text = self._objects.text[index]
            if text is None:
                continue
            key = (int(self._objects.item[index]), text)
            if key in met:
                repeated[index] = True
                self._lose(index, Reason.DUPLICATE_TEXT, "each caption of an image once, by your settings")
            met.add(key)
        return repeated


def _used(frames: Sequence[Frame], layers: Sequence[Layer]) -> tuple[list[Frame], list[Layer]]:
    """Only the frames that carry marks, and the layers renumbered."""
    used = np.zeros(len(frames), bool)
    for layer in layers:
        used[layer.marks.frame] = True
    number = np.cumsum(used) - 1
    kept = [frames[index] for index in np.flatnonzero(used).tolist()]
    return kept, [replace(la, marks=replace(la.marks, frame=number[la.marks.frame])) for la in layers]
