"""Pushing into folders behind fsspec URLs: an S3 server over HTTP, and what a list of sums is for."""

from __future__ import annotations

import hashlib
import subprocess

import boto3
import fsspec
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from rsvp_builder.errors import RsvpError
from rsvp_builder.publish import copying
from rsvp_builder.publish.push import push

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


@pytest.fixture
def bucket(monkeypatch):
    """An S3 bucket on loopback, and this process's way to it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "do-not-print-me",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
        "FSSPEC_S3_ENDPOINT_URL": url,
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()  # of the server of another test
    client = boto3.client("s3", endpoint_url=url)
    client.create_bucket(Bucket="marks")
    yield client
    client.close()
    server.stop()


def held(bucket):
    listed = bucket.get_paginator("list_objects_v2").paginate(Bucket="marks")
    keys = [entry["Key"] for page in listed for entry in page.get("Contents", ())]
    return {key: bucket.get_object(Bucket="marks", Key=key)["Body"].read() for key in keys}


def test_an_object_store_gets_the_data_set_and_its_sums(out, bucket):
    done = push(out, "s3://marks/v1", accept_licences=True)
    there = held(bucket)
    sums = there.pop("v1/SHA256SUMS").decode().splitlines()
    assert len(there) == done.files == done.sent > 10
    for key, content in there.items():
        assert content == (out / key.removeprefix("v1/")).read_bytes()
        assert f"{hashlib.sha256(content).hexdigest()}  {key.removeprefix('v1/')}" in sums
    assert len(sums) == len(there)
    again = push(out, "s3://marks/v1", accept_licences=True)
    assert (again.sent, again.removed) == (0, 0)


def test_an_object_that_is_not_whole_is_sent_again(out, bucket):
    push(out, "s3://marks/v1", accept_licences=True)
    bucket.put_object(Bucket="marks", Key="v1/README.md", Body=b"cut short")
    done = push(out, "s3://marks/v1", accept_licences=True)
    assert done.sent == 2  # and the mark of completeness
    assert held(bucket)["v1/README.md"] == (out / "README.md").read_bytes()


def test_a_bucket_that_is_not_there_is_told_without_keys_and_not_made(out, bucket):
    # Servers of one process share their buckets, so others' may be there too.
    before = [made["Name"] for made in bucket.list_buckets()["Buckets"]]
    assert "marks" in before and "nowhere" not in before
    with pytest.raises(RsvpError, match="s3://nowhere/v1: cannot be written") as error:
        push(out, "s3://nowhere/v1", accept_licences=True)
    assert "do-not-print-me" not in str(error.value)
    assert [made["Name"] for made in bucket.list_buckets()["Buckets"]] == before


def test_sums_are_those_of_sha256sum(out, tmp_path):
    push(out, f"file://{tmp_path}/there", accept_licences=True)
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "there", check=True)


def test_a_copy_that_broke_off_is_not_taken_for_whole_and_goes_on(out, tmp_path, monkeypatch):
    there = tmp_path / "there"
    push(out, f"file://{there}", accept_licences=True)
    # A new version, so that every hash of one source differs; the copy breaks off after two files.
    for path in out.glob("ledger/*/summary.json"):
        path.write_text(path.read_text().rstrip() + " \n")
    sent = []
    real = copying._Copy.send

    def send(self, file, told):
        if len(sent) == 2:
            raise OSError("the cable")
        sent.append(file.path)
        real(self, file, told)

    with monkeypatch.context() as patch:
        patch.setattr(copying._Copy, "send", send)
        with pytest.raises(RsvpError, match=r"the cable; what arrived stays, and the same command goes on"):
            push(out, f"file://{there}", accept_licences=True)
    assert not (there / "dataset.json").exists()
    changed = len(list(out.glob("ledger/*/summary.json")))
    done = push(out, f"file://{there}", accept_licences=True)
    # Of the new version two had arrived; croissant.json did not change, the mark had been taken away.
    assert done.sent == changed - 2 + 1
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=there, check=True)


def test_shards_of_an_earlier_version_are_taken_away_and_strangers_stay(out, tmp_path):
    there = tmp_path / "there"
    push(out, f"file://{there}", accept_licences=True)
    old = there / "data" / "UAVid" / "train-00000-of-00099.parquet"
    stranger = there / "data" / "notes.txt"
    old.write_bytes(b"old")
    stranger.write_text("mine")
    assert push(out, f"file://{there}", accept_licences=True).removed == 1
    assert not old.exists() and stranger.read_text() == "mine"
    assert (there / "dataset.json").exists()


@pytest.mark.parametrize("url", ["nosuch://x/y", "gs://bucket/x"])
def test_a_protocol_without_its_library_says_what_to_install(out, url, monkeypatch):
    def missing(*arguments, **options):
        raise ImportError("Please install gcsfs to access Google Storage")

    if url.startswith("gs"):
        monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(RsvpError, match=r"pip install gcsfs|not known"):
        push(out, url, accept_licences=True)
