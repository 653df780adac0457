"""Marks that a text speaks of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from earthmarker.prompts.marks import Mark, MarkError

# `<Region 4>` and `<Mark 4>` as in the rows of a data set, and the paper's "region 4"; not "point 4.5".
_CITED = re.compile(r"\b(?:region|mark|point)s?\s+(\d+)\b(?!\.\d)", re.IGNORECASE)


def check_citations(text: str, marks: Sequence[Mark]) -> None:
    """See that a question speaks of no mark that is not there.

    Args:
        text: the question.
        marks: the marks that are drawn, numbered from 1.

    Raises:
        MarkError: if it cites another.
    """
    for found in _CITED.finditer(text):
        number = int(found[1])
        if not 1 <= number <= len(marks):
            there = "is 1 mark" if len(marks) == 1 else f"are {len(marks)} marks"
            raise MarkError(
                f"the question cites mark {number} ({found[0]}), but there {there}, numbered from 1 in their "
                "order: give the mark, or ask about another"
            )
