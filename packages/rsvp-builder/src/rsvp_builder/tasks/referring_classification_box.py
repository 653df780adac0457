"""Referring object classification of boxes: the class of each marked region."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from rsvp_builder.record import FloatArray, Marks
from rsvp_builder.tasks import Answers
from rsvp_builder.tasks.instructions import IDENTIFY_REGIONS


class ReferringClassificationBox:
    """``<Region 1>: plane``; see :class:`rsvp_builder.tasks.Task`."""

    name = "referring_classification_box"
    granularity: Literal["image", "region", "point"] = "region"
    marker: Literal["Region", "Mark"] = "Region"
    instructions = IDENTIFY_REGIONS

    def answer(self, marks: Marks, sizes: FloatArray, labels: list[str]) -> Answers:
        """The label of each mark."""
        return Answers(pa.array(labels, pa.string()).take(pa.array(marks.class_id)), "human")


TASK = ReferringClassificationBox()
