"""Sheets of SVG, drawn with matplotlib in one plain style.

A sheet has its own ground, white or, where the reader prefers it, dark, so it can be read on any page.
Its text stays text. The same input gives the same bytes: ids have a fixed salt, there is no date, and
no setting of the user's matplotlib plays a part. Places on a sheet are points from its top left.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 576.0
"""Width of every sheet in points; a browser shows 768 pixels."""

HEAD = 46.0
"""Height of title and note."""
MARGIN = 14.0
LINE = 15.0
"""Height of a line of text, bars or cells."""

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
"""Okabe and Ito's palette, distinct for every common kind of colour vision, strongest first."""
OTHER = "#8c959f"
FILL = "#0b5cad"
INK = "#181c20"
QUIET = "#59636e"

GROUND = "#ffffff"
RULE = "#dde1e6"

_DARK = {GROUND: "#181c20", INK: "#e4e8ec", QUIET: "#98a3ae", RULE: "#2c3238", FILL: "#7db7f2"}
_LEGEND_NAME = 44

Key = tuple[str, str]
"""A name and the colour that stands for it."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+")


def compact(value: float) -> str:
    """A count in few characters: ``999``, ``12.3k``, ``4M``."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * limit:
            digits = f"{value / limit:.3g}"
            return (digits if "e" not in digits else f"{value / limit:.0f}") + unit
    return f"{value:.3g}" if value % 1 else f"{value:.0f}"


def short(name: str, most: int = 28) -> str:
    """A name as a sheet shows it: one line, at most so many characters wide."""
    text = _printable(name) or "(none)"
    cells = 0
    for position, character in enumerate(text):
        cells += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if cells > most:
            return text[: position - 1].rstrip() + "…"
    return text


def _printable(text: str) -> str:
    """The text on one line, without characters that XML does not allow."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


@contextmanager
def plain_style() -> Iterator[None]:
    """Within it, matplotlib draws as sheets want it, whatever the user has configured."""
    import matplotlib

    defaults = matplotlib.rcParamsDefault.items()
    settings: dict[Any, Any] = {key: value for key, value in defaults if not key.startswith("backend")}
    settings |= {
        "svg.fonttype": "none",
        "svg.hashsalt": "rsvp-builder",
        "text.parse_math": False,
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the layout is the same everywhere
        "font.size": 8.5,
        "text.color": INK,
        "xtick.color": QUIET,
        "ytick.color": INK,
        "path.simplify": False,
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a browser has the fonts that are missing here
        yield


class Sheet:
    """One plot with a title and a quieter note below it.

    Attributes:
        alt: title and note, for who cannot see the sheet.
        top: where the next thing may begin.
    """

    def __init__(self, height: float, title: str, note: str) -> None:
        from matplotlib.figure import Figure

        self.alt = _printable(f"{title}. {note}")
        self.height = height
        self.top = HEAD
        self._title = title
        self._figure = Figure(figsize=(WIDTH / 72, height / 72), facecolor=GROUND)
        self.text(MARGIN, 20, title, size=11, weight="bold")
        self.text(MARGIN, 34, note, colour=QUIET)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 8.5,
        colour: str = INK,
        weight: str = "normal",
        align: str = "left",
    ) -> None:
        """Write a line; ``y`` is its baseline."""
        self._figure.text(
            x / WIDTH,
            1 - y / self.height,
            _printable(text),
            fontsize=size,
            color=colour,
            fontweight=weight,
            ha=align,
            va="baseline",
        )

    def legend(self, keys: Sequence[Key]) -> None:
        """Name colours, in as much height as :func:`legend_height` says."""
        from matplotlib.patches import Rectangle

        for (name, colour), (x, y) in zip(keys, _flow(keys), strict=True):
            corner = (x / WIDTH, 1 - (self.top + y + 8) / self.height)
            swatch = Rectangle(corner, 8 / WIDTH, 8 / self.height, color=colour, linewidth=0)
            self._figure.add_artist(swatch)
            self.text(x + 12, self.top + y + 7.5, short(name, _LEGEND_NAME))
        self.top += legend_height(keys)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes without frame and tick marks."""
        rectangle = (left / WIDTH, 1 - (top + height) / self.height, width / WIDTH, height / self.height)
        axes = self._figure.add_axes(rectangle)
        axes.set_facecolor("none")
        axes.set_axisbelow(True)
        axes.tick_params(length=0, labelsize=8.5)
        for spine in axes.spines.values():
            spine.set_visible(False)
        return axes

    def svg(self) -> bytes:
        """The sheet as a file."""
        buffer = io.BytesIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        self._figure.savefig(buffer, format="svg", metadata={"Title": self._title, **nothing})
        text = buffer.getvalue().decode()
        # The document type names an address that a parser might fetch.
        head, end_of_root, rest = re.sub(r"<!DOCTYPE[^>]*>\s*", "", text, count=1).partition('1.1">\n')
        return (head + end_of_root + _dark_style() + rest).encode()


def legend_height(keys: Sequence[Key]) -> float:
    """How much of a sheet's height a legend takes."""
    return max((y for _, y in _flow(keys)), default=0) + LINE + 6


def _flow(keys: Sequence[Key]) -> list[tuple[float, float]]:
    """Where each key of a legend begins: from the left of the sheet, from the top of the legend."""
    places = []
    x, y = MARGIN, 0.0
    for name, _ in keys:
        width = 26 + 5.4 * len(short(name, _LEGEND_NAME))
        if x > MARGIN and x + width > WIDTH - MARGIN:
            x, y = MARGIN, y + LINE
        places.append((x, y))
        x += width
    return places


def _dark_style() -> str:
    rules = [
        f'[style*="{what}: {light}"]{{{what}:{dark}!important}}'
        for light, dark in _DARK.items()
        for what in ("fill", "stroke")
    ]
    return f"<style>@media (prefers-color-scheme:dark){{{''.join(rules)}}}</style>\n"
