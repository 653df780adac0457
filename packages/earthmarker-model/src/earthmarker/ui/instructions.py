"""The paper's instructions, for boxes and for points."""

from __future__ import annotations

from collections.abc import Sequence

from earthmarker.prompts import Mark, Point

# Label on the button, wording for regions, wording for points; the latter is None where the paper asks
# about regions only. Wordings are the paper's (figure 1, sections IV-A and V); {last} is the index of the
# last mark.
INSTRUCTIONS: tuple[tuple[str, str, str | None], ...] = (
    (
        "Classify",
        "Please identify the category of each marked region in the image.",
        "Please identify the category of each marked point in the image.",
    ),
    (
        "Caption",
        "Please provide a brief caption of each marked region in the image.",
        "Please provide a brief caption of each marked point in the image.",
    ),
    ("Describe", "Please provide a detailed description of region {last} in the image.", None),
    ("Relations", "Please analyze the relationship between all marked regions in the image.", None),
    (
        "Summarise",
        "Please provide a summarized caption based on all the marked region in the image.",
        None,
    ),
    ("Scene", "Please identify the object category of each marked region in the image", None),
)


def instruction(label: str, marks: Sequence[Mark]) -> str:
    """The wording behind a button: that for points where all marks are points.

    Raises:
        KeyError: if there is no such button.
    """
    region, point = {name: (first, second) for name, first, second in INSTRUCTIONS}[label]
    only_points = bool(marks) and all(isinstance(mark, Point) for mark in marks)
    wording = point if only_points and point is not None else region
    return wording.format(last=max(1, len(marks)))
