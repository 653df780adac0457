"""One request and what became of it: above all, whether it may have been paid for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx2
import openai
from openai import AsyncOpenAI

from rsvp_builder.captioning.client import redacted
from rsvp_builder.captioning.encoding import encoded

REQUEST_ID = "X-Client-Request-Id"
"""Header that names a request in the endpoint's log and ours: ``<key>-<attempt>``."""

_UNPROCESSED = (408, 409, 425, 429, 503, 529)
"""Statuses with which an endpoint says that it did not process a request and may be asked again."""

_ACCOUNT = {
    "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated",
    "access_terminated", "invalid_api_key", "model_not_found",
}  # fmt: skip
"""Codes that are true of every request."""

_FORM = {"unsupported_parameter", "unsupported_value", "unknown_parameter", "invalid_json_schema"}
"""Codes of a request that is wrong in what all requests have in common."""

_UNSENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "ProxyError")
"""Errors of httpx before anything was sent."""
_UNSENT_AIOHTTP = ("ClientConnectorError", "ConnectionTimeoutError", "InvalidURL")
"""The same of aiohttp, whose adapter calls a dropped connection ``ConnectTimeout`` as well."""

_LONGEST = 300


class Kind(StrEnum):
    """What became of a request."""

    ANSWERED = "answered"
    """There is a response to be judged."""
    BUSY = "busy"
    """The endpoint said that it did not process it. It may be sent again as it is."""
    UNREACHABLE = "unreachable"
    """No connection was made, nothing was sent."""
    UNSURE = "unsure"
    """It may have been processed and paid for: the connection broke, time ran out, the server failed."""
    TURNED_DOWN = "turned_down"
    """This request is wrong."""
    HOPELESS = "hopeless"
    """Every request would end like this: key, quota, model, address."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What became of a request.

    Attributes:
        kind: of it.
        response: body of the completion, where it was answered.
        told: what happened, without any key.
        headers: of the response, those about limits and waiting, names in lower case.
    """

    kind: Kind
    response: dict[str, Any] = field(default_factory=dict)
    told: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


async def send(client: AsyncOpenAI, body: dict[str, Any], request_id: str, total_s: float) -> Exchange:
    """Sends a request once.

    ``post`` and not ``chat.completions.create``: the same call without walking through the whole body and
    without models of the answer, a third of its CPU time.

    Args:
        client: without retries of its own.
        body: of ``POST /chat/completions``.
        request_id: names this attempt.
        total_s: most seconds from here to the whole answer.
    """
    # The client would make up an idempotency key for each request, which OpenAI knows nothing of.
    options: Any = {"headers": {REQUEST_ID: request_id}, "idempotency_key": request_id}
    try:
        content = encoded(body)
    except ValueError as error:
        return Exchange(Kind.TURNED_DOWN, told=f"the request cannot be written as JSON: {_short(str(error))}")
    try:
        async with asyncio.timeout(total_s):
            response = await client.post(
                "/chat/completions", content=content, cast_to=httpx2.Response, options=options
            )
    except openai.APIStatusError as error:
        return _status(error)
    except (openai.APIConnectionError, httpx2.HTTPError, OSError) as error:
        return _broken(error, total_s)
    text = redacted(response.text)
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        whole = None
    if not isinstance(whole, dict):
        told = f"{response.status_code}, but no completion: {_short(text)!r}"
        return Exchange(Kind.UNSURE, told=told, headers=_headers(response))
    return Exchange(Kind.ANSWERED, whole, headers=_headers(response))


def _headers(response: httpx2.Response) -> dict[str, str]:
    """What a response says about limits and waiting, names in lower case.

    A mapping of httpx goes through all headers for each that is looked up.
    """
    return {
        name.decode().lower(): value.decode(errors="replace")
        for name, value in response.headers.raw
        if name.lower().startswith((b"x-ratelimit-", b"retry-after"))
    }


def _status(error: openai.APIStatusError) -> Exchange:
    status, headers = error.status_code, _headers(error.response)
    details = error.body if isinstance(error.body, dict) else {}
    codes = {str(details.get("code")), str(details.get("type"))}
    message = details.get("message") or error.message
    told = f"{status}: {_short(redacted(str(message)))}"
    return Exchange(kind_of(status, codes), told=told, headers=headers)


def kind_of(status: int, codes: Collection[str]) -> Kind:
    """What an error's status and its codes say; also of a line in a batch's error file."""
    if not _ACCOUNT.isdisjoint(codes) or status in (401, 402, 403, 404, 405):
        return Kind.HOPELESS
    if status in _UNPROCESSED:
        return Kind.BUSY
    if status >= 500:
        return Kind.UNSURE
    return Kind.TURNED_DOWN if _FORM.isdisjoint(codes) else Kind.HOPELESS


def _broken(error: Exception, total_s: float) -> Exchange:
    causes = list(_causes(error))
    last = causes[-1]
    if isinstance(error, TimeoutError):
        return Exchange(Kind.UNSURE, told=f"no answer within {total_s:g} s")
    told = _short(redacted(str(last) or type(last).__name__))
    if _unsent(causes):
        return Exchange(Kind.UNREACHABLE, told=f"no connection: {told}")
    if isinstance(error, openai.APITimeoutError) and not any(map(_is_broken, causes)):
        return Exchange(Kind.UNSURE, told="the answer did not come in time")
    return Exchange(Kind.UNSURE, told=f"the connection broke: {told}")


def _unsent(causes: list[BaseException]) -> bool:
    for error in causes:
        names = {base.__name__ for base in type(error).__mro__}
        if type(error).__module__.startswith("aiohttp"):
            return bool(names & set(_UNSENT_AIOHTTP))
    return any(type(error).__name__ in _UNSENT for error in causes)


def _is_broken(error: BaseException) -> bool:
    return type(error).__name__ in ("ServerDisconnectedError", "ClientOSError", "ClientPayloadError")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, the first cause last."""
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
