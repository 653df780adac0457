"""Corners of objects from a second file of the same stem, as MAR20 and DIOR-R have them.

::

    <object><type>robndbox</type><name>A2</name>
      <robndbox><x_left_top>516.28</x_left_top><y_left_top>414.78</y_left_top> ... </robndbox><angle>0</angle>
    </object>

Source: real files of both releases. ``angle`` is always 0 and means nothing. The names of the corners do
not say which corner of the picture they are nearest to; their order is that of the quad. The two
files list the same objects in the same order; nothing else ties them together, so a quad is taken only
where names agree and it lies over the box. It is no more than that: the box was drawn apart from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from rsvp_builder.geometry import covered_area
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.readers.texts import shown
from rsvp_builder.readers.unusable import UnusableError
from rsvp_builder.readers.voc_xml.boxes import Box, Quad, numbers_of, written
from rsvp_builder.readers.voc_xml.parsing import LabelFile, open_label
from rsvp_builder.record import Item

_SMALLEST_AREA = 1e-6
_TAGS = tuple(
    f"{axis}_{corner}" for corner in ("left_top", "right_top", "right_bottom", "left_bottom") for axis in "xy"
)


class SecondFile:
    """The quads of one image; without them an object has its box alone, and the ledger says so.

    Args:
        root: folder of the release.
        item: the image; ``meta`` is the second file.
        first: the first file.
        drops: gets what is wrong with the second.
    """

    def __init__(self, root: Path, item: Item, first: LabelFile, drops: Drops) -> None:
        self._drops = drops
        self._item = item
        self._path = item.meta or ""
        self._lines: list[int] = []
        self._quads: list[Quad | None] = [None] * len(first.objects)
        own = Drops()
        second = open_label(root, item, self._path, own)
        for drop in own.entries:  # costs the corners, not the image
            self._note(drop.reason, drop.line, drop.value, drop.expected)
        if second is None:
            return
        ours, theirs = len(first.objects), len(second.objects)
        if ours != theirs:
            expected = f"the {ours} objects of {item.label}, in the same order"
            self._note(Reason.MALFORMED_LINE, None, f"{theirs} objects", expected)
            return
        self._lines = second.lines
        quads = [self._quad(*pair) for pair in zip(first.objects, second.objects, second.lines, strict=True)]
        self._quads = self._with_area(quads, second.objects)

    def of(self, ordinal: int, box: Box) -> Quad | None:
        """The quad of the object at a place in the file, None where it cannot be told."""
        quad = self._quads[ordinal]
        if quad is None:
            return None
        x1, y1, x2, y2 = box
        x, y = quad[0::2], quad[1::2]
        if min(x) < x2 and max(x) > x1 and min(y) < y2 and max(y) > y1:
            return quad
        value = " ".join(f"{v:.15g}" for v in quad)
        self._note(Reason.MALFORMED_LINE, self._lines[ordinal], value, f"corners about the box {box}")
        return None

    def _quad(self, first: Element, second: Element, line: int) -> Quad | None:
        ours, theirs = ((e.findtext("name") or "").strip() for e in (first, second))
        if ours != theirs:
            expected = f"{shown(ours)}, the name of the same object in {self._item.label}"
            self._note(Reason.MALFORMED_LINE, line, shown(theirs), expected)
            return None
        robndbox = second.find("robndbox")
        if robndbox is None:
            self._note(Reason.MALFORMED_LINE, line, "", f"a <robndbox> with {', '.join(_TAGS)}")
            return None
        try:
            return numbers_of(robndbox, _TAGS)
        except UnusableError as error:
            self._note(error.reason, line, error.value, error.expected)
            return None

    def _with_area(self, quads: Sequence[Quad | None], elements: Sequence[Element]) -> list[Quad | None]:
        if not any(quads):
            return list(quads)
        area = covered_area(np.array([quad or (0.0,) * 8 for quad in quads], np.float64))
        kept = list(quads)
        for ordinal in np.flatnonzero(~(area >= _SMALLEST_AREA)).tolist():
            robndbox = elements[ordinal].find("robndbox")
            if kept[ordinal] is not None and robndbox is not None:
                value = written(robndbox, _TAGS)
                self._note(Reason.DEGENERATE, self._lines[ordinal], value, "corners of a shape with an area")
                kept[ordinal] = None
        return kept

    def _note(self, reason: Reason, line: int | None, value: str, expected: str) -> None:
        self._drops.add(Drop("metadata", reason, self._item.image_id, self._path, line, value, expected))
