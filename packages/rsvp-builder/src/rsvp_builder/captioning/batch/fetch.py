"""The answers of batches that have ended, into the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

from rsvp_builder.captioning.batch.files import remove
from rsvp_builder.captioning.batch.poll import poll
from rsvp_builder.captioning.batch.remote import Remote, Tell
from rsvp_builder.captioning.batch.settings import BatchSettings
from rsvp_builder.captioning.batch.take import Counts, Pricing, Taking
from rsvp_builder.captioning.client import redacted
from rsvp_builder.captioning.outcome import Outcome
from rsvp_builder.captioning.store import Batch, BatchState, Claimed, Store

Judge = Callable[[Claimed, dict[str, Any]], Outcome]
"""The verdict on an answer, given the body of a chat completion."""


@dataclass(slots=True)
class Fetched:
    """What a ``fetch`` did.

    Attributes:
        batches: that were fetched to the end.
        running: that the endpoint is still at work on.
        stuck: that could not be fetched to the end; see what was told.
        counts: over all of their requests and lines.
        usd: what the answers cost.
    """

    batches: int = 0
    running: int = 0
    stuck: int = 0
    counts: Counts = field(default_factory=Counts)
    usd: float = 0.0


async def fetch(
    store: Store,
    client: AsyncOpenAI,
    judge: Judge,
    settings: BatchSettings,
    price: Pricing,
    on_progress: Tell,
) -> Fetched:
    """Take the answers of every batch that the endpoint is done with, whole or in part.

    Faulty answers are planned again with the reason, up to ``settings.max_asks``; what was not answered is
    planned again and cost nothing. Killed at any moment, the next call goes on; called twice, the second
    call changes nothing. Files at the endpoint are deleted when everything is in the store.

    Args:
        store: has the batches.
        client: without retries of its own.
        judge: gives the verdict on an answer.
        settings: bounds, patience, folder.
        price: of the model, or what gives the price of a model: batches of several may be open.
        on_progress: hears what became of each batch, and of every line that is no result.

    Raises:
        RsvpError: the endpoint cannot be reached, or a file cannot be written.
    """
    remote = Remote(client, settings, on_progress)
    fetched = Fetched()
    before = store.spent().usd
    for look in await poll(store, client, settings, on_progress):
        batch = look.batch
        if look.gone:
            fetched.stuck += 1
            on_progress(
                f"batch {batch.batch_id}: the endpoint does not know it. Is this the endpoint, and the"
                " account, that it was sent to? If so, cancel it: its requests are planned again"
            )
        elif batch.state is not BatchState.ENDED:
            fetched.running += 1
        elif await _fetch(remote, store, judge, settings, price, on_progress, batch, fetched.counts):
            fetched.batches += 1
        else:
            fetched.stuck += 1
    fetched.usd = store.spent().usd - before
    return fetched


async def _fetch(
    remote: Remote,
    store: Store,
    judge: Judge,
    settings: BatchSettings,
    price: Pricing,
    tell: Tell,
    batch: Batch,
    counts: Counts,
) -> bool:
    """Take the answers of one batch; False where something of it has to wait."""
    if not batch.info.get("fetched"):
        taking = Taking(store, batch, judge, price, settings, tell)
        if batch.status == "failed":
            taking.refused()
            batch = taking.batch
        for kind, file_id in (("output", batch.output_file_id), ("error", batch.error_file_id)):
            if file_id is None:
                continue
            path = settings.folder / f"{batch.local_id}.{kind}.jsonl"
            if not await _download(remote, file_id, path):
                # A file that is gone held answers that were paid for.
                store.set_batch(batch.local_id, info=batch.info | {"gone": True})
                tell(
                    f"batch {batch.batch_id}: its {kind} file {file_id} is not at the endpoint any more;"
                    " cancel the batch: what has no answer is planned again"
                )
                return False
            if await taking.file(path) > 0:
                tell(f"{_keep(path)}: kept for you to look at; delete it when you like")
        counts.add(taking.counts)
        if taking.counts.unjudged:
            return False
        counts.missing += taking.missing()
        batch = store.set_batch(batch.local_id, info=batch.info | {"fetched": True})
        tell(f"batch {batch.batch_id}: {taking.counts.told()}")
    if not settings.keep_files:
        for file_id in (batch.file_id, batch.output_file_id, batch.error_file_id):
            if file_id is not None:
                await remote.delete(file_id)
    remove(settings.folder, batch.local_id)
    store.set_batch(batch.local_id, state=BatchState.CLOSED)
    return True


def _keep(path: Path) -> Path:
    """A copy that outlives the batch, without any key that the endpoint may have shown."""
    kept = path.with_name(f"kept-{path.name}")
    with path.open(errors="replace", newline="\n") as lines, kept.open("w", newline="\n") as copy:
        copy.writelines(redacted(line) for line in lines)
    return kept


async def _download(remote: Remote, file_id: str, path: Path) -> bool:
    """A file of the endpoint's as ``path``, whole; False where it is gone."""
    partial = path.with_name(f".{path.name}.tmp")
    if await remote.download(file_id, partial):
        partial.replace(path)
        return True
    partial.unlink(missing_ok=True)
    return False
