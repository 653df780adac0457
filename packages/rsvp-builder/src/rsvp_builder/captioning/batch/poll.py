"""How far the batches are at the endpoint."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from openai import AsyncOpenAI
from openai.types import Batch as RemoteBatch

from rsvp_builder.captioning.batch.remote import Remote, Tell
from rsvp_builder.captioning.batch.settings import BatchSettings
from rsvp_builder.captioning.client import redacted
from rsvp_builder.captioning.store import Batch, BatchState, Store

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
"""What an endpoint calls a batch that it is done with."""

COLUMNS = ("batch", "status", "requests", "answered", "failed", "left", "remarks")
"""Heads of a table of looks; see :meth:`Look.cells`."""

_MOST_ERRORS = 20
"""Validation errors of a batch that are kept and shown."""


@dataclass(frozen=True, slots=True)
class Look:
    """A batch as it was just seen.

    Attributes:
        batch: as the store has it now.
        completed: answers, as the endpoint counts.
        failed: failures, as the endpoint counts.
        seconds: until it expires; None where that is not told, or it has ended.
        errors: what the endpoint found wrong with its request file, with line numbers.
        gone: the endpoint does not know it.
    """

    batch: Batch
    completed: int = 0
    failed: int = 0
    seconds: float | None = None
    errors: tuple[str, ...] = ()
    gone: bool = False

    def cells(self) -> tuple[str, ...]:
        """A row of a table with :data:`COLUMNS`."""
        hours = "" if self.seconds is None else f"{max(0.0, self.seconds) / 3600:.1f} h"
        return (
            self.batch.batch_id or self.batch.local_id,
            self.remark or self.batch.status,
            f"{self.batch.requests:,}",
            f"{self.completed:,}",
            f"{self.failed:,}",
            hours,
            "; ".join(self.errors),
        )

    @property
    def remark(self) -> str:
        """What is to be done where the endpoint's word does not say it; empty otherwise."""
        if self.gone:
            return "unknown to the endpoint"
        if self.batch.state is BatchState.OPENED:
            return "not handed over; submit again"
        return ""


async def poll(
    store: Store,
    client: AsyncOpenAI,
    settings: BatchSettings,
    on_progress: Tell,
    on_looks: Callable[[list[Look]], None] | None = None,
    *,
    wait: bool = False,
) -> list[Look]:
    """Look at every batch that is not closed, and keep what is seen.

    Args:
        store: has the batches.
        client: without retries of its own.
        settings: patience.
        on_progress: hears of calls that are tried again.
        on_looks: gets the looks of each round.
        wait: look again until the endpoint is done with all of them, or knows them no more.

    Raises:
        RsvpError: the endpoint cannot be reached, or refuses.
    """
    remote = Remote(client, settings, on_progress)
    pause = settings.poll_s
    while True:
        looks = [
            await look(remote, store, batch)
            for batch in store.batches()
            if batch.state is not BatchState.CLOSED
        ]
        if on_looks is not None:
            on_looks(looks)
        if not wait or not any(one.batch.state is BatchState.SUBMITTED and not one.gone for one in looks):
            return looks
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, max(settings.poll_s, settings.poll_longest_s))


async def look(remote: Remote, store: Store, batch: Batch) -> Look:
    """Look at one batch."""
    if batch.batch_id is None:
        return Look(batch)
    if batch.state is BatchState.ENDED:
        return _kept(batch)
    seen = await remote.retrieve(batch.batch_id)
    return Look(batch, gone=True) if seen is None else keep(store, batch, seen)


def keep(store: Store, batch: Batch, seen: RemoteBatch) -> Look:
    """Keep what the endpoint says about a batch."""
    counts = seen.request_counts
    info = batch.info | {
        "completed": counts.completed if counts is not None else None,
        "failed": counts.failed if counts is not None else None,
        "errors": _errors(seen),
        "lines": _lines(seen),
    }
    ended = seen.status in ENDED
    fields = {
        "status": seen.status,
        "info": info,
        "output_file_id": seen.output_file_id,
        "error_file_id": seen.error_file_id,
        "state": BatchState.ENDED if ended else batch.state,
    }
    if any(getattr(batch, name) != value for name, value in fields.items()):
        batch = store.set_batch(batch.local_id, **fields)
    left = seen.expires_at - time.time() if seen.expires_at is not None and not ended else None
    return _kept(batch, left)


def _kept(batch: Batch, seconds: float | None = None) -> Look:
    return Look(
        batch,
        completed=batch.info.get("completed") or 0,
        failed=batch.info.get("failed") or 0,
        seconds=seconds,
        errors=tuple(batch.info.get("errors", ())),
    )


def _errors(seen: RemoteBatch) -> list[str]:
    """What is wrong with the request file, one sentence each."""
    found = (seen.errors.data or []) if seen.errors is not None else []
    told = []
    for error in found[:_MOST_ERRORS]:
        where = "" if error.line is None else f"line {error.line}: "
        told.append(redacted(f"{where}{error.message or 'no reason is given'} ({error.code or 'no code'})"))
    if len(found) > _MOST_ERRORS:
        told.append(f"and {len(found) - _MOST_ERRORS:,} more")
    return told


def _lines(seen: RemoteBatch) -> dict[str, str]:
    """What is wrong with each line of the request file, by its number from 1."""
    found = (seen.errors.data or []) if seen.errors is not None else []
    return {
        str(error.line): redacted(f"{error.message or 'no reason is given'} ({error.code or 'no code'})")
        for error in found
        if error.line is not None
    }
