"""Bars, histograms and grids of cells on the axes of a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rsvp_builder.dataset.plots.sheet import FILL, QUIET, RULE, compact, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Part:
    """A part of every bar: its name, its colour and its length in each bar."""

    name: str
    colour: str
    values: Sequence[int]


def draw_bars(axes: Axes, names: Sequence[str], parts: Sequence[Part]) -> None:
    """Horizontal bars, first name on top, each made of its parts and followed by its total."""
    totals = [sum(values) for values in zip(*(part.values for part in parts), strict=True)]
    longest = max(totals)
    begun = [0] * len(names)
    for part in parts:
        lines = [line for line, value in enumerate(part.values) if value]
        axes.barh(
            lines,
            [part.values[line] for line in lines],
            left=[begun[line] for line in lines],
            height=0.72,
            color=part.colour,
            linewidth=0,
        )
        begun = [start + value for start, value in zip(begun, part.values, strict=True)]
    for line, total in enumerate(totals):
        axes.annotate(
            compact(total), (total, line), (4, 0), textcoords="offset points", va="center", color=QUIET
        )
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, longest)
    axes.set_xticks([])


def draw_histogram(axes: Axes, counts: Sequence[int]) -> None:
    """Upright bars side by side, with a grid of three lines to read them by; x counts bins."""
    filled = [position for position, count in enumerate(counts) if count]
    axes.bar(filled, [counts[f] for f in filled], width=0.92, align="center", color=FILL, linewidth=0)
    step = _round_step(max(counts))
    axes.set_xlim(-0.5, len(counts) - 0.5)
    axes.set_ylim(0, max(counts) * 1.02)
    ticks = [step * number for number in range(1, 4) if step * number <= max(counts)]
    axes.set_yticks(ticks, [compact(tick) for tick in ticks], color=QUIET)
    axes.grid(axis="y", color=RULE, linewidth=0.7)
    axes.spines["bottom"].set(visible=True, color=QUIET, linewidth=0.7)
    axes.set_xticks([])


def draw_lines(
    axes: Axes, names: Sequence[str], lines: Sequence[Sequence[int]], size: tuple[float, float]
) -> None:
    """Lines of cells, first line on top, the darker the more of the largest count of their line.

    Args:
        axes: where; ``size`` is theirs in points.
        names: of each line; its total stands behind it.
        lines: counts, as many in every line.
        size: width and height.
    """
    # The root of the share: the tails of a distribution are still seen.
    shades = [[(count / (max(line) or 1)) ** 0.5 for count in line] for line in lines]
    _draw_cells(axes, shades, size)
    middles = [line + 0.5 for line in range(len(lines))]
    axes.set_yticks(middles, [short(name) for name in names])
    for middle, line in zip(middles, lines, strict=True):
        axes.annotate(
            compact(sum(line)),
            (len(line), middle),
            (4, 0),
            textcoords="offset points",
            va="center",
            color=QUIET,
        )


def draw_grid(axes: Axes, lines: Sequence[Sequence[int]], size: tuple[float, float]) -> None:
    """A framed grid of cells; in the darkest are twice as many as if all were spread evenly, or more."""
    even = sum(map(sum, lines)) / sum(map(len, lines))
    most = max(2 * even, *map(max, lines))
    _draw_cells(axes, [[count / most for count in line] for line in lines], size)
    for spine in axes.spines.values():
        spine.set(visible=True, color=QUIET, linewidth=0.7)


def _draw_cells(axes: Axes, shades: Sequence[Sequence[float]], size: tuple[float, float]) -> None:
    """Cells with shades from 0, which is left out, to 1."""
    from matplotlib.collections import PathCollection
    from matplotlib.colors import to_rgba
    from matplotlib.path import Path
    from matplotlib.transforms import Affine2D

    across, down = len(shades[0]), len(shades)
    axes.set_xlim(0, across)
    axes.set_ylim(down, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    filled = [(x, y, shade) for y, line in enumerate(shades) for x, shade in enumerate(line) if shade]
    gap = 0.5
    cells = PathCollection(
        [Path.unit_rectangle()],
        offsets=[(x, y + 1) for x, y, _ in filled],
        offset_transform=axes.transData,
        facecolors=[to_rgba(FILL, round(max(shade, 0.05), 2)) for _, _, shade in filled],
        linewidths=0,
        clip_on=False,
    )
    cells.set_transform(Affine2D().scale(size[0] / across - gap, size[1] / down - gap))
    axes.add_collection(cells, autolim=False)


def _round_step(most: int) -> int:
    """A round number that fits into ``most`` two or three times; at least 1."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if most < 4 * step * factor:
                return step * factor
        step *= 10
