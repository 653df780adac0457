"""The figures of a benchmark in one small form, which the page of all figures is made of.

``--record`` has a benchmark write ``results/NAME.json``; bench_page.py reads those files. A figure is one
comparison: ours, a peer's, and which of them has to be how far ahead. Where physics sets a bound, the figure
says how much work there was (megabytes written, headers read), and the page divides it by what limits.py
measured; or it brings a bound that was measured beside it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from environments import HERE, machine

RESULTS = HERE / "results"


@dataclass(frozen=True)
class Figure:
    """One comparison of ours with a peer, or with a goal alone.

    Attributes:
        what: what was done.
        ours: our figure, less is better; None where it was not measured.
        unit: of both figures.
        peer: who it is compared with; empty where the goal is a number of its own.
        peer_version: version of the peer.
        theirs: the peer's figure.
        goal: what peer over ours has to be at least: 10 for ten times faster, 1 / 1.5 for at most 1.5 times
            as long. Without a peer, what ours may be at most. None where nobody set one.
        work: amounts of work that physics bounds, by the name of a limit in limits.py.
        cores: cores that we were given; all limits but those of the disk are divided by them.
        bound: the limit itself, in the same unit, where the benchmark measured it at our side.
        bound_note: what that limit is.
        note: anything that a reader must know.
    """

    what: str
    ours: float | None
    unit: str = "s"
    peer: str = ""
    peer_version: str = ""
    theirs: float | None = None
    goal: float | None = None
    work: Mapping[str, float] = field(default_factory=dict)
    cores: int = 1
    bound: float | None = None
    bound_note: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The peer's figure over ours: above 1, ours is less."""
        return None if self.ours is None or self.theirs is None else self.theirs / self.ours

    @property
    def verdict(self) -> str:
        """``met``, ``not met``, ``not measured``, or nothing without a goal."""
        if self.goal is None:
            return ""
        if self.ours is None or (self.peer and self.theirs is None):
            return "not measured"
        met = self.ratio >= self.goal if self.ratio is not None else self.ours <= self.goal
        return "met" if met else "not met"


@dataclass(frozen=True)
class Recorded:
    """The figures of one benchmark.

    Attributes:
        name: of the benchmark, which is that of its file.
        command: what was run.
        date: when, in UTC.
        machine: what on.
        figures: the comparisons.
        origin: how they came into this file, where the benchmark did not write it.
    """

    name: str
    command: str
    date: str
    machine: Mapping[str, str]
    figures: Sequence[Figure]
    origin: str = ""

    @classmethod
    def load(cls, path: Path) -> Recorded:
        """Read ``results/NAME.json``."""
        data: dict[str, Any] = json.loads(path.read_text())
        data["figures"] = [Figure(**figure) for figure in data["figures"]]
        return cls(**data)

    def save(self, path: Path) -> None:
        """Write it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def add_record(parser: argparse.ArgumentParser) -> None:
    """The option of every benchmark."""
    parser.add_argument("--record", action="store_true", help="write the figures for the page into results/")


def command_line() -> str:
    """The command that is running, as the README names it."""
    return shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])


def record(name: str, figures: Sequence[Figure], work: Path = HERE) -> None:
    """Write the figures of a benchmark that has just run.

    Args:
        name: of the benchmark.
        figures: its comparisons.
        work: folder whose file system was measured.
    """
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    Recorded(name, command_line(), today, machine(work), figures).save(RESULTS / f"{name}.json")
