"""The plots of a finished data set, ``OUT/plots/<name>.svg``, and the card that shows them.

They are drawn when builds have ended and not by every source that finishes: counting reads the light
columns of all sources. A source that finishes takes away the plots that it makes untrue, so what a
folder holds does not depend on the order of builds or on where one was killed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsvp_builder.dataset.card import shows_plots, write_card
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.dataset.lock import locked
from rsvp_builder.dataset.plots import draw_plots

if TYPE_CHECKING:
    from rsvp_builder.dataset.stats import Statistics


def illustrate(folder: Folder) -> Statistics:
    """Draw the plots of all complete sources and write the card that shows them.

    Only for who holds the folder's lock. A data set without rows gets no plots.

    Returns:
        The statistics that the plots show.

    Raises:
        RsvpError: it is no finished data set, or a shard cannot be read.
    """
    from rsvp_builder.dataset.stats import statistics

    found = statistics(folder.out)
    write_card(folder, folder.sources(), draw_plots(found))
    return found


def bring_up_to_date(folder: Folder) -> None:
    """Draw the plots unless the card shows them already; nothing where no source is complete.

    Raises:
        RsvpError: another process writes into the folder, or a shard cannot be read.
    """
    if folder.finished() and not shows_plots(folder):
        with locked(folder):
            illustrate(folder)
