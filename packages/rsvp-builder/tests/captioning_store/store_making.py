"""Small entries and answers, for tests of the store and for the processes that they kill."""

from __future__ import annotations

from typing import Any

from rsvp_builder.captioning.outcome import Complaint, Fault, Outcome, Usage
from rsvp_builder.captioning.store import Entry


def key(number: int) -> str:
    return f"{number:064x}"


def entry(number: int, worst_usd: float = 0.01, **changed: Any) -> Entry:
    fields: dict[str, Any] = {
        "key": key(number),
        "row_id": f"row-{number}",
        "source": "DIOR-RSVG",
        "split": "train",
        "task": "grounded_caption",
        "shard": "data/train-00000.parquet",
        "row": number,
        "drawing": {"mode": "whole", "parts": []},
        "prompt_version": "grounded_caption/1",
        "model": "gpt-4o",
        "parameters": {"detail": "high", "max_tokens": 1024},
        "images": [[800, 600]],
        "input_tokens": 1000,
        "worst_usd": worst_usd,
    }
    return Entry(**fields | changed)


USAGE = Usage(input_tokens=900, output_tokens=80, cached_tokens=100)


def taken(text: str = "<Region 1>: a ship", usage: Usage = USAGE) -> Outcome:
    return Outcome(text, {1: "a ship"}, (), {"content": text}, usage, "stop", "gpt-4o-2024-08-06")


def faulty(*faults: Fault, usage: Usage = USAGE, content: str = "a red box") -> Outcome:
    complaints = tuple(Complaint(fault, f"it is {fault}") for fault in faults or (Fault.LEAK,))
    return Outcome(None, {}, complaints, {"content": content}, usage, "stop", "gpt-4o-2024-08-06")
