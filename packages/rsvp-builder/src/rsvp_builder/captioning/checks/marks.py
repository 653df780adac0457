"""Marks: those that are cited exist, those that must be are, and signs stand where they belong."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from rsvp_builder.captioning.checks.asked import Asked, listed
from rsvp_builder.captioning.outcome import Complaint, Fault
from rsvp_builder.captioning.render import CITATION, Answer
from rsvp_builder.prose import cited

_BARE = re.compile(r"(?:\A|[.!?]\s+)((?:<Region \d+>)+)")
_BROKEN = re.compile(r"<\s*/?\s*(?:regions?|marks?|objects?)\b[^>]{0,40}>?|<\s*\d+\s*>", re.IGNORECASE)


def complaints(asked: Asked, answer: Answer) -> Iterator[Complaint]:
    """Complaints about the list of regions and about the signs in the texts."""
    shown = set(asked.shown)
    counts = Counter(index for index, _ in answer.stated)
    for text, rule in ((part.text, asked.spec.texts[part.name]) for part in answer.parts):
        if rule.cites:
            mentioned = set(cited(text))
            yield from _unknown(mentioned - shown, "cites", asked)
            yield from _missing(shown - mentioned, "does not cite", asked)
        if rule.phrased:
            for run in _BARE.finditer(text):
                yield Complaint(
                    Fault.MALFORMED,
                    f"A sentence begins with {run[1]}. Put the sign right behind the phrase about it.",
                )
        broken = _BROKEN.search(CITATION.sub(" ", text))
        if broken:
            yield Complaint(
                Fault.MALFORMED, f'"{broken[0][:40]}" is not a sign. Write <Region 1>, one number in each.'
            )
    yield from _unknown(counts.keys() - shown, "lists", asked)
    yield from _missing(shown - counts.keys(), "does not list", asked)
    twice = sorted(index for index, count in counts.items() if count > 1)
    if twice:
        yield Complaint(Fault.MALFORMED, f"The answer lists {listed(twice)} more than once.")


def _unknown(indices: set[int], verb: str, asked: Asked) -> Iterator[Complaint]:
    if indices:
        known = listed(asked.shown)
        yield Complaint(
            Fault.UNKNOWN_MARK,
            f"The answer {verb} {listed(sorted(indices)[:10])}, which is not there. There is only {known}.",
        )


def _missing(indices: set[int], verb: str, asked: Asked) -> Iterator[Complaint]:
    # The epsilon keeps a share such as 0.7 of ten marks from asking for eight.
    needed = math.ceil(asked.spec.coverage * len(asked.shown) - 1e-9)
    if len(asked.shown) - len(indices) < needed:
        yield Complaint(
            Fault.MISSING_MARK, f"The answer {verb} {listed(sorted(indices))}, which it must speak of."
        )
