"""A run that is killed goes on: nothing is sent twice, what was lost is counted and can be sent again."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from online_kit import WORST

from rsvp_builder.captioning.store import Store, StoreError

VICTIM = Path(__file__).parent / "online_victim.py"
CONCURRENCY = 8
AHEAD = 4


def start(store: Path, base_url: str, requests: int) -> subprocess.Popen[str]:
    """Starts a run and returns as it begins to send."""
    command = [sys.executable, str(VICTIM), str(store), base_url, str(requests), str(CONCURRENCY)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "SENDING\n"
    return process


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Waits for its end; how it ended."""
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    ended: dict[str, Any] = json.loads(told)
    return ended


def killed_often(server: Any, store_path: Path, *, requests: int, kills: int, seed: int) -> None:
    """Kills a run so often and lets it end; then the books of store and server are compared."""
    server.settings(latency=0.03)
    rng = random.Random(seed)
    for _ in range(kills):
        process = start(store_path, server.base_url, requests)
        time.sleep(rng.uniform(0.0, 0.5))
        assert process.poll() is None, "it ended before it was killed"
        process.send_signal(signal.SIGKILL)
        process.communicate()
    ended = finish(start(store_path, server.base_url, requests))
    assert ended["reason"] == "complete"
    names = server.ids()
    assert len(names) == len(set(names)), "an attempt was sent twice"
    with Store(store_path) as store:
        counts, lost, spent = store.counts(), store.lost(), store.spent()
        assert counts["done"] + lost == requests
        assert counts["sent"] == lost
        assert counts["planned"] == counts["failed"] == counts["rejected"] == 0
        # At most what was in flight or about to be, each time.
        assert lost <= kills * (CONCURRENCY + AHEAD)
        assert spent.reserved_usd == pytest.approx(lost * WORST)
        answered = {entry["id"] for entry in server.log() if entry["status"] == 200}
        assert len(answered) <= counts["done"] + lost
        assert store.release_lost() == lost
    finish(start(store_path, server.base_url, requests))
    with Store(store_path) as store:
        assert (store.counts()["done"], store.lost()) == (requests, 0)
        assert store.spent().usd > lost * WORST
    names = server.ids()
    assert len(names) == len(set(names))
    assert sum(name.endswith("-2") for name in names) == lost


def test_killed_twice(server: Any, tmp_path: Path) -> None:
    killed_often(server, tmp_path / "store.sqlite", requests=500, kills=2, seed=5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_killed_ten_times(server: Any, tmp_path: Path, seed: int) -> None:
    killed_often(server, tmp_path / "store.sqlite", requests=3000, kills=10, seed=seed)


def test_another_run_on_the_same_store_is_refused(server: Any, tmp_path: Path) -> None:
    server.settings(latency=0.1)
    process = start(tmp_path / "store.sqlite", server.base_url, 60)
    with pytest.raises(StoreError, match="another process"):
        Store(tmp_path / "store.sqlite")
    while not server.ids():  # now it hears signals
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    ended = finish(process)
    assert ended["reason"] == "interrupted"
    assert ended["abandoned"] == 0
    assert len(server.ids()) == ended["done"] < 60
