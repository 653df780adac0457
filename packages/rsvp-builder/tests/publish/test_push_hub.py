"""Pushing to a hub over real HTTP: what arrives, in which order, and what happens when something fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from rsvp_builder.dataset.layout import Folder
from rsvp_builder.dataset.lock import locked
from rsvp_builder.errors import RsvpError
from rsvp_builder.publish.push import push

TARGET = "hf://datasets/me/marks"
# The client's own way of sending a file.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """Waits between tries are short; the client's own stay as they are."""
    monkeypatch.setattr("rsvp_builder.publish.hub.WAIT_SECONDS", 0.01)


@pytest.fixture
def small_commits(monkeypatch):
    monkeypatch.setattr("rsvp_builder.publish.hub.COMMIT_FILES", 6)
    monkeypatch.setattr("rsvp_builder.publish.hub.UPLOAD_FILES", 2)


def send(out, **options):
    return push(out, options.pop("to", TARGET), accept_licences=True, **options)


def expected(out):
    """The data set's files by a walk of the folder, leaving out what must not be sent."""
    wanted = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        hidden = any(part.startswith(".") for part in name.split("/"))
        if path.is_file() and not hidden and path.name not in ("notes.txt", "gallery.html"):
            wanted[name] = path.read_bytes()
    return wanted


def test_everything_of_the_data_set_arrives_and_nothing_else(out, hub):
    done = send(out)
    files = hub.files()
    assert files == expected(out)
    assert {name.split("/")[0] for name in files} == {
        *("README.md", "croissant.json", "dataset.json", "data", "planned", "ledger", "settings")
    }
    assert (done.files, done.sent, done.removed) == (len(files), len(files), 0)
    assert done.sent_bytes == sum(map(len, files.values()))
    assert done.url == f"{hub.url}/datasets/me/marks"
    assert json.loads(files["croissant.json"])["url"] == done.url


def test_a_new_repository_is_private_unless_asked_otherwise(out, hub):
    send(out)
    assert hub.ask("/_repo/me/marks")["private"] is True
    send(out, to="hf://me/open", public=True)
    assert hub.ask("/_repo/me/open")["private"] is False


@pytest.mark.parametrize(("private", "public"), [(True, True), (False, False)])
def test_a_repository_of_the_other_visibility_is_refused_before_anything_is_sent(out, hub, private, public):
    hub.ask("/_put/me/marks", {"private": private, "files": {"README.md": "mine"}})
    with pytest.raises(RsvpError, match=f"is a {'private' if private else 'public'} repository"):
        send(out, public=public)
    assert hub.files() == {"README.md": b"mine"}


def test_the_mark_of_completeness_comes_with_the_last_commit(out, hub, small_commits):
    send(out)
    commits = hub.commits()
    assert len(commits) > 3
    for number, commit in enumerate(commits, start=1):
        assert (["file", "dataset.json"] in commit) == (number == len(commits))
        assert (["file", "README.md"] in commit) == (number == len(commits))


def test_a_second_push_sends_nothing(out, hub):
    send(out)
    before = hub.log("PUT"), hub.commits()
    done = send(out)
    assert (done.sent, done.sent_bytes, done.removed) == (0, 0, 0)
    assert (hub.log("PUT"), hub.commits()) == before


def test_a_new_version_unmarks_the_old_one_first_and_takes_its_shards_away(out, hub, small_commits):
    send(out)
    first = hub.files()
    done_before = len(hub.commits())
    # Fewer shards, as if the unit had become larger: the old names would be loaded beside the new ones.
    shard = sorted((out / "data" / "UAVid").glob("train-*.parquet"))[0]
    extra = shard.with_name("train-00000-of-00009.parquet")
    hub.ask("/_put/me/marks", {"files": {f"data/UAVid/{extra.name}": "old", "data/mine.txt": "kept"}})
    (out / "plots").mkdir()
    (out / "plots" / "rows.svg").write_text("<svg/>")
    (out / "README.md").write_text((out / "README.md").read_text() + "\nchanged\n")
    summary = out / "ledger" / "UAVid" / "summary.json"
    summary.write_text(summary.read_text().rstrip() + " \n")
    done = send(out)
    files = hub.files()
    assert files == {**expected(out), "data/mine.txt": b"kept"}
    assert done.removed == 1 and f"data/UAVid/{extra.name}" not in files
    new = hub.commits()[done_before:]
    assert ["deletedFile", "dataset.json"] in new[0]
    assert ["file", "dataset.json"] in new[-1]
    assert files["dataset.json"] == first["dataset.json"]


def test_a_repository_with_something_else_in_it_is_left_alone(out, hub):
    hub.ask("/_put/me/marks", {"files": {"data/train.csv": "a,b", "README.md": "theirs"}})
    with pytest.raises(RsvpError, match=r"holds something else already \(data/train.csv"):
        send(out)
    assert hub.files() == {"data/train.csv": b"a,b", "README.md": b"theirs"}


def test_a_branch_is_made_and_main_stays_as_it_was(out, hub):
    hub.ask("/_put/me/marks", {"files": {"README.md": "main"}})
    send(out, to=TARGET + "@next")
    assert hub.files(branch="next") == expected(out)
    assert hub.files() == {"README.md": b"main"}
    assert send(out, to=TARGET + "@next").sent == 0


@pytest.mark.parametrize(
    ("match", "do"),
    [
        ("PUT /lfs", 500),
        ("PUT /lfs", "drop"),
        ("PUT /lfs", "lose"),
        ("POST /datasets/me/marks.git", 503),
        ("POST /api/datasets/me/marks/commit", 500),
        ("POST /api/datasets/me/marks/commit", "drop"),
        ("POST /api/datasets/me/marks/commit", "lose"),
        ("POST /api/datasets/me/marks/preupload", 429),
        ("GET /api/datasets/me/marks/tree", 502),
        ("POST /api/repos/create", "lose"),
    ],
)
def test_a_failure_that_passes_is_got_over(out, hub, match, do):
    hub.fail(match, do)
    send(out)
    assert hub.files() == expected(out)
    puts = hub.log("PUT")
    # Only the upload that failed is sent twice; one whose answer alone was lost arrived.
    assert len(puts) <= len(set(puts)) + 1


def test_a_failure_that_stays_is_told_and_the_next_push_goes_on(out, hub, small_commits, monkeypatch):
    monkeypatch.setattr("rsvp_builder.publish.hub.TRIES", 2)
    hub.fail("POST /api/datasets/me/marks/commit", 500, times=1000, after=2)
    with pytest.raises(RsvpError, match=r"kept failing.*the same command goes on"):
        send(out)
    half = hub.files()
    assert 0 < len(half) < len(expected(out))
    assert "dataset.json" not in half
    uploaded = set(hub.log("PUT"))
    hub.ask("/_fail", [])
    done = send(out)
    assert hub.files() == expected(out)
    assert done.sent == len(expected(out)) - len(half)
    puts = hub.log("PUT")
    assert uploaded and len(puts) == len(set(puts)), "nothing that had arrived was sent again"


def test_a_token_that_is_wrong_is_told_at_once_and_never_printed(out, hub, monkeypatch, capfd):
    monkeypatch.setenv("HF_TOKEN", "hf_bad_token")
    with pytest.raises(RsvpError, match=r"token is not valid.*HTTP 401") as error:
        send(out)
    assert len(hub.log()) == 1
    assert "hf_bad_token" not in str(error.value) + "".join(capfd.readouterr())


def test_a_missing_right_is_told(out, hub):
    with pytest.raises(RsvpError, match=r"may not write to forbidden/marks.*HTTP 403"):
        send(out, to="hf://datasets/forbidden/marks")


def test_without_a_token_nothing_is_asked(out, hub, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(RsvpError, match=r"not logged in to the hub.*HF_TOKEN"):
        send(out)
    assert hub.log() == []


def test_offline_mode_is_named(out, hub, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(RsvpError, match="HF_HUB_OFFLINE is set"):
        send(out)


def test_signed_addresses_are_not_printed(out, hub, monkeypatch, capfd, caplog):
    monkeypatch.setattr("rsvp_builder.publish.hub.TRIES", 1)
    hub.fail("PUT /lfs", 400, times=1000)
    with pytest.raises(RsvpError) as error:
        send(out)
    assert hub.log("PUT")
    assert "do-not-print-me" not in str(error.value) + "".join(capfd.readouterr()) + caplog.text


def run(out, hub, home, *options, **more):
    arguments = [sys.executable, "-m", "rsvp_builder", "push", str(out), TARGET, *options]
    return subprocess.Popen(
        arguments,
        env=os.environ | hub.environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def test_a_killed_push_goes_on_with_what_is_missing(out, hub_process, tmp_path):
    hub = hub_process
    hub.fail("PUT /lfs", "hang", times=1000, after=4)
    with run(out, hub, tmp_path / "home", "--accept-licences") as process:
        deadline = time.monotonic() + 60
        while len(hub.log("PUT")) < 5 and time.monotonic() < deadline:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    arrived = hub.log("PUT")[:4]
    assert len(arrived) == 4
    hub.ask("/_fail", [])
    with run(out, hub, tmp_path / "home", "--accept-licences", "--json") as process:
        told, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert json.loads(told)["url"].endswith("/datasets/me/marks")
    assert hub.files() == expected(out)
    puts = hub.log("PUT")
    assert all(puts.count(line) == 1 for line in arrived)


READ = """
import json, sys
from datasets import load_dataset
data = load_dataset("me/marks", streaming=True)
ids = {split: [row["id"] for row in rows] for split, rows in data.items()}
row = next(iter(load_dataset("me/marks", "UAVid", split="val", streaming=True)))
from huggingface_hub import HfFileSystem
listed = HfFileSystem().glob("datasets/me/marks/data/UAVid/*.parquet")
size = [row["width"], row["height"]]
print(json.dumps({"ids": ids, "size": row["image"].size, "row": size, "listed": listed}))
"""


def test_what_was_pushed_streams_from_the_hub(out, rows, hub, tmp_path):
    send(out)
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env=os.environ | hub.environment(tmp_path / "other"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert sorted(i for ids in read["ids"].values() for i in ids) == sorted(row["id"] for row in rows)
    assert read["size"] == read["row"]
    assert len(read["listed"]) == len(list(out.glob("data/UAVid/*.parquet"))) > 0


def test_a_folder_that_a_build_writes_into_is_not_pushed(out, hub, tmp_path):
    # The lock is the process's own, so another one has to try.
    with locked(Folder(out)), run(out, hub, tmp_path / "home", "--accept-licences") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "another build is writing here" in errors
    assert hub.log() == []
