"""The Ray engine: each unit a task of Ray core, on whatever machines the cluster has.

Only plans go to the workers and only :class:`Done` or :class:`_Failed` comes back, a few hundred bytes;
pictures go from the release's storage to the data set's and never through Ray's object store.

Units are begun again here, not by Ray: it begins tasks that ran out of memory again without end, and a
unit that always kills its worker has to end the build.
"""

from __future__ import annotations

import heapq
import logging
import os
import secrets
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rsvp_builder.engine.executors import Done, Executor, Work, do
from rsvp_builder.engine.plan import Unit
from rsvp_builder.engine.run import available_cpus
from rsvp_builder.engine.site import Site
from rsvp_builder.errors import RsvpError
from rsvp_builder.remote.store import TransientError

ATTEMPTS = 6
"""How often a unit is begun before the build gives up: a lost worker or a failed write costs one."""

PATIENCE = 900.0
"""Seconds to wait for a cluster that has no processor, such as one that is still growing."""

_RECOUNT = 2.0
_KNOCK = 10.0
_STORE_BYTES = 100 * 2**20
_NAMESPACE = "rsvp-builder"
_OURS = "local"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Failed:
    """A mistake that a worker met, as a value: not every exception survives the way between processes."""

    kind: type[Exception]
    message: str
    again: bool


@contextmanager
def ray_tasks(workers: int | None, address: str | None) -> Iterator[Executor]:
    """The Ray engine, connected until the block ends.

    A cluster of our own on this machine, with ``workers`` processors, ends with the block; one that is
    joined stays. Where the process is connected to Ray already, that connection is used and stays. Units that
    are under way when the block ends are stopped with the connection, if it is not one that stays.

    Args:
        workers: most units at a time; None for what the cluster has.
        address: of a cluster, as ``ray start`` prints it, or ``auto`` for the one on this machine. None
            for the one that ``RAY_ADDRESS`` names, or else one of our own.

    Raises:
        RsvpError: Ray is not installed, there is no such cluster, or it runs another version.
    """
    address = address or os.environ.get("RAY_ADDRESS") or _OURS
    ray = _load(address)
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, workers, address)
    try:
        yield partial(_run, ray, workers)
    finally:
        if ours:
            ray.shutdown()


def _load(address: str) -> Any:
    # Ray reports how it is used unless it is told not to; a build speaks to nobody it was not asked to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == _OURS and "RAY_AUTH_MODE" not in os.environ and "ray" not in sys.modules:
        # Only this build may use its cluster; left to itself, Ray would put a token into the home folder. It
        # looks here once, when it is imported.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        import ray
    except ImportError as error:
        raise RsvpError(
            f"--engine ray needs Ray, which cannot be imported ({error}): pip install 'rsvp-builder[ray]'"
        ) from error
    return ray


def _connect(ray: Any, workers: int | None, address: str) -> None:
    if "://" in address:
        raise RsvpError(
            f"--address {address}: Ray Client is not supported, for the release is read where the build is "
            "started. Start it on a machine of the cluster, or through `ray job submit`."
        )
    _knock(address)
    options: dict[str, Any] = {}
    if address == _OURS:
        options = {
            "num_cpus": workers or available_cpus(),
            "object_store_memory": _STORE_BYTES,
            "include_dashboard": False,
        }
    try:
        ray.init(
            address=address,
            namespace=_NAMESPACE,
            log_to_driver=False,
            logging_level=logging.ERROR,
            **options,
        )
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        if address == _OURS:
            raise RsvpError(f"Ray cannot be started on this machine: {_first_line(error)}") from error
        if "ersion mismatch" in str(error):
            what = f"{error}\nInstall the same versions of Python and Ray on all machines."
        else:
            what = (
                f"{_first_line(error)}. Start one with `ray start --head`, or leave --address out for one on "
                "this machine. If the cluster wants a token, set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN "
                "unless ~/.ray/auth_token holds it."
            )
        raise RsvpError(f"--address {address}: cannot join a Ray cluster there: {what}") from error


def _knock(address: str) -> None:
    """See that somebody listens at HOST:PORT: Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK).close()
    except (OSError, OverflowError) as error:
        raise RsvpError(
            f"--address {address}: nobody answers there ({error}). `ray start --head` prints the address of "
            "the cluster that it starts; leave --address out for a cluster on this machine."
        ) from error


def _run(ray: Any, workers: int | None, work: Work, units: Sequence[Unit], site: Site) -> Iterator[Done]:
    # Units that are under way when this ends are left to themselves: Ray ends them with the connection, and
    # `ray.cancel` can bring down the process that calls it (ray-project/ray#54798; seen with 2.60).
    try:
        yield from _State(ray, workers, work, units, site).results()
    except ray.exceptions.RayError as error:
        raise RsvpError(
            f"the Ray cluster failed: {error}\nFinished units are kept; rerun the same command to go on."
        ) from error


def _attempt(shared: tuple[Work, Site], unit: Unit) -> Done | _Failed:
    """In a worker: build one unit."""
    from rsvp_builder.arrow import keep_pandas_out

    keep_pandas_out()
    work, site = shared
    try:
        site.check()
        return do(work, unit)
    except TransientError as error:
        return _Failed(TransientError, str(error), again=True)
    except RsvpError as error:
        return _Failed(type(error), str(error), again=False)
    # A full disk, storage that went away, no memory: another try may be on another machine.
    except (OSError, MemoryError) as error:
        return _Failed(OSError, f"{type(error).__name__}: {error}", again=True)


@dataclass(slots=True)
class _State:
    """The units of a build on their way through a cluster.

    Attributes:
        flying: task -> position of its unit.
        ended: position -> outcome, of units that wait for one before them to end.
        later: time and position of units to begin again.
        begun: how often each unit was begun.
        fresh: position of the first unit that was never begun.
        stop: position of the first unit that failed for good; those behind it are not begun.
    """

    ray: Any
    workers: int | None
    work: Work
    units: Sequence[Unit]
    site: Site
    flying: dict[Any, int] = field(default_factory=dict)
    ended: dict[int, Done | Exception] = field(default_factory=dict)
    later: list[tuple[float, int]] = field(default_factory=list)
    begun: Counter[int] = field(default_factory=Counter)
    fresh: int = 0
    stop: int = 2**62
    _limit: int = 0
    _counted: float = float("-inf")
    _empty_since: float | None = None

    def results(self) -> Iterator[Done]:
        """Run all units; what is told of them, in order."""
        task = self.ray.remote(num_cpus=1, max_retries=0)(_attempt)
        shared = self.ray.put((self.work, self.site))
        for position in range(len(self.units)):
            while position not in self.ended:
                self._fill(task, shared)
                self._collect()
            outcome = self.ended.pop(position)
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome

    def _fill(self, task: Any, shared: Any) -> None:
        """Begin units as long as there is room: twice the processors, so that none waits for us."""
        room = self._room()
        now = time.monotonic()
        while len(self.flying) < room:
            if self.later and self.later[0][0] <= now:
                position = heapq.heappop(self.later)[1]
                if position > self.stop:
                    continue
            elif self.fresh < min(len(self.units), self.stop):
                position, self.fresh = self.fresh, self.fresh + 1
            else:
                return
            self.begun[position] += 1
            self.flying[task.remote(shared, self.units[position])] = position

    def _room(self) -> int:
        now = time.monotonic()
        if now - self._counted >= _RECOUNT:
            self._counted = now
            processors = int(self.ray.cluster_resources().get("CPU", 0))
            if processors:
                self._empty_since = None
            elif self._empty_since is None:
                self._empty_since = now
                _log.warning("the cluster has no processors; waiting for some")
            elif now - self._empty_since > PATIENCE:
                raise RsvpError(
                    f"the cluster has had no processors for {PATIENCE:.0f} s. Finished units are kept; rerun "
                    "the same command when it has some."
                )
            # At least two: a cluster that grows on demand has to see some.
            self._limit = max(2, 2 * processors) if self.workers is None else self.workers
        return self._limit

    def _collect(self) -> None:
        """Wait a moment for units to end."""
        if not self.flying:
            time.sleep(0.05)
            return
        ready, _ = self.ray.wait(
            list(self.flying), num_returns=1, timeout=_RECOUNT if not self.later else 0.2
        )
        for task in ready:
            position = self.flying.pop(task)
            outcome = self._outcome(task)
            if isinstance(outcome, Done):
                self.ended[position] = outcome
            elif outcome.again and self.begun[position] < ATTEMPTS:
                self._again(position, outcome.message)
            else:
                self.ended[position] = self._error(position, outcome)
                self.stop = min(self.stop, position)

    def _outcome(self, task: Any) -> Done | _Failed:
        errors = self.ray.exceptions
        lost = (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.OutOfMemoryError,
            errors.ObjectLostError,
            errors.TaskUnschedulableError,
        )
        try:
            told: Done | _Failed = self.ray.get(task)
        except lost as error:
            return _Failed(RsvpError, f"its worker was lost ({_first_line(error)})", again=True)
        except errors.RayTaskError as error:
            if "No module named 'rsvp_builder" in str(error):
                message = (
                    "rsvp_builder cannot be imported on a machine of the cluster. Install the same version "
                    "there, into the Python that Ray runs."
                )
                return _Failed(RsvpError, message, again=False)
            raise error.cause or error from error  # a defect of this program: its traceback says where
        return told

    def _again(self, position: int, why: str) -> None:
        times = self.begun[position]
        _log.warning(
            "unit %d is begun again, %d of %d: %s", self.units[position].number, times + 1, ATTEMPTS, why
        )
        # Storage that went away and memory that others hold come back after a while, if at all.
        heapq.heappush(self.later, (time.monotonic() + 0.25 * 2**times, position))

    def _error(self, position: int, failed: _Failed) -> Exception:
        if not failed.again:
            error = failed.kind.__new__(failed.kind)
            error.args = (failed.message,)
            return error
        unit = self.units[position]
        return RsvpError(
            f"unit {unit.number} ({unit.items[0].image_id} to {unit.items[-1].image_id}) failed "
            f"{self.begun[position]} times, the last time: {failed.message}. If workers are lost over it, "
            "they most likely want memory. Finished units are kept; rerun the same command to go on."
        )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
