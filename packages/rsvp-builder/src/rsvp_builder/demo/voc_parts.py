"""What the writers of VOC-like releases share: XML text, and what may be wrong with a box in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from xml.sax.saxutils import escape

from rsvp_builder.ledger import Reason

Node: TypeAlias = "tuple[str, str | Sequence[Node]]"
"""A tag, and its text or its children."""


def xml(node: Node, indent: str | None = "\t", depth: int = 0) -> str:
    """The text of an element, a line a tag, or all in one line where ``indent`` is None."""
    tag, content = node
    margin, newline = ("", "") if indent is None else (indent * depth, "\n")
    if isinstance(content, str):
        return f"{margin}<{tag}>{escape(content)}</{tag}>{newline}"
    inner = "".join(xml(child, indent, depth + 1) for child in content)
    return f"{margin}<{tag}>{newline}{inner}{margin}</{tag}>{newline}"


def texts(**tags: object) -> list[Node]:
    """Elements that hold a text each."""
    return [(tag, str(text)) for tag, text in tags.items()]


def object_lines(document: str) -> list[int]:
    """The 1-based line on which each ``<object>`` begins."""
    return [document.count("\n", 0, found.start()) + 1 for found in re.finditer("<object>", document)]


@dataclass(frozen=True, slots=True)
class BadBox:
    """A box that gives no object.

    Attributes:
        reason: why.
        value: a part of what the ledger has to show.
        token: its class.
        corners: xmin, ymin, xmax, ymax as written; None where the whole box is left out.
    """

    reason: Reason
    value: str
    token: str
    corners: tuple[str, str, str, str] | None


def bad_boxes(token: str, unknown: str, size: tuple[int, int]) -> list[BadBox]:
    """One box of each bad kind.

    Args:
        token: a class of the release.
        unknown: a word that is no class of it.
        size: width and height of the picture.
    """
    x, y = size[0] + 40, size[1] + 30
    return [
        BadBox(Reason.UNKNOWN_CLASS, unknown, unknown, ("40", "30", "70", "60")),
        BadBox(Reason.MALFORMED_LINE, "4o", token, ("4o", "30", "70", "60")),
        BadBox(Reason.NOT_FINITE, "nan", token, ("40", "nan", "70", "60")),
        BadBox(Reason.NOT_FINITE, "inf", token, ("40", "30", "inf", "60")),
        BadBox(Reason.DEGENERATE, "90", token, ("90", "30", "41", "60")),
        BadBox(Reason.OUTSIDE_IMAGE, f"{x + 25}", token, (f"{x}", f"{y}", f"{x + 25}", f"{y + 20}")),
        BadBox(Reason.MALFORMED_LINE, "", token, None),
    ]


def save(root: Path, files: Iterable[tuple[str, bytes | str]]) -> None:
    """Write files below a folder."""
    for name, content in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
