"""Reading as over a bad network: in small pieces, each late, and now and then none for a long time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from rsvp_builder.dataset.layout import Folder

# Python imports a module of this name when it starts, in workers and their fork server too. Files of the
# release come in pieces of 8 kB, each after a while; one of them, of which SLOW_FILE is a part, hangs.
SLOW = """
import io, os, time
ROOT, DELAY = os.environ["SLOW_ROOT"], float(os.environ["SLOW_DELAY"])
HANGS, HOURS = os.environ["SLOW_FILE"], float(os.environ["SLOW_HANG"])
whole, stat = io.open, os.stat

class Slow(io.FileIO):
    def readinto(self, buffer):
        time.sleep(HOURS if HANGS and HANGS in str(self.name) else DELAY)
        return super().readinto(memoryview(buffer)[:8192])

    def read(self, size=-1):
        data = bytearray()
        while size < 0 or len(data) < size:
            piece = bytearray(8192 if size < 0 else min(8192, size - len(data)))
            count = self.readinto(piece)
            if not count:
                break
            data += piece[:count]
        return bytes(data)

    readall = read

def slow(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    if not str(file).startswith(ROOT) or "w" in mode or "a" in mode:
        return whole(file, mode, buffering, encoding, errors, newline, closefd, opener)
    raw = Slow(file, "rb")
    if buffering == 0:
        return raw
    buffered = io.BufferedReader(raw)
    return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

def late(path, **options):
    if str(path).startswith(ROOT):
        time.sleep(DELAY)
    return stat(path, **options)

io.open, os.stat = slow, late
"""

PROGRAM = """
import rsvp_builder.engine.plan as plan
from rsvp_builder.cli.app import main
plan.UNIT_ITEMS = 2
if __name__ == "__main__":
    main()
"""


@pytest.fixture
def start(undisturbed, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SLOW)
    root, out = undisturbed.raw.root, tmp_path / "out"
    command = [sys.executable, "-c", PROGRAM, "--source", "DOTA", "--root", str(root), "--out", str(out)]
    for task in undisturbed.settings["tasks"]:
        command += ["--task", task]

    def started(delay, hangs="", hang=0.0, workers=2):
        slow = {"SLOW_ROOT": str(root), "SLOW_DELAY": str(delay), "SLOW_FILE": hangs, "SLOW_HANG": str(hang)}
        return subprocess.Popen(
            [*command, "--tile", "0", "--quiet", "--workers", str(workers)],
            env={**os.environ, **slow, "PYTHONPATH": str(tmp_path / "site")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return started


def markers(out):
    return {int(path.stem.removeprefix("unit-")) for path in out.glob(".build/*/unit-*.json")}


def until(condition, process):
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_pieces_that_come_late_are_put_together_right(start, undisturbed, tmp_path, workers):
    process = start(0.002, workers=workers)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 3, errors  # files of the release are damaged
    found = undisturbed.digest_of(tmp_path / "out")
    for name, value in undisturbed.digest.items():
        if name != "README.md":  # the command line puts plots into it
            assert found.get(name) == value, name


def test_a_read_that_hangs_holds_up_its_unit_alone_and_can_be_interrupted(
    start, server, undisturbed, tmp_path
):
    out = tmp_path / "out"
    process = start(0.0, hangs="/P0001.", hang=3600.0)
    until(lambda: {1, 2, 3, 4} <= markers(out), process)  # all others
    assert 0 not in markers(out)
    os.killpg(process.pid, signal.SIGINT)
    began = time.monotonic()
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - began < 15
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert not list(out.rglob(".*.tmp"))
    assert Folder(out).finished() == []
    assert server(build=undisturbed.order(out), units=2)["resumed"] >= 4
    undisturbed.same(out)
