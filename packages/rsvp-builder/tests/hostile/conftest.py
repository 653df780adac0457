"""Limits of time for what used to hang, and the worker that damaged releases are built in."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from hostile_client import Client


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """A worker process of limited memory, for all tests of this process."""
    with Client() as started:
        yield started


def _late(number: int, frame: object) -> None:
    raise AssertionError("it takes too long, or waits for ever")


@pytest.fixture
def prompt() -> Iterator[None]:
    """The test fails when it computes for more than ten seconds, or waits for more than a minute."""
    before = {number: signal.signal(number, _late) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, 10)
    signal.setitimer(signal.ITIMER_REAL, 60)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)
