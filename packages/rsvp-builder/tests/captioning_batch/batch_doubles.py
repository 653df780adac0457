"""Stand-ins for what draws, judges and prices; and the commands. Not fixtures: batch_killer.py uses them."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from rsvp_builder.captioning.batch.cancel import cancel
from rsvp_builder.captioning.batch.fetch import Fetched, fetch
from rsvp_builder.captioning.batch.poll import Look, poll
from rsvp_builder.captioning.batch.settings import BatchSettings
from rsvp_builder.captioning.batch.submit import Submitted, submit
from rsvp_builder.captioning.client import make_client
from rsvp_builder.captioning.outcome import Complaint, Fault, Outcome, Usage
from rsvp_builder.captioning.prices import Price
from rsvp_builder.captioning.store import Claimed, Entry, Store
from rsvp_builder.captioning.tokens import UNKNOWN_RULE

PRICE = Price("gpt-4o", 10.0, 10.0, 100.0, 0.5, UNKNOWN_RULE, None, False, "test")
"""Dollars per million tokens; a batch costs half."""
WORST = 0.02
"""Dollars that one request may cost online."""
PATIENCE = {
    "first_wait_s": 0.0,
    "longest_wait_s": 0.0,
    "look_again_s": 0.0,
    "poll_s": 0.01,
    "poll_longest_s": 0.02,
    "tries": 3,
}


def key_of(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


def plan(store: Store, count: int, first: int = 0, model: str = "gpt-4o") -> list[str]:
    keys = [key_of(number) for number in range(first, first + count)]
    store.add(
        Entry(
            key=key,
            row_id=f"row-{number}",
            source="dior",
            split="train",
            task="detailed_caption",
            shard="planned/dior/train-00000-of-00001.parquet",
            row=number,
            drawing={},
            prompt_version="detailed_caption/1",
            model=model,
            parameters={"max_tokens": 64},
            images=[[64, 48]],
            input_tokens=100,
            worst_usd=WORST,
        )
        for number, key in enumerate(keys, first)
    )
    return keys


class Bodies:
    """Bodies that name their row, and speak of earlier complaints as asking again does."""

    def __init__(self, padding: int = 0) -> None:
        self.padding = padding
        self.made: list[str] = []

    async def body(self, claimed: Claimed) -> dict[str, Any]:
        self.made.append(claimed.key)
        content = f"Region 1 of {claimed.row_id} {'x' * self.padding}"
        messages = [{"role": "user", "content": content}]
        for earlier in claimed.history:
            messages.append({"role": "assistant", "content": str(earlier.raw.get("content"))})
            messages.append({"role": "user", "content": earlier.complaints[0].told})
        return {"model": claimed.model, "messages": messages, "max_tokens": 64}


def judge(claimed: Claimed, response: dict[str, Any]) -> Outcome:
    """Takes what does not begin with ``bad``."""
    message = response["choices"][0]["message"]
    told = response.get("usage", {})
    usage = Usage(told.get("prompt_tokens", 0), told.get("completion_tokens", 0), 0)
    text = message["content"]
    bad = text.startswith("bad")
    return Outcome(
        text=None if bad else text,
        captions={},
        complaints=(Complaint(Fault.LEAK, "do not speak of red boxes"),) if bad else (),
        raw=message,
        usage=usage,
        finish_reason="stop",
        model=response["model"],
    )


def completion(content: str, prompt: int = 100, answered: int = 10) -> dict[str, Any]:
    """A body of which the cost can be reckoned by hand."""
    return {
        "id": "chatcmpl-x",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-fake",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": None},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": prompt, "completion_tokens": answered, "total_tokens": prompt + answered},
    }


COST = (100 * 10.0 + 10 * 100.0) / 1e6 * 0.5
"""Dollars of such an answer in a batch."""


@dataclass
class Server:
    """A running fake server and its back door."""

    base_url: str

    def _call(self, method: str, sent: Any = None) -> Any:
        data = json.dumps(sent).encode() if sent is not None else None
        call = urllib.request.Request(self.base_url.replace("/v1", "/_batches"), data=data, method=method)
        with urllib.request.urlopen(call, timeout=10) as response:
            return json.loads(response.read())

    def control(self, **orders: Any) -> None:
        """See ``control`` in fake_server/batches.py."""
        self._call("POST", orders)

    def seen(self) -> dict[str, Any]:
        return self._call("GET")

    def events(self, name: str) -> list[str]:
        return [what for event, what in self.seen()["events"] if event == name]

    def paid(self) -> dict[str, int]:
        """How often each key was answered, whatever the attempt."""
        paid: dict[str, int] = {}
        for identity, times in self.seen()["answered"].items():
            paid[identity] = paid.get(identity, 0) + times
        return paid


@dataclass
class Run:
    """Commands on one store; each opens it anew, as commands of the CLI do."""

    server: Server
    folder: Path
    told: list[str] = field(default_factory=list)
    judge: Callable[..., Any] = field(default=judge)
    price: Any = PRICE
    source: Any = field(default_factory=lambda: Bodies())

    @property
    def path(self) -> Path:
        return self.folder / "captions.sqlite"

    @property
    def files(self) -> Path:
        return self.folder / "batches"

    def settings(self, **given: Any) -> BatchSettings:
        return BatchSettings(folder=self.files, **(PATIENCE | given))

    def plan(self, count: int, first: int = 0, **fields: Any) -> list[str]:
        with Store(self.path) as store:
            return plan(store, count, first, **fields)

    def submit(self, **given: Any) -> Submitted:
        return self._run(
            lambda store, client, settings: submit(
                self.source, store, client, settings, PRICE, self.told.append
            ),
            given,
        )

    def poll(
        self, *, wait: bool = False, rounds: Callable[..., None] | None = None, **given: Any
    ) -> list[Look]:
        return self._run(
            lambda store, client, settings: poll(
                store, client, settings, self.told.append, rounds, wait=wait
            ),
            given,
        )

    def fetch(self, **given: Any) -> Fetched:
        return self._run(
            lambda store, client, settings: fetch(
                store, client, self.judge, settings, self.price, self.told.append
            ),
            given,
        )

    def cancel(self, only: list[str] | None = None, **given: Any) -> list[Look]:
        return self._run(
            lambda store, client, settings: cancel(store, client, settings, self.told.append, only), given
        )

    def counts(self) -> dict[str, int]:
        """States that some request is in."""
        with Store(self.path, read_only=True) as store:
            return {state: count for state, count in store.counts().items() if count}

    def spent(self) -> tuple[float, float]:
        """Dollars spent and reserved."""
        with Store(self.path, read_only=True) as store:
            spending = store.spent()
            return spending.usd, spending.reserved_usd

    def texts(self) -> dict[str, str | None]:
        with Store(self.path, read_only=True) as store:
            return {result.key: result.text for result in store.results("done")}

    def errors(self) -> dict[str, str]:
        with Store(self.path, read_only=True) as store:
            return {result.key: result.error for result in store.results("failed")}

    def left_here(self) -> list[str]:
        """Files of batches on this machine."""
        return sorted(path.name for path in self.files.glob("*")) if self.files.exists() else []

    def _run(self, command: Callable[..., Any], given: dict[str, Any]) -> Any:
        async def run() -> Any:
            client = make_client(self.server.base_url)
            try:
                with Store(self.path) as store:
                    return await command(store, client, self.settings(**given))
            finally:
                await client.close()

        return asyncio.run(run())
