"""``rsvp-build caption`` as its users meet it, against a server over HTTP, to the data set that loads."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from rsvp_builder.captioning.store import Store
from rsvp_builder.dataset.layout import Folder

KEY = "sk-flow-0b7e55c1d9a24f83-never-to-be-shown"
MODEL = ("--model", "gpt-4o", "--workers", 1)
LOAD = """
import json, sys
from datasets import load_dataset
out, cache = sys.argv[1:]
data = load_dataset(out, cache_dir=cache)
rows = [row for split in data.values() for row in split if "/" in row["provenance"]]
print(json.dumps({
    "rows": {name: split.num_rows for name, split in data.items()},
    "captioned": [
        [row["task"], row["provenance"], list(row["image"].size), [row["width"], row["height"]]]
        for row in rows
    ],
}))
"""


def files_with(folder: Path, needle: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and needle.encode() in path.read_bytes()]


def test_from_two_builds_to_a_data_set_that_loads_with_its_captions(out, endpoint, rsvp, tmp_path):
    send = (*MODEL, "--base-url", endpoint.base_url)
    tasks = [word for task in ("relationship_analysis", "grounded_caption") for word in ("--task", task)]
    told = []

    def run(*arguments, code=0):
        done = rsvp(*arguments)
        told.append(done.stdout + done.stderr)
        assert done.returncode == code, done.stderr
        return done.stdout

    estimate = json.loads(run("caption", out, *MODEL, "--dry-run", "--json"))
    assert (estimate["requests"], estimate["answered"]) == (24, 0)
    assert endpoint.ids() == []

    # A fault or two on the way.
    endpoint.plan(
        {"match": {"nth": 2}, "fault": "429", "retry_after_ms": 20},
        {"match": {"nth": 7}, "fault": "malformed"},
    )
    ended = json.loads(run("caption", out, *send, "--max-usd", 1, *tasks, "--json"))
    assert (ended["reason"], ended["done"], ended["asked_again"], ended["exit_code"]) == (
        "complete",
        24,
        1,
        0,
    )
    assert ended["usd"] < estimate["worst_usd"] * 1.2
    sent = len(endpoint.ids())
    assert sent == 24 + 2

    # Again: nothing is sent, nothing is paid.
    again = json.loads(run("caption", out, *send, "--max-usd", 1, *tasks, "--json"))
    assert (again["done"], again["usd"]) == (0, ended["usd"])
    assert len(endpoint.ids()) == sent

    # The third task in batches.
    endpoint.plan()
    submitted = json.loads(
        run("caption", "submit", out, *send, "--max-usd", 1, "--task", "detailed_caption", "--json")
    )
    assert (submitted["requests"], len(submitted["created"])) == (15, 1)
    [looked] = json.loads(run("caption", "poll", out, "--base-url", endpoint.base_url, "--wait", "--json"))
    assert (looked["status"], looked["requests"]) == ("completed", 15)
    fetched = json.loads(run("caption", "fetch", out, "--base-url", endpoint.base_url, "--json"))
    assert fetched["counts"]["done"] == 15
    assert fetched["usd"] < estimate["batch_usd"]

    run("caption", "status", out)
    status = json.loads(run("caption", "status", out, "--json"))
    assert status["requests"]["done"] == 39
    run("caption", "merge", out)
    assert "valid, 94 rows" in run("validate", out)
    assert "captioned" in run("status", out)
    rows = json.loads(run("stats", out, "--json"))["rows"]
    assert sum(row["rows"] for row in rows if row["task"] == "detailed_caption") == 15
    run("preview", out)
    page = json.loads(run("caption", "review", out, "--json"))
    assert page["shown"] == 39

    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(out), str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    held: Counter[str] = Counter()
    for path in out.glob("data/*/*.parquet"):
        held[path.name.partition("-")[0]] += pq.read_metadata(path).num_rows
    assert loaded["rows"] == dict(held)
    assert len(loaded["captioned"]) == 39
    for task, provenance, size, expected in loaded["captioned"]:
        assert provenance == f"gpt-4o-fake {task}/1"
        assert size == expected

    # The key is nowhere: not in the data set, the store, the drafts, the page, nor in anything printed.
    assert files_with(out, KEY) == []
    assert files_with(out, KEY[3:20]) == []
    assert not any(KEY[3:20] in text for text in told)
    assert files_with(out, "gpt-4o-fake")  # the search finds what is there


def test_the_key_file_serves_as_well_and_a_wrong_key_is_told_without_it(out, endpoint, rsvp, tmp_path):
    key = tmp_path / "key"
    key.write_text(f"{KEY}\n")
    key.chmod(0o600)
    send = (*MODEL, "--base-url", endpoint.base_url, "--max-usd", 1, "--limit", 2)
    done = rsvp("caption", out, *send, "--key-file", key, key=None)
    assert done.returncode == 0, done.stderr
    assert "2 answers taken" in done.stdout
    wrong = "sk-wrong-77777777-88888888"
    refused = rsvp("caption", out, *send, "--seed", 5, key=wrong)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert wrong not in refused.stdout + refused.stderr
    assert files_with(out, wrong) == []


def test_the_budget_ends_a_run_with_its_own_code_and_more_money_goes_on(out, endpoint, rsvp):
    send = ("caption", out, *MODEL, "--base-url", endpoint.base_url)
    done = rsvp(*send, "--max-usd", 0.05, "--json")
    ended = json.loads(done.stdout)
    assert (done.returncode, ended["reason"]) == (6, "budget")
    assert 0 < ended["done"] < 24
    assert ended["usd"] + ended["reserved_usd"] <= 0.05
    more = json.loads(rsvp(*send, "--max-usd", 1, "--json").stdout)
    assert ended["done"] + more["done"] == 24
    ids = endpoint.ids()
    assert len(ids) == len(set(ids)) == 24


def test_without_a_bound_nothing_that_costs_money_is_sent(out, endpoint, rsvp):
    done = rsvp("caption", out, *MODEL, "--base-url", endpoint.base_url)
    assert done.returncode == 2
    assert "--max-usd" in done.stderr
    free = rsvp(
        "caption", out, "--model", "my-own", "--input-usd", 0, "--output-usd", 0, "--workers", 1,
        "--limit", 1, "--base-url", endpoint.base_url,
    )  # fmt: skip
    assert free.returncode == 0, free.stderr
    assert len(endpoint.ids()) == 1


def test_rows_that_cannot_be_asked_make_a_code_of_their_own(out, endpoint, rsvp):
    endpoint.plan({"match": {"nth": 2}, "fault": "400"})
    done = rsvp(
        "caption", out, *MODEL, "--base-url", endpoint.base_url, "--max-usd", 1, "--limit", 3, "--json"
    )
    ended = json.loads(done.stdout)
    assert (done.returncode, ended["done"], ended["failed"]) == (3, 2, 1)
    endpoint.plan()
    assert json.loads(rsvp("caption", "retry", out, "--json").stdout) == {"failed": 1, "rejected": 0}
    again = rsvp(
        "caption", out, *MODEL, "--base-url", endpoint.base_url, "--max-usd", 1, "--limit", 3, "--json"
    )
    assert (again.returncode, json.loads(again.stdout)["done"]) == (0, 1)


def test_what_a_killed_run_had_sent_is_sent_again_only_on_request(out, endpoint, rsvp):
    endpoint.settings(latency=20.0)
    arguments = (
        "caption",
        out,
        *MODEL,
        "--base-url",
        endpoint.base_url,
        "--max-usd",
        1,
        "--limit",
        4,
        "--json",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "rsvp_builder", *map(str, arguments)],
        env={**os.environ, "OPENAI_API_KEY": KEY, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while len(endpoint.ids()) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert len(endpoint.ids()) == 4
    endpoint.settings(latency=0.0)
    done = rsvp(*arguments)
    assert json.loads(done.stdout)["done"] == 0
    assert "4 requests were sent by a run that was killed" in done.stderr
    assert len(endpoint.ids()) == 4
    done = rsvp(*arguments, "--resend-lost")
    assert json.loads(done.stdout)["done"] == 4
    with Store(Folder(out).store, read_only=True) as store:
        assert store.counts()["done"] == 4
        assert store.lost() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "gpt-4oo"], "Did you mean gpt-4o"),
        (["--model", "gpt-4o", "--task", "detailed"], "Did you mean detailed_caption"),
        (["--model", "gpt-4o", "--source", "DIOR"], "Did you mean DIOR-RSVG"),
        (["--model", "gpt-4o", "--temperature", "warm"], "--temperature: read 'warm'"),
        (["--model", "gpt-4o", "--extra", "effort"], "NAME=JSON"),
        (["--model", "gpt-4o", "--input-usd", "1"], "--output-usd"),
        (["--model", "gpt-4o", "--split", "test", "--source", "NWPU-VHR-10"], "no row waits"),
    ],
)
def test_mistakes_are_told_with_the_way_out(built, rsvp, arguments, message):
    done = rsvp("caption", built, *arguments, "--dry-run", "--workers", 1)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_that_need_answers_say_how_to_get_them(built, rsvp):
    for command in ("merge", "status", "review", "retry", "fetch"):
        done = rsvp("caption", command, built)
        assert done.returncode == 2, command
        assert "rsvp-build caption" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_folder_without_a_data_set_is_told(tmp_path, rsvp):
    done = rsvp("caption", tmp_path, *MODEL, "--dry-run")
    assert done.returncode == 2
    assert "not a finished data set" in done.stderr


PRELUDE = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Without())
{more}
from rsvp_builder.cli.app import main
sys.argv = ["rsvp-build", *sys.argv[1:]]
main()
"""


def python(code: str, *arguments) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def test_without_the_extra_everything_but_sending_works(answered, tmp_path):
    code = PRELUDE.format(blocked={"openai", "httpx", "httpx2", "aiohttp"}, more="")
    done = python(code, "caption", answered, *MODEL, "--max-usd", 1)
    assert done.returncode == 2
    assert "pip install 'rsvp-builder[caption]'" in done.stderr
    assert "Traceback" not in done.stderr
    more = """
from rsvp_builder.cli.app import app
for words in ({words}):
    app(list(map(str, words)), standalone_mode=False)
sys.exit()
"""
    commands = [
        ("caption", answered, *MODEL, "--dry-run"),
        ("caption", "status", answered),
        ("caption", "review", answered, "--out", tmp_path / "page.html"),
        ("caption", "merge", answered),
    ]
    words = [tuple(map(str, command)) for command in commands]
    done = python(
        PRELUDE.format(blocked={"openai", "httpx", "httpx2", "aiohttp"}, more=more.format(words=words))
    )
    assert done.returncode == 0, done.stderr
    assert "39 captioned rows" in done.stdout


def test_telling_the_cost_needs_neither_network_nor_key(out):
    shut = (
        "import socket\n"
        "def closed(*_): raise AssertionError('a connection was made')\n"
        "socket.socket.connect = socket.getaddrinfo = closed"
    )
    done = python(PRELUDE.format(blocked=set(), more=shut), "caption", out, *MODEL, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["requests"] == 24


def test_help_names_every_command_and_loads_nothing_heavy(rsvp):
    done = rsvp("caption", "--help")
    assert done.returncode == 0
    for command in ("run", "submit", "poll", "fetch", "cancel", "status", "merge", "review", "retry"):
        assert re.search(rf"\b{command}\b", done.stdout), command
    assert "Exit codes" in done.stdout
    code = "import sys; from rsvp_builder.cli import app; print(*sorted(sys.modules))"
    loaded = python(code).stdout.split()
    assert not {"openai", "pyarrow", "PIL", "polars", "jinja2", "rsvp_builder.captioning.store"} & set(loaded)


def test_verdicts_go_the_whole_way(answered, rsvp, tmp_path):
    page = json.loads(rsvp("caption", "review", answered, "--out", tmp_path / "p.html", "--json").stdout)
    with Store(Folder(answered).store, read_only=True) as store:
        results = list(store.results("done"))
    entries = [
        {"key": result.key, "row_id": result.row_id, "verdict": "reject", "note": ""}
        for result in results[:5]
    ]
    path = tmp_path / "verdicts.json"
    path.write_text(json.dumps({"format": 1, "page": page["page"], "data_set": "x", "verdicts": entries}))
    done = rsvp("caption", "review", answered, "--verdicts", path)
    assert done.returncode == 0, done.stderr
    assert "5 rejected" in done.stdout
    merged = json.loads(rsvp("caption", "merge", answered, "--json").stdout)
    tasks = [of for account in merged["sources"].values() for of in account["tasks"].values()]
    assert sum(of["captioned"] for of in tasks) == 34
    assert sum(of["rejected_in_review"] for of in tasks) == 5
    assert rsvp("validate", answered).returncode == 0
    again = json.loads(rsvp("caption", "retry", answered, "--reviewed", "--json").stdout)
    assert again == {"failed": 0, "rejected": 5}
    shutil.rmtree(answered)
