"""Two builds that want one folder."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from rsvp_builder.build import build
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.dataset.lock import locked
from rsvp_builder.engine import plan
from rsvp_builder.errors import RsvpError
from rsvp_builder.settings import Settings

HOLDER = """
import sys
from pathlib import Path
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.dataset.lock import locked
with locked(Folder(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of ``tmp_path``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.fixture
def make(undisturbed, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "UNIT_ITEMS", 2)

    def made():
        return build("DOTA", undisturbed.raw.root, tmp_path, Settings(**undisturbed.settings), workers=1)

    return made


def test_the_second_is_told_which_process_has_the_folder(holder, make, tmp_path):
    with pytest.raises(RsvpError, match=f"another build is writing here: process {holder.pid}; wait for it"):
        make()
    assert not list(tmp_path.rglob("*.json"))


def test_and_on_which_machine_if_it_is_another(holder, make, tmp_path):
    lock = Folder(tmp_path).lock
    lock.write_text(json.dumps({"pid": 4711, "host": "elsewhere"}))
    with pytest.raises(RsvpError, match="writing here: process 4711 on machine elsewhere; wait for it"):
        make()


@pytest.mark.parametrize("told", ["", "no JSON", "[]", '{"pid": 1}', "\0\0"])
def test_a_lock_that_does_not_say_who_holds_it_holds_all_the_same(holder, make, tmp_path, told):
    Folder(tmp_path).lock.write_text(told)
    with pytest.raises(RsvpError, match="another build is writing here; wait for it to end"):
        make()


def test_the_lock_of_a_killed_build_does_not_block(holder, make, undisturbed, tmp_path, caplog):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    lock = Folder(tmp_path).lock
    assert json.loads(lock.read_text()) == {"pid": holder.pid, "host": socket.gethostname()}
    make()
    assert lock.read_text() == ""
    assert caplog.text == ""
    undisturbed.same(tmp_path)


def test_one_that_another_machine_left_does_not_block_but_is_told(make, tmp_path, caplog):
    """Dead most likely; where machines do not share locks it may be at work."""
    lock = Folder(tmp_path).lock
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"pid": 4711, "host": "elsewhere"}))
    make()
    assert "process 4711 on machine elsewhere did not end by itself; see that it is gone" in caplog.text


def test_it_holds_while_its_own_file_is_looked_at(tmp_path):
    """POSIX takes a lock away when any handle of the file is closed, so the file must not be opened again."""
    with locked(Folder(tmp_path)):
        program = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'a'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        command = [sys.executable, "-c", program, str(Folder(tmp_path).lock)]
        assert b"BlockingIOError" in subprocess.run(command, capture_output=True, check=False).stderr
    assert subprocess.run(command, check=False).returncode == 0


def test_a_file_system_without_locks_is_told_as_that(make, monkeypatch):
    def refused(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", refused)
    with pytest.raises(RsvpError, match=r"cannot be locked: No locks available.*must know locks"):
        make()


BUILDER = """
import json, sys
from pathlib import Path
import rsvp_builder.engine.plan as plan
from rsvp_builder.build import build
from rsvp_builder.errors import RsvpError
from rsvp_builder.settings import Settings
plan.UNIT_ITEMS = 2
root, out, settings = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
try:
    build("DOTA", Path(root), Path(out), Settings(**json.loads(settings)), workers=1)
except RsvpError as error:
    sys.exit(str(error))
"""


def test_of_two_that_race_one_builds_and_the_other_leaves_it_alone(undisturbed, tmp_path):
    settings = json.dumps(undisturbed.settings)
    command = [sys.executable, "-c", BUILDER, str(undisturbed.raw.root), str(tmp_path), settings]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    errors = sorted(racer.communicate(timeout=120)[1] for racer in racers)
    assert errors[0] == ""
    # Where one has ended before the other has indexed the release, that finds it finished.
    assert errors[1] == "" or "another build is writing here" in errors[1]
    assert "Traceback" not in errors[1]
    undisturbed.same(tmp_path)
