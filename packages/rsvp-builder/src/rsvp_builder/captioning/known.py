"""What is known of a row, in words, for the captioner.

Only what the data set states is said: class or text of each mark, its place and size, the sampling
distance, where the picture comes from. Nothing is said of colours, of file names or of the drawing.

* **Place**: the third of the image, across and down, that holds the mark's centre, as in region captions,
  and the centre in percent of width and height, which holds for a resized picture too.
* **Size**: pixels of the row's own image; of an oriented quad its mean length and breadth. In metres too
  where the sampling distance (GSD) is known.
* **Nearest**: the mark whose centre is nearest, and the direction to it within the image: one of eight of
  45 degrees each, on images whose y axis runs down.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rsvp_builder.tasks.region_caption import POSITIONS

_LONGEST_TEXT = 300
"""Characters of a text by people that are quoted."""

_DIRECTIONS = (
    "to its right",
    "to its lower right",
    "below it",
    "to its lower left",
    "to its left",
    "to its upper left",
    "above it",
    "to its upper right",
)
"""From the x axis, 45 degrees each, turning towards y, which runs down."""

_FLAGS = {
    "truncated": "cut by the edge of the image",
    "clipped": "cut by the edge of the image",
    "occluded": "partly hidden",
    "difficult": "hard to make out",
}


@dataclass(frozen=True, slots=True)
class KnownRegion:
    """A mark in words.

    Attributes:
        index: of the mark.
        label: its class, or "" where it has none.
        known: ``<Region 1>: airplane, at the top left (centre 25 % across, 30 % down), 40 x 32 px``.
        nearest: ``nearest to it is <Region 2>, to its right``; empty where it is alone.
    """

    index: int
    label: str
    known: str
    nearest: str


def facts(row: dict[str, Any], shown: Sequence[int]) -> str:
    """What is known of the image: lines that each end in a full stop."""
    width, height, gsd = row["width"], row["height"], row.get("gsd")
    said = []
    if row.get("domain") == "natural":
        said.append("The image is a photograph.")
    else:
        origin = _quoted(row.get("image_source"))
        said.append(f"The image shows ground seen from above{f'; it comes from {origin}' if origin else ''}.")
    size = f"It is {width} pixels wide and {height} pixels high"
    if _positive(gsd):
        size += f"; a pixel is {gsd:.3g} m of ground, so it covers {_metres(width * gsd, height * gsd)}"
    said.append(f"{size}.")
    if not _positive(gsd) and row.get("domain") != "natural":
        said.append("How large a pixel is on the ground is not known: give no sizes or distances in metres.")
    hidden = [mark for mark in row["marks"] if mark["index"] not in set(shown)]
    if hidden:
        counts = Counter(_quoted(mark["label"]) or "thing of unknown class" for mark in hidden)
        listed = ", ".join(f"{label}: {count}" for label, count in sorted(counts.items()))
        said.append(f"The image also holds things that you need not speak of ({listed}).")
    return "\n".join(said)


def known_regions(row: dict[str, Any], shown: Sequence[int]) -> list[KnownRegion]:
    """What is known of each mark that is drawn, in the order of their indices."""
    marks = [mark for mark in row["marks"] if mark["index"] in set(shown)]
    return [
        KnownRegion(mark["index"], _quoted(mark["label"]), _known(mark, row), _nearest(mark, marks, row))
        for mark in sorted(marks, key=lambda mark: int(mark["index"]))
    ]


def _known(mark: dict[str, Any], row: dict[str, Any]) -> str:
    x, y = _centre(mark)
    across, down = x / row["width"], y / row["height"]
    column, line = (min(2, max(0, int(3 * share))) for share in (across, down))
    label = _quoted(mark["label"]) or "class unknown"
    place = f"{POSITIONS[3 * line + column]} (centre {100 * across:.0f} % across, {100 * down:.0f} % down)"
    said = [label, place]
    sides = _sides(mark)
    if sides is not None:
        said.append(f"{_number(sides[0])} x {_number(sides[1])} px")
        if _positive(row.get("gsd")):
            said[-1] += f", {_metres(sides[0] * row['gsd'], sides[1] * row['gsd'])}"
    said += dict.fromkeys(_FLAGS[flag] for flag in mark.get("flags") or () if flag in _FLAGS)
    text = _quoted(mark.get("caption"))
    if text:
        said.append(f'described by people as "{text}"')
    return f"<Region {mark['index']}>: {', '.join(said)}"


def _nearest(mark: dict[str, Any], marks: list[dict[str, Any]], row: dict[str, Any]) -> str:
    x, y = _centre(mark)
    others = [
        (math.dist((x, y), _centre(other)), other["index"], other)
        for other in marks
        if other["index"] != mark["index"]
    ]
    if not others:
        return ""
    distance, index, other = min(others, key=lambda found: found[:2])
    said = f"nearest to it is <Region {index}>"
    inside = _inside(mark, other), _inside(other, mark)
    if inside[0]:
        return f"{said}, which it lies in"
    if inside[1]:
        return f"{said}, which lies in it"
    if distance == 0:
        return f"{said}, at the same place"
    ox, oy = _centre(other)
    eighth = round(math.atan2(oy - y, ox - x) / (math.pi / 4)) % 8
    said += f", {_DIRECTIONS[eighth]}"
    if _positive(row.get("gsd")):
        said += f", {_number(distance * row['gsd'])} m from centre to centre"
    return said


def _centre(mark: dict[str, Any]) -> tuple[float, float]:
    if mark["kind"] == "point":
        return mark["xy"][0], mark["xy"][1]
    x1, y1, x2, y2 = mark["xyxy"]
    return (x1 + x2) / 2, (y1 + y2) / 2


def _sides(mark: dict[str, Any]) -> tuple[float, float] | None:
    """Length and breadth of an oriented quad, width and height of a box, in pixels."""
    if mark["kind"] == "point":
        return None
    x1, y1, x2, y2 = mark["xyxy"]
    quad, cut = mark.get("quad"), {"clipped", "truncated"} & set(mark.get("flags") or ())
    if not quad or cut:  # the quad of a cut mark reaches beyond what is seen
        return x2 - x1, y2 - y1
    corners = [(quad[i], quad[i + 1]) for i in range(0, 8, 2)]
    edges = [math.dist(corners[i], corners[(i + 1) % 4]) for i in range(4)]
    pair = (edges[0] + edges[2]) / 2, (edges[1] + edges[3]) / 2
    return max(pair), min(pair)


def _inside(inner: dict[str, Any], outer: dict[str, Any]) -> bool:
    if outer["kind"] == "point":
        return False
    x1, y1, x2, y2 = outer["xyxy"]
    if inner["kind"] == "point":
        x, y = inner["xy"]
        return bool(x1 <= x < x2 and y1 <= y < y2)
    a1, b1, a2, b2 = inner["xyxy"]
    equal = (a1, b1, a2, b2) == (x1, y1, x2, y2)
    return bool(x1 <= a1 and y1 <= b1 and a2 <= x2 and b2 <= y2 and not equal)


def _positive(gsd: Any) -> bool:
    return isinstance(gsd, int | float) and math.isfinite(gsd) and gsd > 0


def _metres(a: float, b: float) -> str:
    return f"{_number(a)} x {_number(b)} m on the ground"


def _number(value: float) -> str:
    """At most two digits that count below ten, and whole numbers from there on."""
    return f"{value:.2g}" if value < 9.95 else f"{value:.0f}"


def _quoted(text: Any) -> str:
    """A text of a release, on one line, without quotation marks and not too long."""
    if not isinstance(text, str):
        return ""
    flat = " ".join(text.replace('"', "'").split())
    return flat if len(flat) <= _LONGEST_TEXT else f"{flat[:_LONGEST_TEXT].rsplit(' ', 1)[0]} ..."
