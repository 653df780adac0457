"""What is wrong with an answer that has the form of its schema. One family of faults a file.

Each has a function ``complaints(asked, answer)``. Two families say that the texts are no description at
all; where they find something, the others are not asked, because their complaints would only follow from it.
"""

from __future__ import annotations

from rsvp_builder.captioning.checks import classes, ending, language, leaks, length, marks, refusal
from rsvp_builder.captioning.checks.asked import Asked
from rsvp_builder.captioning.outcome import Complaint
from rsvp_builder.captioning.render import Answer

_FIRST = (refusal, language)
_THEN = (marks, classes, leaks, length, ending)


def complaints(asked: Asked, answer: Answer) -> list[Complaint]:
    """Everything that is wrong, each thing once."""
    for family in _FIRST:
        found = list(family.complaints(asked, answer))
        if found:
            return found
    return list(dict.fromkeys(each for family in _THEN for each in family.complaints(asked, answer)))
