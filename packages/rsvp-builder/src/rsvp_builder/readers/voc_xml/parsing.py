"""Opening a VOC-like label file: its objects, and the line that each begins in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from rsvp_builder.ledger import Drop, Drops
from rsvp_builder.readers.texts import read_label, shown
from rsvp_builder.readers.xml import XmlError, lines_of, parse
from rsvp_builder.record import Item

ROOT = "annotation"
OBJECT = "object"
_BLANKS = bytes.maketrans(b"\t\r\n", b"   ")
"""Line ends and tabs mean no more than blanks do, and cost the parser a step each."""


@dataclass(frozen=True, slots=True)
class LabelFile:
    """A label file that was parsed.

    Attributes:
        root: its outermost element.
        objects: its objects.
        lines: the 1-based line that each begins in.
    """

    root: Element
    objects: list[Element]
    lines: list[int]


def open_label(root: Path, item: Item, path: str, drops: Drops) -> LabelFile | None:
    """Parse a label file; None where it cannot be read, which is dropped as the image's reason.

    Args:
        root: folder of the release.
        item: the image it annotates.
        path: the file, relative to the root.
        drops: gets the image, where its label file cannot be read.
    """
    data = read_label(root, item, path, drops)
    if data is None:
        return None
    try:
        return _parsed(data)
    except XmlError as error:
        value = shown(error.value)
        drops.add(Drop("image", error.reason, item.image_id, path, error.line, value, error.expected))
        return None


def _parsed(data: bytes) -> LabelFile:
    try:
        tree = parse(data.translate(_BLANKS))
    except XmlError:
        parse(data)  # fails likewise, and knows the line
        raise
    if tree.tag != ROOT:
        raise XmlError(f"<{shown(tree.tag)}>", f"<{ROOT}> as the outermost element")
    objects, lines = tree.findall(OBJECT), lines_of(data, OBJECT)
    if len(objects) != len(lines):
        objects = list(tree.iter(OBJECT))  # some lie deeper
    if len(objects) != len(lines):
        raise XmlError("objects in a namespace", "elements without namespaces")
    return LabelFile(tree, objects, lines)
