"""The fast path: captions of plain words, commas and a final full stop, which most captions are."""

from __future__ import annotations

import re

from rsvp_eval.tokenizer.abbreviations import ASSIMILATED, CAPITAL, ENDING, HOLDING, SMALL

# A comma must have a blank behind it: of "a road.," the reference makes another thing than of "a road.".
# Group 1 is a word at the very end, or right before the full stop of group 2.
_CAPTION = re.compile(
    " *+(?:[A-Za-z]++(?:-[A-Za-z]++)*+(?: *+,)?+ ++)*+([A-Za-z]++(?:-[A-Za-z]++)*+)?+(\\.)?+ *+"
)
_ABBREVIATIONS = HOLDING | ENDING | CAPITAL | SMALL


def plain(caption: str) -> str | None:
    """The tokens of a plain caption set apart by one space; None where the caption is not plain.

    Words of letters and hyphens are tokens as they are, except assimilated ones such as ``cannot`` and an
    abbreviation or initial before the full stop.
    """
    match = _CAPTION.fullmatch(caption)
    if match is None:
        return None
    words = caption.lower().replace(",", " ").replace(".", " ").split()
    if match[2] and match[1] and (len(match[1]) == 1 or words[-1] in _ABBREVIATIONS):
        return None
    if not ASSIMILATED.isdisjoint(words):
        return None
    return " ".join(words)
