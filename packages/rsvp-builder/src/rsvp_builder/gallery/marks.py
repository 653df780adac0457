"""The marks of a row as what SVG draws: an outline, a thin box, a point, and where its number goes.

All numbers are pixels of the row's own image; the page scales them. Only the size of a number tag is
in CSS pixels, because tags keep their size on the screen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

COLOURS = 7
"""How many colours the style sheet has (Okabe and Ito's, without black), named c0, c1, ..."""

NOMINAL_SIDE = 560
"""The longest side of a picture on a usual screen, in CSS pixels; tags are placed for this size."""

TAG_HEIGHT = 15
_TAG_PADDING = 8
_TAG_DIGIT = 6.5
_GAP = 3
_POINT_REACH = 9
_LEADS = (26, 38, 52, 68, 86, 106)
_DIRECTIONS = 16
_CROWD = 60  # above it no numbers are led away: there is no room, and every place costs a look at all marks
_IMPATIENCE = 0.004

_Box = tuple[float, float, float, float]


def colour_of(index: int) -> int:
    """The number of the colour of a mark; neighbours in the list differ."""
    return (index - 1) % COLOURS


@dataclass(frozen=True, slots=True)
class Tag:
    """A number on the picture: its corner in image pixels, an offset and its width in CSS pixels.

    Attributes:
        leader: a line from the mark to its tag, in the tag's pixels; empty where they touch.
    """

    x: str
    y: str
    dx: str
    dy: str
    width: str
    leader: str = ""

    @property
    def middle(self) -> str:
        """Where its number stands."""
        return number(float(self.width) / 2)


@dataclass(frozen=True, slots=True)
class DrawnMark:
    """A mark as the page draws it.

    Attributes:
        index: its number in the row.
        colour: the number of its colour.
        title: what a tooltip says.
        outline: path of its quad, or of its box if it has none; empty for a point.
        box: path of its horizontal box where the outline is another shape; else empty.
        point: ``x, y`` of a point, or None.
        tag: where its number stands.
    """

    index: int
    colour: int
    title: str
    outline: str
    box: str
    point: tuple[str, str] | None
    tag: Tag


@dataclass(frozen=True, slots=True)
class _Shape:
    mark: dict[str, Any]
    outline: list[tuple[float, float]]
    box: _Box
    slanted: bool


def draw_marks(marks: Iterable[dict[str, Any]], width: int, height: int) -> tuple[list[DrawnMark], list[int]]:
    """Lay out the marks of a row.

    Returns:
        The marks, large ones first so that small ones stay on top, and the numbers of those whose
        coordinates cannot be drawn.
    """
    shapes, undrawable = [], []
    for mark in marks:
        shape = _shape(mark)
        if shape is None:
            undrawable.append(int(mark.get("index") or 0))
        else:
            shapes.append(shape)
    tags = _place_tags(shapes, width, height)
    drawn = [_drawn(shape, tag) for shape, tag in zip(shapes, tags, strict=True)]
    order = sorted(range(len(shapes)), key=lambda i: (-_area(shapes[i].box), i))
    return [drawn[i] for i in order], undrawable


def _numbers(values: Sequence[float | None] | None, count: int) -> list[float] | None:
    if values is None or len(values) != count:
        return None
    numbers = [math.nan if v is None else float(v) for v in values]
    return numbers if all(math.isfinite(v) for v in numbers) else None


def _shape(mark: dict[str, Any]) -> _Shape | None:
    """What there is to draw: a quad before a box before a point; None if nothing is usable."""
    quad = _numbers(mark.get("quad"), 8)
    box = _numbers(mark.get("xyxy"), 4)
    point = _numbers(mark.get("xy"), 2)
    if mark.get("kind") == "point" and point:
        x, y = point
        return _Shape(mark, [], (x, y, x, y), slanted=False)
    if quad:
        corners = list(zip(quad[::2], quad[1::2], strict=True))
        around = (min(quad[::2]), min(quad[1::2]), max(quad[::2]), max(quad[1::2]))
        bounds = (box[0], box[1], box[2], box[3]) if box else around
        return _Shape(mark, corners, bounds, slanted=bool(box) and set(corners) != set(_corners(bounds)))
    if box:
        bounds = (box[0], box[1], box[2], box[3])
        return _Shape(mark, _corners(bounds), bounds, slanted=False)
    return None


def _corners(box: _Box) -> list[tuple[float, float]]:
    x1, y1, x2, y2 = box
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


def _area(box: _Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _drawn(shape: _Shape, tag: Tag) -> DrawnMark:
    mark = shape.mark
    index = int(mark.get("index") or 0)
    said = [mark.get("label"), mark.get("caption"), ", ".join(f for f in mark.get("flags") or [] if f)]
    title = f"{index}: " + " – ".join(s for s in said if s) if any(said) else str(index)
    point = (number(shape.box[0]), number(shape.box[1])) if not shape.outline else None
    outline = path(shape.outline) if shape.outline else ""
    box = path(_corners(shape.box)) if shape.slanted else ""
    return DrawnMark(index, colour_of(index), title, outline, box, point, tag)


def path(corners: Sequence[tuple[float, float]]) -> str:
    """A closed SVG path."""
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in corners) + "Z"


def number(value: float) -> str:
    """A coordinate to a hundredth of a pixel, as short as it gets."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place for a tag: a point in image pixels, an offset of the tag's corner in CSS pixels."""

    x: float
    y: float
    dx: float
    dy: float
    leads: bool = False


def _place_tags(shapes: Sequence[_Shape], width: int, height: int) -> list[Tag]:
    """Give every number a place beside its mark, clear of other numbers and marks where there is room."""
    unit = max(width, height, 1) / NOMINAL_SIDE  # image pixels in a CSS pixel
    taken: list[_Box] = []
    tags = []
    for shape in shapes:
        tag_width = _TAG_PADDING + _TAG_DIGIT * len(str(shape.mark.get("index") or 0))
        full = tag_width * TAG_HEIGHT * unit * unit
        best: tuple[float, _Spot, _Box] | None = None
        for number_of_spot, spot in enumerate(_spots(shape, tag_width, lead=len(shapes) <= _CROWD)):
            left, top = spot.x + spot.dx * unit, spot.y + spot.dy * unit
            place = (left, top, left + tag_width * unit, top + TAG_HEIGHT * unit)
            outside = full - _overlap(place, (0, 0, width, height))
            cost = 8 * outside + 4 * sum(_overlap(place, other) for other in taken)
            cost += sum(
                min(_overlap(place, _around(other, 2 * unit)), full) for other in shapes if other is not shape
            )
            cost += full * number_of_spot * _IMPATIENCE  # among equals the nearer one
            if best is None or cost < best[0] - 1e-9:
                best = (cost, spot, place)
            if cost <= full * number_of_spot * _IMPATIENCE + 1e-9:
                break
        if best is not None:
            tags.append(_tag(best[1], tag_width))
            taken.append(best[2])
    return tags


def _tag(spot: _Spot, width: float) -> Tag:
    leader = ""
    if spot.leads:
        leader = f"M0 0L{number(spot.dx + width / 2)} {number(spot.dy + TAG_HEIGHT / 2)}"
    return Tag(number(spot.x), number(spot.y), number(spot.dx), number(spot.dy), number(width), leader)


def _spots(shape: _Shape, width: float, *, lead: bool) -> Iterable[_Spot]:
    """Places for a tag, best first: touching the mark, then away from it with a line to it."""
    x1, y1, x2, y2 = shape.box
    middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
    reach = _GAP if shape.outline else _POINT_REACH
    over, under = -TAG_HEIGHT - reach, reach
    if shape.outline:
        yield _Spot(x1, y1, 0, over)
        yield _Spot(x2, y1, -width, over)
        yield _Spot(x1, y2, 0, under)
        yield _Spot(x2, y2, -width, under)
    else:
        yield _Spot(x1, y1, reach - 4, over + 4)
        yield _Spot(x1, y1, -width - reach + 4, over + 4)
        yield _Spot(x1, y1, reach - 4, under - 4)
        yield _Spot(x1, y1, -width - reach + 4, under - 4)
    yield _Spot(x2, middle_y, reach, -TAG_HEIGHT / 2)
    yield _Spot(x1, middle_y, -width - reach, -TAG_HEIGHT / 2)
    yield _Spot(middle_x, y1, -width / 2, over)
    yield _Spot(middle_x, y2, -width / 2, under)
    yield _Spot(x1, y1, reach, reach)  # inside, for marks that fill the picture
    yield _Spot(x2, y2, -width - reach, -TAG_HEIGHT - reach)
    for distance in _LEADS if lead else ():
        for step in range(_DIRECTIONS):
            angle = 2 * math.pi * step / _DIRECTIONS
            dx = round(distance * math.cos(angle) - width / 2, 1)
            dy = round(distance * math.sin(angle) - TAG_HEIGHT / 2, 1)
            yield _Spot(middle_x, middle_y, dx, dy, leads=True)


def _around(shape: _Shape, margin: float) -> _Box:
    x1, y1, x2, y2 = shape.box
    return (x1 - margin, y1 - margin, x2 + margin, y2 + margin)


def _overlap(a: _Box, b: _Box) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, high)
