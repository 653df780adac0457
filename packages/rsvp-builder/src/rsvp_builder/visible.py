"""Text of strangers, without the characters that do something where it is shown."""

from __future__ import annotations

import re

_ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls of terminals, ends of lines, marks that turn the direction of writing, halves of characters."""


def acts(text: str) -> bool:
    """Whether a text holds characters that do something where it is shown, or is no text at all."""
    return not text.isprintable() and _ACTING.search(text) is not None


def visible(text: str) -> str:
    """The text with a backslash escape for each such character; any other text as it is."""
    return _ACTING.sub(_escape, text) if acts(text) else text


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
