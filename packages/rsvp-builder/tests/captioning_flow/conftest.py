"""A built data set with rows that wait, a captioner that answers them, a fake server, and a browser."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fake_endpoint import FakeEndpoint, served
from headless_chromium import CHROMIUM, Chromium
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


@pytest.fixture(scope="session")
def endpoint_address() -> Iterator[str]:
    """Address of a server that this worker's tests share."""
    with served(HERE / "honest_server.py") as base_url:
        yield base_url


@pytest.fixture
def endpoint(endpoint_address: str) -> FakeEndpoint:
    """The server without a plan; it wants the key."""
    endpoint = FakeEndpoint(endpoint_address)
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


class Browser(Chromium):
    """A browser that opens pages of ours."""

    def goto(self, page: Path, width: int = 1200, height: int = 900) -> None:
        """Open a page of ours."""
        self.resize(width, height)
        self.send("Page.navigate", url=page.as_uri())
        self.wait("document.body && document.body.dataset.ready !== undefined")

    def press(self, keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.send("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=key)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of this worker."""
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium package")
    browser = Browser(tmp_path_factory.mktemp("flow-profile"))
    yield browser
    browser.close()
