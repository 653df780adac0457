"""Workers that want memory, or are killed for it, and machines that lack something else."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rsvp_builder.build import build
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.engine import plan, unit
from rsvp_builder.errors import RsvpError
from rsvp_builder.images.probe import UnreadableImageError
from rsvp_builder.settings import Settings

WANTS_MEMORY = "memory ran out; finished units are kept. Rerun the same command"


@pytest.fixture
def wide(own):
    """The release with one scene that takes tens of megabytes to cut."""
    pattern = (np.indices((1200, 24_000)).sum(0) % 251).astype(np.uint8)
    Image.fromarray(pattern).convert("RGB").save(own.root / "train/images/P0001.png", compress_level=1)
    return own


def test_a_limit_on_memory_is_told_and_costs_no_image(server, undisturbed_cut, wide, tmp_path):
    fresh = undisturbed_cut.order(tmp_path / "fresh", wide)
    assert "error" not in server(build=fresh, units=2)
    expected = server(digest=str(tmp_path / "fresh"))
    met = set()
    order = undisturbed_cut.order(tmp_path / "out", wide)
    for megabytes in (24, 36, 48, 60):
        told = server(build=order, units=2, limits={"AS": megabytes << 20})
        if "error" in told:
            met.add(told["error"][1].partition(" where")[0])
            assert told["error"][0] == "RsvpError", told
            assert Folder(tmp_path / "out").finished() == []
    assert met == {WANTS_MEMORY}
    assert "error" not in server(build=order, units=2)
    assert server(digest=str(tmp_path / "out")) == expected


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_what_this_machine_lacks_is_not_blamed_on_a_picture(undisturbed, tmp_path, monkeypatch, code):
    monkeypatch.setattr(plan, "UNIT_ITEMS", 2)
    whole = unit.probe

    def probe(path):
        if path.name == "P0001.png":
            raise UnreadableImageError(os.strerror(code), "a readable image file")
        return whole(path)

    def make():
        return build("DOTA", undisturbed.raw.root, tmp_path, Settings(**undisturbed.settings), workers=1)

    with monkeypatch.context() as patch:
        patch.setattr(unit, "probe", probe)
        with pytest.raises(
            RsvpError, match=rf"P0001\.png: {os.strerror(code)}\. That is a limit of this machine"
        ):
            make()
    make()
    undisturbed.same(tmp_path)


def test_other_errors_of_reading_cost_their_picture_until_it_is_retried(undisturbed, tmp_path, monkeypatch):
    """A bad sector: the build goes on without the file, says so, and can be told to try again."""
    monkeypatch.setattr(plan, "UNIT_ITEMS", 2)
    whole = unit.probe

    def probe(path):
        if path.name == "P0000.png":
            raise UnreadableImageError(os.strerror(errno.EIO), "a readable image file")
        return whole(path)

    def make(**options):
        return build(
            "DOTA", undisturbed.raw.root, tmp_path, Settings(**undisturbed.settings), workers=1, **options
        )

    with monkeypatch.context() as patch:
        patch.setattr(unit, "probe", probe)
        failed = make().summary["quarantined"]
    assert make(retry_failed=True).summary["quarantined"] == failed - 1
    undisturbed.same(tmp_path)


# Workers of a pool


PROGRAM = """
import rsvp_builder.engine.plan as plan
from rsvp_builder.cli.app import main
plan.UNIT_ITEMS = 2
if __name__ == "__main__":
    main()
"""


def start(raw, out, *more):
    command = [sys.executable, "-c", PROGRAM, "--source", "DOTA", "--root", str(raw.root), "--out", str(out)]
    command += ["--tile", "400", "--overlap", "80", "--task", "referring_classification_box"]
    return subprocess.Popen(
        [*command, "--workers", "2", "--quiet", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def workers_of(process):
    """The workers of a build: children of its fork server, which is a child of its own."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    own = {pid for pid, parent in parents.items() if parent == process.pid}
    return [pid for pid, parent in parents.items() if parent in own]


def test_a_worker_that_the_kernel_kills_is_told_and_the_rerun_ends_in_the_same_bytes(
    undisturbed_cut, raw, tmp_path, monkeypatch
):
    monkeypatch.setattr(plan, "UNIT_ITEMS", 2)
    process = start(raw, tmp_path)
    deadline = time.monotonic() + 60
    while not (found := workers_of(process)):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(found[0], signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2, errors
    assert "a worker process was killed, most likely for want of memory; finished units are kept" in errors
    assert "Traceback" not in errors
    assert Folder(tmp_path).finished() == []
    build("DOTA", raw.root, tmp_path, Settings(**undisturbed_cut.settings), workers=1)
    undisturbed_cut.same(tmp_path, state=False)
