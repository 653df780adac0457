"""A small data set of several sources, and a hub on loopback."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rsvp_builder import demo
from rsvp_builder.build import build
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.demo.dota import write_release
from rsvp_builder.publish.contents import check
from rsvp_builder.publish.hashes import Hashes
from rsvp_builder.settings import Settings

SOURCES = ("DOTA-v1.0", "DIOR-RSVG", "RSITMD", "UAVid")
TOKEN = "hf_good_token"


@pytest.fixture(scope="session")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rsvp_builder.engine.plan.UNIT_ITEMS", 3)
        for source in SOURCES:
            root = folder / "raw" / source
            root.mkdir(parents=True)
            if source == "DOTA-v1.0":
                write_release(root, version="1.0", train=1, val=1, test=0)
            else:
                demo.write(source, root, seed=3)
            tiles = {"tile": 400, "overlap": 100} if source == "DOTA-v1.0" else {}
            build(source, root, folder / "out", Settings(marks_per_row=6, **tiles), workers=1)
    # Found sound once, which its copies remember.
    made = Folder(folder / "out")
    check(made, Hashes(made))
    return made.out


@pytest.fixture(scope="session")
def dataset(_built: Path) -> Path:
    """Boxes in tiles, captions of regions and images, points, planned rows; do not write into it."""
    return _built


@pytest.fixture
def out(_built: Path, tmp_path: Path) -> Path:
    """A copy of it to write into, with what must never leave the machine."""
    copy = shutil.copytree(_built, tmp_path / "out")
    (copy / ".captions").mkdir()
    (copy / ".captions" / "store.sqlite").write_bytes(b"answers in the making")
    (copy / "data" / "DOTA-v1.0" / ".half.parquet.12.tmp").write_bytes(b"half")
    (copy / "data" / "DOTA-v1.0" / "notes.txt").write_text("mine")
    (copy / "gallery.html").write_text("<html>")
    return copy


@pytest.fixture(scope="session")
def rows(_built: Path) -> list[dict[str, Any]]:
    """All its rows with pictures, read by pyarrow alone."""
    paths = sorted(_built.glob("data/*/*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


@dataclass
class Hub:
    """The other end, as a test sees it."""

    url: str

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def fail(self, match: str, do: int | str, times: int = 1, after: int = 0) -> None:
        self.ask("/_fail", [{"match": match, "do": do, "times": times, "after": after}])

    def log(self, beginning: str = "") -> list[str]:
        return [line for line in self.ask("/_log") if line.startswith(beginning)]

    def files(self, repo: str = "me/marks", branch: str = "main") -> dict[str, bytes]:
        told = self.ask(f"/_repo/{repo}")["branches"][branch]["files"]
        return {path: base64.b64decode(content) for path, content in told.items()}

    def commits(self, repo: str = "me/marks", branch: str = "main") -> list[list[list[str]]]:
        return [commit["paths"] for commit in self.ask(f"/_repo/{repo}")["branches"][branch]["commits"]]

    def environment(self, home: Path) -> dict[str, str]:
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": TOKEN,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }


@pytest.fixture(scope="session")
def _hub() -> Any:
    program = Path(__file__).with_name("fake_hub.py")
    with subprocess.Popen(
        [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Hub(f"http://127.0.0.1:{int(process.stdout.readline())}")
        process.stdin.close()


@pytest.fixture
def hub_process(_hub: Hub) -> Hub:
    """An empty hub in a process of its own; it speaks LFS, as Xet's storage has no public protocol."""
    _hub.ask("/_reset", {})
    return _hub


@pytest.fixture
def hub(hub_process: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hub:
    """The same, with this process pointed at it and logged in."""
    from huggingface_hub import constants

    for name, value in hub_process.environment(tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(constants, "ENDPOINT", hub_process.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "home" / "token"))
    return hub_process
