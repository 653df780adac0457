"""Data sets on a URL, against an S3 server on loopback: the bytes of a local build, killed or not."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from rsvp_builder.build import build
from rsvp_builder.cli.app import main
from rsvp_builder.demo.dota import write_release
from rsvp_builder.errors import RsvpError, UnknownNameError
from rsvp_builder.remote.place import folder_of, parse_out
from rsvp_builder.remote.store import Store, TransientError
from rsvp_builder.settings import Settings


class Bucket:
    """A bucket looked at through boto3, not through what the builder uses."""

    def __init__(self, name):
        import boto3

        self.client = boto3.client("s3")
        self.client.create_bucket(Bucket=name)
        self.name = name
        self.url = f"s3://{name}/sets/DOTA"

    def objects(self):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return {found["Key"]: found for page in pages for found in page.get("Contents", ())}

    def read(self, key):
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def digest(self, below="sets/DOTA/"):
        keys = self.objects()
        assert all(key.startswith(below) for key in keys)
        return {key.removeprefix(below): hashlib.sha256(self.read(key)).hexdigest() for key in keys}


@pytest.fixture
def bucket(s3_server, request):
    name = f"bucket-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}"
    return Bucket(name)


@pytest.mark.parametrize("options", [{"workers": 1}, {"workers": 2}, {"engine": "ray"}], ids=str)
def test_the_bytes_are_those_of_a_local_build(bucket, raw, plain, plain_reference, digest, options, request):
    if "engine" in options:
        options = {**options, "address": request.getfixturevalue("cluster").address}
    built = build("DOTA", raw.root, bucket.url + "/", plain, **options)
    assert bucket.digest() == digest(plain_reference)
    last = max(bucket.objects().values(), key=lambda found: found["LastModified"])["LastModified"]
    assert bucket.objects()["sets/DOTA/dataset.json"]["LastModified"] == last
    before = bucket.objects()
    again = build("DOTA", raw.root, bucket.url, plain, workers=1)
    assert (again.resumed, again.summary) == (built.resumed + again.resumed, built.summary)
    assert bucket.objects() == before  # times of the objects, too


def test_the_command_line_draws_the_card_of_a_local_build(bucket, raw, tmp_path, digest, capsys):
    def run(out):
        command = ["rsvp-build", "--source", "DOTA", "--root", str(raw.root), "--out", str(out), "-q"]
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as done:
            patch.setattr(sys, "argv", [*command, "--workers", "1", "--tile", "0"])
            main()
        assert done.value.code == 3  # some files cannot be read
        return capsys.readouterr().out

    told = run(bucket.url)
    assert f"data set: {bucket.url}" in told
    assert told.replace(bucket.url, "OUT").splitlines()[0] == run(tmp_path / "out").splitlines()[0]
    expected = digest(tmp_path / "out")
    assert bucket.digest() == expected
    assert any(name.startswith("plots/") for name in expected)


@pytest.fixture
def loadable(tmp_path, monkeypatch):
    """Lets datasets reach the server, and keeps its cache here."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    return datasets


def test_datasets_loads_it_from_there(bucket, raw, plain, plain_reference, read_rows, loadable, tmp_path):
    build("DOTA", raw.root, bucket.url, plain, workers=1)
    files = {split: f"{bucket.url}/data/*/{split}-*.parquet" for split in ("train", "val")}
    loaded = loadable.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))
    rows = read_rows(plain_reference)
    for split in files:
        expected = [row["id"] for row in rows if row["split"] == split]
        assert loaded[split]["id"][:] == expected
    first = loaded["train"][0]
    assert first["image"].size == (first["width"], first["height"])
    streamed = loadable.load_dataset("parquet", data_files=files, split="val", streaming=True)
    assert [row["id"] for row in streamed] == list(loaded["val"]["id"])


PROGRAM = """
import sys
from pathlib import Path
import rsvp_builder.engine.plan as plan
plan.UNIT_ITEMS = 1
from rsvp_builder.build import build
from rsvp_builder.settings import Settings
if __name__ == "__main__":
    root, out = sys.argv[1:]
    build("DOTA", Path(root), out, Settings(tile=400, overlap=80), workers=2)
"""


def test_killed_it_goes_on_from_another_machine(bucket, raw, settings, reference, tmp_path, digest):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(raw.root), bucket.url]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while sum("unit-" in key for key in bucket.objects()) < 3:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    there = bucket.objects()
    assert "sets/DOTA/dataset.json" not in there
    # What the first machine knew is gone with it.
    shutil.rmtree(folder_of(bucket.url).out)
    built = build("DOTA", raw.root, bucket.url, settings, workers=1)
    assert built.resumed == sum("unit-" in key for key in there) >= 3
    assert bucket.digest() == digest(reference)


def allowed(server, actions):
    """Let the server grant so many requests, and from then on refuse keys that it does not know."""
    request = urllib.request.Request(
        f"{server}/moto-api/reset-auth",
        data=str(actions).encode(),
        headers={"Content-Type": "text/plain"},
        method="POST",
    )
    urllib.request.urlopen(request, timeout=10).close()


@pytest.fixture
def permissions(s3_server):
    yield lambda actions: allowed(s3_server, actions)
    allowed(s3_server, "inf")


@pytest.mark.parametrize("workers", [1, 2])
def test_an_upload_that_is_refused_in_the_middle_ends_the_build_and_a_rerun_goes_on(
    bucket, raw, plain, plain_reference, digest, permissions, workers
):
    permissions(60)
    with pytest.raises(RsvpError, match=r"s3://\S+: cannot be written: no permission.*credentials"):
        build("DOTA", raw.root, bucket.url, plain, workers=workers)
    permissions("inf")
    kept = sum("unit-" in key for key in bucket.objects())
    assert kept > 0
    assert "sets/DOTA/dataset.json" not in bucket.objects()
    assert build("DOTA", raw.root, bucket.url, plain, workers=1).resumed == kept
    assert bucket.digest() == digest(plain_reference)


def test_without_permission_nothing_is_begun(bucket, raw, plain, permissions):
    permissions(0)
    with pytest.raises(RsvpError, match=rf"{bucket.url}.*: cannot be (listed|written): no permission"):
        build("DOTA", raw.root, bucket.url, plain, workers=1)


def test_a_bucket_that_is_not_there_is_not_made(bucket, raw, plain):
    with pytest.raises(RsvpError, match=r"s3://no-such-bucket/x.*cannot be written.*must exist"):
        build("DOTA", raw.root, "s3://no-such-bucket/x", plain, workers=1)
    assert "no-such-bucket" not in [found["Name"] for found in bucket.client.list_buckets()["Buckets"]]


def test_a_server_that_does_not_answer_is_told_as_such(bucket, tmp_path, monkeypatch):
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        with pytest.raises(
            TransientError, match=r"cannot be listed.*127\.0\.0\.1:1.*the same command goes on"
        ):
            Store("s3://bucket/x").names()
    finally:
        s3fs.S3FileSystem.clear_instance_cache()


def test_an_upload_that_arrives_in_part_is_noticed(bucket, tmp_path, monkeypatch):
    file = tmp_path / "shard"
    file.write_bytes(bytes(1000))
    store = Store(bucket.url)
    monkeypatch.setattr(store._fs, "info", lambda path: {"size": 400})
    with pytest.raises(TransientError, match="400 bytes arrived, 1000 were sent"):
        store.put(file, "data/shard")


def test_other_settings_are_refused_until_overwrite_which_leaves_no_old_shard(
    bucket, raw, plain, plain_reference, digest, monkeypatch
):
    with monkeypatch.context() as patch:  # other units, so other names of shards
        patch.setattr("rsvp_builder.engine.plan.UNIT_ITEMS", 2)
        build("DOTA", raw.root, bucket.url, Settings(tile=0, marks_per_row=5), workers=1)
    stale = set(bucket.digest()) - set(digest(plain_reference))
    assert any(name.startswith("data/") for name in stale)
    with pytest.raises(
        RsvpError, match=rf"^{bucket.url}: already holds a build.*marks_per_row was 5, now 20"
    ):
        build("DOTA", raw.root, bucket.url, plain, workers=1)
    build("DOTA", raw.root, bucket.url, plain, workers=1, overwrite=True)
    assert bucket.digest() == digest(plain_reference)


def test_overwriting_is_never_half_done(bucket, raw, plain, plain_reference, digest, monkeypatch):
    """Killed at any upload or removal of an overwrite, the data set is no complete one, and is mended."""
    build("DOTA", raw.root, bucket.url, Settings(tile=0, marks_per_row=5), workers=1)
    steps = {"put": Store.put, "remove": Store.remove}

    class KilledError(BaseException):
        pass

    for moment in range(1, 6):
        left = [moment]

        def step(self, *args, kind, left=left):
            left[0] -= 1
            if left[0] == 0:
                raise KilledError
            return steps[kind](self, *args)

        with monkeypatch.context() as patch:
            for kind in steps:
                patch.setattr(Store, kind, lambda self, *args, kind=kind: step(self, *args, kind=kind))
            with pytest.raises(KilledError):
                build("DOTA", raw.root, bucket.url, plain, workers=1, overwrite=True)
        if moment > 1:
            assert "sets/DOTA/dataset.json" not in bucket.objects()
    build("DOTA", raw.root, bucket.url, plain, workers=1, overwrite=True)
    assert bucket.digest() == digest(plain_reference)


def test_two_sources_share_a_url_and_a_card(bucket, tmp_path, digest):
    for version in ("1.0", "2.0"):
        release = write_release(tmp_path / version, version=version, train=2, val=1, test=0)
        for out in (bucket.url, tmp_path / "out"):
            build(f"DOTA-v{version}", release.root, out, Settings(tile=0), workers=1)
        shutil.rmtree(folder_of(bucket.url).out)  # the second source is built on another machine
    assert bucket.digest() == digest(tmp_path / "out")
    assert "config_name: DOTA-v1.0" in bucket.read("sets/DOTA/README.md").decode()


# URLs


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ("out/set", Path("out/set")),
        (Path("/data/set"), Path("/data/set")),
        ("file:///data/a%20set", Path("/data/a set")),
        ("s3://bucket/set//", "s3://bucket/set"),
        ("hf://datasets/me/set", "hf://datasets/me/set"),
    ],
)
def test_paths_and_urls_are_told_apart(out, expected):
    assert parse_out(out) == expected


def test_a_mirror_belongs_to_one_url(tmp_path):
    mirrors = {folder_of(url).out for url in ("s3://a/set", "s3://b/set", "gs://a/set")}
    assert len(mirrors) == 3
    assert folder_of(tmp_path).out == tmp_path


def test_a_password_in_a_url_is_refused_and_not_shown():
    with pytest.raises(RsvpError, match="password") as caught:
        Store("sftp://me:secret@host/set")
    assert "secret" not in str(caught.value)


def test_an_unknown_protocol_gets_a_suggestion():
    with pytest.raises(UnknownNameError, match="Did you mean s3"):
        Store("s4://bucket/set")


def test_memory_is_refused_for_workers_would_not_share_it():
    with pytest.raises(RsvpError, match="memory of one process"):
        Store("memory://set")


def test_a_protocol_whose_package_is_missing_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(RsvpError, match="pip install gcsfs"):
        Store("gs://bucket/set")


def test_the_hub_is_reached_through_its_own_file_system():
    """Only that the URL finds its way there; nothing is sent."""
    from huggingface_hub import HfFileSystem

    assert isinstance(Store("hf://datasets/me/set")._fs, HfFileSystem)
