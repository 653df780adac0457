"""A row's picture with its marks drawn, as it is sent."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from PIL import Image

from rsvp_builder.captioning.drawing.dense import largest_first, parts_of
from rsvp_builder.captioning.drawing.pen import draw_on, numbers_of
from rsvp_builder.captioning.drawing.settings import DrawingSettings
from rsvp_builder.captioning.drawing.shapes import Shape, shapes_of
from rsvp_builder.captioning.request import Drawn, Sent, Subject
from rsvp_builder.errors import RsvpError
from rsvp_builder.gallery.picture import Wanted, shrink

_PART_SIDE = 1024
"""Longest side of an enlarged part, in pixels."""

_FAR = 1.0
"""Heights of its tag that a number may be led away from its mark before a part is sent enlarged."""

_PARTS_READ = 4
"""The picture is read at up to this many times the longest side that is sent, so that parts are sharp."""


def draw(subject: Subject, settings: DrawingSettings) -> Drawn:
    """Draw the marks of a row.

    The whole picture comes first. Where marks are too small or too close to be told apart in it, enlarged
    parts follow; the numbers of marks in these stand in the whole picture only where there is room right
    beside the mark.
    The same row and settings give the same bytes on one machine.

    Args:
        subject: the row and its picture; any mode and depth that the data set stores.
        settings: what is drawn and how large.

    Returns:
        The pictures. ``choice`` says how it was done: ``mode`` is ``whole``, ``tiled`` (with ``parts``, each
        with its ``box`` in pixels of the row's image and its ``marks``) or ``capped``; ``left_out`` are the
        indices of marks that are drawn nowhere, for want of room or of coordinates.

    Raises:
        RsvpError: the picture cannot be decoded, or no mark can be drawn.
    """
    row = subject.row
    size = (int(row["width"]), int(row["height"]))
    picture = _decoded(subject, settings)
    shapes, lost = shapes_of(row["marks"], size)
    if not settings.numbers:
        lost += [s.index for s in shapes if not (settings.points if s.is_point else settings.boxes)]
        shapes = [s for s in shapes if (settings.points if s.is_point else settings.boxes)]
    shapes, capped = largest_first(shapes, settings.max_marks)
    whole, scale = _whole(picture, size, settings)
    side = min(_PART_SIDE, settings.max_side)
    sheets = [_Sheet(whole, [s.moved(0, 0, scale) for s in shapes])]
    alone = numbers_of(whole.size, sheets[0].shapes, settings)
    crowded = {p.index for p in alone if p.away > _FAR} if settings.legible else set()
    parts = parts_of(shapes, size, scale, settings.legible, settings.max_parts, side, crowded)
    for part in parts:
        cut, enlarged = _cut(picture, size, part.box, side)
        sheets.append(_Sheet(cut, [s.moved(part.box[0], part.box[1], enlarged) for s in part.shapes]))

    again = {s.index for part in parts for s in part.shapes}
    places = [
        alone if not parts else numbers_of(s.picture.size, s.shapes, settings, () if n else again)
        for n, s in enumerate(sheets)
    ]
    shown = {p.index for found in places for p in found} if settings.numbers else {s.index for s in shapes}
    if not shown:
        raise RsvpError(
            f"row {row['id']}: none of its {len(row['marks'])} marks can be drawn: they have no area in its "
            "picture, it is too narrow for a number, or they are just what the settings switch off"
        )
    for sheet, found in zip(sheets, places, strict=True):
        draw_on(sheet.picture, [s for s in sheet.shapes if s.index in shown], found, settings)
    choice: dict[str, Any] = {"mode": "tiled" if parts else "capped" if capped else "whole"}
    if parts:
        choice["parts"] = [
            {"box": list(part.box), "marks": sorted(s.index for s in part.shapes if s.index in shown)}
            for part in parts
        ]
    choice["left_out"] = sorted({*capped, *lost, *(s.index for s in shapes)} - shown)
    return Drawn(tuple(_encoded(sheet.picture, settings) for sheet in sheets), tuple(sorted(shown)), choice)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A picture that is sent, and the marks in its pixels."""

    picture: Image.Image
    shapes: list[Shape]


def _decoded(subject: Subject, settings: DrawingSettings) -> Image.Image:
    """The picture as RGB, no larger than it is needed."""
    row = subject.row
    wanted = Wanted(row["window"], row["width"], row["height"])
    most = _PARTS_READ * settings.max_side if settings.max_parts else settings.max_side
    try:
        found, size = shrink(subject.picture, wanted, most)
        picture = found.convert("RGB")
    except Exception as error:  # a decoder may raise anything on a broken file
        reason = error or type(error).__name__
        raise RsvpError(f"row {row['id']}: its picture cannot be decoded: {reason}") from error
    if size != (row["width"], row["height"]):
        said = f"{row['width']} x {row['height']}"
        raise RsvpError(f"row {row['id']}: its picture is {size[0]} x {size[1]} px, the row says {said}")
    return picture


def _whole(
    picture: Image.Image, size: tuple[int, int], settings: DrawingSettings
) -> tuple[Image.Image, float]:
    """A copy as large as it is sent, and its pixels for one of the row's image."""
    longest = max(size)
    side = min(max(longest, settings.min_side), settings.max_side)
    shape = (max(1, round(size[0] * side / longest)), max(1, round(size[1] * side / longest)))
    resized = picture.copy() if shape == picture.size else picture.resize(shape, Image.Resampling.LANCZOS)
    return resized, side / longest


def _cut(
    picture: Image.Image, size: tuple[int, int], box: tuple[int, int, int, int], side: int
) -> tuple[Image.Image, float]:
    """A part, enlarged until its longer side is ``side``, and its pixels for one of the row's image."""
    read = picture.width / size[0], picture.height / size[1]
    x1, y1, x2, y2 = box
    enlarged = side / max(x2 - x1, y2 - y1)
    shape = (max(1, round((x2 - x1) * enlarged)), max(1, round((y2 - y1) * enlarged)))
    source = (x1 * read[0], y1 * read[1], x2 * read[0], y2 * read[1])
    return picture.resize(shape, Image.Resampling.LANCZOS, box=source), enlarged


def _encoded(picture: Image.Image, settings: DrawingSettings) -> Sent:
    buffer = io.BytesIO()
    if settings.format == "jpeg":
        picture.save(buffer, "JPEG", quality=settings.quality, subsampling=0)
    else:
        picture.save(buffer, "PNG")
    return Sent(buffer.getvalue(), f"image/{settings.format}", picture.width, picture.height)
