"""Ending batches before the endpoint does."""

from __future__ import annotations

from collections.abc import Collection

from openai import AsyncOpenAI

from rsvp_builder.captioning.batch.files import request_path
from rsvp_builder.captioning.batch.handover import adopt, find, give_up
from rsvp_builder.captioning.batch.poll import Look, keep, look
from rsvp_builder.captioning.batch.remote import Remote, Tell
from rsvp_builder.captioning.batch.settings import BatchSettings
from rsvp_builder.captioning.store import Batch, BatchState, Store
from rsvp_builder.errors import UnknownNameError


async def cancel(
    store: Store,
    client: AsyncOpenAI,
    settings: BatchSettings,
    on_progress: Tell,
    only: Collection[str] | None = None,
) -> list[Look]:
    """Cancel batches; what they have answered so far can be fetched when the endpoint says ``cancelled``.

    A batch that the endpoint never had goes back to planned. One that it knows no more, or whose results
    are gone, does so too, and its worst case stays counted as spent: it may have been paid for.

    Args:
        store: has the batches.
        client: without retries of its own.
        settings: patience, folder.
        on_progress: hears what became of each.
        only: ids, ours or the endpoint's; None for all that are not closed.

    Raises:
        UnknownNameError: there is no such batch.
        RsvpError: the endpoint cannot be reached.
    """
    remote = Remote(client, settings, on_progress)
    open_batches = [batch for batch in store.batches() if batch.state is not BatchState.CLOSED]
    chosen = _chosen(open_batches, only)
    return [await _cancel(remote, store, settings, on_progress, batch) for batch in chosen]


def _chosen(batches: list[Batch], only: Collection[str] | None) -> list[Batch]:
    if only is None:
        return batches
    by_name = {name: b for b in batches for name in (b.local_id, b.batch_id) if name is not None}
    for name in only:
        if name not in by_name:
            raise UnknownNameError("batch", name, by_name)
    return list({by_name[name].local_id: by_name[name] for name in only}.values())


async def _cancel(remote: Remote, store: Store, settings: BatchSettings, tell: Tell, batch: Batch) -> Look:
    if batch.batch_id is None:
        file_id, path = batch.file_id, request_path(settings.folder, batch.local_id)
        if file_id is None and path.is_file():
            file_id = await remote.find_file(path)
        made = None if file_id is None else await find(remote, settings, batch.local_id, file_id)
        if made is None:
            give_up(store, settings, batch.local_id, "cancelled before the endpoint had it")
            if file_id is not None:
                await remote.delete(file_id)
            tell(f"batch {batch.local_id}: never handed over; its requests are planned again")
            return Look(store.set_batch(batch.local_id))
        batch = adopt(store, settings, batch.local_id, made)
    assert batch.batch_id is not None
    if batch.state is BatchState.ENDED:
        if batch.info.get("gone"):
            return _write_off(store, tell, batch)
        tell(f"batch {batch.batch_id}: {batch.status} already; fetch its answers")
        return await look(remote, store, batch)
    seen = await remote.cancel(batch.batch_id)
    if seen is None:
        return _write_off(store, tell, batch)
    tell(f"batch {batch.batch_id}: {seen.status}")
    return keep(store, batch, seen)


def _write_off(store: Store, tell: Tell, batch: Batch) -> Look:
    reason = "the endpoint does not know the batch or its results any more"
    count = store.return_batch(batch.local_id, reason, sent=True)
    tell(
        f"batch {batch.batch_id}: {reason}; {count:,} requests are planned again, and what they may have"
        " cost stays counted as spent"
    )
    return Look(store.set_batch(batch.local_id), gone=True)
