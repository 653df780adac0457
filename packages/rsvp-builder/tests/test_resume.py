"""A build that is killed, really killed, and run again ends in the bytes of an undisturbed one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rsvp_builder.build import build
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.demo.dota import write_release
from rsvp_builder.errors import RsvpError

# Units of two images make many places to be killed at.
PROGRAM = """
import sys
from pathlib import Path
import rsvp_builder.engine.plan as plan
plan.UNIT_ITEMS = 2
from rsvp_builder.build import build
from rsvp_builder.settings import Settings
if __name__ == "__main__":
    root, out, workers = sys.argv[1:]
    build("DOTA", Path(root), Path(out), Settings(tile=400, overlap=80), workers=int(workers))
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("program") / "program.py"
    path.write_text(PROGRAM)
    return path


def start(program, root, out, workers):
    return subprocess.Popen(
        [sys.executable, str(program), str(root), str(out), str(workers)],
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process):
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, program):
    folder = tmp_path_factory.mktemp("undisturbed")
    release = write_release(folder / "raw", with_defects=True)
    began = time.monotonic()
    finish(start(program, release.root, folder / "out", 1))
    return release.root, folder / "out", time.monotonic() - began


@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "parent only"])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kills", [3, pytest.param(25, marks=pytest.mark.slow)], ids=["3 kills", "25 kills"])
def test_killed_at_random_moments_and_rerun_gives_the_same_bytes(
    undisturbed, program, tmp_path, digest, workers, kills, whole_group
):
    root, expected, longest = undisturbed
    moments = random.Random(f"{workers} {kills} {whole_group}")
    out, killed = tmp_path / "out", 0
    while killed < kills:
        process = start(program, root, out, workers)
        time.sleep(moments.uniform(0.05, longest))
        if process.poll() is None:
            killed += 1
            (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
            process.communicate(timeout=60)
        else:  # done before it could be killed: it must be right, and another begins, to be killed sooner
            finish(process)
            assert digest(out) == digest(expected)
            shutil.rmtree(out)
            longest *= 0.8
    finish(start(program, root, out, workers))
    assert digest(out) == digest(expected)


def test_a_killed_build_is_no_data_set_and_says_how_to_go_on(undisturbed, program, tmp_path):
    root, _, _ = undisturbed
    folder = Folder(tmp_path / "out")
    process = start(program, root, folder.out, 1)
    while not list(folder.out.glob(".build/*/unit-*.json")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    if not folder.complete.exists():
        with pytest.raises(RsvpError, match=r"DOTA-v2\.0 has not finished: rerun it, it resumes"):
            folder.sources()
    finish(start(program, root, folder.out, 1))
    assert folder.sources() == ["DOTA-v2.0"]


def test_workers_end_soon_after_their_build_is_killed(undisturbed, program, tmp_path):
    root, _, _ = undisturbed
    process = start(program, root, tmp_path / "out", 2)
    # The build, multiprocessing's tracker and fork server, and two workers.
    while len(alive_in_session(process.pid)) < 5:
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)  # a zombie until it is waited for; the workers must go all the same
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not alive_in_session(process.pid):
            process.communicate(timeout=60)
            return
        time.sleep(0.1)
    pytest.fail("worker processes outlived their build")


def alive_in_session(session):
    """Processes of a session, zombies left out."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(stat.parent.name)
    return found


def test_two_builds_into_one_folder_are_kept_apart(release, tmp_path):
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom rsvp_builder.dataset.lock import locked\n"
        "from rsvp_builder.dataset.layout import Folder\n"
        "with locked(Folder(Path(sys.argv[1]))):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RsvpError, match="another build is writing here"):
            build("DOTA", release.root, tmp_path)
    finally:
        holder.kill()
        holder.communicate()
    assert build("DOTA", release.root, tmp_path).summary["rows"]["written"]
