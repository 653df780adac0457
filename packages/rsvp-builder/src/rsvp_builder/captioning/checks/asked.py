"""What an answer is held to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rsvp_builder.captioning.spec import PromptSpec


@dataclass(frozen=True, slots=True)
class Asked:
    """A row as a captioner was asked about it.

    Attributes:
        spec: what was asked.
        shown: indices of the marks that are drawn, in order.
        labels: class of each drawn mark that has one.
        highest: highest index of the row, so the highest number that can be drawn.
    """

    spec: PromptSpec
    shown: tuple[int, ...]
    labels: dict[int, str]
    highest: int

    @classmethod
    def of(cls, spec: PromptSpec, row: dict[str, Any], shown: Sequence[int]) -> Asked:
        """What is asked about a published row whose ``shown`` marks are drawn."""
        numbers = tuple(sorted(set(shown)))
        labels = {m["index"]: m["label"] for m in row["marks"] if m["index"] in set(numbers) and m["label"]}
        return cls(spec, numbers, labels, max((m["index"] for m in row["marks"]), default=0))


def listed(numbers: Sequence[int]) -> str:
    """``<Region 1>, <Region 4>``."""
    return ", ".join(f"<Region {number}>" for number in numbers)
