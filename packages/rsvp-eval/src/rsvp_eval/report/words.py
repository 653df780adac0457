"""Which words of a text are nowhere in other texts, for showing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

SHOWN = 600
"""Characters of a text that are shown."""

_WORD = re.compile(r"\w+(?:['’\-]\w+)*")


class Piece(NamedTuple):
    """A piece of a text, and whether it is a word that the other texts do not have as often."""

    text: str
    differs: bool


def pieces(text: str, others: Sequence[str]) -> list[Piece]:
    """Cut a text where its words begin or cease to differ.

    Args:
        text: to be shown; what is beyond :data:`SHOWN` characters is left out.
        others: texts to compare with; letter case does not matter.
    """
    allowed: Counter[str] = Counter()
    for other in others:
        allowed |= Counter(word.casefold() for word in _WORD.findall(other[: SHOWN * 4]))
    shown = text[:SHOWN]
    found: list[Piece] = []
    end = 0
    for match in _WORD.finditer(shown):
        word = match[0].casefold()
        differs = allowed[word] <= 0
        allowed[word] -= 1
        _add(found, shown[end : match.start()], differs=False)
        _add(found, match[0], differs=differs)
        end = match.end()
    _add(found, shown[end:], differs=False)
    if len(text) > SHOWN:
        _add(found, f" … ({len(text):,} characters)", differs=False)
    return found


def _add(found: list[Piece], text: str, *, differs: bool) -> None:
    if not text:
        return
    if found and found[-1].differs == differs:
        text = found.pop().text + text
    found.append(Piece(text, differs))
