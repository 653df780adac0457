"""What all engines have in common: work goes in unit by unit, short results come out in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from rsvp_builder.engine.plan import Unit
from rsvp_builder.engine.site import Site
from rsvp_builder.engine.unit import UnitResult
from rsvp_builder.errors import RsvpError

Engine = Literal["local", "ray"]

Work = Callable[[Unit], UnitResult]
"""Builds one unit and leaves its shards and its marker where the data set is; can be pickled."""


@dataclass(frozen=True, slots=True)
class Done:
    """What is told of a finished unit; its whole account is in its marker, and stays there.

    Attributes:
        unit: its number.
        images: images seen.
        rows: rows written.
    """

    unit: int
    images: int
    rows: int

    @classmethod
    def of(cls, result: UnitResult) -> Done:
        """The short form of a unit's account."""
        return cls(result.unit, result.counts.images_seen, result.counts.rows)


class Executor(Protocol):
    """Runs units somewhere."""

    def __call__(self, work: Work, units: Sequence[Unit], site: Site) -> Iterator[Done]:
        """Build the units.

        Args:
            work: builds one.
            units: units to build.
            site: what every machine that takes part must have.

        Returns:
            What is told of each unit, in the order of ``units``.

        Raises:
            RsvpError: a worker was lost for good; what is finished stays.
            StrictError: under ``strict``, for the first unit in order that has a defect.
        """


def do(work: Work, unit: Unit) -> Done:
    """Build one unit and tell it in short; what pools and clusters run, so it can be pickled."""
    return Done.of(work(unit))


def executor(engine: Engine, workers: int | None, address: str | None) -> AbstractContextManager[Executor]:
    """The executor of an engine; entered before the release is indexed, so that it fails at once.

    Args:
        engine: processes of this machine, or a Ray cluster.
        workers: most units at a time; None for one per core.
        address: of the Ray cluster; None for the one that ``RAY_ADDRESS`` names, or else one of our own.

    Raises:
        RsvpError: the options do not fit together.
    """
    if engine == "ray":
        from rsvp_builder.engine.ray import ray_tasks

        return ray_tasks(workers, address)
    from rsvp_builder.engine.run import processes

    if address is not None:
        raise RsvpError(f"--address {address} goes with --engine ray")
    return processes(workers)
