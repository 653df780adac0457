"""Processes that draw: results in order, a bounded number of rows ahead."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from rsvp_builder.arrow import keep_pandas_out
from rsvp_builder.engine.pool import end_with_parent
from rsvp_builder.errors import RsvpError

_In = TypeVar("_In")
_Out = TypeVar("_Out")

AHEAD = 4
"""Rows that wait for each worker, so that none stands idle."""


@contextmanager
def drawing_pool(workers: int) -> Iterator[Executor]:
    """An executor for the functions of :mod:`.draft`: processes, or one thread for one worker.

    Args:
        workers: how many draw at once.
    """
    if workers == 1:
        pool: Executor = ThreadPoolExecutor(1)
    else:
        # Forking this process instead may hang once Arrow has started threads in it.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["rsvp_builder.captioning.draft"])
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def in_order(
    pool: Executor, work: Callable[[_In], _Out], items: Iterable[_In], ahead: int
) -> Iterator[tuple[_In, Future[_Out]]]:
    """Each item with its finished future, in order; at most ``ahead`` are under way.

    Raises:
        RsvpError: a worker died.
    """
    waiting: deque[tuple[_In, Future[_Out]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) >= ahead:
                yield _finished(*waiting.popleft())
        while waiting:
            yield _finished(*waiting.popleft())
    finally:
        for _, future in waiting:
            future.cancel()


def _finished(item: _In, future: Future[_Out]) -> tuple[_In, Future[_Out]]:
    if isinstance(future.exception(), BrokenProcessPool):
        raise worker_died() from future.exception()
    return item, future


def worker_died() -> RsvpError:
    """What to say when a worker is gone."""
    return RsvpError(
        "a process that draws was killed, most likely for want of memory; what was answered is kept. Run the "
        "same command again, with fewer --workers."
    )


def _prepare() -> None:
    """In a worker: end as soon as its parent is killed; interrupting is the parent's affair."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_pandas_out()
    end_with_parent()
