"""How units are handed to a cluster: a stand-in for Ray ends them in any order and loses some of them."""

from __future__ import annotations

import itertools
import random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.engine import ray as engine
from rsvp_builder.engine.executors import Done
from rsvp_builder.engine.plan import Unit
from rsvp_builder.engine.ray import ATTEMPTS, _Failed, _run
from rsvp_builder.engine.site import Site
from rsvp_builder.errors import RsvpError, StrictError
from rsvp_builder.record import Item


class RayError(Exception):
    pass


class StandIn:
    """The part of Ray that the engine uses, in one process; time passes when somebody waits.

    Attributes:
        most: most tasks that were under way at once.
        begun: units in the order they were begun.
    """

    def __init__(self, processors, outcome, seed=0):
        names = "WorkerCrashedError NodeDiedError OutOfMemoryError ObjectLostError"
        names += " TaskUnschedulableError RayTaskError"
        self.exceptions = SimpleNamespace(RayError=RayError)
        for name in names.split():
            setattr(self.exceptions, name, type(name, (RayError,), {}))
        self.processors, self.outcome = processors, outcome
        self.random = random.Random(seed)
        self.flying, self.begun, self.most = {}, [], 0

    def cluster_resources(self):
        return {"CPU": float(self.processors())}

    def put(self, value):
        return value

    def remote(self, **options):
        assert options == {"num_cpus": 1, "max_retries": 0}
        return lambda function: SimpleNamespace(remote=self._begin)

    def _begin(self, shared, unit):
        task = object()
        self.flying[task] = unit.number
        self.begun.append(unit.number)
        self.most = max(self.most, len(self.flying))
        return task

    def wait(self, tasks, num_returns, timeout):
        ready = self.random.sample(tasks, min(num_returns, len(tasks)))
        return ready, [task for task in tasks if task not in ready]

    def get(self, task):
        number = self.flying.pop(task)
        outcome = self.outcome(self.exceptions, number, self.begun.count(number))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def units(count):
    return [Unit(n, "train", (Item(f"train/{n}", "train", None, None),), n, count) for n in range(count)]


def run(stand_in, count, workers=None):
    return _run(stand_in, workers, lambda unit: None, units(count), Site((), ()))


def sound(exceptions, number, times):
    return Done(number, 1, 1)


@pytest.fixture(autouse=True)
def _time_flies(monkeypatch):
    """Waits before another try are over at once."""
    monkeypatch.setattr(engine, "time", flying_time())


def flying_time():
    clock = itertools.count(0, 10)
    return SimpleNamespace(monotonic=lambda: float(next(clock)), sleep=lambda seconds: None)


@given(st.integers(0, 40), st.integers(1, 9), st.integers(0, 5), st.integers())
def test_results_come_in_order_and_no_more_than_twice_the_processors_are_under_way(
    count, processors, lost, seed
):
    """Whatever the order in which units end, and though some are lost a few times."""
    unlucky = set(random.Random(seed).sample(range(count), min(lost, count)))

    def outcome(exceptions, number, times):
        if number in unlucky and times < ATTEMPTS:
            return exceptions.WorkerCrashedError()
        return Done(number, 1, 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "time", flying_time())
        stand_in = StandIn(lambda: processors, outcome, seed)
        told = [done.unit for done in run(stand_in, count)]
    assert told == list(range(count))
    assert stand_in.most <= 2 * processors
    expected = {number: ATTEMPTS if number in unlucky else 1 for number in range(count)}
    assert {number: stand_in.begun.count(number) for number in range(count)} == expected


def test_the_cluster_is_kept_busy():
    stand_in = StandIn(lambda: 8, sound)
    list(run(stand_in, 40))
    assert stand_in.most == 16


def test_a_cluster_that_grows_is_used():
    size = iter([0, 1, 1, *[10] * 1000])
    stand_in = StandIn(lambda: next(size), sound)
    list(run(stand_in, 100))
    assert stand_in.most == 20


def test_workers_limit_what_is_under_way():
    stand_in = StandIn(lambda: 8, sound)
    list(run(stand_in, 40, workers=3))
    assert stand_in.most == 3


@given(st.integers())
def test_the_first_mistake_in_order_is_told_and_what_is_behind_it_is_not_begun_any_more(seed):
    mistakes = {7: StrictError, 5: RsvpError}

    def outcome(exceptions, number, times):
        kind = mistakes.get(number)
        return _Failed(kind, f"mistake {number}", again=False) if kind else Done(number, 1, 1)

    stand_in = StandIn(lambda: 2, outcome, seed)
    told = run(stand_in, 1000)
    assert [next(told).unit for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(RsvpError, match=r"^mistake 5$") as caught:
        next(told)
    assert type(caught.value) is RsvpError
    # Unit 5 ends last of those under way at worst, with as many units begun as ended before it.
    assert len(stand_in.begun) < 200


def test_a_unit_that_is_always_lost_is_given_up_with_its_images():
    def outcome(exceptions, number, times):
        return exceptions.OutOfMemoryError("no memory") if number == 1 else Done(number, 1, 1)

    stand_in = StandIn(lambda: 1, outcome)
    told = run(stand_in, 3)
    assert next(told).unit == 0
    with pytest.raises(RsvpError, match=r"unit 1 \(train/1 to train/1\) failed 6 times.*no memory"):
        list(told)
    assert stand_in.begun.count(1) == ATTEMPTS


def test_a_cluster_that_stays_without_processors_ends_the_build():
    stand_in = StandIn(lambda: 0, sound)
    stand_in.wait = lambda tasks, num_returns, timeout: ([], tasks)
    with pytest.raises(RsvpError, match="has had no processors for 900 s"):
        list(run(stand_in, 3))


def test_a_machine_without_the_builder_is_told_what_to_install():
    def outcome(exceptions, number, times):
        return exceptions.RayTaskError("ModuleNotFoundError: No module named 'rsvp_builder'")

    with pytest.raises(RsvpError, match="cannot be imported on a machine of the cluster"):
        list(run(StandIn(lambda: 1, outcome), 3))
