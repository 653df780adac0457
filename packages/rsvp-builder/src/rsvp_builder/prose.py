"""Texts that cite marks, such as ``A plane <Region 1> beside two cars <Region 2><Region 3>``."""

from __future__ import annotations

import re
from collections.abc import Mapping

_CITATION = re.compile(r"<Region (\d+)>")
_RUN = re.compile(r"([ ]?)((?:<Region \d+>)+)")


def cited(text: str) -> list[int]:
    """The marks that a text cites, in order, as often as it does."""
    return [int(number) for number in _CITATION.findall(text)]


def renumbered(text: str, numbers: Mapping[int, int]) -> str:
    """The text with each citation given its new number; those that have none are taken out."""

    def cite(run: re.Match[str]) -> str:
        kept = [numbers[number] for number in cited(run[2]) if number in numbers]
        return run[1] + "".join(f"<Region {number}>" for number in kept) if kept else ""

    return _RUN.sub(cite, text)
