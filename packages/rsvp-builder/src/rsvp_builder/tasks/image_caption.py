"""Image captioning: a sentence that people wrote about the whole image, which is one marked region."""

from __future__ import annotations

from typing import Literal

from rsvp_builder.tasks import About, Answers, Asked, Granularity, Needs, written_texts
from rsvp_builder.tasks.instructions import CAPTION_REGIONS


class ImageCaption:
    """``<Region 1>: Two planes are parked on the apron.``; see :class:`rsvp_builder.tasks.Task`."""

    name = "image_caption"
    granularity: Granularity = "image"
    needs: Needs = "whole"
    marker: Literal["Region", "Mark"] = "Region"
    instructions = CAPTION_REGIONS
    about: About = "text"
    min_marks = 1
    written = True

    def answer(self, asked: Asked) -> Answers:
        """The caption of each mark."""
        texts = written_texts(asked.marks)
        return Answers(texts, "human", captions=texts)


TASK = ImageCaption()
