"""``caption submit``, ``poll``, ``fetch`` and ``cancel``: the endpoint's Batch API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rich.markup import escape

from rsvp_builder.captioning.prices import Price, price_of
from rsvp_builder.captioning.store import BatchState, Store
from rsvp_builder.captioning.work import Bodies, Judge
from rsvp_builder.cli.captioning_work import Wish, check_endpoint, drawing, plan
from rsvp_builder.cli.output import print_json, stderr, stdout, table
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.errors import RsvpError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from rsvp_builder.captioning.batch.poll import Look
    from rsvp_builder.captioning.batch.settings import BatchSettings

_T = TypeVar("_T")
Prices = tuple[Path | None, float | None, float | None]


def submit(
    wish: Wish,
    *,
    max_batches: int | None,
    resend_lost: bool,
    base_url: str | None,
    key_file: Path | None,
    as_json: bool,
) -> None:
    """Plan what waits and hand it to the endpoint."""
    wish.check_budget()
    check_endpoint(base_url, key_file)
    from rsvp_builder.captioning.batch.submit import submit as hand_over

    Folder(wish.out).sources()
    settings = _settings(wish.out, max_batches=max_batches, max_usd=wish.max_usd)
    with Store(Folder(wish.out).store) as store, drawing(wish) as pool:
        planning = plan(wish, store, pool, resend_lost=resend_lost)
        source, tell = Bodies(wish.out, pool), _tell(quiet=wish.quiet)

        async def work(client: AsyncOpenAI) -> Any:
            return await hand_over(source, store, client, settings, wish.price, tell, only_added=True)

        done = _with_client(base_url, key_file, work)
    if as_json:
        print_json({**asdict(done), "unplanned": planning.unusable})
        return
    console = stdout()
    if done.resumed:
        console.print(f"{len(done.resumed):,} batches of an earlier run are at the endpoint now")
    console.print(
        f"{done.requests:,} requests in {len(done.created):,} new batches ({done.bytes / 1e6:,.1f} MB)"
    )
    if done.unusable:
        console.print(f"{done.unusable:,} requests could not be made; `caption status` says why")
    if done.left:
        console.print(
            f"{done.left:,} requests still wait, the next for {done.left_usd or 0:.4f} USD at most: raise "
            "--max-usd or --max-batches, or submit again when these are fetched"
        )


def poll(
    out: Path, base_url: str | None, key_file: Path | None, *, wait: bool, quiet: bool, as_json: bool
) -> None:
    """Look how far the batches are."""
    check_endpoint(base_url, key_file)
    from rsvp_builder.captioning.batch.poll import poll as look

    with _store(out) as store:

        async def work(client: AsyncOpenAI) -> list[Look]:
            return await look(store, client, _settings(out), _tell(quiet=quiet), wait=wait)

        _show(_with_client(base_url, key_file, work), as_json=as_json)


def fetch(
    out: Path,
    base_url: str | None,
    key_file: Path | None,
    prices: Prices,
    *,
    asks: int,
    keep_files: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Take the answers of batches that have ended."""
    check_endpoint(base_url, key_file)
    from rsvp_builder.captioning.batch.fetch import fetch as take

    with _store(out) as store:
        price = _price_for(out, store, prices)
        settings = _settings(out, max_asks=asks, keep_files=keep_files)

        async def work(client: AsyncOpenAI) -> Any:
            return await take(store, client, Judge(out), settings, price, _tell(quiet=quiet))

        done = _with_client(base_url, key_file, work)
    if as_json:
        print_json(asdict(done))
        return
    console = stdout()
    console.print(
        f"{done.batches:,} batches fetched for {done.usd:,.4f} USD, {done.running:,} still at work, "
        f"{done.stuck:,} that could not be fetched"
    )
    console.print(f"of their requests: {done.counts.told()}")


def cancel(
    out: Path,
    only: Sequence[str] | None,
    base_url: str | None,
    key_file: Path | None,
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """Cancel batches."""
    check_endpoint(base_url, key_file)
    from rsvp_builder.captioning.batch.cancel import cancel as end

    with _store(out) as store:

        async def work(client: AsyncOpenAI) -> list[Look]:
            return await end(store, client, _settings(out), _tell(quiet=quiet), only)

        _show(_with_client(base_url, key_file, work), as_json=as_json)


def _settings(out: Path, **given: Any) -> BatchSettings:
    from rsvp_builder.captioning.batch.settings import BatchSettings

    return BatchSettings(folder=Folder(out).store.parent / "batches", **given)


def _store(out: Path) -> Store:
    path = Folder(out).store
    if not path.is_file():
        raise RsvpError(f"{path}: there is no store; `rsvp-build caption submit` makes one")
    return Store(path)


def _with_client(
    base_url: str | None, key_file: Path | None, work: Callable[[AsyncOpenAI], Awaitable[_T]]
) -> _T:
    """Run something that uses a client, and close it."""
    from rsvp_builder.captioning.client import make_client

    async def whole() -> _T:
        client = make_client(base_url, key_file)
        try:
            return await work(client)
        finally:
            await client.close()

    return asyncio.run(whole())


def _tell(*, quiet: bool) -> Callable[[str], None]:
    def tell(told: str) -> None:
        if not quiet:
            stderr().print(escape(told))

    return tell


def _price_for(out: Path, store: Store, prices: Prices) -> Callable[[str], Price]:
    """The price of each model, known before anything is fetched.

    Raises:
        RsvpError: no batch is open, or a model has no price.
    """
    batches = [batch for batch in store.batches() if batch.state is not BatchState.CLOSED]
    if not batches:
        raise RsvpError(f"{out}: no batch is open; `rsvp-build caption submit {out}` makes some")
    waits = (store.waiting_in_batch(batch.local_id) for batch in batches)
    known = {
        claimed.model: price_of(claimed.model, *prices) for of_batch in waits for claimed in of_batch[:1]
    }
    return lambda model: known.get(model) or price_of(model, *prices)


def _show(looks: Sequence[Look], *, as_json: bool) -> None:
    from rsvp_builder.captioning.batch.poll import COLUMNS

    if as_json:
        print_json(
            [
                {
                    "batch": look.batch.batch_id,
                    "local_id": look.batch.local_id,
                    "state": str(look.batch.state),
                    "status": look.batch.status,
                    "requests": look.batch.requests,
                    "waiting": look.batch.waiting,
                    "completed": look.completed,
                    "failed": look.failed,
                    "seconds": look.seconds,
                    "errors": list(look.errors),
                    "gone": look.gone,
                }
                for look in looks
            ]
        )
        return
    if not looks:
        stdout().print("no open batches")
        return
    made = table(*COLUMNS, right=("requests", "answered", "failed", "left"))
    for look in looks:
        made.add_row(*map(escape, look.cells()))
    stdout().print(made)
