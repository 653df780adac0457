"""Nothing reaches the network unasked: not when it is imported, not when data sets are built."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

GUARD = Path(__file__).parent / "network_guard"
PACKAGES = ("rsvp_builder", "rsvp_eval", "earthmarker", "earthmarker_cli")

# What would keep libraries from trying by themselves is taken away from the programs that are watched.
KEEPERS = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE", "GRADIO_ANALYTICS_ENABLED")


@dataclass
class Watched:
    """A program that has run without a network.

    Attributes:
        code: its exit code.
        output: what it printed on both streams.
        attempts: what Python's sockets were asked for, with where it was asked.
        counted: what the kernel counted; None where this machine allows no network namespace.
    """

    code: int
    output: str
    attempts: str
    counted: dict[str, int] | None


def can_separate() -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    command = [unshare, "--map-root-user", "--net", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


SEPARATE = can_separate()


@pytest.fixture
def watch(tmp_path):
    def run(*command, cwd=tmp_path):
        log, report = tmp_path / "network.log", tmp_path / "counted.json"
        log.unlink(missing_ok=True)
        home = tmp_path / "home"
        environment = {k: v for k, v in os.environ.items() if k not in KEEPERS and "proxy" not in k.lower()}
        environment |= {
            "PYTHONPATH": str(GUARD),
            "NETWORK_LOG": str(log),
            # An empty cache: what would be fetched from the hub is not there by chance.
            "HOME": str(home),
            "HF_HOME": str(home / "hf"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "MPLCONFIGDIR": str(home / "matplotlib"),
        }
        words = [str(word) for word in command]
        if SEPARATE:
            words = [
                "unshare",
                "--map-root-user",
                "--net",
                sys.executable,
                GUARD / "watched.py",
                report,
                *words,
            ]
        done = subprocess.run(
            words, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        attempts = log.read_text() if log.exists() else ""
        counted = json.loads(report.read_text()) if SEPARATE else None
        return Watched(done.returncode, done.stdout + done.stderr, attempts, counted)

    return run


@pytest.fixture
def quiet(watch):
    def run(*command):
        found = watch(*command)
        assert found.code == 0, found.output[-3000:]
        assert not found.attempts, found.attempts
        assert found.counted is None or set(found.counted.values()) == {0}, found.counted
        return found.output

    return run


def program(module):
    return sys.executable, "-W", "ignore", "-m", module


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('203.0.113.1', 80), 1)",
        "socket.create_connection(('127.0.0.1', 9), 1)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('203.0.113.1', 53))",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('203.0.113.1', 53))",
        "socket.socket().connect_ex(('203.0.113.1', 80))",
        "socket.getaddrinfo('example.org', 80)",
        "socket.gethostbyname('example.org')",
        "urllib.request.urlopen('http://example.org', timeout=1)",
        "asyncio.run(asyncio.open_connection('203.0.113.1', 80))",
        "multiprocessing.Pool(1).map(socket.gethostbyname, ['example.org'])",
    ],
)
def test_an_attempt_is_seen_even_where_its_failure_is_caught(watch, attempt):
    script = (
        "import asyncio, contextlib, multiprocessing, socket, urllib.request\n"
        f"with contextlib.suppress(OSError): {attempt}"
    )
    found = watch(sys.executable, "-c", script)
    assert found.code == 0, found.output
    assert "socket." in found.attempts


def test_sockets_of_the_file_system_are_no_network(watch):
    script = (
        "import socket\n"
        "server = socket.socket(socket.AF_UNIX); server.bind('here'); server.listen()\n"
        "socket.socket(socket.AF_UNIX).connect('here')\n"
        "one, other = socket.socketpair(); one.sendmsg([b'x'])"
    )
    found = watch(sys.executable, "-c", script)
    assert found.code == 0, found.output
    assert not found.attempts


@pytest.mark.skipif(not SEPARATE, reason="this machine allows no network namespace (unshare)")
def test_the_kernel_counts_what_native_code_does(watch):
    script = (
        "import ctypes, struct\n"
        "libc = ctypes.CDLL(None)\n"
        "there = struct.pack('=HHBBBB8x', 2, 0x5000, 203, 0, 113, 1)\n"
        "assert libc.connect(libc.socket(2, 1, 0), there, len(there)) != 0"
    )
    found = watch(sys.executable, "-c", script)
    assert found.code == 0, found.output
    assert not found.attempts
    assert found.counted["Ip:OutNoRoutes"] > 0


def test_no_module_reaches_the_network_when_it_is_imported(quiet, repository):
    told = quiet(sys.executable, GUARD / "import_all.py", *PACKAGES).splitlines()
    for package in ("rsvp-builder", "rsvp-eval", "earthmarker-model"):
        for path in (repository / "packages" / package / "src").rglob("*.py"):
            name = ".".join(path.relative_to(repository / "packages" / package / "src").with_suffix("").parts)
            if path.name != "__main__.py":
                assert name.removesuffix(".__init__") in told
    assert {"datasets", "ray", "openai", "gradio", "transformers", "rasterio"} <= set(told)


SLOW = ("DOTA", "UCMerced", "NWPU-VHR-10-instances", "FAIR1M", "iSAID", "SAMRS-SOTA", "RefCOCO", "GeoChat")


# One of each way in; the quick ones are a label map and captions, and text labels further down.
@pytest.mark.parametrize(
    "source", ["Potsdam", "RSICD", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_no_build_reaches_the_network(quiet, tmp_path, source):
    quiet(*program("rsvp_builder"), "demo", "--source", source, "--out", "demo")
    assert list(tmp_path.glob("demo/**/*.parquet"))


def test_what_is_done_with_a_data_set_reaches_no_network(quiet, tmp_path):
    from rsvp_builder import demo

    demo.write("DOTA-v1.0", tmp_path / "raw")
    build = ("build", "--source", "DOTA-v1.0", "--root", "raw", "--out", "out", "--workers", "2")
    quiet(*program("rsvp_builder"), *build)
    for words in (
        ("list",), ("show", "DOTA-v1.0"), ("stats", "out"), ("validate", "out"), ("status", "out"),
        ("doctor", "--root", "raw"), ("croissant", "out"), ("audit", "out"), ("preview", "out"),
    ):  # fmt: skip
        quiet(*program("rsvp_builder"), *words)


@pytest.mark.parametrize("words", [("--help",), ("tasks",), ("metrics",), ("doctor",)])
def test_no_list_of_the_scorer_reaches_the_network(quiet, words):
    quiet(*program("rsvp_eval"), *words)


@pytest.mark.parametrize(
    "words",
    [("--help",), ("plan", "--preset", "7b"), pytest.param(("presets",), marks=pytest.mark.slow)],
)
def test_no_list_of_the_model_reaches_the_network(quiet, words):
    quiet(*program("earthmarker_cli"), *words)
