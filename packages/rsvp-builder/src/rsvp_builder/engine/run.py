"""Running the units of a build, in this process or in several; results come in the order of the plan."""

from __future__ import annotations

import multiprocessing
import multiprocessing.context
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver
from multiprocessing.connection import wait

from rsvp_builder.arrow import keep_pandas_out
from rsvp_builder.engine.plan import Unit
from rsvp_builder.engine.unit import Job, UnitResult, run_unit
from rsvp_builder.errors import RsvpError


def available_cpus() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def warm_up(workers: int) -> None:
    """Let the process that workers are forked from start now, beside whatever comes before the units."""
    if workers > 1:
        _context()
        forkserver.ensure_running()


def _context() -> multiprocessing.context.ForkServerContext:
    # Forking this process instead would be quicker, and may hang once Arrow has started threads in it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["rsvp_builder.engine.unit"])
    return context


def run_units(job: Job, units: Sequence[Unit], workers: int) -> Iterator[UnitResult]:
    """Build the units.

    Args:
        job: what they share.
        units: units to build.
        workers: processes to use; 1 builds in this one.

    Raises:
        RsvpError: a worker died (for example for want of memory); what is finished stays.
        StrictError: under ``strict``, for the first unit in order that has a defect.
    """
    if workers == 1 or len(units) <= 1:
        for unit in units:
            yield run_unit(job, unit)
        return
    with ProcessPoolExecutor(min(workers, len(units)), mp_context=_context(), initializer=_prepare) as pool:
        waiting: deque[Future[UnitResult]] = deque()
        rest = iter(units)
        try:
            for unit in rest:
                waiting.append(pool.submit(run_unit, job, unit))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise RsvpError(
                "a worker process was killed, most likely for want of memory; finished units are kept. "
                "Rerun the same command, with fewer --workers."
            ) from error
        finally:
            for future in waiting:
                future.cancel()


def _prepare() -> None:
    """In a worker: end as soon as the build is killed, instead of waiting for work for ever."""
    keep_pandas_out()
    build = multiprocessing.parent_process()
    if build is not None:
        threading.Thread(target=_end_with, args=(build.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
