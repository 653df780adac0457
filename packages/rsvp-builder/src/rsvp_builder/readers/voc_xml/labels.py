"""The objects of VOC-like label files.

::

    <annotation>
      <size><width>1272</width><height>1504</height><depth>3</depth></size>
      <object>
        <name>airplane</name><difficult>0</difficult>
        <bndbox><xmin>453</xmin><ymin>556</ymin><xmax>552</xmax><ymax>692</ymax></bndbox>
        <description>The plane on the left</description>                      DIOR-RSVG only
      </object>
    </annotation>

Source: the development kit of VOC2012,
http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html, and real files. Children are found
by name, since releases order them differently (RSOD has ``ymax`` before ``xmax``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from rsvp_builder.ledger import Drop, Drops, Kind, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers.classes import ClassTable
from rsvp_builder.readers.texts import sentence, shown
from rsvp_builder.readers.unusable import UnusableError
from rsvp_builder.readers.voc_xml.boxes import Box, Quad, box_of, quad_of
from rsvp_builder.readers.voc_xml.layout import VocLayout, layout_of
from rsvp_builder.readers.voc_xml.parsing import LabelFile, open_label
from rsvp_builder.readers.voc_xml.second_file import SecondFile
from rsvp_builder.readers.xml import many_trees
from rsvp_builder.record import Annotations, Item, ObjectFlag, Objects

_FLAGS = {"difficult": ObjectFlag.DIFFICULT, "truncated": ObjectFlag.TRUNCATED}
_YES, _NO = frozenset({"1", "true", "yes"}), frozenset({"", "0", "false", "no", "unspecified"})
_SHORTEST_TEXT = 2
"""Some descriptions of DIOR-RSVG are empty or a single character."""


@dataclass(slots=True)
class _Columns:
    """Sound objects, in columns; the boxes' numbers one behind the other, quads by position."""

    item: list[int] = field(default_factory=list)
    line: list[int] = field(default_factory=list)
    class_id: list[int] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    box: list[float] = field(default_factory=list)
    quad: dict[int, Quad] = field(default_factory=dict)
    text: list[str | None] = field(default_factory=list)

    def objects(self, layout: VocLayout) -> Objects:
        """As the toolkit has them: boxes half-open and counted from 0."""
        n = len(self.item)
        box = np.array(self.box, np.float64).reshape(n, 4)
        if layout.boxes == "one_based":
            box[:, :2] -= 1
        quad = np.full((n, 8), np.nan)
        if self.quad:
            quad[list(self.quad)] = list(self.quad.values())
        text = None
        if layout.texts:
            text = np.empty(n, np.object_)
            text[:] = self.text
        return Objects(
            item=np.array(self.item, np.int64),
            line=np.array(self.line, np.int64),
            class_id=np.array(self.class_id, np.int64),
            quad=quad,
            box=box,
            flags=np.array(self.flags, np.uint8),
            text=text,
        )


def read_labels(root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
    """Parse the label files of some items.

    Args:
        root: folder of the release.
        manifest: the source.
        items: images with their label files; an item without one has no objects.
        drops: gets every object, value and file that cannot be used.

    Returns:
        Objects grouped by item in the order of the files, and the sizes that the files state.
    """
    reading = _Reading(root, manifest, drops)
    n = len(items)
    seen, readable = [0] * n, [True] * n
    declared: list[tuple[int, int] | None] = [None] * n
    with many_trees():
        for position, item in enumerate(items):
            if item.label is None:
                continue
            file = open_label(root, item, item.label, drops)
            if file is None:
                readable[position] = False
                continue
            seen[position] = reading.read(position, item, file)
            declared[position] = reading.size(item, file)
    objects = reading.columns.objects(reading.layout)
    return Annotations(objects, seen, [None] * n, [None] * n, readable, declared=declared)


class _Reading:
    """Reads the objects of parsed files into columns.

    A release has some ten thousand files of dozens of objects, so a sound object costs no more than a few
    look-ups; what is wrong with one is found out only where something is.
    """

    def __init__(self, root: Path, manifest: Manifest, drops: Drops) -> None:
        self.layout = layout_of(manifest)
        self.columns = _Columns()
        self._root = root
        self._drops = drops
        self._classes = ClassTable(manifest, loose=self.layout.names == "loose")
        self._class_ids: dict[str | None, int] = {}
        self._flags = [(tag, int(_FLAGS[tag])) for tag in self.layout.flags]

    def read(self, position: int, item: Item, file: LabelFile) -> int:
        """Read the objects of an item; returns how many it has, unusable ones included."""
        columns, known, flags, texts = self.columns, self._class_ids, self._flags, self.layout.texts
        quads = self.layout.quads != "none"
        add_line, add_class, add_flags = columns.line.append, columns.class_id.append, columns.flags.append
        second = SecondFile(self._root, item, file, self._drops) if item.meta else None
        ordinals = self._ordinals(item, file)
        for ordinal in ordinals:
            element, line = file.objects[ordinal], file.lines[ordinal]
            try:
                name = element.findtext("name")
                class_id = known.get(name)
                if class_id is None:
                    class_id = self._class(name)
                bndbox = element.find("bndbox")
                box = box_of(bndbox)
                if quads:
                    self._add_quad(ordinal, bndbox, box, second)
            except UnusableError as error:
                self._drop("object", error.reason, item, line, error.value, error.expected)
                continue
            mark = 0
            for tag, flag in flags:
                value = element.findtext(tag)
                if value is not None and value != "0":
                    mark |= flag if self._is_set(tag, value, item, line) else 0
            add_line(line)
            add_class(class_id)
            add_flags(mark)
            columns.box += box
            if texts:
                columns.text.append(self._text(element, item, line))
        columns.item += [position] * (len(columns.line) - len(columns.item))
        return len(ordinals)

    def size(self, item: Item, file: LabelFile) -> tuple[int, int] | None:
        """Width and height that the file states, None where it states none."""
        size = file.root.find("size")
        if size is None:
            return None
        width, height = ((size.findtext(tag) or "").strip() for tag in ("width", "height"))
        if all(side.isascii() and side.isdecimal() and len(side) < 10 for side in (width, height)):
            return int(width), int(height)
        value = shown(f"{width or '-'} x {height or '-'} px")
        self._drop("metadata", Reason.MALFORMED_LINE, item, None, value, "a <size> in whole pixels")
        return None

    def _ordinals(self, item: Item, file: LabelFile) -> Sequence[int]:
        """Places in the file of the objects that belong to the item."""
        if self.layout.lists == "images":
            return range(len(file.objects))
        return [ordinal for ordinal in map(int, item.data.split()) if ordinal < len(file.objects)]

    def _add_quad(self, ordinal: int, bndbox: Element | None, box: Box, second: SecondFile | None) -> None:
        if self.layout.quads == "bndbox" and bndbox is not None:
            self.columns.quad[len(self.columns.line)] = quad_of(bndbox)
        elif second is not None and (quad := second.of(ordinal, box)) is not None:
            self.columns.quad[len(self.columns.line)] = quad

    def _class(self, name: str | None) -> int:
        if name is None or not name.strip():
            raise UnusableError(Reason.MALFORMED_LINE, "", "a <name> that says the class")
        class_id = self._classes.id(name)
        if class_id is None:
            ignored = self._classes.ignored(name)
            reason = Reason.IGNORED_REGION if ignored else Reason.UNKNOWN_CLASS
            raise UnusableError(reason, shown(name), self._classes.expected)
        self._class_ids[name] = class_id
        return class_id

    def _is_set(self, tag: str, value: str, item: Item, line: int) -> bool:
        word = value.strip().lower()
        if word not in _YES | _NO:
            told = shown(f"{tag} {word}")
            self._drop("metadata", Reason.MALFORMED_LINE, item, line, told, f"{tag} to be 0 or 1")
        return word in _YES

    def _text(self, element: Element, item: Item, line: int) -> str | None:
        text = sentence(element.findtext("description") or "")
        if len(text) >= _SHORTEST_TEXT:
            return text
        self._drop("metadata", Reason.EMPTY_TEXT, item, line, text, "a <description> of a word or more")
        return None

    def _drop(
        self, kind: Kind, reason: Reason, item: Item, line: int | None, value: str, expected: str
    ) -> None:
        self._drops.add(Drop(kind, reason, item.image_id, item.label or "", line, value, expected))
