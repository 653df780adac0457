"""What became of one answer: taken, to be asked again with the reason, or of no use."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Fault(StrEnum):
    """Why an answer is not taken as it is."""

    MALFORMED = "malformed"
    """It is not JSON, or not of the schema."""
    TRUNCATED = "truncated"
    """It was cut off (``finish_reason`` is ``length``)."""
    REFUSED = "refused"
    """The model declined."""
    FILTERED = "filtered"
    """The endpoint's content filter took it."""
    UNKNOWN_MARK = "unknown_mark"
    """It cites a mark that is not there."""
    MISSING_MARK = "missing_mark"
    """A mark that must be covered is not cited."""
    LEAK = "leak"
    """It speaks of the drawing: red boxes, numbers, labels."""
    WRONG_CLASS = "wrong_class"
    """It calls a mark something other than its known class."""
    LENGTH = "length"
    """It is too short or too long."""
    LANGUAGE = "language"
    """It is not in English."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """A fault, and what the model is told about it when it is asked again."""

    fault: Fault
    told: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the endpoint counted them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one response.

    Attributes:
        text: the answer in the ``<Region i>`` form; None where it is not taken.
        captions: text of each mark by its index, where the answer has one; 0 is the image as a whole.
        complaints: what is wrong; empty exactly where ``text`` is given.
        raw: the message as it came, for the store.
        usage: tokens.
        finish_reason: as it came.
        model: the model that the endpoint says answered.
    """

    text: str | None
    captions: dict[int, str]
    complaints: tuple[Complaint, ...]
    raw: dict[str, Any]
    usage: Usage
    finish_reason: str
    model: str
