"""Marks become conversations: rows of the published form, all but the picture.

An answer has one line a mark, ``<Region i>: text``, with ``i`` from 1 in the order of ``marks``, or is
prose that cites each mark. A frame with more marks than a row may hold gives several rows; what is said
of whole images gives a row each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rsvp_builder import __version__
from rsvp_builder.manifest import Manifest
from rsvp_builder.prose import renumbered
from rsvp_builder.record import (
    MARK_TYPE,
    MESSAGE_TYPE,
    ROW_SCHEMA,
    FloatArray,
    Frame,
    IntArray,
    Item,
    Marks,
    ObjectFlag,
)
from rsvp_builder.tasks import Asked, Task

_FLAGS = [[flag.name.lower() for flag in ObjectFlag if flag & bits and flag.name] for bits in range(64)]


@dataclass(frozen=True, slots=True)
class Wording:
    """How rows are worded.

    Attributes:
        marks_per_row: most marks a row may hold.
        paraphrases: whether instructions vary; otherwise each task has its one canonical string.
        seed: decides which wording a row gets, with the row's own identity; order plays no part.
        samples_per_image: rows that a scene class gives, each with the next wording of its task.
    """

    marks_per_row: int = 20
    paraphrases: bool = False
    seed: int = 0
    samples_per_image: int = 1

    def most(self, task: Task) -> int:
        """Most marks that a row of the task holds."""
        return 1 if task.needs == "whole" else self.marks_per_row

    def samples(self, task: Task) -> int:
        """Rows that each set of marks of the task gives."""
        return self.samples_per_image if task.name == "scene_classification" else 1


@dataclass(frozen=True, slots=True)
class Pictured:
    """Frames with what is known of their images.

    Attributes:
        manifest: the source.
        items: images that ``Frame.item`` counts.
        gsd: metres per pixel of each image, or None.
        image_source: origin of each image, or None.
        frames: frames that ``Marks.frame`` counts.
        prose: text of each image that cites its objects, or None; empty where the source has none.
        numbers: what ``prose`` calls the object that ``Marks.source`` counts.
    """

    manifest: Manifest
    items: Sequence[Item]
    gsd: Sequence[float | None]
    image_source: Sequence[str | None]
    frames: Sequence[Frame]
    prose: Sequence[str | None] = ()
    numbers: IntArray | None = None


def row_key(
    source: str, image_id: str, window: tuple[int, int, int, int] | None, task: str, part: int
) -> str:
    """What a row is about: the ``part``-th row, from 0, of a task on one frame."""
    return f"{source}\x1f{image_id}\x1f{window}\x1f{task}\x1f{part}"


def content_id(key: str, ask: str, text: str | None, places: bytes) -> str:
    """The ``id`` of a row: 32 hexadecimal digits.

    Args:
        key: see :func:`row_key`.
        ask: the instruction.
        text: the whole answer; None where there is none yet.
        places: coordinates of the row's marks, float64, one mark after the other.
    """
    return blake2b(f"{key}\x1f{ask}\x1f{text}\x1f".encode() + places, digest_size=16).hexdigest()


def rows_per_frame(task: Task, marks: Marks, wording: Wording, frames: int) -> IntArray:
    """How many rows :func:`converse` makes for each frame: (frames,) int64."""
    count = np.bincount(marks.frame, minlength=frames)
    rows: IntArray = -(-count // wording.most(task)) * wording.samples(task)
    return rows


def in_full_rows(task: Task, marks: Marks, wording: Wording) -> npt.NDArray[np.bool_]:
    """Which marks end in a row that has enough of them for the task: (n,) bool."""
    frame_of_row, _, offsets, _ = _rows(marks.frame, wording.most(task))
    size = np.diff(offsets)
    enough: npt.NDArray[np.bool_] = (
        np.repeat(size >= task.min_marks, size) if len(frame_of_row) else np.ones(0, bool)
    )
    return enough


def converse(task: Task, pictured: Pictured, marks: Marks, wording: Wording) -> tuple[pa.Table, IntArray]:
    """Rows of one task about some marks.

    Args:
        task: what is asked.
        pictured: the frames that carry the marks.
        marks: marks grouped by frame.
        wording: how rows are worded.

    Returns:
        A table of the published schema without ``image``, and the frame of each row, (rows,) int64.
    """
    samples = wording.samples(task)
    if samples > 1:
        marks = marks.take(np.repeat(np.arange(len(marks)), samples))
    frame_of_row, part, offsets, index = _rows(marks.frame, wording.most(task))
    frames = [pictured.frames[f] for f in frame_of_row.tolist()]
    items = [pictured.items[f.item] for f in frames]
    labels = list(pictured.manifest.classes.values())
    sizes = np.array([(f.width, f.height) for f in pictured.frames], np.float64).reshape(-1, 2)
    asked = Asked(marks, sizes[marks.frame], labels, offsets, _prose(pictured, frames, marks, offsets))
    answers = task.answer(asked)
    if answers.lines is not None:
        prefixes = pa.array([f"<{task.marker} {i}>: " for i in range(index.max(initial=0) + 1)], pa.string())
        lines = pc.binary_join_element_wise(prefixes.take(pa.array(index)), answers.lines, "")
        answers = replace(answers, rows=pc.binary_join(_lists(offsets, lines), "\n"))

    keys = [
        row_key(pictured.manifest.name, item.image_id, frame.window, task.name, number)
        for item, frame, number in zip(items, frames, part.tolist(), strict=True)
    ]
    instructions = _instructions(task, keys, part if samples > 1 else None, wording)
    places = marks.box if marks.point is None else marks.point
    spans = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    texts = [None] * len(keys) if answers.rows is None else answers.rows.to_pylist()
    ids = [
        content_id(key, ask, text, places[a:b].tobytes())
        for key, ask, text, (a, b) in zip(keys, instructions, texts, spans, strict=True)
    ]
    manifest, n = pictured.manifest, len(frames)
    provenance = manifest.provenance.get(task.name, answers.provenance)
    columns = {
        "id": pa.array(ids, pa.string()),
        "image_id": pa.array([item.image_id for item in items], pa.string()),
        "width": pa.array([f.width for f in frames], pa.int32()),
        "height": pa.array([f.height for f in frames], pa.int32()),
        "window": pa.array([f.window for f in frames], pa.list_(pa.int32())),
        "gsd": pa.array([pictured.gsd[f.item] for f in frames], pa.float64()),
        "image_source": pa.array([pictured.image_source[f.item] for f in frames], pa.string()),
        "source": pa.repeat(manifest.name, n),
        "source_version": pa.repeat(manifest.version, n),
        "split": pa.array([item.split for item in items], pa.string()),
        "task": pa.repeat(task.name, n),
        "granularity": pa.repeat(task.granularity, n),
        "domain": pa.repeat(manifest.domain, n),
        "marks": _marks(marks, index, offsets, labels, answers.captions),
        "messages": _messages(instructions, answers.rows),
        "provenance": pa.repeat(provenance, n) if isinstance(provenance, str) else provenance,
        "license": pa.repeat(manifest.licence.name, n),
        "builder_version": pa.repeat(__version__, n),
    }
    fields = [ROW_SCHEMA.field(name) for name in columns]
    return pa.table(list(columns.values()), schema=pa.schema(fields)), frame_of_row


def _prose(pictured: Pictured, frames: Sequence[Frame], marks: Marks, offsets: IntArray) -> list[str]:
    """Of each row its image's text, citing marks by their index in the row."""
    if pictured.numbers is None or not pictured.prose:
        return []
    numbers = pictured.numbers[marks.source].tolist()
    texts = []
    for frame, first, last in zip(frames, offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        index = {number: i for i, number in enumerate(numbers[first:last], start=1)}
        texts.append(renumbered(pictured.prose[frame.item] or "", index))
    return texts


def _rows(frame: IntArray, most: int) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Share marks out to rows.

    Returns:
        Of each row its frame and its number within the frame; offsets of the rows into the marks; and
        each mark's index in its row, from 1.
    """
    count = np.bincount(frame) if len(frame) else np.zeros(0, np.int64)
    place = np.arange(len(frame)) - (np.cumsum(count) - count)[frame]
    rows_of_frame = -(-count // most)
    frame_of_row = np.repeat(np.arange(len(count)), rows_of_frame)
    first_row = np.cumsum(rows_of_frame) - rows_of_frame
    row = first_row[frame] + place // most
    offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(frame_of_row)))])
    part = np.arange(len(frame_of_row)) - first_row[frame_of_row]
    return frame_of_row, part, offsets.astype(np.int32), place % most + 1


def _instructions(task: Task, keys: Sequence[str], part: IntArray | None, wording: Wording) -> list[str]:
    """The instruction of each row; where ``part`` is given, the parts of an image take turns."""
    if part is None and not wording.paraphrases:
        return [task.instructions[0]] * len(keys)
    turns = np.zeros(len(keys), np.int64) if part is None else part
    chosen = []
    for key, turn in zip(keys, turns.tolist(), strict=True):
        number = turn
        if wording.paraphrases:
            own = key if part is None else key.rpartition("\x1f")[0]
            digest = blake2b(f"{wording.seed}\x1f{own}".encode(), digest_size=8).digest()
            number += int.from_bytes(digest, "big")
        chosen.append(task.instructions[number % len(task.instructions)])
    return chosen


def _lists(offsets: IntArray, values: pa.Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def _numbers(values: FloatArray, known: npt.NDArray[np.bool_]) -> pa.Array:
    """A list of numbers a row of ``values`` (n, k), null where it is not known."""
    n, k = values.shape
    if not known.any():
        return pa.nulls(n, pa.list_(pa.float64()))
    ends = pa.array(np.arange(0, k * n + 1, k, dtype=np.int32))
    mask = None if known.all() else pa.array(~known)
    return pa.ListArray.from_arrays(ends, pa.array(values.ravel()), mask=mask)


def _marks(
    marks: Marks, index: IntArray, offsets: IntArray, labels: list[str], captions: pa.Array | None
) -> pa.Array:
    n = len(marks)
    point = np.full((n, 2), np.nan) if marks.point is None else marks.point
    classless = marks.class_id < 0
    parts = {
        "index": pa.array(index, pa.int32()),
        "kind": pa.repeat("box" if marks.point is None else "point", n),
        "xyxy": _numbers(marks.box, ~np.isnan(marks.box[:, 0])),
        "xy": _numbers(point, ~np.isnan(point[:, 0])),
        "quad": _numbers(marks.quad, ~np.isnan(marks.quad[:, 0])),
        "label": pa.array(labels, pa.string()).take(pa.array(marks.class_id, mask=classless)),
        "caption": pa.nulls(n, pa.string()) if captions is None else captions,
        "flags": pa.array(_FLAGS, pa.list_(pa.string())).take(pa.array(marks.flags)),
    }
    structs = pa.StructArray.from_arrays(list(parts.values()), fields=list(MARK_TYPE))
    return _lists(offsets, structs)


def _messages(instructions: list[str], texts: pa.Array | None) -> pa.Array:
    """A turn of the user and, where there is an answer, one of the assistant."""
    n = len(instructions)
    asked = pa.array(instructions, pa.string())
    each, contents = (1, asked) if texts is None else (2, pa.concat_arrays([asked, texts]))
    turns = np.arange(each * n).reshape(each, n).T.ravel()  # user, assistant, user, assistant, ...
    roles = pa.array(["user", "assistant"]).take(pa.array(np.tile(np.arange(each), n)))
    structs = pa.StructArray.from_arrays([roles, contents.take(pa.array(turns))], fields=list(MESSAGE_TYPE))
    return _lists(np.arange(0, each * n + 1, each), structs)
