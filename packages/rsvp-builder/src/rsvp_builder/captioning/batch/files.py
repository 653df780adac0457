"""Request files: JSON lines, one request each, bounded in number and bytes.

Format: the Batch API's request input object, ``{"custom_id", "method", "url", "body"}``. All requests of a
file name one model, which the API demands.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

ENDPOINT: Final = "/v1/chat/completions"
ID_LENGTH = 64
"""Most characters of a ``custom_id``.

OpenAI's bound is unverified; Anthropic's API takes 64, and nobody is known to take fewer.
"""


def custom_id(key: str, attempt: int) -> str:
    """The name of an attempt in files: the key, and from the second attempt on a key that ends in its number.

    Args:
        key: 64 hexadecimal digits.
        attempt: from 1.
    """
    if attempt == 1:
        return key
    ending = f"-{attempt}"
    return key[: ID_LENGTH - len(ending)] + ending


def request_line(identity: str, body: dict[str, Any]) -> bytes:
    """One line with its line feed; ASCII alone, so that nobody can see a line's end within it."""
    line = {"custom_id": identity, "method": "POST", "url": ENDPOINT, "body": body}
    return json.dumps(line, separators=(",", ":")).encode("ascii") + b"\n"


def request_path(folder: Path, local_id: str) -> Path:
    """Where the request file of a batch lies; its name is also that of the upload."""
    return folder / f"{local_id}.jsonl"


class RequestFile:
    """A request file that is being written; it appears under its name when it is complete.

    Attributes:
        requests: lines so far.
        size: bytes so far.
        model: of all requests, None before the first.
    """

    def __init__(self, path: Path, max_requests: int, max_bytes: int) -> None:
        self.requests = 0
        self.size = 0
        self.model: str | None = None
        self._path = path
        self._partial = path.with_name(f".{path.name}.tmp")
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._partial.open("wb")

    @property
    def room(self) -> int:
        """Requests that still fit by their number."""
        return self._max_requests - self.requests

    def takes(self, line: bytes, model: str) -> bool:
        """Whether one more line fits."""
        return (
            self.requests < self._max_requests
            and self.size + len(line) <= self._max_bytes
            and self.model in (None, model)
        )

    def write(self, line: bytes, model: str) -> None:
        """Append a line that fits."""
        self._file.write(line)
        self.requests += 1
        self.size += len(line)
        self.model = model

    def complete(self) -> None:
        """Make it last, under its name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.replace(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)


def remove(folder: Path, local_id: str) -> None:
    """Remove the files of a batch that lie here, complete or not."""
    for path in (*folder.glob(f"{local_id}.*"), *folder.glob(f".{local_id}.*")):
        path.unlink(missing_ok=True)
