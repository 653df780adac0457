"""Builds in forked children that something happens to; started once by the tests, which give it orders.

Everything is imported before the first fork, so a build costs a tenth of a second instead of two, and where
it is allowed the process has a mount namespace of its own, so disks can be small, full or read-only here.

Orders and answers are JSON lines. ``{"run": [...]}`` runs a command, ``{"digest": out}`` hashes the files of
a data set, and ``{"build": {...}}`` builds, with these beside it, each optional:

``units``   images a unit
``watch``   names of functions of ``os``; every call is two points, before and after it
``at``      the point at which it happens, counted from 1
``what``    ``die``, or the name of an error that the call raises instead
``always``  the error is raised at every later call too
``folders_sync``  false for folders that cannot be synced
``limits``  resource limits from the first unit on; ``AS`` and ``NOFILE`` count from what is used then
``clock``   what :func:`time.time` and its kin say, one after the other, round and round, in seconds
``kill``    seconds after which the child is killed
``cli``     arguments of the command line, instead of ``build``

The answer to a build: ``killed``, ``points`` met, ``error`` as its type and text, ``code`` and ``stderr`` of
the command line, ``resumed`` units, ``notices``, ``quarantined``, ``rows``.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import functools
import hashlib
import io
import itertools
import json
import os
import resource
import select
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import rsvp_builder.engine.plan as plan
from rsvp_builder.arrow import keep_pandas_out
from rsvp_builder.build import build
from rsvp_builder.catalog import shipped
from rsvp_builder.cli import building  # noqa: F401
from rsvp_builder.cli.app import main as command_line
from rsvp_builder.dataset import card  # noqa: F401
from rsvp_builder.engine import run
from rsvp_builder.images import scene  # noqa: F401
from rsvp_builder.readers import dota  # noqa: F401
from rsvp_builder.settings import Settings

KNOWN = {
    "build", "cli", "units", "watch", "at", "what", "always", "folders_sync", "limits", "clock", "kill"
}  # fmt: skip


class Watch:
    """Counts calls, and does something at one of them."""

    def __init__(self, watch: list[str], at: int = 0, what: str = "die", always: bool = False) -> None:
        self.points = 0
        self._at, self._what, self._always = at, what, always
        for name in watch:
            setattr(os, name, self._watched(getattr(os, name)))

    def _watched(self, whole: Any) -> Any:
        @functools.wraps(whole)
        def watched(*given: Any, **named: Any) -> Any:
            self._point()
            result = whole(*given, **named)
            self._point()
            return result

        return watched

    def _point(self) -> None:
        self.points += 1
        if self.points == self._at or (self._always and 0 < self._at < self.points):
            if self._what == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            code = getattr(errno, self._what)
            raise OSError(code, os.strerror(code))


def mistell(told: list[float]) -> None:
    """Make every clock that can be set wrong; the monotonic one cannot."""
    seconds = itertools.cycle(told)

    class Datetime(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Datetime:
            return cls.fromtimestamp(next(seconds), tz)

    time.time = lambda: next(seconds)
    time.time_ns = lambda: int(next(seconds) * 1e9)
    datetime.datetime = Datetime


def refuse_folders() -> None:
    whole = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        whole(descriptor)

    os.fsync = fsync


def limit_units(limits: dict[str, int]) -> None:
    whole = run.do

    def do(*given: Any) -> Any:
        run.do = whole
        limit(limits)
        return whole(*given)

    if limits:
        run.do = do


def limit(limits: dict[str, int]) -> None:
    for name, value in limits.items():
        if name == "AS":
            value += int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        if name == "NOFILE":
            value += max(int(path.name) for path in Path("/proc/self/fd").iterdir()) + 1
        if name == "FSIZE":
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error at the write instead
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def child(order: dict[str, Any]) -> dict[str, Any]:
    assert order.keys() <= KNOWN, order
    if "units" in order:
        plan.UNIT_ITEMS = order["units"]
    watch = Watch(
        order.get("watch", []), order.get("at", 0), order.get("what", "die"), order.get("always", False)
    )
    if "clock" in order:
        mistell(order["clock"])
    if not order.get("folders_sync", True):
        refuse_folders()
    limit_units(order.get("limits", {}))
    answer: dict[str, Any] = {}
    if "cli" in order:
        sys.argv = ["rsvp-build", *order["cli"]]
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            try:
                command_line()
                answer["code"] = 0
            except SystemExit as end:
                answer["code"] = end.code or 0
        answer["stderr"] = errors.getvalue()
    else:
        options = dict(order["build"])
        given = (options.pop("source"), Path(options.pop("root")), Path(options.pop("out")))
        try:
            built = build(*given, Settings(**options.pop("settings", {})), **{"workers": 1, **options})
        except Exception as error:  # the test says which it expects
            answer["error"] = [type(error).__name__, str(error)]
        else:
            told = {"resumed": built.resumed, "notices": built.notices}
            answer |= {
                **told,
                "quarantined": built.summary["quarantined"],
                "rows": built.summary["rows"]["written"],
            }
    return {**answer, "points": watch.points}


def forked(order: dict[str, Any]) -> dict[str, Any]:
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reader)
        code = 1
        try:
            os.write(writer, json.dumps(child(order)).encode())
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    os.close(writer)
    if "kill" in order and not select.select([reader], [], [], order["kill"])[0]:
        os.kill(process, signal.SIGKILL)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(process, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return {"killed": killed, "status": status, **json.loads(said or b"{}")}


def digest(out: Path) -> dict[str, str]:
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def main() -> None:
    keep_pandas_out()
    shipped()
    for line in sys.stdin:
        order = json.loads(line)
        if "run" in order:
            done = subprocess.run(order["run"], capture_output=True, text=True, check=False)
            answer: dict[str, Any] = {"code": done.returncode, "stderr": done.stderr}
        elif "digest" in order:
            answer = {"digest": digest(Path(order["digest"]))}
        else:
            answer = forked(order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
