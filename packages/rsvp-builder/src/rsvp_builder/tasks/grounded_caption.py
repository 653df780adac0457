"""Grounded captions: prose about the image whose phrases cite the marked regions they speak of.

Where the release brings such texts along (GeoChat) they are converted; elsewhere a captioner writes
them, and the rows are planned.
"""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from rsvp_builder.tasks import About, Answers, Asked, Granularity, Needs, written_texts
from rsvp_builder.tasks.instructions import CAPTION_ALL_REGIONS


class GroundedCaption:
    """``A plane <Region 1> stands beside a hangar <Region 2>.``; see :class:`rsvp_builder.tasks.Task`."""

    name = "grounded_caption"
    granularity: Granularity = "region"
    needs: Needs = "box"
    marker: Literal["Region", "Mark"] = "Region"
    instructions = CAPTION_ALL_REGIONS
    about: About = "either"
    min_marks = 1
    written = False

    def answer(self, asked: Asked) -> Answers:
        """The release's text of each row, if it has texts; the phrase of each mark is its caption."""
        if not asked.prose:
            return Answers(None, "planned")
        captions = written_texts(asked.marks)
        return Answers(None, "human", rows=pa.array(asked.prose, pa.string()), captions=captions)


TASK = GroundedCaption()
