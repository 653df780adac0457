"""Marks become conversations: rows of the published form, all but the picture.

An answer has one line a mark, ``<Region i>: text``, with ``i`` from 1 in the order of ``marks``. A
frame with more marks than a row may hold gives several rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rsvp_builder import __version__
from rsvp_builder.manifest import Manifest
from rsvp_builder.record import MARK_TYPE, MESSAGE_TYPE, ROW_SCHEMA, Frame, IntArray, Item, Marks, ObjectFlag
from rsvp_builder.tasks import Task

_FLAGS = [[flag.name.lower() for flag in ObjectFlag if flag & bits and flag.name] for bits in range(8)]


@dataclass(frozen=True, slots=True)
class Wording:
    """How rows are worded.

    Attributes:
        marks_per_row: most marks a row may hold.
        paraphrases: whether instructions vary; otherwise each task has its one canonical string.
        seed: decides which wording a row gets, with the row's own identity; order plays no part.
    """

    marks_per_row: int = 20
    paraphrases: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Pictured:
    """Frames with what is known of their images.

    Attributes:
        manifest: the source.
        items: images that ``Frame.item`` counts.
        gsd: metres per pixel of each image, or None.
        image_source: origin of each image, or None.
        frames: frames that ``Marks.frame`` counts.
    """

    manifest: Manifest
    items: Sequence[Item]
    gsd: Sequence[float | None]
    image_source: Sequence[str | None]
    frames: Sequence[Frame]


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
    frame_of_row, part, offsets, index = _rows(marks.frame, wording.marks_per_row)
    labels = list(pictured.manifest.classes.values())
    sizes = np.array([(f.width, f.height) for f in pictured.frames], np.float64).reshape(-1, 2)
    answers = task.answer(marks, sizes[marks.frame], labels)
    prefixes = pa.array([f"<{task.marker} {i}>: " for i in range(index.max(initial=0) + 1)], pa.string())
    lines = pc.binary_join_element_wise(prefixes.take(pa.array(index)), answers.text, "")
    texts = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), lines), "\n")

    frames = [pictured.frames[f] for f in frame_of_row.tolist()]
    items = [pictured.items[f.item] for f in frames]
    keys = [
        f"{pictured.manifest.name}\x1f{item.image_id}\x1f{frame.window}\x1f{task.name}\x1f{number}"
        for item, frame, number in zip(items, frames, part.tolist(), strict=True)
    ]
    instructions = _instructions(task, keys, wording)
    boxes = np.ascontiguousarray(marks.box).view(np.uint8).reshape(-1, 32)
    spans = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    ids = [
        blake2b(f"{key}\x1f{ask}\x1f{text}\x1f".encode() + boxes[a:b].tobytes(), digest_size=16).hexdigest()
        for key, ask, text, (a, b) in zip(keys, instructions, texts.to_pylist(), spans, strict=True)
    ]
    manifest, n = pictured.manifest, len(frames)
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
        "marks": _marks(marks, index, offsets, labels, answers.text if answers.is_caption else None),
        "messages": _messages(instructions, texts),
        "provenance": pa.repeat(answers.provenance, n),
        "license": pa.repeat(manifest.licence.name, n),
        "builder_version": pa.repeat(__version__, n),
    }
    fields = [ROW_SCHEMA.field(name) for name in columns]
    return pa.table(list(columns.values()), schema=pa.schema(fields)), frame_of_row


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


def _instructions(task: Task, keys: Sequence[str], wording: Wording) -> list[str]:
    if not wording.paraphrases:
        return [task.instructions[0]] * len(keys)
    chosen = []
    for key in keys:
        digest = blake2b(f"{wording.seed}\x1f{key}".encode(), digest_size=8).digest()
        chosen.append(task.instructions[int.from_bytes(digest, "big") % len(task.instructions)])
    return chosen


def _marks(
    marks: Marks, index: IntArray, offsets: IntArray, labels: list[str], captions: pa.Array | None
) -> pa.Array:
    n = len(marks)
    no_quad = np.isnan(marks.quad[:, 0])
    by_eight = pa.array(np.arange(0, 8 * n + 1, 8, dtype=np.int32))
    by_four = pa.array(np.arange(0, 4 * n + 1, 4, dtype=np.int32))
    parts = {
        "index": pa.array(index, pa.int32()),
        "kind": pa.repeat("box", n),
        "xyxy": pa.ListArray.from_arrays(by_four, pa.array(marks.box.ravel())),
        "xy": pa.nulls(n, pa.list_(pa.float64())),
        "quad": pa.ListArray.from_arrays(
            by_eight, pa.array(marks.quad.ravel()), mask=pa.array(no_quad) if no_quad.any() else None
        ),
        "label": pa.array(labels, pa.string()).take(pa.array(marks.class_id)),
        "caption": pa.nulls(n, pa.string()) if captions is None else captions,
        "flags": pa.array(_FLAGS, pa.list_(pa.string())).take(pa.array(marks.flags)),
    }
    structs = pa.StructArray.from_arrays(list(parts.values()), fields=list(MARK_TYPE))
    return pa.ListArray.from_arrays(pa.array(offsets), structs)


def _messages(instructions: list[str], texts: pa.Array) -> pa.Array:
    n = len(instructions)
    contents = pa.concat_arrays([pa.array(instructions, pa.string()), texts])
    turns = np.arange(2 * n).reshape(2, n).T.ravel()  # user, assistant, user, assistant, ...
    roles = pa.array(["user", "assistant"]).take(pa.array(np.tile([0, 1], n)))
    structs = pa.StructArray.from_arrays([roles, contents.take(pa.array(turns))], fields=list(MESSAGE_TYPE))
    return pa.ListArray.from_arrays(pa.array(np.arange(0, 2 * n + 1, 2, dtype=np.int32)), structs)
