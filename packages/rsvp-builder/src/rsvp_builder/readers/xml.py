"""XML that nobody here wrote: without DTDs or entities, with the line of each object."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from xml.etree import ElementTree

from rsvp_builder.ledger import Reason

_FORBIDDEN = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_ENCODING = re.compile(rb"^\s*<\?xml[^>]*encoding\s*=\s*[\"']([^\"']+)")
_PLAIN = frozenset({"utf-8", "utf8", "ascii", "us-ascii", "iso-8859-1", "latin-1", "latin1", "windows-1252"})
_NO_MARKUP = re.compile(rb"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)", re.DOTALL)
"""Where what looks like a tag is none: comments, quoted text, processing instructions.

One that does not end hides the rest; to look for the end of each of a million takes hours.
"""
_ENDS_NAME = frozenset({b" ", b"\t", b"\r", b"\n", b"/", b">"})


class XmlError(Exception):
    """An XML file that cannot be used.

    Attributes:
        reason: why.
        line: where, or None.
        value: what was read.
        expected: what was expected.
    """

    def __init__(self, value: str, expected: str, line: int | None = None) -> None:
        super().__init__(f"{value}, expected {expected}")
        self.reason = Reason.LABEL_UNREADABLE
        self.line = line
        self.value = value
        self.expected = expected


def parse(data: bytes) -> ElementTree.Element:
    """The root element of a file.

    Raises:
        XmlError: it is not well-formed, is of an encoding that could hide a declaration, or declares a
            document type or an entity, which can expand without bound or name other files.
    """
    if not data.strip():
        raise XmlError("an empty file", "an XML document")
    if b"\x00" in data[:64]:
        raise XmlError("bytes of UTF-16 or UTF-32", "UTF-8 XML")
    encoding = _ENCODING.match(data)
    name = encoding[1][:40].decode("ascii", "replace") if encoding else "utf-8"
    if name.lower() not in _PLAIN:
        raise XmlError(f"encoding {name}", "UTF-8 XML")
    found = _FORBIDDEN.search(data) if b"!" in data else None
    if found:
        line = data.count(b"\n", 0, found.start()) + 1
        raise XmlError(found[0].decode(), "XML without a document type or entities", line)
    try:
        # What makes XML dangerous was refused above, so the quick parser of the library may read it.
        return ElementTree.fromstring(data)  # noqa: S314
    except ElementTree.ParseError as error:
        raise XmlError(str(error), "well-formed XML", error.position[0]) from error
    except (ValueError, LookupError) as error:
        raise XmlError(str(error), "UTF-8 XML") from error


def lines_of(data: bytes, tag: str) -> list[int]:
    """The 1-based line of every start tag of that name, in the order of the file.

    In a well-formed file without namespaces there are as many as ``root.iter(tag)`` gives.
    """
    before, *pieces = _without_hidden_tags(data).split(b"<" + tag.encode())
    starts = accumulate([piece.count(b"\n") for piece in pieces], initial=1 + before.count(b"\n"))
    return [line for line, piece in zip(starts, pieces, strict=False) if piece[:1] in _ENDS_NAME]


def count_of(data: bytes, tag: str) -> int:
    """How many start tags of that name a file has: as many as :func:`lines_of` finds."""
    _, *pieces = _without_hidden_tags(data).split(b"<" + tag.encode())
    return sum(piece[:1] in _ENDS_NAME for piece in pieces)


def _without_hidden_tags(data: bytes) -> bytes:
    """The file without what only looks like a tag; its lines stay where they are."""
    if b"!" not in data and (b"?" not in data or data.find(b"<?", 2) < 0):  # but for a declaration
        return data
    return _NO_MARKUP.sub(lambda found: b"\n" * found[0].count(b"\n"), data)


@contextmanager
def many_trees() -> Iterator[None]:
    """While files are parsed one after another: trees have no cycles, and looking for some costs half."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
