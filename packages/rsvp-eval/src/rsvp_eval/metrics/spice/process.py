"""A Java process that writes JSON lines: read with a time limit, and never left behind."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

from rsvp_eval.errors import UnavailableError

_LAST = 2000


class TimedOutError(Exception):
    """Nothing was heard of the process for too long."""


class JavaProcess:
    """A process that writes one JSON object a line to its standard output. Use it in a ``with`` statement.

    Args:
        command: the program and its arguments.
        folder: a folder that the process needs and that is removed after it.
        explain: from what the process said last to the message that the user gets.
    """

    def __init__(
        self,
        command: list[str],
        folder: tempfile.TemporaryDirectory[str],
        explain: Callable[[str], str],
    ) -> None:
        self._folder = folder
        self._explain = explain
        # A file and not a pipe: nobody reads it meanwhile, and a full pipe would stop the process.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors
            )
        except OSError as e:
            self._errors.close()
            folder.cleanup()
            raise UnavailableError(explain(f"{command[0]} cannot be started: {e}")) from e
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._errors.close()
        with contextlib.suppress(OSError):
            self._folder.cleanup()

    def messages(self, startup: float, timeout: float) -> Iterator[dict[str, Any]]:
        """What the process writes, up to ``{"done": ..}``.

        Args:
            startup: seconds to wait for each line up to ``{"ready": ..}``.
            timeout: seconds to wait for each line from then on.

        Raises:
            TimedOutError: a line did not come in time.
            UnavailableError: the process ended before it was done, or wrote ``{"fatal": reason}``.
        """
        patience = startup
        while True:
            try:
                line = self._lines.get(timeout=patience)
            except queue.Empty:
                raise TimedOutError from None
            if line is None:
                raise UnavailableError(self._explain(self._last_words()))
            try:
                message = json.loads(line)
            except ValueError:
                raise UnavailableError(self._explain(f"it wrote {line[:200]!r}, no JSON")) from None
            if "fatal" in message:
                raise UnavailableError(self._explain(message["fatal"]))
            if "done" in message:
                return
            if "ready" in message:
                patience = timeout
            yield message

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)

    def _last_words(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read()[-_LAST:].decode("utf-8", "replace").strip()
        return f"Java ended with exit code {code}" + (f" and said: {said}" if said else "")
