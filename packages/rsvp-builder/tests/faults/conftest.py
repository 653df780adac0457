"""A small release, what an undisturbed build makes of it, and a server of builds that are disturbed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rsvp_builder.dataset.layout import Folder
from rsvp_builder.dataset.validate import validate
from rsvp_builder.demo.dota import Release, write_release

# A build takes a tenth of a second.
COPIED = {"tile": 0, "tasks": ["referring_classification_box", "relationship_analysis"]}
"""Settings that copy pictures and plan rows, so that every kind of file is written."""

CUT = {"tile": 400, "overlap": 80, "tasks": ["referring_classification_box"]}
"""Settings that decode, cut and encode."""


class Server:
    """Gives orders to ``fault_server.py``."""

    def __init__(self, mounts: list[str] | None) -> None:
        program = [*(mounts or []), sys.executable, str(Path(__file__).with_name("fault_server.py"))]
        self.can_mount = mounts is not None
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, **order: Any) -> dict[str, Any]:
        """One order; its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the server of builds is gone"
        told: dict[str, Any] = json.loads(answer)
        return told

    def run(self, *command: str | Path) -> None:
        """Run a command in the server's mount namespace."""
        done = self(run=[str(part) for part in command])
        assert done["code"] == 0, done["stderr"]

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=60)


def _mounts() -> list[str] | None:
    """What gives a command a mount namespace of its own in which it may mount; None where that is refused."""
    command = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    if shutil.which("unshare") is None:
        return None
    tried = [*command, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/tmp"]
    return command if subprocess.run(tried, capture_output=True, check=False).returncode == 0 else None


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server of builds."""
    made = Server(_mounts())
    yield made
    made.close()


@pytest.fixture
def mounting(server: Server) -> Server:
    """The server of builds where it may mount; tests that need it are skipped elsewhere."""
    if not server.can_mount:
        pytest.skip("no mount namespace of our own here: it takes root, or user namespaces")
    return server


def order_of(release: Release, out: Path, settings: dict[str, Any], **options: Any) -> dict[str, Any]:
    """What to build, for an order to the server."""
    return {"source": "DOTA", "root": str(release.root), "out": str(out), "settings": settings, **options}


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A miniature DOTA v2.0 with one of each defect; do not write into it."""
    return write_release(
        tmp_path_factory.mktemp("faults") / "DOTA", train=3, val=2, test=1, with_defects=True
    )


class Undisturbed:
    """What an undisturbed build makes of a release.

    Attributes:
        raw: the release.
        settings: of the build.
        out: the data set; do not write into it.
        digest: of its files.
        seconds: it took.
    """

    def __init__(self, server: Server, raw: Release, out: Path, settings: dict[str, Any]) -> None:
        self.raw, self.settings, self.out, self._server = raw, settings, out, server
        answer = server(build=order_of(raw, out, settings), units=2)
        assert "error" not in answer, answer
        assert validate(out, decode=True).problems == []
        self.digest: dict[str, str] = server(digest=str(out))["digest"]
        self.rows: int = answer["rows"]
        assert self.rows

    def order(self, out: Path, release: Release | None = None, **options: Any) -> dict[str, Any]:
        """The same build, into another folder and perhaps of a copy of the release."""
        return order_of(release or self.raw, out, self.settings, **options)

    def digest_of(self, out: Path) -> dict[str, str]:
        """Hash of each file of a data set, by path."""
        found: dict[str, str] = self._server(digest=str(out))["digest"]
        return found

    def same(self, out: Path, *, state: bool = True) -> None:
        """Hold that a data set has the same bytes and nothing is left over.

        Args:
            out: the data set.
            state: hold it of the state for resuming too, which names the release's folder.
        """
        found = self.digest_of(out)
        for name in self.digest.keys() | found.keys():
            if state or not name.startswith(".build/") or name.endswith(".tmp"):
                assert found.get(name) == self.digest.get(name), name


@pytest.fixture(scope="session")
def undisturbed(server: Server, raw: Release, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """With pictures that are copied."""
    return Undisturbed(server, raw, tmp_path_factory.mktemp("undisturbed") / "out", COPIED)


@pytest.fixture(scope="session")
def undisturbed_cut(server: Server, raw: Release, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """With pictures that are cut."""
    return Undisturbed(server, raw, tmp_path_factory.mktemp("undisturbed") / "cut", CUT)


@pytest.fixture(scope="session")
def sound_or_unfinished() -> Callable[[Path], bool]:
    """Holds that a folder is no finished data set or a valid one; says which."""

    def check(out: Path) -> bool:
        if not Folder(out).finished():
            return False
        assert validate(out).problems == []
        return True

    return check


@pytest.fixture
def own(raw: Release, tmp_path: Path) -> Release:
    """A copy of the release to do things to; times of files are kept."""
    root = tmp_path / "raw"
    shutil.copytree(raw.root, root)
    return replace(raw, root=root)
