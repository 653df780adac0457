"""Length: texts that are too short to say anything, or too long to be what was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsvp_builder.captioning.checks.asked import Asked
from rsvp_builder.captioning.outcome import Complaint, Fault
from rsvp_builder.captioning.render import Answer

WORD = re.compile(r"[^\W_]+(?:['’.,-][^\W_]+)*")


def complaints(asked: Asked, answer: Answer) -> Iterator[Complaint]:
    """Complaints about texts whose words, signs not counted, are too few or too many."""
    marks = len(asked.shown)
    for part in answer.parts:
        rule = asked.spec.texts[part.name]
        least, most = rule.taken(marks)
        count = len(WORD.findall(part.bare))
        if not least <= count <= most:
            wanted = rule.words(marks)
            said = f"{count} {'word' if count == 1 else 'words'}"
            yield Complaint(Fault.LENGTH, f"{part.said} has {said}. Write {wanted[0]} to {wanted[1]} words.")
