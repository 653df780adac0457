"""What goes into the store and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rsvp_builder.captioning.outcome import Complaint
from rsvp_builder.errors import RsvpError


class StoreError(RsvpError):
    """A store that cannot be used, or is asked for something that it does not hold."""


class State(StrEnum):
    """Where a request stands."""

    PLANNED = "planned"
    """It waits to be sent, for the first time or again."""
    SENT = "sent"
    """It was claimed; its worst case is reserved until the answer is recorded."""
    DONE = "done"
    """Its answer was taken."""
    REJECTED = "rejected"
    """It was answered, never without fault, and is not asked again by itself."""
    FAILED = "failed"
    """It could not be asked, and is not asked again by itself."""


class BatchState(StrEnum):
    """Where a batch stands on our side; what the endpoint calls it is :attr:`Batch.status`."""

    OPENED = "opened"
    """Its requests are set aside; whether the endpoint has it is not known yet."""
    SUBMITTED = "submitted"
    """The endpoint has it."""
    ENDED = "ended"
    """The endpoint is done with it; its answers are to be fetched."""
    CLOSED = "closed"
    """Every request of it is answered or went back; nothing more comes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row's request as it is planned.

    Attributes:
        key: see :func:`rsvp_builder.captioning.request.key_of`.
        row_id: ``id`` of the row. Rows with the same picture, marks and prompt share a key: they are
            asked once and answered all.
        source: of the row.
        split: of the row.
        task: that is asked.
        shard: the row's shard, relative to the data set.
        row: position in the shard, from 0.
        drawing: how it was drawn; JSON values.
        prompt_version: of the template.
        model: that is asked.
        parameters: of the model; JSON values, never a key.
        images: ``[width, height]`` of each picture sent, in pixels.
        input_tokens: estimated, pictures included.
        worst_usd: the most that one attempt may cost.
    """

    key: str
    row_id: str
    source: str
    split: str
    task: str
    shard: str
    row: int
    drawing: dict[str, Any]
    prompt_version: str
    model: str
    parameters: dict[str, Any]
    images: list[list[int]]
    input_tokens: int
    worst_usd: float


@dataclass(frozen=True, slots=True)
class Earlier:
    """An answer that was not taken.

    Attributes:
        attempt: its number.
        raw: the message as it came.
        complaints: what was wrong with it.
    """

    attempt: int
    raw: dict[str, Any]
    complaints: tuple[Complaint, ...]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A request that may be sent, once: the store counts it as sent from now on.

    Attributes:
        key: also the ``custom_id`` in batches.
        row_id: of the first of its rows, as are source, split, shard and row.
        source: of the row.
        split: of the row.
        task: that is asked.
        shard: the row's shard.
        row: position in the shard, from 0.
        attempt: number of this attempt, from 1; to be given back with its answer. Attempts that
            certainly were not processed do not count.
        tries: the same, counted since the user last put the request back, without attempts that a
            killed run lost: compare a limit of attempts with this.
        history: answers since then, oldest first; all of them had faults.
        drawing: as planned.
        prompt_version: as planned.
        model: as planned.
        parameters: as planned.
        images: as planned.
        input_tokens: as planned.
        reserved_usd: what is reserved for this attempt.
    """

    key: str
    row_id: str
    source: str
    split: str
    task: str
    shard: str
    row: int
    attempt: int
    history: list[Earlier] = field(default_factory=list)
    tries: int = 1
    drawing: dict[str, Any] = field(default_factory=dict)
    prompt_version: str = ""
    model: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    images: list[list[int]] = field(default_factory=list)
    input_tokens: int = 0
    reserved_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Spending:
    """Money and tokens over all runs of a store.

    Attributes:
        usd: spent: what answers cost, and the worst case of every attempt whose cost is not known.
        reserved_usd: worst case of all that is in flight or was lost.
        input_tokens: as the endpoint counted them, cached ones included.
        output_tokens: as the endpoint counted them.
        cached_tokens: those of the input that came from its cache.
        underestimated: answers that cost more than was reserved for them: where there are many, the
            price or the token rule is wrong, and so is the budget.
    """

    usd: float
    reserved_usd: float
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    underestimated: int = 0


@dataclass(frozen=True, slots=True)
class Planned:
    """What waits to be sent.

    Attributes:
        requests: how many.
        input_tokens: estimated, of all.
        worst_usd: worst case of all, at one attempt each.
        next_usd: worst case of the one that is claimed next; None where nothing waits.
    """

    requests: int
    input_tokens: int
    worst_usd: float
    next_usd: float | None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one row.

    Attributes:
        key: of its request.
        row_id: of the row.
        source: of the row.
        split: of the row.
        task: that was asked.
        shard: the row's shard.
        row: position in the shard, from 0.
        state: of its request.
        text: the answer in the ``<Region i>`` form; None where none was taken.
        captions: text of each mark by its index.
        model: the one that the endpoint says answered, or the one asked where it does not say.
        prompt_version: of the template.
        verdict: ``accept``, ``reject`` or None, by a person.
        note: of that person.
        complaints: about the last answer; empty where it was taken.
        raw: the last message as it came; None where there is none.
        error: of the last transport failure, if it ended that way.
        attempts: how many were made.
        usd: what all of them cost.
        drawing: as planned.
        parameters: as planned.
    """

    key: str
    row_id: str
    source: str
    split: str
    task: str
    shard: str
    row: int
    state: State
    text: str | None
    captions: dict[int, str]
    model: str
    prompt_version: str
    verdict: str | None
    note: str
    complaints: tuple[Complaint, ...]
    raw: dict[str, Any] | None
    error: str
    attempts: int
    usd: float
    drawing: dict[str, Any]
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch.

    Attributes:
        local_id: ours, given before the endpoint knows of it.
        state: on our side.
        status: the endpoint's word, as it came.
        batch_id: the endpoint's; None before.
        file_id: of the input file.
        output_file_id: of the answers.
        error_file_id: of the errors.
        requests: how many went into it.
        waiting: how many of them are still without an answer.
        opened_at: seconds since 1970.
        info: whatever else is to be remembered; JSON values.
    """

    local_id: str
    state: BatchState
    status: str
    batch_id: str | None
    file_id: str | None
    output_file_id: str | None
    error_file_id: str | None
    requests: int
    waiting: int
    opened_at: float
    info: dict[str, Any]
