"""A built data set with rows that wait, a captioner that answers them, a fake server, and a browser."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
import os
import select
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rsvp_builder.build import build
from rsvp_builder.captioning.draft import Asking
from rsvp_builder.captioning.planning import Planning, drafts, entry_of
from rsvp_builder.captioning.prices import cost, price_of
from rsvp_builder.captioning.request import ModelSettings
from rsvp_builder.captioning.select import Selection, waiting
from rsvp_builder.captioning.store import Store
from rsvp_builder.captioning.work import Bodies, Judge
from rsvp_builder.captioning.workers import drawing_pool
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.demo import write
from rsvp_builder.settings import Settings

HERE = Path(__file__).parent
SOURCES = ("NWPU-VHR-10", "DIOR-RSVG")
SETTINGS = Settings(marks_per_row=4)
ALL = ("relationship_analysis", "grounded_caption", "detailed_caption")
KEY = "sk-flow-0b7e55c1d9a24f83-never-to-be-shown"


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"captioning_flow_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


honest = _load("honest_answers")


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of whoever runs the tests is out of reach."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Miniature releases of both sources; do not write into them."""
    folder = tmp_path_factory.mktemp("flow-raw")
    for source in SOURCES:
        (folder / source).mkdir()
        write(source, folder / source, seed=0)
    return folder


@pytest.fixture(scope="session")
def rebuild(raw: Path) -> Callable[..., Any]:
    """Builds a source into a data set."""

    def run(out: Path, source: str, settings: Settings = SETTINGS, **options: Any) -> Any:
        return build(source, raw / source, out, settings, workers=1, **options)

    return run


@pytest.fixture(scope="session")
def built(rebuild: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both sources in one data set; do not write into it."""
    out = tmp_path_factory.mktemp("flow-built") / "out"
    for source in SOURCES:
        rebuild(out, source)
    return out


@pytest.fixture
def out(built: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(built, tmp_path / "out")


@pytest.fixture(scope="session")
def pool() -> Iterator[Executor]:
    """One thread that draws."""
    with drawing_pool(1) as pool:
        yield pool


@pytest.fixture(scope="session")
def asking() -> Asking:
    """How rows are asked about."""
    return Asking(model=ModelSettings(model="gpt-4o"))


Answer = Callable[[dict[str, Any], Any], dict[str, Any]]


@pytest.fixture(scope="session")
def caption(pool: Executor, asking: Asking) -> Callable[..., dict[str, int]]:
    """Answers what waits without a server: plan, claim, draw, judge and record are the real ones."""

    def run(
        out: Path,
        *,
        tasks: tuple[str, ...] = ALL,
        asks: int = 2,
        most: int | None = None,
        reply: Answer = lambda body, claimed: honest.completion(body),
        how: Asking = asking,
        order: int = 1,
        **chosen: Any,
    ) -> dict[str, int]:
        price = price_of(how.model.model)
        places = waiting(out, Selection(tasks=tasks, **chosen))
        with Store(Folder(out).store) as store:
            planned = list(drafts(out, places, how, pool, 4, Planning()))
            store.add(entry_of(each, how, price) for each in planned[::order])
            bodies, judge = Bodies(out, pool), Judge(out)
            left = len(planned) * asks if most is None else most
            while left and (claims := store.claim(min(left, 8), None, only_added=True)):
                left -= len(claims)
                for claimed in claims:
                    body = asyncio.run(bodies.body(claimed))
                    outcome = judge(claimed, reply(body, claimed))
                    usd = cost(price, outcome.usage, batch=False)
                    store.record(claimed.key, claimed.attempt, outcome, usd, final=claimed.tries >= asks)
            return store.counts()

    return run


@pytest.fixture(scope="session")
def captioned(built: Path, caption: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set with every row answered, nothing merged; do not write into it."""
    out = shutil.copytree(built, tmp_path_factory.mktemp("flow-captioned") / "out")
    counts = caption(out)
    assert counts["done"] == sum(counts.values()) == 39
    return out


@pytest.fixture
def answered(captioned: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(captioned, tmp_path / "answered")


class Endpoint:
    """The fake server, and its back door."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def _call(self, method: str, path: str, sent: Any = None) -> Any:
        data = json.dumps(sent).encode() if sent is not None else None
        call = urllib.request.Request(f"{self.base_url.removesuffix('/v1')}{path}", data=data, method=method)
        with urllib.request.urlopen(call, timeout=10) as response:
            body = response.read()
        return json.loads(body) if body else None

    def plan(self, *rules: dict[str, Any]) -> None:
        """Which requests fail."""
        self._call("PUT", "/_plan", list(rules))

    def settings(self, **settings: Any) -> None:
        """Latency, the key that it wants, and so on."""
        self._call("PUT", "/_settings", settings)

    def ids(self) -> list[str]:
        """Names of the requests that came."""
        return [entry["id"] for entry in self._call("GET", "/_log")["requests"]]

    def forget(self) -> None:
        """Forget them."""
        self._call("DELETE", "/_log")


@pytest.fixture(scope="session")
def endpoint_address() -> Iterator[str]:
    """Address of a server that this worker's tests share."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "honest_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("PORT "), f"the server did not start: {line!r}"
    yield f"http://127.0.0.1:{line.split()[1]}/v1"
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


@pytest.fixture
def endpoint(endpoint_address: str) -> Endpoint:
    """The server without a plan; it wants the key."""
    endpoint = Endpoint(endpoint_address)
    endpoint.plan()
    endpoint.settings(latency=0.0, api_key=KEY)
    endpoint.forget()
    return endpoint


@dataclass(frozen=True)
class Done:
    """A command that has run."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def rsvp(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """``rsvp-build`` in this process, which saves the second that each start takes."""
    from rsvp_builder.cli import app

    def run(*arguments: Any, key: str | None = KEY) -> Done:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["rsvp-build", *map(str, arguments)])
            if key is not None:
                patch.setenv("OPENAI_API_KEY", key)
            capsys.readouterr()
            code = 0
            try:
                app.main()
            except SystemExit as end:
                code = int(end.code or 0)
            told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return run


# ---- A browser -----------------------------------------------------------------------------------------

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
]
PATIENCE = 60.0  # seconds, on a machine that many share


class Browser:
    """A Chromium at the other end of two pipes: messages are JSON, each ended by a zero byte."""

    def __init__(self, profile: Path) -> None:
        read_commands, self._commands = os.pipe()
        self._answers, write_answers = os.pipe()
        # Chromium reads file 3 and writes file 4; the shell puts the pipes there.
        words = [
            str(CHROMIUM),
            *FLAGS,
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        script = f'exec "$@" 3<&{read_commands} 4>&{write_answers}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", *words],
            pass_fds=(read_commands, write_answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_answers)
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.requests: list[str] = []
        self.complaints: list[str] = []
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(t["targetId"] for t in targets if t["type"] == "page")
        self._session = self.send("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def _receive(self) -> Any:
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._answers, 1 << 20)
            assert data, "the browser has gone"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(line)
        params = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(str(params["entry"]))
        return message

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        result = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script: str) -> Any:
        """The first value of an expression that is true."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if value := self.run(script):
                return value
            time.sleep(0.05)
        raise AssertionError(f"never true: {script}\n{self.complaints}")

    def goto(self, page: Path, width: int = 1200, height: int = 900) -> None:
        """Open a page of ours."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.send("Page.navigate", url=page.as_uri())
        self.wait("document.body && document.body.dataset.ready !== undefined")

    def press(self, keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.send("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def shot(self, path: Path) -> None:
        """A screenshot of what is visible."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        """End it."""
        self.send("Browser.close")
        self._process.wait(20)
        os.close(self._commands)
        os.close(self._answers)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of this worker."""
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium package")
    browser = Browser(tmp_path_factory.mktemp("flow-profile"))
    yield browser
    browser.close()
