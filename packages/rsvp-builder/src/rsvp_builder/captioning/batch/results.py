"""Lines of output and error files: answers, failures, and what is neither.

Format: the Batch API's request output object, ``{"id", "custom_id", "response": {"status_code", "body"},
"error": {"code", "message"}}``, one of response and error null. What an endpoint answered to a request it
refused is in ``response.body.error``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsvp_builder.captioning.client import redacted

_LONGEST = 64 << 20
"""Most bytes of a line that are read into memory."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A response with status 200: ``body`` is a chat completion."""

    line: int
    custom_id: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A request without an answer.

    Attributes:
        line: in the file, from 1.
        custom_id: of the request.
        status: of HTTP, or None where it was not executed.
        code: of the error, such as ``batch_expired``; may be empty.
        message: of the error.
    """

    line: int
    custom_id: str
    status: int | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no result.

    Attributes:
        line: in the file, from 1.
        told: what is wrong with it.
    """

    line: int
    told: str


Line = Answered | Unanswered | Malformed


def read(path: Path) -> Iterator[Line]:
    """Lines of a result file, one in memory at a time; empty lines are passed over.

    Only a line feed ends a line: JSON may hold other characters that end lines elsewhere, as U+2028.
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_LONGEST):
            number += 1
            if len(line) == _LONGEST and not line.endswith(b"\n"):
                while (rest := file.readline(_LONGEST)) and not rest.endswith(b"\n"):
                    pass
                yield Malformed(number, f"it is longer than {_LONGEST:,} bytes")
            elif line.strip():
                yield parse(line, number)


def parse(line: bytes, number: int) -> Line:
    """One line; a key that an endpoint shows in it goes no further."""
    try:
        told = json.loads(redacted(line.decode()))
    except (ValueError, RecursionError) as error:
        return Malformed(number, f"it is not JSON ({error}): {_beginning(line)}")
    match told:
        case {"custom_id": str(identity), "response": {"status_code": 200, "body": dict(body)}}:
            return Answered(number, identity, body)
        case {"custom_id": str(identity), "response": {"status_code": int(status), "body": body}} if (
            status != 200
        ):
            code, message = _error_of(body.get("error") if isinstance(body, dict) else body)
            return Unanswered(number, identity, status, code, message)
        case {"custom_id": str(identity), "error": dict(wrong)}:
            code, message = _error_of(wrong)
            return Unanswered(number, identity, None, code, message)
    return Malformed(number, f"it has no custom_id, or neither response nor error: {_beginning(line)}")


def _error_of(error: Any) -> tuple[str, str]:
    """Code and message of an error object, whatever it is."""
    if isinstance(error, dict):
        return str(error.get("code") or ""), str(error.get("message") or "")
    return "", str(error)[:200]


def _beginning(line: bytes) -> str:
    return repr(redacted(line[:200].decode(errors="replace"))[:60])
