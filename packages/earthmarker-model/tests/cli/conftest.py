import sys
from dataclasses import dataclass

import pytest


@dataclass
class Done:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command in this process, as the console script does."""
    from transformers.utils import logging

    from earthmarker_cli.app import main

    verbosity = logging.get_verbosity()

    def go(*arguments):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["earthmarker", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Done(code, captured.out, captured.err)

    yield go
    logging.set_verbosity(verbosity)
    logging.enable_progress_bar()


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(
        "log_steps = 1\n[data]\nworkers = 0\n"
        "[optim]\nbatch = 4\ndevice_batch = 4\nsteps = 2\nprecision = 'fp32'\n"
    )
    return path
