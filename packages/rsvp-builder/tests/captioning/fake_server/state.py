"""What the fake server knows while it runs."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from faults import Plan
from meters import Meters


@dataclass
class State:
    """Shared by all routes.

    Attributes:
        latency: seconds from a request's arrival to its answer.
        models: names that exist; empty for any.
        api_key: the only key that is taken; None for any.
        decode: pictures are decoded to their last pixel; otherwise only their headers are read.
        plan: which requests fail and how.
        meters: rate limits that are told and kept.
        log: one entry for each chat completion that was asked for, in order of arrival.
        shelf: for the routes of files and batches.
    """

    latency: float = 0.0
    models: tuple[str, ...] = ()
    api_key: str | None = None
    decode: bool = True
    plan: Plan = field(default_factory=Plan)
    meters: Meters = field(default_factory=Meters)
    log: list[dict[str, Any]] = field(default_factory=list)
    shelf: dict[str, Any] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    in_flight: int = 0
    most_in_flight: int = 0

    def number(self) -> int:
        """A number that was not given before, from 1 on."""
        return next(self.numbers)

    def enter(self, request_id: str) -> dict[str, Any]:
        """Notes the arrival of a request; the entry is completed as it is answered."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        entry: dict[str, Any] = {
            "id": request_id,
            "at": time.time(),
            "done": None,
            "status": None,
            "fault": None,
        }
        self.log.append(entry)
        return entry

    def leave(self, entry: dict[str, Any], status: int | None) -> None:
        """Notes its end; None where it was given no answer."""
        self.in_flight -= 1
        entry["done"] = time.time()
        entry["status"] = status


STATE: web.AppKey[State] = web.AppKey("state", State)


def problem(
    status: int,
    message: str,
    *,
    code: str | None = None,
    kind: str = "invalid_request_error",
    headers: dict[str, str] | None = None,
) -> web.Response:
    """An error in the form of the API."""
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return web.json_response(body, status=status, headers=headers)


def authorised(state: State, request: web.Request) -> web.Response | None:
    """None where the request carries a key that is taken, else the answer that says so."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not key:
        return problem(401, "You didn't provide an API key.", code=None)
    if state.api_key is not None and key != state.api_key:
        return problem(401, f"Incorrect API key provided: {key}.", code="invalid_api_key")
    return None
