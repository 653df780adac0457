"""Label files that are one XML document an image, and what can be wrong with an object in them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.readers.texts import number, read_label, shown
from rsvp_builder.readers.unusable import UnusableError
from rsvp_builder.readers.xml import XmlError, lines_of, parse
from rsvp_builder.record import Item

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


@dataclass(frozen=True, slots=True)
class XmlLabel:
    """A label file.

    Attributes:
        root: its root element.
        objects: its objects, in the order of the file.
        lines: 1-based line of each.
    """

    root: Element
    objects: list[Element]
    lines: list[int]


def open_label(root: Path, item: Item, drops: Drops, *, root_tag: str, object_tag: str) -> XmlLabel | None:
    """Read the label file of an item, or drop its image where that cannot be done.

    Args:
        root: folder of the release.
        item: an image with a label file.
        drops: gets the image.
        root_tag: what the root element must be called.
        object_tag: what objects are called, at any depth.
    """
    path = item.label or ""
    data = read_label(root, item, path, drops)
    if data is None:
        return None
    try:
        return _parsed(data, root_tag, object_tag)
    except XmlError as error:
        drops.add(
            Drop("image", error.reason, item.image_id, path, error.line, shown(error.value), error.expected)
        )
        return None


def _parsed(data: bytes, root_tag: str, object_tag: str) -> XmlLabel:
    root = parse(data)
    if root.tag != root_tag:
        raise XmlError(f"<{root.tag}>", f"the root element <{root_tag}>")
    objects, lines = list(root.iter(object_tag)), lines_of(data, object_tag)
    if len(objects) != len(lines):
        raise XmlError(f"{len(lines)} <{object_tag}>, {len(objects)} of them plain", "no namespaces")
    return XmlLabel(root, objects, lines)


def numeral(text: str | None, what: str) -> float:
    """A finite number from the text of an element.

    Args:
        text: the text, None where there is no such element.
        what: what the number is, for the ledger.

    Raises:
        UnusableError: it is none, or is not finite.
    """
    told = (text or "").strip()
    try:
        value = number(told)
    except ValueError as error:
        raise UnusableError(Reason.MALFORMED_LINE, told, f"{what} to be a number") from error
    if not math.isfinite(value):
        raise UnusableError(Reason.NOT_FINITE, told, f"{what} to be finite")
    return value


def declared_size(
    label: XmlLabel, item: Item, width: str, height: str, drops: Drops
) -> tuple[int, int] | None:
    """Width and height that a label file states, None where it states none.

    Args:
        label: the file.
        item: its image.
        width: path of the element with the width.
        height: of the one with the height.
        drops: gets a size that is none.
    """
    told = [(label.root.findtext(path) or "").strip() for path in (width, height)]
    if not any(told):
        return None
    if all(text.isascii() and text.isdigit() and len(text) < 10 for text in told):
        return int(told[0]), int(told[1])
    value, expected = shown(" x ".join(told)), f"whole pixels in {width} and {height}"
    drops.add(Drop("metadata", Reason.MALFORMED_LINE, item.image_id, item.label or "", None, value, expected))
    return None
