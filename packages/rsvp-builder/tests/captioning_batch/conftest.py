"""A fake server over HTTP, and commands on a store of one's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
APP = HERE.parent / "captioning" / "fake_server" / "app.py"
KEY = "sk-test-0d1e8c5b7a946f32-never-to-be-shown"

sys.path.insert(0, str(HERE))
from batch_doubles import Run, Server  # noqa: E402


@pytest.fixture(autouse=True)
def api_key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return KEY


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, str(APP)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("PORT "), f"the server did not start: {line!r}"
    yield f"http://127.0.0.1:{line.split()[1]}/v1"
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


@pytest.fixture
def server(server_url: str) -> Server:
    server = Server(server_url)
    server.control(reset=True)
    return server


@pytest.fixture
def run(server: Server, tmp_path: Path) -> Run:
    return Run(server, tmp_path)
