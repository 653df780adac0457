"""Running the units of a build: how, and in the processes of this machine."""

from __future__ import annotations

import multiprocessing
import multiprocessing.context
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing import forkserver

from rsvp_builder.arrow import keep_pandas_out
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.engine.executors import Done, Executor, Work, do
from rsvp_builder.engine.plan import Unit
from rsvp_builder.engine.pool import WorkerLostError, end_with_parent, ordered
from rsvp_builder.engine.site import Site, site_of
from rsvp_builder.engine.unit import Job, run_unit
from rsvp_builder.errors import RsvpError


def run_units(execute: Executor, job: Job, units: Sequence[Unit]) -> Iterator[Done]:
    """Build the units.

    Args:
        execute: runs them.
        job: what they share.
        units: units to build.

    Raises:
        RsvpError: a worker was lost for good; what is finished stays.
        StrictError: under ``strict``, for the first unit in order that has a defect.
    """
    if job.url is None:
        # The plan is there before the units: who sees it sees the data set's folder.
        plan = Folder(job.out).plan(job.manifest.name)
        return execute(partial(run_unit, job), units, site_of(job.root, units, [plan]))
    from rsvp_builder.remote.deliver import run_and_upload

    return execute(partial(run_and_upload, job), units, site_of(job.root, units))


def available_cpus() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def processes(workers: int | None) -> Iterator[Executor]:
    """The local engine; the process that its workers are forked from starts now, beside the indexing.

    Args:
        workers: processes to use, None for one per core; 1 builds in this one.
    """
    workers = workers or available_cpus()
    if workers > 1:
        _context()
        forkserver.ensure_running()
    yield partial(_run, workers)


def _context() -> multiprocessing.context.ForkServerContext:
    # Forking this process instead would be quicker, and may hang once Arrow has started threads in it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["rsvp_builder.engine.unit"])
    return context


def _run(workers: int, work: Work, units: Sequence[Unit], _: Site) -> Iterator[Done]:
    if workers == 1 or len(units) <= 1:
        for unit in units:
            try:
                done = do(work, unit)
            except MemoryError as error:
                raise _no_memory(workers) from error
            yield done
        return
    try:
        yield from ordered(
            _context(),
            min(workers, len(units)),
            partial(_prepare, dict(os.environ)),
            partial(do, work),
            units,
        )
    except WorkerLostError as error:
        raise RsvpError(
            "a worker process was killed, most likely for want of memory; finished units are kept. "
            f"Rerun the same command, with fewer --workers. ({error})"
        ) from error
    except MemoryError as error:
        raise _no_memory(workers) from error


def _no_memory(workers: int) -> RsvpError:
    fewer = ", with fewer --workers" if workers > 1 else " where there is more"
    return RsvpError(f"memory ran out; finished units are kept. Rerun the same command{fewer}.")


def _prepare(environment: dict[str, str]) -> None:
    """In a worker: be as the build is, and end with it.

    Args:
        environment: of the build; the process that workers are forked from may have another, from before
            credentials of a store were set.
    """
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)
    keep_pandas_out()
    end_with_parent()
