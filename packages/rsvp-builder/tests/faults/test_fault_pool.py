"""Worker processes that die, fail, or are interrupted: no hang, no task twice, nothing taken for done."""

from __future__ import annotations

import operator
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from rsvp_builder.dataset.layout import Folder
from rsvp_builder.engine.pool import WorkerLostError, ordered
from rsvp_builder.engine.run import _context, _run
from rsvp_builder.engine.site import Site
from rsvp_builder.errors import RsvpError

# Expressions stand for tasks: workers cannot import functions of a test.
DIE = "__import__('os').kill(__import__('os').getpid(), 9)"
NAP = "__import__('time').sleep(0.05)"


@pytest.fixture
def run():
    """Evaluates expressions in workers; the test fails instead of waiting for ever."""
    alarm = threading.Timer(60, partial(os.kill, os.getpid(), signal.SIGABRT))
    alarm.start()

    def of(tasks, workers=2):
        return ordered(_context(), workers, partial(operator.not_, 0), eval, tasks)

    yield of
    alarm.cancel()


def test_results_come_in_order_whichever_worker_was_quicker(run):
    tasks = [f"({NAP} if {n} % 2 == 0 else None, {n})[1]" for n in range(12)]
    assert list(run(tasks, workers=3)) == list(range(12))


def test_every_task_is_done_once_by_no_more_workers_than_asked(run, tmp_path):
    note = "(lambda p: (open(p, 'x').close(), __import__('os').getpid())[1])"
    pids = list(run([f"{note}('{tmp_path}/{n}')" for n in range(20)], workers=2))
    assert len(list(tmp_path.iterdir())) == 20
    assert len(set(pids)) <= 2


def test_no_tasks_start_no_worker(run):
    assert list(run([])) == []


def test_an_error_is_raised_behind_the_results_before_it_and_nothing_is_begun_after_it(run, tmp_path):
    note = f"(lambda n: open('{tmp_path}/' + n, 'x').close())"
    results = run([f"({NAP}, 0)[1]", "1/0", *(f"{note}('{n}')" for n in range(50))])
    assert next(results) == 0
    with pytest.raises(ZeroDivisionError) as caught:
        next(results)
    assert "in <module>" in "".join(caught.value.__notes__)  # where it happened, in the worker
    assert len(list(tmp_path.iterdir())) < 10


@pytest.mark.parametrize(
    ("task", "kind", "message"),
    [
        (
            "__import__('rsvp_builder.errors').errors.UnknownNameError('reader', 'x', ['y'])",
            RsvpError,
            "unknown",
        ),
        ("__import__('rsvp_builder.errors').errors.StrictError('first')", RsvpError, "^first$"),
        ("type('Local', (Exception,), {})('of no module')", RuntimeError, "Local: of no module"),
        ("OSError(28, 'No space left on device')", OSError, "No space left"),
    ],
    ids=["other arguments", "exit code", "local class", "errno"],
)
def test_errors_survive_the_way(run, task, kind, message):
    raising = f"(lambda e: (_ for _ in ()).throw(e))({task}).__next__()"
    with pytest.raises(kind, match=message):
        list(run([raising, "0"]))


def test_a_worker_without_memory_or_life_is_told_what_to_do():
    raising = "(_ for _ in ()).throw(MemoryError()).__next__()"
    for task, message in (
        (raising, "memory ran out; finished"),
        (DIE, "was killed, most likely for want of"),
    ):
        with pytest.raises(RsvpError, match=rf"{message}.*Rerun the same command, with fewer --workers"):
            list(_run(2, eval, [task, task], Site((), ())))


def test_a_result_that_cannot_be_read_here_is_an_error_and_no_hang(run):
    unreadable = "type('Odd', (), {'__reduce__': lambda self: (int, ('no number',))})()"
    with pytest.raises(ValueError, match="no number"):
        list(run([unreadable, "0", "0"]))


@pytest.mark.parametrize("at", [0, 1, 5])
def test_a_worker_that_is_killed_is_told_behind_the_results_before_it(run, at):
    tasks = [str(n) for n in range(10)]
    tasks[at] = DIE
    results = run(tasks)
    assert [next(results) for _ in range(at)] == list(range(at))
    with pytest.raises(WorkerLostError, match="ended with code -9"):
        next(results)


@pytest.mark.parametrize("moment", range(6))
def test_a_worker_that_is_killed_while_others_are_started_is_no_hang(run, moment):
    """The pool of the standard library waits for ever where the first dies as the second is begun."""
    tasks = [f"(__import__('time').sleep({moment} / 200), {DIE})", *[NAP] * 12]
    with pytest.raises(WorkerLostError):
        list(run(tasks, workers=6))


def test_a_worker_that_is_killed_while_it_has_nothing_to_do_costs_nothing(run):
    me = "__import__('os').getpid()"
    results = run([me, *[f"({NAP}, {me})[1]"] * 7])
    first = next(results)
    time.sleep(0.3)  # all that have a task are done with it, and wait for us
    os.kill(first, signal.SIGKILL)
    while Path(f"/proc/{first}").exists():
        time.sleep(0.01)
    assert len(list(results)) == 7


def test_whoever_stops_asking_has_the_workers_end(run):
    results = run(["__import__('os').getpid()"] * 8)
    pid = next(results)
    results.close()
    assert not Path(f"/proc/{pid}").exists()


PROGRAM = """
import rsvp_builder.engine.plan as plan
from rsvp_builder.cli.app import main
plan.UNIT_ITEMS = 1
if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("whole_group", [True, False], ids=["as a terminal does", "the build alone"])
def test_interrupted_it_stops_cleanly_and_goes_on_when_run_again(
    server, undisturbed_cut, raw, tmp_path, whole_group
):
    command = [sys.executable, "-c", PROGRAM, "--source", "DOTA", "--root", str(raw.root)]
    command += ["--out", str(tmp_path), "--tile", "400", "--overlap", "80"]
    command += ["--task", "referring_classification_box", "--workers", "2", "--quiet"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".build/*/unit-*.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert not list(tmp_path.rglob(".*.tmp"))
    assert Folder(tmp_path).finished() == []
    assert "error" not in server(build=undisturbed_cut.order(tmp_path), units=1)
