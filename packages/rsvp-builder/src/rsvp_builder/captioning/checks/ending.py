"""Texts that stop in the middle of a sentence although the endpoint calls them whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsvp_builder.captioning.checks.asked import Asked
from rsvp_builder.captioning.outcome import Complaint, Fault
from rsvp_builder.captioning.render import Answer

_WHOLE = re.compile(r"""(?<![.…])[.!?]["'”’)\]]*\Z""")


def complaints(asked: Asked, answer: Answer) -> Iterator[Complaint]:
    """Complaints about texts of whole sentences that do not end with the end of one."""
    for part in answer.parts:
        if asked.spec.texts[part.name].sentence and not _WHOLE.search(part.bare[-12:]):
            yield Complaint(
                Fault.TRUNCATED,
                f"{part.said} stops within a sentence. Write whole sentences, each with its full stop.",
            )
