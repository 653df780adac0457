"""Relationship analysis of all marked regions; a captioner writes the answers, so rows are planned.

The paper's answers begin ``<Region 1><Region 2><Region 3>: ...``.
"""

from __future__ import annotations

from typing import Literal

from rsvp_builder.tasks import About, Answers, Asked, Granularity, Needs
from rsvp_builder.tasks.instructions import ANALYSE_RELATIONSHIPS


class RelationshipAnalysis:
    """What the marked regions have to do with each other; see :class:`rsvp_builder.tasks.Task`."""

    name = "relationship_analysis"
    granularity: Granularity = "region"
    needs: Needs = "box"
    marker: Literal["Region", "Mark"] = "Region"
    instructions = ANALYSE_RELATIONSHIPS
    about: About = "label"
    min_marks = 2
    written = False

    def answer(self, asked: Asked) -> Answers:
        """No answer yet."""
        return Answers(None, "planned")


TASK = RelationshipAnalysis()
