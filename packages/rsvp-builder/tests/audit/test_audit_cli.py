"""``audit`` as its users and their scripts meet it."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from rsvp_builder.audit import load_exclusions
from rsvp_builder.cli.auditing import audit
from rsvp_builder.errors import RsvpError


@pytest.fixture(scope="module")
def run():
    app = typer.Typer()
    app.command("audit")(audit)
    return lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture(scope="module")
def outs(tmp_path_factory, scenes, encode, make_row, write_data_set):
    root = tmp_path_factory.mktemp("cli")
    ours = [make_row("Ours/train", f"train/{name}", encode(image)) for name, image in scenes.items()]
    theirs = [
        make_row("Theirs[x]/test", "test/p", encode(scenes["port"], "JPEG")),
        make_row("Theirs[x]/test", "test/q", b"broken"),
    ]
    manifests = {"Ours": {"built_on": ["DOTA"]}, "Theirs[x]": {"built_on": ["DOTA"]}}
    return [write_data_set(root / n, rows, manifests=manifests) for n, rows in (("a", ours), ("b", theirs))]


def test_people_get_counts_and_where_the_files_are(run, outs):
    done = run("--workers", 1, *outs)
    assert done.exit_code == 0, done.output
    words = [line.split() for line in done.stdout.splitlines()]
    assert ["near", "Ours/train", "Theirs[x]/test", "1", "1", "1"] in words
    assert "Ours and Theirs[x] both have images of DOTA" in done.stdout
    assert str(outs[0] / "audit.html") in done.stdout and str(outs[0] / "leaks.parquet") in done.stdout
    assert "test/q: cannot be decoded" in done.stderr
    assert (outs[0] / "audit.html").is_file()
    assert load_exclusions(outs[0] / "leaks.parquet", ["Theirs[x]/test"]) == {("Ours", "train/port")}


def test_scripts_get_json(run, outs, tmp_path):
    done = run(
        *outs, "--json", "--workers", 1, "--html", tmp_path / "h.html", "--leaks", tmp_path / "l.parquet"
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["pairs"] == 1 and told["pictures"] == 10
    assert told["counts"] == [
        {
            "kind": "near",
            "one": "Ours/train",
            "other": "Theirs[x]/test",
            "pairs": 1,
            "images_one": 1,
            "images_other": 1,
        }
    ]
    assert told["shared_provenance"] == [{"one": "Ours", "other": "Theirs[x]", "through": ["DOTA"]}]
    assert [entry["image_id"] for entry in told["unreadable"]] == ["test/q"]
    assert (tmp_path / "h.html").is_file() and (tmp_path / "l.parquet").is_file()


def test_a_clean_data_set_is_said_to_be_clean(run, outs, tmp_path):
    done = run(outs[0], "--html", tmp_path / "h.html", "--leaks", tmp_path / "l.parquet", "--no-crops")
    assert done.exit_code == 0
    assert "no leaks among 8 pictures" in done.stdout


def test_what_is_no_data_set_is_one_message(run, tmp_path):
    done = run(tmp_path)
    assert isinstance(done.exception, RsvpError)
    assert "not a finished data set" in str(done.exception)
    assert list(tmp_path.iterdir()) == []
