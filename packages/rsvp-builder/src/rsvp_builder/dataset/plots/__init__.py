"""Plots of a data set's statistics, for its card and its gallery: the same statistics, the same bytes.

:mod:`subjects` says what is plotted, :mod:`layouts` how it is laid out on a sheet, :mod:`shapes` draws
bars and cells, and :mod:`sheet` makes a sheet a file. matplotlib is imported when something is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rsvp_builder.dataset.plots import subjects
from rsvp_builder.dataset.plots.sheet import WIDTH, Sheet, plain_style

if TYPE_CHECKING:
    from rsvp_builder.dataset.stats import Statistics

_SUBJECTS: dict[str, tuple[Callable[[Statistics], Sheet | None], str]] = {
    "rows": (subjects.rows, "Rows by source and task; behind each bar its total."),
    "classes": (
        subjects.classes,
        "Marks of the most frequent classes; a mark that two tasks ask about counts twice.",
    ),
    "mark_sizes": (
        subjects.mark_sizes,
        "Sizes of boxes in pixels of the row's picture; boxes of whole images are left out.",
    ),
    "mark_positions": (
        subjects.mark_positions,
        "Where in their picture marks lie; an even colour means everywhere alike.",
    ),
    "image_sizes": (
        subjects.image_sizes,
        "Longer sides of the pictures of rows; a tile of a larger image is a picture of its own.",
    ),
    "caption_lengths": (
        subjects.caption_lengths,
        "Words in the captions of marks and, in captioning tasks whose marks have none, in answers.",
    ),
}

PLOT_NAMES = tuple(_SUBJECTS)
"""All plots there can be, in their order."""

_PIXELS = 96 / 72


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot.

    Attributes:
        name: stem of its file, one of ``PLOT_NAMES``.
        alt: what it shows, for who cannot see it; plain text of words and numbers.
        caption: one line on how to read it, likewise.
        width: of the picture in CSS pixels.
        height: likewise.
        svg: a file of its own.
    """

    name: str
    alt: str
    caption: str
    width: int
    height: int
    svg: bytes


def draw_plots(statistics: Statistics) -> list[Plot]:
    """All plots for which there is something to show.

    Args:
        statistics: as :func:`rsvp_builder.dataset.stats.statistics` gives them.
    """
    if not statistics["rows"]:
        return []
    plots = []
    with plain_style():
        for name, (draw, caption) in _SUBJECTS.items():
            if (sheet := draw(statistics)) is not None:
                width, height = round(WIDTH * _PIXELS), round(sheet.height * _PIXELS)
                plots.append(Plot(name, sheet.alt, caption, width, height, sheet.svg()))
    return plots
