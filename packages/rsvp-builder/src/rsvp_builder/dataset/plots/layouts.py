"""The three kinds of sheets: bars, a distribution, and maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rsvp_builder.dataset.plots.shapes import Part, draw_bars, draw_grid, draw_histogram, draw_lines
from rsvp_builder.dataset.plots.sheet import (
    HEAD,
    LINE,
    MARGIN,
    QUIET,
    WIDTH,
    Sheet,
    compact,
    legend_height,
    short,
)
from rsvp_builder.dataset.plots.tallies import largest

LINES_SHOWN = 30
"""Most bars, or lines of cells, on a sheet."""

_NAMES = 172.0  # room on the left for names
_TOTALS = 56.0  # room on the right for numbers
_ACROSS = WIDTH - _NAMES - _TOTALS

Grid = Sequence[Sequence[int]]


def bar_sheet(title: str, note: str, names: Sequence[str], parts: Sequence[Part]) -> Sheet:
    """Horizontal bars made of parts."""
    keys = [(part.name, part.colour) for part in parts]
    legend = legend_height(keys) if len(keys) > 1 else 0
    sheet = Sheet(HEAD + legend + LINE * len(names) + MARGIN, title, note)
    if legend:
        sheet.legend(keys)
    draw_bars(sheet.axes(_NAMES, sheet.top, _ACROSS, LINE * len(names)), names, parts)
    return sheet


def distribution_sheet(
    title: str, note: str, unit: str, by_source: Mapping[str, Sequence[int]], ticks: Mapping[float, str]
) -> Sheet:
    """A histogram over all sources and, where there are several, a line of cells for each.

    Args:
        title: of the sheet.
        note: what is distributed.
        unit: what is counted.
        by_source: counts in bins, as many for every source.
        ticks: what stands below the edge that so many bins are left of.
    """
    everything = [sum(counts) for counts in zip(*by_source.values(), strict=True)]
    counters = {source: Counter(dict(enumerate(line))) for source, line in by_source.items()}
    lines = largest(counters, LINES_SHOWN, "sources") if len(by_source) > 1 else {}
    cells = [[line[position] for position in range(len(everything))] for line in lines.values()]
    tall, gap, scale = 96.0, 8.0, 20.0
    below = gap + LINE * len(cells) if cells else 0
    sheet = Sheet(HEAD + tall + below + scale + MARGIN, title, f"{compact(sum(everything))} {unit}: {note}")
    top = sheet.top
    draw_histogram(sheet.axes(_NAMES, top, _ACROSS, tall), everything)
    if cells:
        size = (_ACROSS, LINE * len(cells))
        draw_lines(sheet.axes(_NAMES, top + tall + gap, *size), list(lines), cells, size)
        sheet.text(_NAMES + _ACROSS + 4, top + tall, unit, colour=QUIET)
    for position, label in ticks.items():
        x = _NAMES + _ACROSS * position / len(everything)
        sheet.text(x, top + tall + below + 14, label, colour=QUIET, align="center")
    return sheet


def map_sheet(title: str, note: str, maps: Sequence[tuple[str, Grid]]) -> Sheet:
    """Named maps of where marks lie, four a line."""
    across, gap, head = 4, 12.0, 28.0
    side = (WIDTH - 2 * MARGIN - (across - 1) * gap) / across
    down = -(-len(maps) // across)
    sheet = Sheet(HEAD + down * (side + head) + (down - 1) * gap + MARGIN, title, note)
    for number, (name, grid) in enumerate(maps):
        row, column = divmod(number, across)
        left = MARGIN + column * (side + gap)
        top = sheet.top + row * (side + head + gap)
        marks, most = sum(map(sum, grid)), max(map(max, grid))
        told = f"{compact(marks)} marks, at most {most / marks:.1%} a cell"
        sheet.text(left, top + 9, short(name))
        sheet.text(left, top + 21, told, colour=QUIET, size=7.5)
        draw_grid(sheet.axes(left, top + head, side, side), grid, (side, side))
    return sheet
