"""Texts that cite marks: ``A plane <Region 1> stands beside two cars <Region 2><Region 3>.``"""

from __future__ import annotations

import re
from collections.abc import Mapping

_CITATION = re.compile(r"[ ]?<Region (\d+)>")


def cited(text: str) -> list[int]:
    """The marks that a text cites, in order, as often as it does."""
    return [int(number) for number in _CITATION.findall(text)]


def renumbered(text: str, numbers: Mapping[int, int]) -> str:
    """The text with each citation given its new number; those that have none are taken out."""

    def cite(match: re.Match[str]) -> str:
        number = numbers.get(int(match[1]))
        if number is None:
            return ""
        return f"{' ' if match[0].startswith(' ') else ''}<Region {number}>"

    return _CITATION.sub(cite, text)
