"""Once against an OpenAI-compatible server that is not ours: ``transformers serve`` with random weights.

Its answers are gibberish, so what is shown is that it understands what is sent, pictures included, and that
its answers are understood: each row ends rejected for its answer's form, with the answer and its tokens kept.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from rsvp_builder.captioning.store import Store
from rsvp_builder.dataset.layout import Folder

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SERVE = shutil.which("transformers", path=str(Path(sys.executable).parent))
START_S = 300


@pytest.fixture(scope="module")
def other_server(tmp_path_factory):
    pytest.importorskip("transformers")
    if SERVE is None:
        pytest.skip("no `transformers` command beside this Python")
    folder = tmp_path_factory.mktemp("other")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, HERE / "tiny_llava.py", folder / "tiny"], env=environment, check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [SERVE, "serve", folder / "tiny", "--port", port, "--host", "127.0.0.1", "--device", "cpu"]
    log = (folder / "serve.log").open("wb")
    process = subprocess.Popen(list(map(str, command)), env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=2).close()
            break
        except (OSError, urllib.error.URLError):
            time.sleep(1)
    else:
        process.kill()
        pytest.fail((folder / "serve.log").read_text()[-2000:])
    yield f"{address}/v1", str(folder / "tiny")
    process.terminate()
    process.wait(20)
    log.close()


def test_a_server_of_others_answers_and_its_answers_are_judged(out, other_server, rsvp):
    address, model = other_server
    done = rsvp(
        "caption", out, "--model", model, "--base-url", address, "--input-usd", 1, "--output-usd", 1,
        "--max-usd", 1, "--task", "grounded_caption", "--limit", 2, "--concurrency", 1, "--asks", 1,
        "--max-tokens", 24, "--workers", 1, "--json",
    )  # fmt: skip
    ended = json.loads(done.stdout)
    assert ended["rejected"] == 2, done.stderr
    with Store(Folder(out).store, read_only=True) as store:
        assert store.counts()["rejected"] == 2
        spent = store.spent()
        assert set(store.faults()) <= {"malformed", "truncated"}
    # A picture is 16 tokens to this model and the prompt some hundreds: it has read both.
    assert spent.input_tokens > 2 * 200
    assert 0 < spent.output_tokens <= 2 * 24
