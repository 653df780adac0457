"""From a complete request file to a batch at the endpoint, from whatever step a killed run had reached."""

from __future__ import annotations

import asyncio

from openai.types import Batch as RemoteBatch

from rsvp_builder.captioning.batch.files import remove, request_path
from rsvp_builder.captioning.batch.remote import RefusedError, Remote, Tell
from rsvp_builder.captioning.batch.settings import BatchSettings
from rsvp_builder.captioning.store import Batch, BatchState, Store


async def hand_over(
    remote: Remote, store: Store, settings: BatchSettings, batch: Batch, *, resumed: bool
) -> RemoteBatch:
    """Upload the request file and create the batch; each step is in the store before the next begins.

    Args:
        remote: the endpoint.
        store: has the batch as opened.
        settings: where files lie.
        batch: as the store has it.
        resumed: an earlier run may have done more than the store knows: look before doing it again.

    Raises:
        RefusedError: the endpoint does not take it; its requests went back to planned.
        RsvpError: the endpoint cannot be reached; the next ``submit`` goes on from here.
    """
    local_id, file_id = batch.local_id, batch.file_id
    if file_id is None:
        path = request_path(settings.folder, local_id)
        if resumed:
            file_id = await remote.find_file(path)
        if file_id is None:
            try:
                file_id = await remote.upload(path)
            except RefusedError as refused:
                give_up(store, settings, local_id, str(refused))
                raise
        store.set_batch(local_id, file_id=file_id)
    made = await find(remote, settings, local_id, file_id) if resumed else None
    if made is None:
        try:
            made = await remote.create(local_id, file_id)
        except RefusedError as refused:
            give_up(store, settings, local_id, str(refused))
            await remote.delete(file_id)
            raise
    adopt(store, settings, local_id, made)
    return made


def adopt(store: Store, settings: BatchSettings, local_id: str, made: RemoteBatch) -> Batch:
    """Keep that the endpoint has the batch; the request file here is not needed any more."""
    batch = store.set_batch(local_id, state=BatchState.SUBMITTED, batch_id=made.id, status=made.status)
    remove(settings.folder, local_id)
    return batch


async def resume(remote: Remote, store: Store, settings: BatchSettings, tell: Tell) -> list[str]:
    """Finish what an earlier run began; ids of the batches that are at the endpoint now.

    A batch whose request file was not complete is given up: nothing of it had left this machine.

    Raises:
        RsvpError: see :func:`hand_over`.
    """
    made: list[str] = []
    for batch in store.batches(BatchState.OPENED):
        if batch.file_id is None and not request_path(settings.folder, batch.local_id).is_file():
            give_up(store, settings, batch.local_id, "the run was ended before its request file was complete")
            continue
        tell(f"batch {batch.local_id}: an earlier run did not finish it; looking for it at the endpoint")
        made.append((await hand_over(remote, store, settings, batch, resumed=True)).id)
    return made


def give_up(store: Store, settings: BatchSettings, local_id: str, reason: str) -> None:
    """Give a batch up that the endpoint never had; its requests go back to planned and cost nothing."""
    remove(settings.folder, local_id)  # killed after it, the batch is given up again
    store.return_batch(local_id, reason, sent=False)
    store.set_batch(local_id, status="given up")


async def find(remote: Remote, settings: BatchSettings, local_id: str, file_id: str) -> RemoteBatch | None:
    """The batch at the endpoint, or None.

    A killed run may have asked for it a moment ago, so a look that finds nothing is repeated.
    """
    for pause in (0.0, settings.look_again_s):
        await asyncio.sleep(pause)
        if (found := (await remote.find_batches({local_id: file_id})).get(local_id)) is not None:
            return found
    return None
