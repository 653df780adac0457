"""Detailed captions: what can be seen of each marked region, at length; a captioner writes them.

No release asks for them by itself: a build plans them with ``--task detailed_caption``, and
:mod:`rsvp_builder.captioning` makes such rows of the rows that a build has.
"""

from __future__ import annotations

from typing import Literal

from rsvp_builder.tasks import About, Answers, Asked, Granularity, Needs
from rsvp_builder.tasks.instructions import DESCRIBE_REGIONS


class DetailedCaption:
    """``<Region 1>: A white plane with four engines, ...``; see :class:`rsvp_builder.tasks.Task`."""

    name = "detailed_caption"
    granularity: Granularity = "region"
    needs: Needs = "box"
    marker: Literal["Region", "Mark"] = "Region"
    instructions = DESCRIBE_REGIONS
    about: About = "either"
    min_marks = 1
    written = False

    def answer(self, asked: Asked) -> Answers:
        """No answer yet."""
        return Answers(None, "planned")


TASK = DetailedCaption()
