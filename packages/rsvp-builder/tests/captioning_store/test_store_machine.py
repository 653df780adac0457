"""Any sequence of calls leaves the store where a model in plain Python is, to the last nano-dollar."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from store_making import entry, faulty, key, taken

from rsvp_builder.captioning.outcome import Usage
from rsvp_builder.captioning.store import Store

NUMBERS = st.integers(0, 2)
CENTS = st.integers(0, 40)
CAPS = st.one_of(st.none(), st.integers(0, 160))
UNCOUNTED = Usage()


def usd(cents: Fraction) -> float:
    return float(cents / 100)


@dataclass
class Attempt:
    number: int
    reserved: Fraction
    factor: Fraction
    run: int
    state: str = "sent"
    cost: Fraction = Fraction(0)
    raw: dict | None = None
    batch: str | None = None


@dataclass
class Model:
    """A request as it should be; money in cents."""

    worst: Fraction
    extra: Fraction = Fraction(0)
    state: str = "planned"
    since: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    verdict: str | None = None

    @property
    def counted(self) -> list[Attempt]:
        return [a for a in self.attempts if a.state != "returned"]

    @property
    def flight(self) -> Attempt | None:
        return next((a for a in self.attempts if a.state == "sent"), None)

    def end(self, state: str, cost: Fraction, then: str) -> None:
        flight = self.flight
        flight.state, flight.cost, self.state = state, cost, then


class StoreMachine(RuleBasedStateMachine):
    @initialize()
    def open(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "store.sqlite"
        self.model: dict[int, Model] = {}
        self.store = Store(self.path)
        self.run, self.batches = 1, 0

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    def in_flight(self):
        return [n for n, m in self.model.items() if m.flight]

    @rule(number=NUMBERS, worst=CENTS)
    def add(self, number, worst):
        new = self.store.add([entry(number, worst_usd=usd(Fraction(worst)))])
        assert new == (number not in self.model)
        self.model.setdefault(number, Model(Fraction(worst))).worst = Fraction(worst)

    @rule(limit=st.integers(0, 4), cap=CAPS, factor=st.sampled_from([Fraction(1), Fraction(1, 2)]))
    def claim(self, limit, cap, factor):
        spent, reserved = self.money()
        expected = []
        for number, model in self.model.items():
            if model.state != "planned" or len(expected) == limit:
                continue
            most = (model.worst + model.extra) * factor
            if cap is not None and spent + reserved + most > cap:
                break
            reserved += most
            counted = model.counted
            of_round = counted[model.since :]
            history = [(a.number, a.raw) for a in of_round if a.state == "answered"]
            tries = 1 + sum(a.state in ("answered", "failed") for a in of_round)
            attempt = Attempt(len(counted) + 1, most, factor, self.run)
            expected.append((key(number), attempt.number, tries, history, usd(most)))
            model.attempts.append(attempt)
            model.state = "sent"
        claimed = self.store.claim(limit, None if cap is None else cap / 100, factor=float(factor))
        assert [
            (c.key, c.attempt, c.tries, [(e.attempt, e.raw) for e in c.history], c.reserved_usd)
            for c in claimed
        ] == expected
        if expected and cap is not None:
            now = self.store.spent()
            assert Fraction(round((now.usd + now.reserved_usd) * 1e9), 10**7) <= cap

    @precondition(lambda self: self.in_flight())
    @rule(data=st.data(), good=st.booleans(), final=st.booleans(), cents=st.one_of(st.none(), CENTS))
    def record(self, data, good, final, cents):
        number = data.draw(st.sampled_from(self.in_flight()))
        model = self.model[number]
        flight = model.flight
        counted = data.draw(st.booleans())
        next_worst = data.draw(st.one_of(st.none(), CENTS))
        usage = Usage(9, 5, 1) if counted else UNCOUNTED
        outcome = taken(usage=usage) if good else faulty(usage=usage, content=f"{number}/{flight.number}")
        assert self.store.record(
            key(number),
            flight.number,
            outcome,
            None if cents is None else cents / 100,
            final=final,
            next_worst_usd=None if next_worst is None else next_worst / 100,
        )
        cost = Fraction(cents) if cents is not None and counted else flight.reserved
        flight.raw = outcome.raw
        model.end("answered", cost, "done" if good else "rejected" if final else "planned")
        if next_worst is None:
            model.extra += cost / flight.factor
        else:
            model.extra = max(Fraction(0), next_worst - model.worst)

    @precondition(lambda self: self.in_flight())
    @rule(data=st.data(), sent=st.booleans(), final=st.booleans())
    def fail(self, data, sent, final):
        number = data.draw(st.sampled_from(self.in_flight()))
        model = self.model[number]
        flight = model.flight
        assert self.store.fail(key(number), flight.number, "it broke", sent=sent, final=final)
        model.end(
            "failed" if sent else "returned",
            flight.reserved if sent else Fraction(0),
            "failed" if final else "planned",
        )

    @rule(data=st.data())
    def repeat_what_ended(self, data):
        ended = [
            (n, a.number)
            for n, m in self.model.items()
            for a in m.attempts
            if a.state != "sent" and not (m.flight and m.flight.number == a.number)
        ]
        if ended:
            number, attempt = data.draw(st.sampled_from(ended))
            assert not self.store.record(key(number), attempt, taken("late"), 0.5, final=True)
            assert not self.store.fail(key(number), attempt, "late", sent=True, final=True)

    def free(self):
        return [
            n
            for n in self.in_flight()
            if self.model[n].flight.run == self.run and self.model[n].flight.batch is None
        ]

    @precondition(lambda self: self.free())
    @rule(data=st.data())
    def put_in_batch_and_perhaps_give_back(self, data):
        chosen = data.draw(st.lists(st.sampled_from(self.free()), unique=True, min_size=1))
        self.batches += 1
        name = f"b{self.batches}"
        self.store.open_batch(name, [key(n) for n in chosen], batch_id=f"batch_{name}")
        for number in chosen:
            self.model[number].flight.batch = name
        if data.draw(st.booleans()):
            sent = data.draw(st.booleans())
            assert self.store.return_batch(name, "gone", sent=sent) == len(chosen)
            for number in chosen:
                flight = self.model[number].flight
                cost = flight.reserved if sent else Fraction(0)
                self.model[number].end("failed" if sent else "returned", cost, "planned")

    @rule()
    def die_and_resume(self):
        with Store(self.path, read_only=True) as reader:
            assert reader.spent() == self.store.spent()
            assert reader.lost() == self.store.lost()
        self.store.close()
        self.store = Store(self.path)
        self.run += 1

    def lost(self):
        return [
            m for m in self.model.values() if m.flight and m.flight.run < self.run and m.flight.batch is None
        ]

    @rule()
    def release_lost(self):
        lost = self.lost()
        assert self.store.release_lost() == len(lost)
        for model in lost:
            model.end("lost", model.flight.reserved, "planned")

    def put_back(self, chosen):
        for model in chosen:
            model.state, model.since, model.extra, model.verdict = (
                "planned",
                len(model.counted),
                Fraction(0),
                None,
            )
        return len(chosen)

    @rule()
    def retry_failed(self):
        failed = [m for m in self.model.values() if m.state == "failed"]
        assert self.store.retry_failed() == self.put_back(failed)

    @rule(reviewed=st.booleans())
    def retry_rejected(self, reviewed):
        rejected = [
            m
            for m in self.model.values()
            if m.state == "rejected" or (reviewed and m.state == "done" and m.verdict == "reject")
        ]
        assert self.store.retry_rejected(reviewed=reviewed) == self.put_back(rejected)

    @rule(data=st.data(), verdict=st.sampled_from(["accept", "reject", None]))
    def verdict(self, data, verdict):
        done = [n for n, m in self.model.items() if m.state == "done"]
        if done:
            number = data.draw(st.sampled_from(done))
            self.store.verdict(key(number), verdict)
            self.model[number].verdict = verdict

    def money(self):
        attempts = [a for m in self.model.values() for a in m.attempts]
        spent = sum((a.cost for a in attempts if a.state != "sent"), Fraction(0))
        return spent, sum((a.reserved for a in attempts if a.state == "sent"), Fraction(0))

    @invariant()
    def money_is_right(self):
        if hasattr(self, "store"):
            spent, reserved = self.money()
            now = self.store.spent()
            assert (now.usd, now.reserved_usd) == (usd(spent), usd(reserved))

    @invariant()
    def states_are_right(self):
        if hasattr(self, "store"):
            states = [m.state for m in self.model.values()]
            assert self.store.counts() == {
                s: states.count(s) for s in ("planned", "sent", "done", "rejected", "failed")
            }
            assert self.store.lost() == len(self.lost())
            waiting = [m.worst + m.extra for m in self.model.values() if m.state == "planned"]
            planned = self.store.planned()
            assert (planned.requests, planned.worst_usd) == (len(waiting), usd(sum(waiting, Fraction(0))))
            assert planned.next_usd == (usd(waiting[0]) if waiting else None)
            assert [(r.row_id, r.verdict) for r in self.store.results()] == [
                (f"row-{n}", m.verdict) for n, m in sorted(self.model.items()) if m.state == "done"
            ]


StoreMachine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
TestStoreMachine = StoreMachine.TestCase
