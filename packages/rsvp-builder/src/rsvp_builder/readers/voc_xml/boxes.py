"""Numbers of an object: its ``bndbox``, and its corners where they stand in the same element."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias
from xml.etree.ElementTree import Element

from rsvp_builder.ledger import Reason
from rsvp_builder.readers.texts import number, shown
from rsvp_builder.readers.unusable import UnusableError

Box: TypeAlias = tuple[float, float, float, float]
Quad: TypeAlias = tuple[float, ...]

SIDES = ("xmin", "ymin", "xmax", "ymax")
CORNERS = tuple(f"{axis}{corner}" for corner in range(1, 5) for axis in "xy")
_FAR = 1e9
"""Coordinates beyond are looked at twice; no picture reaches there."""


def box_of(bndbox: Element | None) -> Box:
    """``xmin ymin xmax ymax`` as they are written.

    Raises:
        UnusableError: a number is missing, is none or is not finite, or the corners are reversed.
    """
    try:
        a, b = bndbox.findtext("xmin"), bndbox.findtext("ymin")  # type: ignore[union-attr]
        c, d = bndbox.findtext("xmax"), bndbox.findtext("ymax")  # type: ignore[union-attr]
        x1, y1, x2, y2 = float(a), float(b), float(c), float(d)  # type: ignore[arg-type]
        text = a + b + c + d  # type: ignore[operator]
        if -_FAR < x1 <= x2 < _FAR and -_FAR < y1 <= y2 < _FAR and "_" not in text and text.isascii():
            return x1, y1, x2, y2
    except (AttributeError, TypeError, ValueError):
        pass
    return _examined(bndbox)


def _examined(bndbox: Element | None) -> Box:
    """The box by the long way, which says what is wrong with it."""
    if bndbox is None:
        raise UnusableError(Reason.MALFORMED_LINE, "", f"a <bndbox> with {', '.join(SIDES)}")
    x1, y1, x2, y2 = numbers_of(bndbox, SIDES)
    if x2 < x1 or y2 < y1:
        raise UnusableError(Reason.DEGENERATE, written(bndbox, SIDES), "xmin <= xmax and ymin <= ymax")
    return x1, y1, x2, y2


def quad_of(bndbox: Element) -> Quad:
    """``x1 y1 .. x4 y4`` that stand in the same element as the box.

    Raises:
        UnusableError: as for :func:`box_of`.
    """
    return numbers_of(bndbox, CORNERS)


def numbers_of(element: Element, tags: Sequence[str]) -> tuple[float, ...]:
    """The numbers of an element's children, in the order of ``tags``.

    Raises:
        UnusableError: one is missing, is none or is not finite; the message shows all of them, ``-`` for
            a missing one.
    """
    try:
        numbers = tuple(number(element.findtext(tag) or "") for tag in tags)
    except ValueError as error:
        raise UnusableError(
            Reason.MALFORMED_LINE, written(element, tags), f"numbers {', '.join(tags)}"
        ) from error
    if not all(map(math.isfinite, numbers)):
        raise UnusableError(Reason.NOT_FINITE, written(element, tags), "finite coordinates")
    return numbers


def written(element: Element, tags: Sequence[str]) -> str:
    """The children's texts as they are written, for the ledger."""
    return shown(" ".join((element.findtext(tag) or "-").strip() or "-" for tag in tags))
