"""Fake servers in processes of their own, and the back door of the one that captioning is tested against."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@contextmanager
def served(script: Path, *arguments: str) -> Iterator[str]:
    """Base URL of a server that runs in the block; it prints ``PORT n`` and ends with its standard input."""
    process = subprocess.Popen(
        [sys.executable, str(script), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("PORT "), f"the server did not start: {line!r}"
    yield f"http://127.0.0.1:{line.split()[1]}/v1"
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


@dataclass
class FakeEndpoint:
    """A running fake server and its back door; see ``captioning/fake_server``."""

    base_url: str

    def _call(self, method: str, path: str, sent: Any = None) -> Any:
        data = json.dumps(sent).encode() if sent is not None else None
        root = self.base_url.removesuffix("/v1")
        call = urllib.request.Request(f"{root}{path}", data=data, method=method)
        with urllib.request.urlopen(call, timeout=10) as response:
            body = response.read()
        return json.loads(body) if body else None

    def plan(self, *rules: dict[str, Any]) -> None:
        """Sets which requests fail; see fake_server/faults.py."""
        self._call("PUT", "/_plan", list(rules))

    def settings(self, **settings: Any) -> None:
        """Sets latency, models, api_key, decode, limits."""
        self._call("PUT", "/_settings", settings)

    def log(self) -> list[dict[str, Any]]:
        """Requests for a completion in order of arrival: id, at, done, status, fault."""
        return self._call("GET", "/_log")["requests"]

    def most_in_flight(self) -> int:
        """The most at once."""
        return self._call("GET", "/_log")["most_in_flight"]

    def ids(self) -> list[str]:
        """Their ``X-Client-Request-Id``."""
        return [entry["id"] for entry in self.log()]

    def forget(self) -> None:
        """Forget them."""
        self._call("DELETE", "/_log")
