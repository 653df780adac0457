"""``rsvp-build push``, ``export`` and ``croissant`` as scripts and people meet them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rsvp_builder.dataset.validate import validate


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "rsvp_builder", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | options.pop("env", {}),
    )


def test_push_shows_the_terms_and_sends_nothing_until_they_are_accepted(out, tmp_path):
    there = f"file://{tmp_path}/there"
    refused = run("push", out, there)
    assert refused.returncode == 2
    assert "nothing was sent" in refused.stderr and "--accept-licences" in refused.stderr
    lines = [line.split() for line in refused.stderr.splitlines()]
    assert ["DIOR-RSVG", "allowed"] in [line[:2] for line in lines]
    assert ["DOTA-v1.0", "not", "stated"] in [line[:3] for line in lines]
    assert not (tmp_path / "there").exists()
    done = run("push", out, there, "--accept-licences")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there" / "dataset.json").exists()
    assert "files sent" in done.stdout and str(tmp_path / "there") in done.stdout
    told = json.loads(run("push", out, there, "--accept-licences", "--json").stdout)
    assert (told["sent"], told["removed"], told["url"]) == (0, 0, there)


def test_push_to_the_hub_without_a_token_ends_with_advice(out, tmp_path):
    clean = {"HF_HOME": str(tmp_path / "home"), "HF_TOKEN": "", "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = run("push", out, "hf://datasets/me/marks", "--accept-licences", env=clean)
    assert done.returncode == 2
    assert "not logged in" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", ["webdataset", "coco"])
def test_export_tells_its_files(dataset, tmp_path, form):
    to = tmp_path / form
    chosen = ("--source", "UAVid", "--split", "train", "--task", "referring_classification_point")
    done = run("export", dataset, "--format", form, "--out", to, *chosen, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["format"] == form
    assert told["files"]
    assert all(Path(path).stat().st_size for path in told["files"])
    assert json.loads((to / "index.json").read_text())["licences"].keys() == {"UAVid"}


def test_export_says_what_a_mistake_was(dataset, tmp_path):
    done = run("export", dataset, "--format", "coco", "--out", tmp_path / "coco", "--source", "UAVdi")
    assert done.returncode == 2
    assert "Did you mean UAVid" in done.stderr


def test_croissant_writes_its_file_and_says_where(out):
    done = run("croissant", out)
    assert done.returncode == 0, done.stderr
    assert str(out / "croissant.json") in done.stdout
    assert json.loads((out / "croissant.json").read_text())["@type"] == "sc:Dataset"
    assert validate(out).problems == []


@pytest.mark.parametrize("command", ["push", "export", "croissant"])
def test_help_imports_nothing_heavy(command):
    program = (
        "import sys\nfrom rsvp_builder.cli.app import main\n"
        f"sys.argv = ['rsvp-build', {command!r}, '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'huggingface_hub', 'fsspec', 'datasets', 'polars', 'pyarrow', 'numpy', 'PIL'}\n"
        "assert not heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"rsvp-build {command}" in done.stdout
