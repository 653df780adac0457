"""A fake server over HTTP, and commands on a store of one's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_endpoint import served

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
    with served(APP) as base_url:
        yield base_url


@pytest.fixture
def server(server_url: str) -> Server:
    server = Server(server_url)
    server.control(reset=True)
    return server


@pytest.fixture
def run(server: Server, tmp_path: Path) -> Run:
    return Run(server, tmp_path)
