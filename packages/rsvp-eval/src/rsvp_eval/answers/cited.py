"""Prose that cites marks: ``A plane <Region 1> beside two cars <Region 2><Region 3>``.

A citation is ``Region`` or ``Mark`` with a number. In brackets (``<Region 1>``, ``[Mark 2]``, ``(Regions 1
and 3)``) any letter case and one number or several count. In plain words ``Region 1``, ``region 1`` and
``Mark 1`` count, but not ``mark 1``, which may be a verb; and lists only after the plural. A number alone,
such as ``[1]``, may mean anything and is no citation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LIST = r"\d{1,9}(?:(?:,? ?and ?|, ?| ?& ?)\d{1,9}){0,99}"
_BRACKETED = rf"[<\[({{] ?(?i:region|mark)(?i:s?)[ _]?#?(?P<inside>{_LIST}) ?[>\])}}]"
_PLURAL = r"\b(?:[Rr]egion|Mark)s #?(?P<several>\d{1,9}(?:(?:,? and |, | & )\d{1,9}){1,99})(?![.,]?\d)"
_SINGLE = r"\b(?:[Rr]egion|REGION|Mark|MARK)[ _]?#?(?P<one>\d{1,9})(?![.,]?\d)"
_CITATION = re.compile(f"{_BRACKETED}|{_PLURAL}|{_SINGLE}")
_NUMBER = re.compile(r"\d+")
_RUN = re.compile(rf"(?P<before> ?)(?:{_BRACKETED.replace('?P<inside>', '?:')})+")


@dataclass(frozen=True, slots=True)
class Cited:
    """The marks that a text cites.

    Attributes:
        marks: marks of the row that it cites, each once, as they came.
        invented: numbers that it cites and that no mark has, each once, as they came.
        coverage: share of the row's marks that it cites; 1 for a row without marks.
    """

    marks: tuple[int, ...]
    invented: tuple[int, ...]
    coverage: float


def cited(text: str, marks: Iterable[int]) -> Cited:
    """The marks that a text cites, and the numbers it cites that no mark has.

    Args:
        text: prose, of any length; time is linear in it.
        marks: indices of the row's marks.
    """
    known = frozenset(marks)
    numbers = dict.fromkeys(citations(text))
    own = tuple(number for number in numbers if number in known)
    invented = tuple(number for number in numbers if number not in known)
    return Cited(own, invented, len(own) / len(known) if known else 1.0)


def citations(text: str) -> list[int]:
    """Every number that a text cites, in order, as often as it does."""
    return [
        int(n) for found in _CITATION.finditer(text) for n in _NUMBER.findall(found[found.lastgroup or 0])
    ]


def strip_marks(text: str) -> str:
    """The text without its bracketed citations and the space before each run of them.

    Citations in plain words are parts of their sentences and stay.
    """
    return _RUN.sub("", text).strip()
