"""Refusals that come as a text in place of a description."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsvp_builder.captioning.checks.asked import Asked
from rsvp_builder.captioning.outcome import Complaint, Fault
from rsvp_builder.captioning.render import Answer

TOLD = (
    "You declined. Nobody is to be identified: the picture shows ground from above or an everyday scene, and "
    "the classes are given. Describe only what can be seen."
)

_CANNOT = (
    r"(?:can(?:not|['’]t| not)|could(?: not|n['’]t)|am (?:not able|unable)|['’]m (?:not able|unable)|"
    r"won['’]t|will not|do(?: not|n['’]t) feel)"
)
_DOING = (
    r"(?:to )?(?:\w+ly )?(?:assist|help|provide|comply|fulfil|fulfill|identify|describe|analy[sz]e|process|"
    r"(?:see|view|access|open) (?:the|this|that|any|your) (?:image|picture|photo)|determine|answer|do that|"
    r"do this|generate|create|comfortable|complete|continue|offer)"
)
_REFUSALS = re.compile(
    rf"\bI ?{_CANNOT} {_DOING}\b|"
    r"\b(?:I['’]m|I am) (?:sorry|afraid)\b|\bI apologi[sz]e\b|"
    r"\A\s*(?:sorry|apologies|my apologies|unfortunately)\b[,.!:]?|"
    r"\bAs an AI\b|\bas a (?:large )?language model\b|"
    r"\b(?:unable|not possible|impossible) to (?:assist|comply|"
    r"provide (?:a|an|the) (?:description|caption|analysis|answer)|"
    r"(?:see|view|access) (?:the|this|any) (?:image|picture))|"
    r"\b(?:no|any) (?:image|picture) (?:was|is|has been) (?:provided|attached|given|uploaded)\b|"
    r"\b(?:violates?|against) (?:the |our |my )?(?:content |usage )?(?:polic(?:y|ies)|guidelines)\b",
    re.IGNORECASE,
)


def is_refusal(text: str) -> bool:
    """Whether a text declines to describe. Meant for the whole of a text by a model."""
    return _REFUSALS.search(text) is not None


def complaints(asked: Asked, answer: Answer) -> Iterator[Complaint]:
    """A complaint if any text of the answer declines."""
    if any(is_refusal(part.text) for part in answer.parts):
        yield Complaint(Fault.REFUSED, TOLD)
