"""The Ray engine on a real cluster: the local engine's bytes, also when workers and machines are killed."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from rsvp_builder.build import build
from rsvp_builder.catalog import shipped
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.engine import ray as engine
from rsvp_builder.engine.plan import make_plan
from rsvp_builder.engine.ray import ray_tasks
from rsvp_builder.engine.site import Site, site_of, versions
from rsvp_builder.engine.unit import Job, run_unit
from rsvp_builder.errors import RsvpError
from rsvp_builder.readers import index_release
from rsvp_builder.settings import Settings

ray = pytest.importorskip("ray", reason="Ray is not installed")

MANIFEST = shipped()["DOTA-v2.0"]


def children(parent):
    """Processes that a process has started: number -> title; zombies left out."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, owner = stat.read_text().rpartition(")")[2].split()[:2]
            title = stat.with_name("cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except OSError:
            continue
        if int(owner) == parent and state != "Z":
            found[int(stat.parent.name)] = title
    return found


def raylet(node):
    return node.all_processes["raylet"][0].process.pid


class Hunter:
    """Told of progress, it catches a worker in the middle of a unit and does something to it, once."""

    def __init__(self, node, then, after=2):
        self.node, self.then, self.after = node, then, after
        self.caught = None

    def __call__(self, state):
        if self.caught is not None or state.done < self.after:
            return
        deadline = time.monotonic() + 0.5
        while self.caught is None and time.monotonic() < deadline:
            for pid, title in children(raylet(self.node)).items():
                if title.startswith("ray::_attempt") and self._holds(pid):
                    self.caught = pid
                    self.then(pid)
                    return

    def _holds(self, pid):
        """Whether the worker, once it is stopped, is still at its unit; if not it goes on."""
        os.kill(pid, signal.SIGSTOP)
        if children(raylet(self.node)).get(pid, "").startswith("ray::_attempt"):
            return True
        os.kill(pid, signal.SIGCONT)
        return False


def test_a_worker_that_is_killed_costs_nothing(cluster, raw, settings, reference, tmp_path, digest, caplog):
    hunter = Hunter(cluster.head_node, lambda pid: os.kill(pid, signal.SIGKILL))
    out = tmp_path / "out"
    build("DOTA", raw.root, out, settings, engine="ray", address=cluster.address, on_progress=hunter)
    assert hunter.caught is not None
    assert "is begun again, 2 of 6: its worker was lost" in caplog.text
    assert digest(out) == digest(reference)


def test_a_raylet_that_is_killed_costs_nothing(cluster, raw, settings, reference, tmp_path, digest, caplog):
    doomed = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)

    def lose(worker):
        cluster.remove_node(doomed, allow_graceful=False)
        os.kill(worker, signal.SIGKILL)

    hunter = Hunter(doomed, lose, after=1)
    out = tmp_path / "out"
    build("DOTA", raw.root, out, settings, engine="ray", address=cluster.address, on_progress=hunter)
    assert hunter.caught is not None
    assert "is begun again" in caplog.text
    assert digest(out) == digest(reference)


@pytest.mark.slow
def test_a_machine_that_freezes_is_given_up_in_the_end(
    cluster, raw, settings, reference, tmp_path, digest, caplog
):
    """It closes no connection: Ray notices by keep-alive messages, after 7 minutes."""
    doomed = cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
    frozen = []

    def freeze(worker):
        frozen.extend([worker, raylet(doomed)])
        os.kill(frozen[1], signal.SIGSTOP)

    hunter = Hunter(doomed, freeze, after=1)
    out = tmp_path / "out"
    try:
        build("DOTA", raw.root, out, settings, engine="ray", address=cluster.address, on_progress=hunter)
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGKILL)
        cluster.remove_node(doomed, allow_graceful=False)
    assert hunter.caught is not None
    assert "is begun again" in caplog.text
    assert digest(out) == digest(reference)


@pytest.fixture
def joined(cluster):
    with ray_tasks(None, cluster.address) as execute:
        yield execute


@pytest.fixture
def planned(raw, settings, tmp_path):
    """A job and its first four units."""
    resolved = settings.resolved(MANIFEST)
    units = make_plan(MANIFEST, resolved, index_release(raw.root, MANIFEST)).units[:4]
    return Job(raw.root, tmp_path / "out", MANIFEST, resolved, strict=False), units


@pytest.fixture
def begun(tmp_path):
    """Counts how often a unit was begun, across processes."""
    notes = tmp_path / "begun"
    notes.mkdir()

    def count(unit):
        (notes / f"{unit.number}-{time.monotonic_ns()}").touch()
        return times(unit)

    def times(unit):
        return len(list(notes.glob(f"{unit.number}-*")))

    return count, times


NOTHING = Site(versions(), ())


def test_a_unit_that_always_kills_its_worker_ends_the_build(joined, planned, begun, monkeypatch):
    monkeypatch.setattr(engine, "ATTEMPTS", 2)
    job, units = planned
    count, times = begun

    def deadly(unit):
        count(unit)
        if unit.number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return run_unit(job, unit)

    results = joined(deadly, units, NOTHING)
    assert next(results).unit == 0
    with pytest.raises(RsvpError, match=r"unit 1 \(train/\S+ to train/\S+\) failed 2 times.*want memory"):
        next(results)
    assert times(units[1]) == 2
    assert Folder(job.out).marker(MANIFEST.name, 0).exists()


def test_storage_that_fails_for_a_while_is_tried_again_and_mistakes_are_not(joined, planned, begun):
    job, units = planned
    count, times = begun

    def work(unit):
        times_begun = count(unit)
        if unit.number == 0 and times_begun == 1:
            raise OSError(116, "Stale file handle")
        if unit.number == 2:
            raise RsvpError("mend me")
        return run_unit(job, unit)

    results = joined(work, units, NOTHING)
    assert [next(results).unit, next(results).unit] == [0, 1]
    with pytest.raises(RsvpError, match=r"^mend me$"):
        next(results)
    assert [times(unit) for unit in units[:3]] == [2, 1, 1]


def test_a_defect_of_the_program_is_raised_as_it_is(joined, planned):
    def defective(unit):
        raise ZeroDivisionError(unit.number)

    with pytest.raises(ZeroDivisionError):
        list(joined(defective, planned[1], NOTHING))


def test_a_machine_without_the_release_is_refused(joined, planned, tmp_path):
    job, units = planned
    gone = tmp_path / "mounted only here"
    with pytest.raises(
        RsvpError, match=r"machine \S+ does not see .*mounted only here.*same path everywhere"
    ):
        list(joined(partial(run_unit, job), units, site_of(job.root, units, [gone])))
    assert not Folder(job.out).state(MANIFEST.name).exists()


def test_a_machine_that_would_write_other_bytes_is_refused(joined, planned):
    job, units = planned
    other = Site((("pyarrow", "1.0"),), ())
    with pytest.raises(RsvpError, match=r"machine \S+ has pyarrow \S+ instead of 1\.0"):
        list(joined(partial(run_unit, job), units, other))


def test_pictures_do_not_pass_through_the_object_store(joined, planned):
    """It holds no more than the plan at any moment, though pictures of megabytes are built."""

    def held():
        name = "object_store_memory"
        return ray.cluster_resources()[name] - ray.available_resources().get(name, 0)

    probe = ray.remote(lambda: bytes(1_000_000)).remote()
    until(lambda: held() > 900_000)  # what workers bring back is seen, if it is that large
    del probe
    until(lambda: held() < 100_000)
    job, units = planned
    samples, over = [], threading.Event()

    def sample():
        while not over.wait(0.01):
            samples.append(held())

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        told = list(joined(partial(run_unit, job), units, NOTHING))
    finally:
        over.set()
        sampler.join()
    assert sum(path.stat().st_size for path in job.out.rglob("*.parquet")) > 1_000_000
    assert len(samples) > 20
    assert max(samples) < 100_000
    assert max(len(pickle.dumps(done)) for done in told) < 200


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# Joining a cluster


def test_without_ray_the_engine_says_how_to_get_it(raw, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RsvpError, match=r"needs Ray.*pip install 'rsvp-builder\[ray\]'"):
        build("DOTA", raw.root, tmp_path / "out", engine="ray")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ray://127.0.0.1:1", "Ray Client is not supported"),
        ("nonsense", "cannot join a Ray cluster there"),
        ("127.0.0.1:1", "nobody answers there"),
    ],
)
def test_an_address_where_no_cluster_is_says_so(raw, tmp_path, address, message):
    with pytest.raises(RsvpError, match=message):
        build("DOTA", raw.root, tmp_path / "out", engine="ray", address=address)
    assert not ray.is_initialized()


def test_a_cluster_of_other_versions_is_refused(cluster, raw, tmp_path, monkeypatch):
    """The cluster runs this version; here this process claims to be another."""
    monkeypatch.setattr(ray, "__version__", "1.0.0")
    with pytest.raises(RsvpError, match=r"(?s)ersion mismatch.*same versions of Python and Ray"):
        build("DOTA", raw.root, tmp_path / "out", engine="ray", address=cluster.address)


def test_a_connection_that_is_there_is_used_and_stays(cluster, raw, settings, reference, tmp_path, digest):
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    try:
        build("DOTA", raw.root, tmp_path / "out", settings, engine="ray")
        assert ray.is_initialized()
    finally:
        ray.shutdown()
    assert digest(tmp_path / "out") == digest(reference)


# Interrupting


PROGRAM = """
import sys
import rsvp_builder.engine.plan as plan
plan.UNIT_ITEMS = 1
from rsvp_builder.cli.app import main
if __name__ == "__main__":
    main()
"""


def test_interrupted_it_stops_cleanly_and_goes_on_when_run_again(raw, reference, tmp_path, digest):
    program, out = tmp_path / "program.py", tmp_path / "out"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), "--source", "DOTA", "--root", str(raw.root), "--out", str(out)]
    command += ["--tile", "400", "--overlap", "80", "--engine", "ray", "--workers", "2", "--quiet"]
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    process = subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.PIPE)
    until(lambda: process.poll() is not None or list(out.glob(".build/*/unit-*.json")), 60)
    started = descendants(process.pid)
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors.decode()
    assert b"Traceback" not in errors
    until(lambda: not alive(started))
    assert not (out / "dataset.json").exists()
    kept = len(list(out.glob(".build/*/unit-*.json")))
    assert kept >= 1
    built = build("DOTA", raw.root, out, Settings(tile=400, overlap=80), workers=1)
    assert built.resumed == kept
    assert digest(out) == digest(reference)


def descendants(pid):
    found = set(children(pid))
    for child in list(found):
        found |= descendants(child)
    return found


def alive(pids):
    stats = []
    for pid in pids:
        try:
            stats.append(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0])
        except OSError:
            continue
    return [state for state in stats if state != "Z"]
