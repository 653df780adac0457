"""Runs the example scripts, all in this process: an import of torch takes seconds."""

import runpy
import sys
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).parents[2] / "examples"
torch.set_num_threads(1)


@pytest.fixture
def example(monkeypatch, capfd):
    """A function that runs an example with arguments and gives what it printed."""

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        capfd.readouterr()
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capfd.readouterr().out

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return run


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """The data set of ``demo_data.py``."""
    out = tmp_path_factory.mktemp("examples") / "demo"
    runpy.run_path(str(EXAMPLES / "demo_data.py"))["main"](out)
    return out
