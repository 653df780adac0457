"""The plot of the page: how we stand to every peer, on one logarithmic axis, with the goals."""

from __future__ import annotations

import io
from collections.abc import Sequence

from figures import Figure

INK, FAINT, MET, MISSED, PLAIN = "#222222", "#9a9a9a", "#2f7d4f", "#b5482f", "#5b7fa6"
LINE = 0.235
"""Inches of the page that a row takes."""

KEY = "Theirs over ours: right of 1x we take less. Bars are goals: green met, red not met; blue has none."

_STYLE = {
    "svg.hashsalt": "rsvp",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.edgecolor": FAINT,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
}


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip(' ,:;(')}\N{HORIZONTAL ELLIPSIS}"


def _ratio(value: float) -> str:
    return f"{value:,.0f}x" if value >= 100 else f"{value:.1f}x" if value >= 10 else f"{value:.2f}x"


def draw(groups: Sequence[tuple[str, Sequence[Figure]]]) -> str:
    """The plot as SVG, the same bytes for the same figures.

    Args:
        groups: benchmark -> its figures, all of which have a ratio.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = sum(len(figures) + 1 for _, figures in groups)
    with matplotlib.rc_context(_STYLE):
        figure, axes = pyplot.subplots(figsize=(11, 1.0 + LINE * rows))
        figure.subplots_adjust(left=0.6, right=0.93, top=1 - 0.62 / (1.0 + LINE * rows), bottom=0.03)
        axes.set_xscale("log")
        place = 0
        for name, figures in groups:
            axes.text(-1.68, place, name, transform=axes.get_yaxis_transform(), va="center", weight="bold")
            place += 1
            for one in figures:
                _row(axes, place, one)
                place += 1
        values = [
            value for _, figures in groups for one in figures for value in (one.ratio, one.goal) if value
        ]
        low, high = min(1.0, *values), max(1.0, *values)
        axes.set_xlim(low / 1.6, high * 4)
        axes.set_ylim(place - 0.3, -0.8)
        axes.axvline(1, color=INK, linewidth=0.8, zorder=0)
        axes.grid(axis="x", color="#e6e6e6", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_yticks([])
        axes.xaxis.tick_top()
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}x")
        axes.tick_params(axis="x", which="both", length=2)
        for side in ("left", "right", "bottom"):
            axes.spines[side].set_visible(False)
        figure.text(
            0.02,
            1 - 0.2 / (1.0 + LINE * rows),
            KEY,
            va="center",
        )
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        pyplot.close(figure)
    lines = buffer.getvalue().splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _row(axes: object, place: int, one: Figure) -> None:
    ratio = one.ratio
    assert ratio is not None
    colour = {"met": MET, "not met": MISSED}.get(one.verdict, PLAIN)
    axes.plot([1, ratio], [place, place], color=colour, linewidth=3, solid_capstyle="butt", zorder=2)
    axes.plot([ratio], [place], "o", color=colour, markersize=4, zorder=3)
    if one.goal is not None:
        axes.plot([one.goal], [place], "|", color=INK, markersize=9, markeredgewidth=1.4, zorder=4)
    right = max(ratio, 1, one.goal or 0)
    axes.text(right * 1.22, place, _ratio(ratio), va="center", fontsize=7.5)
    side = axes.get_yaxis_transform()
    axes.text(-1.65, place, _short(one.what, 52), transform=side, va="center", fontsize=7.5)
    peer = _short(f"{one.peer} ({one.peer_version})" if one.peer_version else one.peer, 58)
    axes.text(-0.03, place, peer, transform=side, va="center", ha="right", fontsize=7.5, color="#555555")
