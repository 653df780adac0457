"""Everything that is planned, as batches at the endpoint."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from openai import AsyncOpenAI

from rsvp_builder.captioning.batch.feed import BodySource, Feed
from rsvp_builder.captioning.batch.files import RequestFile, request_path
from rsvp_builder.captioning.batch.handover import give_up, hand_over, resume
from rsvp_builder.captioning.batch.remote import Remote, Tell
from rsvp_builder.captioning.batch.settings import BatchSettings
from rsvp_builder.captioning.prices import Price
from rsvp_builder.captioning.store import Store
from rsvp_builder.errors import RsvpError


@dataclass(slots=True)
class Submitted:
    """What a ``submit`` did.

    Attributes:
        resumed: ids of batches that an earlier run had begun, and that are at the endpoint now.
        created: ids of new batches.
        requests: in the new batches.
        bytes: of their request files.
        unusable: requests for which no body could be made; they are failed.
        left: requests that are still planned: the budget or the bound on batches ended the run.
        left_usd: worst case in a batch of the next of them; None where none is left.
    """

    resumed: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    requests: int = 0
    bytes: int = 0
    unusable: int = 0
    left: int = 0
    left_usd: float | None = None


async def submit(
    source: BodySource,
    store: Store,
    client: AsyncOpenAI,
    settings: BatchSettings,
    price: Price,
    on_progress: Tell,
    *,
    only_added: bool = False,
) -> Submitted:
    """Send what is planned in batches, after finishing what an earlier run began.

    Killed at any moment, the next call goes on: no request is ever in two batches.

    Args:
        source: makes bodies.
        store: has what is planned; its budget is reserved at the price of a batch.
        client: without retries of its own.
        settings: bounds, budget, patience, folder.
        price: of the model.
        on_progress: hears a sentence about each step.
        only_added: only what was added since the store was opened.

    Raises:
        RefusedError: the endpoint refused a file or a batch; its requests went back to planned.
        RsvpError: the endpoint cannot be reached; what was begun is finished by the next call.
    """
    remote = Remote(client, settings, on_progress)
    told = Submitted(resumed=await resume(remote, store, settings, on_progress))
    feed = Feed(source, store, settings, price.batch, only_added=only_added)
    waits = store.planned(only_added=only_added).requests > 0
    writing = store.open_batch(_new_id(), []).local_id if waits else None
    try:
        while writing is not None:
            current, path = writing, request_path(settings.folder, writing)
            with RequestFile(path, settings.max_requests, settings.max_bytes) as file:
                await _fill(file, feed, current)
                # What did not fit leaves this batch before its file is complete: a batch with a
                # complete file holds exactly the requests in it.
                writing = _next_batch(feed, store, settings, len(told.created) + (file.requests > 0))
                if not file.requests:
                    give_up(store, settings, current, "nothing was planned, or the budget is used up")
                    continue
                file.complete()
            on_progress(f"batch {current}: {file.requests:,} requests, {file.size:,} bytes; uploading")
            made = await hand_over(remote, store, settings, store.set_batch(current), resumed=False)
            told.created.append(made.id)
            told.requests += file.requests
            told.bytes += file.size
            on_progress(f"batch {current}: the endpoint has it as {made.id}")
    except BaseException as error:
        # Ctrl-C, a lost connection, a refusal: what has no file yet goes back now rather than later.
        if writing is not None and not request_path(settings.folder, writing).exists():
            give_up(store, settings, writing, "the run was ended before its request file was complete")
        if isinstance(error, OSError):
            where = error.filename or settings.folder
            raise RsvpError(f"{where}: cannot be written: {error.strerror or error}") from error
        raise
    finally:
        await feed.close()
    left = store.planned(only_added=only_added)
    told.unusable, told.left = feed.unusable, left.requests
    told.left_usd = None if left.next_usd is None else left.next_usd * price.batch
    return told


async def _fill(file: RequestFile, feed: Feed, local_id: str) -> None:
    """Write requests until one does not fit or nothing is left."""
    while (room := file.room) > 0 and (found := await feed.next(local_id, room)) is not None:
        claimed, line = found
        if not file.takes(line, claimed.model):
            feed.put_back(claimed, line)
            return
        file.write(line, claimed.model)


def _next_batch(feed: Feed, store: Store, settings: BatchSettings, made: int) -> str | None:
    """Open the next batch with what is claimed already; None where there is to be none."""
    waiting = feed.waiting()
    if settings.max_batches is not None and made >= settings.max_batches:
        for claimed in waiting:
            store.fail(claimed.key, claimed.attempt, "the last batch was full", sent=False, final=False)
        return None
    if not waiting and feed.dry:
        return None
    return store.open_batch(_new_id(), [claimed.key for claimed in waiting]).local_id


def _new_id() -> str:
    """A name that no other run, machine or user of the same account makes up."""
    return f"rsvp-{secrets.token_hex(16)}"
