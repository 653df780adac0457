"""What the store says of each row, a shard at a time: its answer, or why it has none."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby

from rsvp_builder.captioning.shelf import Place
from rsvp_builder.captioning.store import Result, State, Store


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one row, over all requests that asked about it.

    Attributes:
        place: where the row lies.
        taken: its answer; None where it has none that may be used.
        rejected: whether it was given up: by the checks, or by a person.
        in_review: whether it was a person who rejected it.
        faults: what was wrong with the last answer of a row that the checks gave up.
        spent: attempts and dollars of each of its requests, by key: rows that are the same share one.
    """

    place: Place
    taken: Result | None
    rejected: bool
    in_review: bool
    faults: Counter[str]
    spent: dict[str, tuple[int, float]]


@dataclass(frozen=True, slots=True)
class ShardAnswers:
    """The rows that the store knows of one shard in ``data/`` and its twin in ``planned/``.

    Attributes:
        source: of the rows.
        name: file name of both shards.
        answers: by position, those of planned rows first.
    """

    source: str
    name: str
    answers: list[Answer]


def answers(store: Store, model: str | None = None) -> Iterator[ShardAnswers]:
    """Every row that the store knows, by source and shard; one shard is in memory at a time.

    Args:
        store: may be at work meanwhile.
        model: take answers of models that fit this pattern only, such as ``gpt-4o*``; None for all.
    """
    streams = [_ordered(store, state, folder) for state in State for folder in ("planned", "data")]
    merged = heapq.merge(*streams, key=lambda entry: entry[0])
    for (source, name), of_shard in groupby(merged, key=lambda entry: entry[0][:2]):
        found: dict[str, list[Result]] = {}
        for _, result in of_shard:
            found.setdefault(result.row_id, []).append(result)
        yield ShardAnswers(source, name, [_decide(results, model) for results in found.values()])


_Order = tuple[str, str, bool, int, str]


def _ordered(store: Store, state: State, folder: str) -> Iterator[tuple[_Order, Result]]:
    for result in store.results(state):
        kind, _, rest = result.shard.partition("/")
        if kind == folder:
            source, _, name = rest.rpartition("/")
            yield (source, name, kind == "data", result.row, result.key), result


def _decide(results: Iterable[Result], model: str | None) -> Answer:
    """Choose the answer of a row among those of several models and prompts.

    One that a person accepted comes first, then that of the later prompt; what is equal in both is
    decided by the names of model and request, so that it does not depend on the order of anything.
    """
    results = sorted(results, key=_rank, reverse=True)
    first = results[0]
    done = [r for r in results if r.state is State.DONE and (model is None or fnmatchcase(r.model, model))]
    usable = [result for result in done if result.verdict != "reject"]
    in_review = not usable and bool(done)
    given_up = [result for result in results if result.state is State.REJECTED]
    open_still = any(result.state in (State.PLANNED, State.SENT) for result in results)
    rejected = not usable and not open_still and bool(in_review or given_up)
    faults = Counter(c.fault.value for result in given_up[:1] for c in result.complaints)
    return Answer(
        place=Place(first.row_id, first.source, first.split, first.task, first.shard, first.row),
        taken=usable[0] if usable else None,
        rejected=rejected,
        in_review=rejected and in_review,
        faults=faults if rejected and not in_review else Counter(),
        spent={result.key: (result.attempts, result.usd) for result in results},
    )


def _rank(result: Result) -> tuple[bool, int, str, str]:
    _, _, number = result.prompt_version.rpartition("/")
    version = int(number) if number.isdecimal() else 0
    return result.verdict == "accept", version, result.model, result.key
