"""Tasks: what is asked about marks, and how the answers are worded. One file a task."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Literal, Protocol

import pyarrow as pa

from rsvp_builder.errors import UnknownNameError
from rsvp_builder.record import FloatArray, IntArray, Marks

KNOWN = {
    name: f"rsvp_builder.tasks.{name}"
    for name in (
        "image_caption",
        "region_caption",
        "scene_classification",
        "referring_classification_box",
        "referring_classification_point",
        "relationship_analysis",
        "grounded_caption",
        "detailed_caption",
    )
}
"""Task -> module that has an object ``TASK``."""

PROSE = frozenset({"relationship_analysis", "grounded_caption"})
"""Tasks whose answers are prose that cites marks, not a line a mark."""

Needs = Literal["box", "point", "whole"]
"""The kind of mark a task asks about; ``whole`` is the box of the whole image, one mark a row."""

Granularity = Literal["image", "region", "point"]

About = Literal["label", "text", "either"]
"""Whether a task speaks of things that have a class, that people wrote about, or of both; ``either``
means those with a text where the source has texts."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The marks that a task is asked about, and the rows that they share.

    Attributes:
        marks: n marks on frames.
        sizes: (n, 2) width and height of each mark's frame in pixels.
        labels: label of each class id.
        offsets: (rows + 1,) where each row's marks begin and end.
        prose: of each row the text that comes with the release, citing marks by their index in the row;
            empty where the release has none.
    """

    marks: Marks
    sizes: FloatArray
    labels: list[str]
    offsets: IntArray
    prose: list[str]


@dataclass(frozen=True, slots=True)
class Answers:
    """What a task says about n marks in some rows.

    Attributes:
        lines: (n,) strings, of each mark what follows ``<Region i>: ``; a row has a line a mark.
        rows: (rows,) strings, the whole answer of each row, where it is no list of lines. With neither,
            rows are planned: they ask, and a captioner will answer.
        provenance: ``human`` where people wrote or labelled it, ``derived`` where a rule made it,
            ``planned`` where nobody has yet; one for all, or one a row.
        captions: (n,) strings or nulls for ``marks.caption``, or None where there are none.
    """

    lines: pa.Array | None
    provenance: str | pa.Array
    rows: pa.Array | None = None
    captions: pa.Array | None = None


class Task(Protocol):
    """One task.

    Attributes:
        name: as rows and ``--task`` name it.
        granularity: of its rows.
        needs: kind of mark.
        about: what a thing must have to be asked about.
        marker: what its answers call a mark.
        instructions: the canonical one, then others of the same meaning.
        min_marks: rows of fewer marks are not asked.
        written: False where the answer is a text that neither labels nor a rule can give: its rows are
            planned unless the release brings the text along.
    """

    name: str
    granularity: Granularity
    needs: Needs
    about: About
    marker: Literal["Region", "Mark"]
    instructions: tuple[str, ...]
    min_marks: int
    written: bool

    def answer(self, asked: Asked) -> Answers:
        """Word the answers."""
        ...


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in KNOWN:
        raise UnknownNameError("task", name, KNOWN)
    found: Task = import_module(KNOWN[name]).TASK
    return found


def label_lines(asked: Asked) -> pa.Array:
    """The label of each mark, (n,) strings."""
    return pa.array(asked.labels, pa.string()).take(pa.array(asked.marks.class_id))


def written_texts(marks: Marks) -> pa.Array:
    """What people wrote about each mark, (n,) strings or nulls."""
    if marks.text is None:
        return pa.nulls(len(marks), pa.string())
    return pa.array(marks.text, pa.string(), from_pandas=False)
