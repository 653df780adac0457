"""SIGKILL before and after every step of submit and fetch: nothing is paid twice, lost or left behind."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from batch_doubles import COST, WORST, Run, completion, key_of

from rsvp_builder.captioning.store import Store

KILLER = Path(__file__).parent / "batch_killer.py"
SETTINGS = {"max_requests": 2, "ahead": 2}
SUBMIT = ["submit"]
FETCH = ["fetch"]


@pytest.fixture(scope="module")
def killer() -> Iterator[Callable[..., dict[str, Any]]]:
    """Runs commands in a process that dies at its n-th step."""
    process = subprocess.Popen(
        [sys.executable, str(KILLER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None

    def run_killed(run: Run, commands: list[str], kill: int | None) -> dict[str, Any]:
        order = {
            "folder": str(run.folder),
            "base_url": run.server.base_url,
            "commands": commands,
            "settings": SETTINGS,
            "kill": kill,
        }
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        told: dict[str, Any] = json.loads(process.stdout.readline())
        assert told["killed"] or told["status"] == 0, "the child failed by itself"
        return told

    yield run_killed
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


def steps(points: list[str], which: str) -> list[tuple[int, str]]:
    """Number and name of the steps to be killed at: the first of each name, or all others too."""
    first = {point: number for number, point in reversed(list(enumerate(points, 1)))}
    assert len(first) > 10
    if which == "first":
        return [(number, point) for point, number in first.items()]
    return [step for step in enumerate(points, 1) if step[0] not in first.values()]


EACH = pytest.mark.parametrize("which", ["first", pytest.param("others", marks=pytest.mark.slow)])


def new_run(server, folder: Path, count: int, script: dict[str, Any] | None = None) -> Run:
    bodies = {str(number): completion("yes") for number in range(count)}
    server.control(reset=True, scripts=[(script or {}) | {"bodies": bodies}] + [{"bodies": bodies}] * 9)
    run = Run(server, folder)
    run.plan(count)
    return run


def finish(run: Run, server, count: int, spent: float, where: str) -> None:
    """After the last run without a kill."""
    assert run.counts() == {"done": count}, where
    assert server.paid() == {key_of(number): 1 for number in range(count)}, f"{where}: paid twice"
    assert run.spent() == pytest.approx((spent, 0.0)), where
    assert server.seen()["files"] == [], where
    assert run.left_here() == [], where


@EACH
def test_submit_is_killed_at_each_step(server, tmp_path, killer, which):
    whole = new_run(server, tmp_path / "whole", 3)
    points = killer(whole, SUBMIT, None)["points"]
    for step in ("complete", "upload", "create", "set_batch", "claim", "open_batch", "remove"):
        assert f"after {step}" in points
    for kill, point in steps(points, which):
        where = f"killed at step {kill}, {point}"
        run = new_run(server, tmp_path / str(kill), 3)
        assert killer(run, SUBMIT, kill)["killed"], where
        run.submit(**SETTINGS)
        run.fetch(**SETTINGS)
        finish(run, server, 3, 3 * COST, where)
        # Each of the two batches was uploaded and created once.
        assert len(server.events("files.create")) == 2, where
        assert len(server.events("batches.create")) == 2, where


@EACH
def test_fetch_is_killed_at_each_step(server, tmp_path, killer, which):
    script = {"end": "expired", "unanswered": [1], "duplicates": [0], "shuffle": 1}
    whole = new_run(server, tmp_path / "whole", 3, script)
    whole.submit(**SETTINGS)
    points = killer(whole, FETCH, None)["points"]
    for step in ("record", "fail", "download", "delete", "set_batch", "retrieve", "remove"):
        assert f"after {step}" in points
    for kill, point in steps(points, which):
        where = f"killed at step {kill}, {point}"
        run = new_run(server, tmp_path / str(kill), 3, script)
        run.submit(**SETTINGS)
        assert killer(run, FETCH, kill)["killed"], where
        run.fetch(**SETTINGS)
        assert run.counts() == {"done": 2, "planned": 1}, where
        run.submit(**SETTINGS)
        run.fetch(**SETTINGS)
        finish(run, server, 3, 3 * COST, where)


@pytest.mark.slow
def test_fetching_a_refused_batch_is_killed_at_each_step(server, tmp_path, killer):
    errors = [{"code": "invalid_body", "message": "wrong", "line": line} for line in (1, 2)]
    script = {"end": "failed", "errors": errors}
    settings = SETTINGS | {"max_requests": 4}

    def refused(folder: Path) -> Run:
        run = new_run(server, folder, 4, script)
        run.submit(**settings)
        return run

    points = killer(refused(tmp_path / "whole"), FETCH, None)["points"]
    assert points.count("after fail") == 4
    for kill, point in enumerate(points, 1):
        where = f"killed at step {kill}, {point}"
        run = refused(tmp_path / str(kill))
        assert killer(run, FETCH, kill)["killed"], where
        run.fetch(**settings)
        # The lines that were named, and no others, whichever had been dealt with before.
        assert set(run.errors()) == {key_of(0), key_of(1)}, where
        assert run.counts() == {"failed": 2, "planned": 2}, where


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_a_run_that_is_killed_again_and_again_sends_no_key_twice(server, tmp_path, killer, seed):
    chance = random.Random(seed)
    run = new_run(server, tmp_path / "run", 9, {"unanswered": [0], "end": "expired"})
    kills = 0
    while run.counts() != {"done": 9}:
        told = killer(run, ["submit", "fetch"], chance.randrange(1, 40) if kills < 10 else None)
        kills += told["killed"]
    assert kills >= 10
    run.fetch(**SETTINGS)
    finish(run, server, 9, 9 * COST, f"seed {seed}")


def test_a_killed_run_keeps_what_it_may_have_spent_reserved(server, tmp_path, killer):
    points = killer(new_run(server, tmp_path / "whole", 3), SUBMIT, None)["points"]
    run = new_run(server, tmp_path / "run", 3)
    killer(run, SUBMIT, points.index("after create") + 1)
    assert run.counts() == {"sent": 2, "planned": 1}
    assert run.spent() == pytest.approx((0.0, 2 * WORST / 2))
    with Store(run.path) as store:
        assert store.lost() == 0, "they are in a batch, which the next submit finds"
