"""The store behind an event loop: one thread, in order, and whatever has gathered goes in one visit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from rsvp_builder.captioning.store import Spending, Store

_T = TypeVar("_T")


class Recorder:
    """Runs functions that use the store in a thread of its own.

    A visit to the thread costs more than a transaction. While one is under way further work gathers, and the
    next
    visit does all of it: under load visits grow, when it is quiet an answer is on the disk within a
    millisecond.

    Args:
        store: used by nobody else while this is open.

    Attributes:
        spending: of the store, after the last visit.
    """

    def __init__(self, store: Store) -> None:
        self.spending: Spending = store.spent()
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="caption-store")
        self._gathered: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._visiting: asyncio.Task[None] | None = None

    async def do(self, work: Callable[[], _T]) -> _T:
        """The result of a function, run in the thread; it is run also if the caller is cancelled."""
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._gathered.append((work, future))
        if self._visiting is None:
            self._visiting = asyncio.create_task(self._visit())
        return await future

    async def close(self) -> None:
        """Waits for what has been asked for and ends the thread."""
        if self._visiting is not None:
            await self._visiting
        self._thread.shutdown()

    async def _visit(self) -> None:
        loop = asyncio.get_running_loop()
        while self._gathered:
            gathered, self._gathered = self._gathered, []
            results = await loop.run_in_executor(self._thread, self._all, [work for work, _ in gathered])
            for (_, future), (result, error) in zip(gathered, results, strict=True):
                if future.cancelled():
                    continue
                if error is not None:
                    future.set_exception(error)
                else:
                    future.set_result(result)
        self._visiting = None

    def _all(self, works: list[Callable[[], Any]]) -> list[tuple[Any, Exception | None]]:
        results: list[tuple[Any, Exception | None]] = []
        for work in works:
            try:
                results.append((work(), None))
            except Exception as error:
                results.append((None, error))
        self.spending = self._store.spent()
        return results
