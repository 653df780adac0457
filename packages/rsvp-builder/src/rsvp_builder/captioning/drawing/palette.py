"""Colours of marks: Okabe and Ito's, which colour-blind people tell apart; the gallery's are the same."""

from __future__ import annotations

COLOURS = ("#e69f00", "#56b4e9", "#f0e442", "#d55e00", "#cc79a7", "#009e73", "#0072b2")

_LIGHT = 0.18
"""Relative luminance above which black text has more contrast than white (WCAG 2.2)."""


def colour_of(index: int) -> tuple[str, str]:
    """The colour of a mark and that of the number on it, as ``#rrggbb`` and ``#000`` or ``#fff``.

    Args:
        index: the mark's index in its row, from 1; neighbours differ.
    """
    colour = COLOURS[(index - 1) % len(COLOURS)]
    return colour, "#000" if _luminance(colour) > _LIGHT else "#fff"


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it, 0 to 1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
