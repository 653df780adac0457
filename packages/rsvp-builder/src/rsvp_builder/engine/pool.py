"""Worker processes of this machine, each with a pipe of its own.

The pool of the standard library shares a queue and its lock among all workers: one that is killed while it
holds the lock, or while another is being started, may leave the rest waiting for ever (seen with Python
3.11.7). Here nothing is shared, so the death of a worker is the end of its pipe and of nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any, TypeVar

from rsvp_builder.errors import RsvpError

Task = TypeVar("Task")
Result = TypeVar("Result")


class WorkerLostError(Exception):
    """A worker process ended before the task that it was given."""


def end_with_parent() -> None:
    """In a worker: end when its parent is killed, instead of waiting for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


@dataclass(slots=True, eq=False)
class _Worker:
    """A worker; ``task`` is the position of the task that it is at, None where it waits for one."""

    process: ForkServerProcess
    pipe: Connection
    task: int | None = None


def ordered(
    context: ForkServerContext,
    workers: int,
    prepare: Callable[[], None],
    call: Callable[[Task], Result],
    tasks: Sequence[Task],
) -> Iterator[Result]:
    """Do the tasks in processes; their results, in order.

    A task that fails ends it, once those before it are done; no task is begun after that, and those that
    are under way are waited for.

    Args:
        context: starts the processes.
        workers: most of them.
        prepare: called in each process before its first task.
        call: does a task; it, the tasks and the results can be pickled.
        tasks: the tasks.

    Raises:
        WorkerLostError: a process was killed over a task.
        Exception: whatever a task raised.
    """
    crew = _Crew(context, workers, prepare, call)
    outcomes: dict[int, Result | Exception] = {}
    begun, stop = 0, len(tasks)
    try:
        for position in range(len(tasks)):
            while position not in outcomes:
                while begun < stop and crew.has_room():
                    crew.give(begun, tasks[begun])
                    begun += 1
                for task, outcome in crew.collect():
                    outcomes[task] = outcome
                    if isinstance(outcome, Exception):
                        stop = min(stop, task)
            outcome = outcomes.pop(position)
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome
    finally:
        crew.end()


class _Crew:
    """The workers of one run."""

    def __init__(self, context: ForkServerContext, most: int, *work: Any) -> None:
        self._context, self._most, self._work = context, most, work
        self._workers: list[_Worker] = []

    def has_room(self) -> bool:
        """Whether a task would be begun at once."""
        return len(self._workers) < self._most or any(worker.task is None for worker in self._workers)

    def give(self, position: int, task: Any) -> None:
        """Have a waiting worker, or a new one, do a task."""
        for worker in [w for w in self._workers if w.task is None]:
            try:
                worker.pipe.send(task)
            except OSError:  # it was killed while it waited, which costs nothing
                self._bury(worker)
            else:
                worker.task = position
                return
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, *self._work))
        process.start()
        theirs.close()
        worker = _Worker(process, ours, position)
        self._workers.append(worker)
        try:
            ours.send(task)
        except OSError:
            return  # it has ended already, and will be found so

    def collect(self) -> list[tuple[int, Any]]:
        """Wait for some task to end: position and result, or what it raised."""
        found: list[tuple[int, Any]] = []
        ready = wait([worker.pipe for worker in self._workers if worker.task is not None])
        for worker in [w for w in self._workers if w.pipe in ready]:
            task = worker.task
            if task is None:
                continue
            worker.task = None
            try:
                outcome = worker.pipe.recv()
            except (EOFError, OSError):
                self._bury(worker)
                code = worker.process.exitcode
                outcome = WorkerLostError(f"process {worker.process.pid} ended with code {code}")
            except Exception as error:  # what it sent cannot be unpickled here
                outcome = error
            found.append((task, outcome))
        return found

    def _bury(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.pipe.close()
        worker.process.join()

    def end(self) -> None:
        """Let every worker end: those at a task after it, unless this process is interrupted again."""
        try:
            while any(worker.task is not None for worker in self._workers):
                self.collect()
            for worker in list(self._workers):
                self._bury(worker)
        except BaseException:
            for worker in self._workers:
                worker.process.kill()
            raise


def _serve(
    pipe: Connection, prepare: Callable[[], None], call: Callable[[Any], Any]
) -> None:  # pragma: no cover - in another process
    """In a worker: do tasks until the pipe is closed."""
    try:
        prepare()
        while True:
            task = pipe.recv()
            try:
                outcome = call(task)
            except Exception as error:
                outcome = _portable(error)
            pipe.send(outcome)
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        pass


def _portable(error: Exception) -> Exception:
    """An exception that survives the way to another process; a defect has its traceback as a note."""
    note = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - it was made here
    except Exception:  # its constructor wants something else than its message, or it holds what stays here
        told = str(error) if isinstance(error, RsvpError) else f"{type(error).__name__}: {error}"
        error = RsvpError(told) if isinstance(error, RsvpError) else RuntimeError(told)
    if not isinstance(error, RsvpError):
        error.add_note(note)
    return error
