"""Referring object classification of boxes: the class of each marked region."""

from __future__ import annotations

from typing import Literal

from rsvp_builder.tasks import About, Answers, Asked, Granularity, Needs, label_lines
from rsvp_builder.tasks.instructions import IDENTIFY_REGIONS


class ReferringClassificationBox:
    """``<Region 1>: plane``; see :class:`rsvp_builder.tasks.Task`."""

    name = "referring_classification_box"
    granularity: Granularity = "region"
    needs: Needs = "box"
    marker: Literal["Region", "Mark"] = "Region"
    instructions = IDENTIFY_REGIONS
    about: About = "label"
    min_marks = 1
    written = True

    def answer(self, asked: Asked) -> Answers:
        """The label of each mark."""
        return Answers(label_lines(asked), "human")


TASK = ReferringClassificationBox()
