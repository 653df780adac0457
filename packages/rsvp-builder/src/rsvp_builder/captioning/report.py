"""Statistics of captioning: what was asked, what came back, what it cost, what was wrong with it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from rsvp_builder.captioning.store import Result, State, Store
from rsvp_builder.dataset.layout import Folder

_QUARTERS = (0, 1, 2, 3, 4)


def statistics(out: Path) -> dict[str, Any]:
    """Everything that the store tells, as records; it may be at work meanwhile.

    Returns:
        * ``rows``: by source and task, rows in each state, and those that people accepted and rejected.
        * ``requests``: by state; rows that are the same to the model share a request.
        * ``spending``: dollars spent and reserved, tokens; ``lost``: requests that a dead run sent and
          whose answers never came.
        * ``models``: by model and prompt, requests that ended, their asks and dollars.
        * ``faults``: by fault, over all attempts; ``rejected_for``: by task and fault of the last answer.
        * ``asks``: by task, how many requests took one ask, two, and so on.
        * ``answer_words``: by task, least, quartiles and most words of the answers that were taken.
        * ``failures``: what was said of requests that could not be asked, most frequent first.
        * ``batches``: those that are open.

    Raises:
        RsvpError: there is no store.
    """
    tally = _Tally()
    with Store(Folder(out).store, read_only=True) as store:
        for state in State:
            for result in store.results(state):
                tally.add(result)
        spent = store.spent()
        open_batches = [batch for batch in store.batches() if batch.state != "closed"]
        return {
            "rows": tally.rows_by_state(),
            "requests": store.counts(),
            "spending": {
                "usd": spent.usd,
                "reserved_usd": spent.reserved_usd,
                "input_tokens": spent.input_tokens,
                "cached_tokens": spent.cached_tokens,
                "output_tokens": spent.output_tokens,
                "underestimated": spent.underestimated,
            },
            "lost": store.lost(),
            "models": tally.by_model(),
            "faults": store.faults(),
            "rejected_for": [
                {"task": task, "fault": fault, "rows": count}
                for (task, fault), count in sorted(tally.faults.items())
            ],
            "asks": [
                {"task": task, "asks": asks, "requests": count}
                for (task, asks), count in sorted(tally.asks.items())
            ],
            "answer_words": [_quartiles(task, words) for task, words in sorted(tally.words.items())],
            "failures": [{"error": error, "requests": n} for error, n in tally.errors.most_common(20)],
            "batches": [
                {
                    "local_id": batch.local_id,
                    "batch_id": batch.batch_id,
                    "state": str(batch.state),
                    "status": batch.status,
                    "requests": batch.requests,
                    "waiting": batch.waiting,
                }
                for batch in open_batches
            ],
        }


class _Tally:
    """Counts over results; what is said of a request is counted once, however many rows share it."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], Counter[str]] = {}
        self.models: dict[tuple[str, str], dict[str, float]] = {}
        self.faults = Counter[tuple[str, str]]()
        self.asks = Counter[tuple[str, int]]()
        self.words: dict[str, Counter[int]] = {}
        self.errors = Counter[str]()
        self._met: set[str] = set()

    def add(self, result: Result) -> None:
        """Count a row."""
        counts = self.states.setdefault((result.source, result.task), Counter())
        counts[str(result.state)] += 1
        if result.verdict is not None:
            counts[f"by people {result.verdict}ed"] += 1
        if result.text is not None:
            self.words.setdefault(result.task, Counter())[len(result.text.split())] += 1
        if result.state is State.REJECTED:
            self.faults.update({(result.task, c.fault.value) for c in result.complaints})
        if result.key in self._met:
            return
        self._met.add(result.key)
        if result.state is State.FAILED:
            self.errors[result.error] += 1
        if result.state in (State.DONE, State.REJECTED):
            self.asks[result.task, result.attempts] += 1
            of = self.models.setdefault(
                (result.model, result.prompt_version), dict.fromkeys(("done", "rejected", "asks", "usd"), 0.0)
            )
            of[str(result.state)] += 1
            of["asks"] += result.attempts
            of["usd"] += result.usd

    def rows_by_state(self) -> list[dict[str, Any]]:
        """A record for each source and task, with every state."""
        return [
            {
                "source": source,
                "task": task,
                **{str(state): counts[str(state)] for state in State},
                "accepted_by_people": counts["by people accepted"],
                "rejected_by_people": counts["by people rejected"],
            }
            for (source, task), counts in sorted(self.states.items())
        ]

    def by_model(self) -> list[dict[str, Any]]:
        """A record for each model and prompt."""
        return [
            {
                "model": model,
                "prompt": prompt,
                "done": int(of["done"]),
                "rejected": int(of["rejected"]),
                "asks": int(of["asks"]),
                "usd": of["usd"],
            }
            for (model, prompt), of in sorted(self.models.items())
        ]


def _quartiles(task: str, words: Counter[int]) -> dict[str, Any]:
    """Values that occur: of each quarter the first up to which so many answers are that short."""
    total = words.total()
    names = ("min", "lower_quartile", "median", "upper_quartile", "max")
    found = {}
    for name, quarter in zip(names, _QUARTERS, strict=True):
        met = 0
        for value in sorted(words):
            met += words[value]
            if met * 4 >= quarter * total:
                found[name] = value
                break
    return {"task": task, "answers": total, **found}
