"""Word lists as they are easiest to read: a text with blanks between."""

from __future__ import annotations

import re

_SIMPLE = re.compile(r"[a-z]+")


def words(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


def words_in(text: str) -> frozenset[str]:
    """Words of a text in basic Latin letters, in lower case."""
    return frozenset(_SIMPLE.findall(text.lower()))
