"""The long way is there and works: both of its halves, for some seconds."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

RUN = Path(__file__).parents[4] / "fuzz" / "run.py"


@pytest.mark.slow
def test_the_fuzzer_runs_and_finds_nothing_in_some_seconds():
    if not RUN.is_file():
        pytest.skip("the package lies outside of its repository")
    arguments = [sys.executable, str(RUN), "--seconds", "20", "--source", "UCAS-AOD", "--target", "xml"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "damaged releases" in done.stdout
    assert "0 defects" in done.stdout
    assert ("xml: " in done.stdout) == (find_spec("atheris") is not None)
