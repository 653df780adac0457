"""The command line in this process, a small data set, and files of predictions and references."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from rsvp_builder.build import build
from rsvp_builder.demo import write
from rsvp_builder.settings import Settings
from rsvp_eval.cli.app import main


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a command and gives its exit code and output."""

    def command(*arguments):
        monkeypatch.setattr("sys.argv", ["rsvp-eval", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return Done(code, out, err)

    return command


@pytest.fixture
def jsonl(tmp_path):
    """Writes objects as lines of a file."""

    def lines(name, *objects):
        path = tmp_path / name
        path.write_text("".join(json.dumps(o) + "\n" for o in objects), encoding="utf-8")
        return path

    return lines


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    for source in ("UCMerced", "NWPU-Captions", "DIOR-RSVG", "GeoChat"):
        raw = folder / "raw" / source
        raw.mkdir(parents=True)
        build(source, Path(write(source, raw, seed=0).root), folder / "out", Settings(tile=0), workers=1)
    return folder / "out"
