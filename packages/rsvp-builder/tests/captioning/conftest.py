"""The fake server as a fixture, and small bodies to send it."""

from __future__ import annotations

import asyncio
import base64
import io
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fake_endpoint import FakeEndpoint, served

HERE = Path(__file__).parent
APP = HERE / "fake_server" / "app.py"
sys.path.insert(0, str(HERE))

from online_kit import PRICE, WORST, Facts, Source, entry, judge, settings  # noqa: E402

from rsvp_builder.captioning.online import Ended, run_online  # noqa: E402
from rsvp_builder.captioning.store import Store  # noqa: E402

KEY = "sk-test-4f9a7c1e2b8d6053-never-to-be-shown"


@pytest.fixture(scope="session")
def server_process() -> Iterator[str]:
    """Base URL of the server that this worker's tests share, one after the other."""
    with served(APP) as base_url:
        yield base_url


@pytest.fixture
def server(server_process: str) -> FakeEndpoint:
    """The fake server without latency, plan, limits or log."""
    server = FakeEndpoint(server_process)
    until = time.monotonic() + 5
    # A request that an earlier test walked away from may still be under way.
    while any(entry["done"] is None for entry in server.log()) and time.monotonic() < until:
        time.sleep(0.02)
    server.plan()
    server.settings(latency=0.0, models=[], api_key=None, decode=True, limits={})
    server.forget()
    return server


@pytest.fixture(autouse=True)
def api_key(monkeypatch: pytest.MonkeyPatch) -> str:
    """A key in the environment, as a user has it."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return KEY


@pytest.fixture(scope="session")
def picture_url() -> str:
    """A small JPEG as a data URL."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (90, 120, 60)).save(buffer, "JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


@pytest.fixture(scope="session")
def make_body(picture_url: str) -> Callable[..., dict[str, Any]]:
    """Bodies as captioning sends them: a picture, a text that names regions, a strict schema."""

    def body(text: str = "Known: Region 1 is a ship. Region 2 is a harbor.", **more: Any) -> dict[str, Any]:
        schema = {
            "type": "object",
            "properties": {
                "regions": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"region": {"type": "integer"}, "text": {"type": "string"}},
                        "required": ["region", "text"],
                        "additionalProperties": False,
                    },
                }
            },
            "required": ["regions"],
            "additionalProperties": False,
        }
        return {
            "model": "gpt-4o",
            "messages": [
                {"role": "system", "content": "You describe aerial images."},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": text},
                        {"type": "image_url", "image_url": {"url": picture_url, "detail": "high"}},
                    ],
                },
            ],
            "max_tokens": 64,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": schema},
            },
        } | more

    return body


@pytest.fixture
def source(make_body: Any) -> Source:
    return Source(make_body)


@pytest.fixture
def run(server: Any, source: Source, tmp_path: Path) -> Any:
    """Runs what is planned in the test's own store; ``requests`` are added first."""

    def go(
        requests: int = 0,
        *,
        judge: Any = judge,
        source: Source = source,
        on_progress: Any = None,
        worst_usd: float = WORST,
        **more: Any,
    ) -> tuple[Ended, Any]:
        with Store(tmp_path / "store.sqlite") as store:
            store.add(entry(number, worst_usd) for number in range(requests))
            how = settings(more.pop("base_url", server.base_url), **more)
            ended = asyncio.run(run_online(source, store, how, judge, PRICE, on_progress))
            return ended, Facts(store)

    return go
