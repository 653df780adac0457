"""What came of the runs: one result for a contestant, and the goals judged on the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from contestants import Contestant
from measure import Measurement

DATUMARO_GOAL = 10.0
GENERATOR_GOAL = 1.5
COPY_GOAL = 1.5
MEMORY_GOAL_MB = 500.0
FLAT_GOAL = 1.10
"""Peak memory on ten times the images, over the peak on the images: what still counts as flat."""

FOREIGN = 0.10
"""Share of a run's wall time that others may use of one core before the run is called disturbed."""


@dataclass
class Result:
    """The runs of one contestant on one input.

    Attributes:
        contestant: who ran.
        images: images of the input.
        expected: what it has to write: ``boxes``, ``image_bytes``.
        version: what was measured.
        runs: the runs that ended well.
        written: what the output held, read back after every run; the fewest of all runs.
        out_mb: size of the output on disk.
        failure: why there is no measurement, or an empty string.
    """

    contestant: Contestant
    images: int
    expected: Mapping[str, int]
    version: str = ""
    runs: list[Measurement] = field(default_factory=list)
    written: dict[str, int] = field(default_factory=dict)
    out_mb: float = 0.0
    failure: str = ""

    @property
    def measured(self) -> bool:
        """Whether every run ended well, and there was one."""
        return bool(self.runs) and not self.failure

    @property
    def best(self) -> Measurement:
        """The quickest run."""
        return min(self.runs, key=lambda run: run.wall_s)

    @property
    def wall(self) -> float:
        """Wall time of the quickest run."""
        return self.best.wall_s

    @property
    def peak_mb(self) -> float:
        """The highest peak of any run."""
        return max(run.peak_mb for run in self.runs)

    @property
    def disturbed(self) -> bool:
        """Whether others used the machine during the quickest run."""
        return self.best.foreign_cpu_s > FOREIGN * self.wall

    def lacks(self) -> str:
        """What is missing from the output, or an empty string."""
        lacking = [
            f"{self.written[name]:,} of {wanted:,} {name.replace('_', ' ')}"
            for name, wanted in self.expected.items()
            if name in self.written and self.written[name] != wanted
        ]
        return ", ".join(lacking)

    def to_json(self) -> dict[str, Any]:
        """Everything known, for the JSON file."""
        return {
            "key": self.contestant.key,
            "group": self.contestant.group,
            "does": self.contestant.does,
            "version": self.version,
            "images": self.images,
            "measured": self.measured,
            "failure": self.failure,
            "expected": dict(self.expected),
            "written": self.written,
            "out_mb": self.out_mb,
            "runs": [{**asdict(run), "peak_mb": run.peak_mb} for run in self.runs],
        }


@dataclass(frozen=True)
class Goal:
    """One goal of the project and what became of it."""

    text: str
    value: str
    verdict: str

    @classmethod
    def of(cls, text: str, value: str, met: bool) -> Goal:
        """A goal that could be judged."""
        return cls(text, value, "met" if met else "not met")

    @classmethod
    def open(cls, text: str, why: str) -> Goal:
        """A goal that could not be judged."""
        return cls(text, why, "not measured")


def _obstacle(*results: Result | None) -> str:
    """Why these results cannot be compared, or an empty string."""
    for result in results:
        if result is None:
            return "left out of this run"
        if not result.measured:
            return f"{result.contestant.key} failed"
        if result.lacks():
            return f"{result.contestant.key} wrote {result.lacks()}"
    return ""


def _speed(ours: Result | None, peer: Result | None, text: str, goal: float) -> Goal:
    """Wall of the peer over ours, at least ``goal``."""
    obstacle = _obstacle(ours, peer)
    if obstacle or ours is None or peer is None:
        return Goal.open(text, obstacle)
    ratio = peer.wall / ours.wall
    return Goal.of(text, f"{ratio:.2f}x", ratio >= goal)


def _copying(ours: Result | None, copy: Result | None, text: str) -> Goal:
    """Our wall over that of copying, at most the goal."""
    obstacle = _obstacle(ours, copy)
    if obstacle or ours is None or copy is None:
        return Goal.open(text, obstacle)
    ratio = ours.wall / copy.wall
    return Goal.of(text, f"{ratio:.2f}x", ratio <= COPY_GOAL)


def _memory(result: Result | None, text: str) -> Goal:
    obstacle = _obstacle(result)
    if obstacle or result is None:
        return Goal.open(text, obstacle)
    return Goal.of(text, f"{result.peak_mb:.0f} MB", result.peak_mb < MEMORY_GOAL_MB)


def _flat(small: Result | None, large: Result | None, text: str) -> Goal:
    obstacle = _obstacle(small, large)
    if obstacle or small is None or large is None:
        return Goal.open(text, obstacle)
    ratio = large.peak_mb / small.peak_mb
    return Goal.of(text, f"{small.peak_mb:.0f} to {large.peak_mb:.0f} MB, {ratio:.2f}x", ratio <= FLAT_GOAL)


def goals(results: list[Result], large: list[Result], images: int) -> list[Goal]:
    """All goals, judged for one and for two workers."""
    by_key = {result.contestant.key: result for result in results}
    large_by_key = {result.contestant.key: result for result in large}
    found = []
    for workers in (1, 2):
        ours = by_key.get(f"ours-reference-{workers}")
        who = f"{workers} worker{'s' * (workers > 1)}"
        for peer, name, goal in (
            ("datumaro", "datumaro made to keep every box", DATUMARO_GOAL),
            ("from_generator", "the bare `from_generator` script", GENERATOR_GOAL),
        ):
            text = f"annotations only, {who}: at least {goal:g}x faster than {name}"
            found.append(_speed(ours, by_key.get(peer), text, goal))
        embed = by_key.get(f"ours-embed-{workers}")
        for copy, name in (
            ("copy-each", "copying the same bytes, a file each"),
            ("copy-one", "copying the same bytes into one file"),
        ):
            text = f"embedded, {who}: within {COPY_GOAL:g}x of {name}"
            found.append(_copying(embed, by_key.get(copy), text))
    for kind in ("reference", "embed"):
        for workers in (1, 2):
            key = f"ours-{kind}-{workers}"
            for label, pool in ((images, by_key), (images * 10, large_by_key)):
                text = f"peak memory under {MEMORY_GOAL_MB:.0f} MB: {key}, {label:,} images"
                found.append(_memory(pool.get(key), text))
            text = f"flat memory (at most {FLAT_GOAL:g}x) from {images:,} to {images * 10:,} images: {key}"
            found.append(_flat(by_key.get(key), large_by_key.get(key), text))
    return found
