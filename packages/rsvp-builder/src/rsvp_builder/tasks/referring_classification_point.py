"""Referring object classification of points: the class of whatever lies under each marked point."""

from __future__ import annotations

from typing import Literal

from rsvp_builder.tasks import About, Answers, Asked, Granularity, Needs, label_lines
from rsvp_builder.tasks.instructions import IDENTIFY_POINTS


class ReferringClassificationPoint:
    """``<Mark 1>: building``; see :class:`rsvp_builder.tasks.Task`."""

    name = "referring_classification_point"
    granularity: Granularity = "point"
    needs: Needs = "point"
    marker: Literal["Region", "Mark"] = "Mark"
    instructions = IDENTIFY_POINTS
    about: About = "label"
    min_marks = 1
    written = True

    def answer(self, asked: Asked) -> Answers:
        """The label of each mark."""
        return Answers(label_lines(asked), "human")


TASK = ReferringClassificationPoint()
