"""Tasks: what is asked about marks, and how the answer for each mark is worded. One file a task."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Literal, Protocol

import pyarrow as pa

from rsvp_builder.errors import UnknownNameError
from rsvp_builder.record import FloatArray, Marks

KNOWN = {
    "referring_classification_box": "rsvp_builder.tasks.referring_classification_box",
    "region_caption": "rsvp_builder.tasks.region_caption",
}
"""Task -> module that has an object ``TASK``."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a task says about each of n marks.

    Attributes:
        text: (n,) strings, the answer after ``<Region i>: ``.
        provenance: ``human`` where people wrote or labelled it, ``derived`` where a rule made it.
        is_caption: whether ``text`` is a caption of the mark, to be kept in ``marks.caption``.
    """

    text: pa.Array
    provenance: Literal["human", "derived"]
    is_caption: bool = False


class Task(Protocol):
    """One task."""

    name: str
    granularity: Literal["image", "region", "point"]
    marker: Literal["Region", "Mark"]
    instructions: tuple[str, ...]

    def answer(self, marks: Marks, sizes: FloatArray, labels: list[str]) -> Answers:
        """Word the answer for each mark.

        Args:
            marks: n marks on frames.
            sizes: (n, 2) width and height of each mark's frame in pixels.
            labels: label of each class id.
        """
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
