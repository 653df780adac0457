"""Scene classification: the class of the whole image, which is one marked region."""

from __future__ import annotations

from typing import Literal

from rsvp_builder.tasks import About, Answers, Asked, Granularity, Needs, label_lines
from rsvp_builder.tasks.instructions import CLASSIFY_SCENE


class SceneClassification:
    """``<Region 1>: railway station``; see :class:`rsvp_builder.tasks.Task`."""

    name = "scene_classification"
    granularity: Granularity = "image"
    needs: Needs = "whole"
    marker: Literal["Region", "Mark"] = "Region"
    instructions = CLASSIFY_SCENE
    about: About = "label"
    min_marks = 1
    written = True

    def answer(self, asked: Asked) -> Answers:
        """The label of each image."""
        return Answers(label_lines(asked), "human")


TASK = SceneClassification()
