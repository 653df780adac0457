"""Requests sent one by one, many at a time, until nothing waits, the money is used up, or somebody stops it.

What may be sent again, and what may not:

* The endpoint said that it did not process a request (429, 503, ...), or no connection was made: it cost
  nothing, goes back to planned and is sent again, after a pause of the whole run, a bounded number of times.
* The connection broke, time ran out or the server failed (500, 502, ...): it may have been paid for. Its
  worst case counts as spent, and a further attempt is a new one with a reservation of its own, ``max_unsure``
  in all.
* The run was killed, or gave up waiting: it stays sent, counts as lost, and only the user's wish sends it
  again.
* An answer with faults is asked again with the reasons, ``max_asks`` times in all, then kept as rejected.

Every attempt carries ``X-Client-Request-Id: <key>-<attempt>``. An endpoint sees such a name more than once
only if it refused to process it every time but the last.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from openai import AsyncOpenAI

from rsvp_builder.captioning.client import make_client
from rsvp_builder.captioning.online_settings import BodySource, Judge, OnlineSettings
from rsvp_builder.captioning.prices import Price
from rsvp_builder.captioning.progress import Progress
from rsvp_builder.captioning.recorder import Recorder
from rsvp_builder.captioning.sender import Ended, Reason, Sender
from rsvp_builder.captioning.store import Store

__all__ = ["BodySource", "Ended", "Judge", "OnlineSettings", "Progress", "Reason", "run_online"]


async def run_online(
    source: BodySource,
    store: Store,
    settings: OnlineSettings,
    judge: Judge,
    price: Price,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    client: AsyncOpenAI | None = None,
) -> Ended:
    """Sends what is planned in a store and keeps the answers.

    SIGINT or SIGTERM once: nothing more is sent, what is in flight is waited for and kept. Twice: the rest of
    that is given up.

    Args:
        source: makes bodies; at most ``concurrency + ahead`` exist at once.
        store: used by nobody else meanwhile.
        settings: of the run.
        judge: judges responses.
        price: of the model.
        on_progress: hears of every request that ended and of every pause.
        client: without retries of its own; None to make one of the settings.

    Raises:
        RsvpError: there is no key or no valid address, or the store cannot be used.
    """
    if client is None:
        made = make_client(
            settings.base_url,
            settings.key_file,
            connect_s=settings.connect_s,
            read_s=settings.read_s,
            connections=settings.concurrency,
        )
        async with made:
            return await run_online(source, store, settings, judge, price, on_progress, client=made)
    recorder = Recorder(store)
    try:
        sender = Sender(source, store, recorder, settings, judge, price, on_progress, client)
        with _signals(sender.interrupt):
            return await sender.run()
    finally:
        await recorder.close()


@contextmanager
def _signals(interrupt: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM call ``interrupt`` meanwhile; only the main thread can hear them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before: dict[signal.Signals, Callable[[int, FrameType | None], Any] | int | None] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.getsignal(number)
        loop.add_signal_handler(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
