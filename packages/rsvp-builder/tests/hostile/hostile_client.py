"""Sends trials to a worker process, and starts another one when it is lost or hangs."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hostile_damage import Damage

WORKER = Path(__file__).with_name("hostile_worker.py")


class Client:
    """A worker process; use it as a context manager.

    Args:
        patience: seconds to wait for an answer; a trial that reads from a pipe costs no computing time.
    """

    def __init__(self, patience: float = 120) -> None:
        self._patience = patience
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker."""
        if self._process is not None:
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONFAULTHANDLER": "1"}
        return subprocess.Popen(
            [sys.executable, str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def ask(self, source: str, damages: Sequence[Damage]) -> dict[str, Any]:
        """Try some damages to a source; ``failed`` is in the answer where that shows a defect."""
        answer = self._ask(source, damages)
        # No trial asks a process to end: that came from outside, and says nothing.
        return self._ask(source, damages) if answer.get("ended") == -signal.SIGTERM else answer

    def _ask(self, source: str, damages: Sequence[Damage]) -> dict[str, Any]:
        if self._process is None:
            self._process = self._start()
        process = self._process
        asked = {"source": source, "damages": [[d.kind, d.place, d.seed] for d in damages]}
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], self._patience)
        line = process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        why = "the worker died" if ready else f"no answer within {self._patience} s"
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
        self._process = None
        ended = process.returncode
        return {"failed": f"{why} (exit code {ended})", "trace": "", "ended": ended if ready else None}
