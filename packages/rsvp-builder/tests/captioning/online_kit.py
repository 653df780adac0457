"""What tests of online runs share: requests, a source of bodies, a judge, the books of store and server."""

from __future__ import annotations

import asyncio
import hashlib
import json
import weakref
from collections import defaultdict
from collections.abc import Callable, Container
from typing import Any

from rsvp_builder.captioning.online_settings import OnlineSettings
from rsvp_builder.captioning.outcome import Complaint, Fault, Outcome, Usage
from rsvp_builder.captioning.prices import price_of
from rsvp_builder.captioning.store import Claimed, Entry, Store
from rsvp_builder.errors import RsvpError

PRICE = price_of("gpt-4o", input_usd=2.5, output_usd=10.0)
REFUSALS = (408, 409, 425, 429, 503, 529)
"""Statuses with which an endpoint says that it did not process a request."""

WORST = 0.01
"""US dollars that are reserved for each request here."""


def entry(number: int, worst_usd: float = WORST) -> Entry:
    """A planned request; its key is a hash of its number."""
    return Entry(
        key=hashlib.sha256(str(number).encode()).hexdigest(),
        row_id=f"row-{number}",
        source="S",
        split="train",
        task="detailed_caption",
        shard="planned/S/train-00000.parquet",
        row=number,
        drawing={"shown": [1, 2]},
        prompt_version="detailed_caption/1",
        model="gpt-4o",
        parameters={"max_tokens": 64},
        images=[[64, 48]],
        input_tokens=100,
        worst_usd=worst_usd,
    )


def settings(base_url: str, **more: Any) -> OnlineSettings:
    """Short pauses and a seed."""
    given: dict[str, Any] = {
        "base_url": base_url, "concurrency": 4, "ahead": 4, "first_pause_s": 0.02, "longest_pause_s": 0.1,
        "drain_s": 5, "seed": 1,
    }  # fmt: skip
    return OnlineSettings(**(given | more))


class Body(dict[str, Any]):
    """A body that can be seen to go."""


class Source:
    """Bodies, with the complaints about earlier answers as further turns.

    Attributes:
        most_alive: bodies that existed at once, at most.
        asked: row, attempt and what the model is told, of every body.
    """

    def __init__(self, make_body: Callable[..., dict[str, Any]], broken: Container[str] = ()) -> None:
        self.most_alive = 0
        self.asked: list[tuple[str, int, list[str]]] = []
        self._make_body = make_body
        self._broken = broken
        self._alive = 0

    async def body(self, claimed: Claimed) -> dict[str, Any]:
        """A body of the fixture's form."""
        await asyncio.sleep(0)
        if claimed.row_id in self._broken:
            raise RsvpError(f"{claimed.row_id}: its picture is gone")
        told = [complaint.told for earlier in claimed.history for complaint in earlier.complaints]
        self.asked.append((claimed.row_id, claimed.attempt, told))
        body = Body(self._make_body())
        for text in told:
            turns = [{"role": "assistant", "content": "..."}, {"role": "user", "content": text}]
            body["messages"] = [*body["messages"], *turns]
        self._alive += 1
        self.most_alive = max(self.most_alive, self._alive)
        weakref.finalize(body, self._gone)
        return body

    def _gone(self) -> None:
        self._alive -= 1


def judge(_: Claimed, response: dict[str, Any]) -> Outcome:
    """Takes what has the schema of the fixture's bodies."""
    choice = response["choices"][0]
    message, usage = choice["message"], response["usage"]
    complaints: tuple[Complaint, ...] = ()
    text = None
    try:
        regions = json.loads(message["content"] or "")["regions"]
        text = " ".join(region["text"] for region in regions)
    except (ValueError, KeyError):
        complaints = (Complaint(Fault.MALFORMED, "Answer with JSON that has regions."),)
    return Outcome(
        text=text,
        captions={region["region"]: region["text"] for region in regions} if text else {},
        complaints=complaints,
        raw=message,
        usage=Usage(
            usage["prompt_tokens"],
            usage["completion_tokens"],
            usage["prompt_tokens_details"]["cached_tokens"],
        ),
        finish_reason=choice["finish_reason"],
        model=response["model"],
    )


class Facts:
    """What a store says once the run has ended."""

    def __init__(self, store: Store) -> None:
        self.counts = store.counts()
        self.spent = store.spent()
        self.lost = store.lost()
        self.faults = store.faults()
        states = ("done", "rejected", "failed")
        self.results = {result.row_id: result for state in states for result in store.results(state)}


def check_names(server: Any) -> None:
    """No attempt was sent again unless the endpoint had said that it did not process it."""
    seen = defaultdict(list)
    for logged in server.log():
        seen[logged["id"]].append(logged["status"])
    assert seen
    for name, statuses in seen.items():
        assert all(status in REFUSALS for status in statuses[:-1]), (name, statuses)
