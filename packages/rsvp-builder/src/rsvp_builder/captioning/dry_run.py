"""What a run would send and cost, told before anything is sent; needs no key and no network."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from rsvp_builder.captioning.draft import Asking
from rsvp_builder.captioning.outcome import Usage
from rsvp_builder.captioning.planning import Drafted, input_tokens
from rsvp_builder.captioning.prices import Price, cost, worst_usd
from rsvp_builder.captioning.spec import PromptSpec, prompt_for
from rsvp_builder.captioning.store import State, Store
from rsvp_builder.dataset.layout import Folder

_TOKENS_PER_WORD = 4 / 3
"""Of English prose, as OpenAI's help pages put it; unverified for any one model."""
_TOKENS_PER_REGION = 12
"""Braces, names and the class around each region's text in the answer's JSON; our own estimate."""
_AT_ONCE = 500


@dataclass(slots=True)
class Estimate:
    """Sums over the requests that a run would send.

    Attributes:
        rows: rows that were selected and can be asked about.
        requests: requests to send; rows that are the same to the model share one.
        answered: requests of the selection that the store has an answer for: they cost nothing more.
        given_up: requests that ended rejected or failed: ``caption retry`` plans them again.
        under_way: requests that were sent and have no answer yet.
        by_task: requests to send by source and task.
        pictures: pictures in them.
        input_tokens: estimate of the tokens that go in at one ask each.
        image_tokens: those of pictures among them.
        output_tokens: tokens of answers as long as asked for.
        most_output_tokens: as long as allowed.
        online_usd: cost of that online, at one ask each.
        batch_usd: the same in batches; None where the price has no batch factor.
        worst_usd: cost online with answers as long as allowed.
        worst_batch_usd: the same in batches.
    """

    rows: int = 0
    requests: int = 0
    answered: int = 0
    given_up: int = 0
    under_way: int = 0
    by_task: Counter[tuple[str, str]] = field(default_factory=Counter)
    pictures: int = 0
    input_tokens: int = 0
    image_tokens: int = 0
    output_tokens: int = 0
    most_output_tokens: int = 0
    online_usd: float = 0.0
    batch_usd: float = 0.0
    worst_usd: float = 0.0
    worst_batch_usd: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        told = {name: getattr(self, name) for name in self.__slots__}
        told["by_task"] = [
            {"source": source, "task": task, "requests": count}
            for (source, task), count in sorted(self.by_task.items())
        ]
        return told


def estimate(out: Path, drafted: Iterable[Drafted], asking: Asking, price: Price) -> Estimate:
    """Sum up what some rows would cost.

    Args:
        out: folder of the data set; its store, if there is one, says what is answered.
        drafted: rows with their drafts; taken one by one.
        asking: how they are asked about.
        price: of the model.
    """
    found = Estimate()
    met: set[str] = set()
    path = Folder(out).store
    store = Store(path, read_only=True) if path.is_file() else None
    try:
        for chunk in _chunks(drafted):
            states = store.states(entry.draft.key for entry in chunk) if store is not None else {}
            for entry in chunk:
                found.rows += 1
                if entry.draft.key not in met:
                    met.add(entry.draft.key)
                    _add(found, entry, states.get(entry.draft.key), asking, price)
    finally:
        if store is not None:
            store.close()
    return found


def _chunks(drafted: Iterable[Drafted]) -> Iterator[list[Drafted]]:
    entries = iter(drafted)
    while chunk := list(islice(entries, _AT_ONCE)):
        yield chunk


def _add(found: Estimate, entry: Drafted, state: State | None, asking: Asking, price: Price) -> None:
    if state is State.DONE:
        found.answered += 1
    elif state in (State.REJECTED, State.FAILED):
        found.given_up += 1
    elif state is State.SENT:
        found.under_way += 1
    if state not in (None, State.PLANNED):
        return
    draft, most = entry.draft, asking.model.max_tokens
    tokens = input_tokens(draft, asking, price)
    expected = min(most, answer_tokens(prompt_for(entry.place.task), len(draft.drawing["shown"])))
    found.requests += 1
    found.by_task[entry.place.source, entry.place.task] += 1
    found.pictures += len(draft.images)
    found.input_tokens += tokens
    found.image_tokens += tokens - draft.text_tokens
    found.output_tokens += expected
    found.most_output_tokens += most
    usage = Usage(input_tokens=tokens, output_tokens=expected)
    found.online_usd += cost(price, usage, batch=False)
    found.batch_usd += cost(price, usage, batch=True)
    found.worst_usd += worst_usd(price, tokens, most, batch=False)
    found.worst_batch_usd += worst_usd(price, tokens, most, batch=True)


def answer_tokens(spec: PromptSpec, marks: int) -> int:
    """Tokens of an answer about so many marks, where each text is as long as it is asked for at most."""
    words = sum(rule.words(marks)[1] * (marks if rule.of == "region" else 1) for rule in spec.texts.values())
    return math.ceil(words * _TOKENS_PER_WORD + marks * _TOKENS_PER_REGION)
