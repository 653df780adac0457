"""The client of an OpenAI-compatible endpoint, and the key that nobody gets to see.

The key comes from ``OPENAI_API_KEY`` or a file, goes into the client and nowhere else. Every key that was
read is known to :func:`redacted`, through which all text from outside passes before it is kept, raised or
logged; log records of all loggers, those of the libraries too, are redacted where they are made.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import stat
import traceback
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx2
import openai
from openai import AsyncOpenAI

from rsvp_builder.errors import RsvpError

VARIABLE = "OPENAI_API_KEY"
DUMMY = "no-key"
"""What is sent to a local server when there is no key: the header must be there."""

HIDDEN = "<API key>"
_KEY_FORM = re.compile(r"\bsk-[\w*.-]{8,}")
"""Keys of OpenAI and those that imitate them, also when an error shows only their two ends."""

_KEEPALIVE_S = 4.0
"""Idle connections are closed before servers close them (uvicorn, and with it vLLM, after 5 s): a request
that crosses such an end on the wire could not be told from one that was processed."""

_LARGEST_KEY_FILE = 4096

logger = logging.getLogger(__name__)
_secrets: set[str] = set()
_Transport = Literal["aiohttp", "httpx"]


class EndpointError(RsvpError):
    """The endpoint cannot be used as it is asked to: address, key, quota, model."""


def redacted(text: str) -> str:
    """The text without any key."""
    for secret in _secrets:
        text = text.replace(secret, HIDDEN)
    return _KEY_FORM.sub(HIDDEN, text) if "sk-" in text else text


def make_client(
    base_url: str | None = None,
    key_file: Path | None = None,
    *,
    connect_s: float = 10.0,
    read_s: float = 300.0,
    connections: int = 128,
    transport: _Transport | None = None,
) -> AsyncOpenAI:
    """A client that never tries again by itself.

    Args:
        base_url: of the endpoint, such as ``http://localhost:8000/v1``; None for ``OPENAI_BASE_URL``, else
            OpenAI.
        key_file: holds the key and nothing else; None for ``OPENAI_API_KEY``.
        connect_s: most seconds until a connection stands.
        read_s: most seconds between two pieces of an answer, and until its first.
        connections: most connections that are open, and kept open.
        transport: ``aiohttp`` costs about 0.8 ms of CPU a request whatever the number of connections,
            ``httpx`` 1.2 to 4 ms, growing with it. None for aiohttp where it is installed.

    Raises:
        EndpointError: the address is none, or there is no key for an endpoint that is not local.
    """
    address = base_url or os.environ.get("OPENAI_BASE_URL") or None
    local = _check_address(address) if address is not None else False
    key = _read_key(key_file) if key_file is not None else os.environ.get(VARIABLE, "").strip()
    if not key:
        if not local:
            raise EndpointError(
                f"there is no API key for {address or 'the OpenAI API'}: set {VARIABLE}, or name a file that"
                " holds it with --key-file. An endpoint on this machine or network needs none."
            )
        key = DUMMY
    else:
        _hide(key, key_file)
    timeout = httpx2.Timeout(read_s, connect=connect_s, pool=None)
    limits = httpx2.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_KEEPALIVE_S
    )
    return AsyncOpenAI(
        api_key=key,
        base_url=address,
        max_retries=0,
        timeout=timeout,
        http_client=_http(transport, timeout, limits),
    )


def _http(transport: _Transport | None, timeout: httpx2.Timeout, limits: httpx2.Limits) -> httpx2.AsyncClient:
    if transport != "httpx":
        try:
            return openai.DefaultAioHttpClient(timeout=timeout, limits=limits)
        except RuntimeError:  # aiohttp is not installed
            if transport is not None:
                raise
    return openai.DefaultAsyncHttpxClient(timeout=timeout, limits=limits)


def _check_address(address: str) -> bool:
    """Whether an address is of this machine or network.

    Raises:
        EndpointError: it is no address of an endpoint.
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not host:
        raise EndpointError(f"'{redacted(address)}' is no address of an endpoint; expected https://host/v1")
    if parts.username is not None or parts.password is not None or parts.query:
        raise EndpointError(
            f"the address of the endpoint {host} carries a name, password or query, which would end up in"
            f" logs; give the key in {VARIABLE} or with --key-file instead"
        )
    local = _is_local(host)
    if parts.scheme == "http" and not local:
        logger.warning("the key and all pictures go to %s unencrypted; use https", host)
    return local


def _is_local(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".localhost", ".internal", ".lan"))
    return address.is_loopback or address.is_private or address.is_link_local


def _read_key(path: Path) -> str:
    """The key in a file; others must not be able to read it."""
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            content = file.read(_LARGEST_KEY_FILE + 1)
    except OSError as error:
        raise EndpointError(f"{path}: the key file cannot be read: {error.strerror or error}") from None
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        logger.warning("%s: others can read the key file; `chmod 600 %s` keeps it to you", path, path)
    # Never show the content in an error: it is the key, or meant to be.
    words = content.decode("utf-8-sig", errors="replace").split()
    if len(words) != 1 or len(content) > _LARGEST_KEY_FILE:
        raise EndpointError(f"{path}: expected the key and nothing else, found {len(words)} words")
    return words[0]


def _hide(key: str, path: Path | None) -> None:
    """From here on the key is redacted everywhere.

    Raises:
        EndpointError: it cannot be a key; it is not shown.
    """
    origin = path if path is not None else VARIABLE
    if not key.isascii() or not key.isprintable() or " " in key:
        raise EndpointError(
            f"{origin}: the key has characters that no key has (spaces, line breaks, letters beyond ASCII)"
        )
    # A few letters would be found in ordinary words, and a secret they are not.
    if len(key) >= 8:
        _secrets.add(key)
        _redact_logs()


def _redact_logs() -> None:
    """Log records are redacted as they are made: a filter would miss handlers that are set up later."""
    inner = logging.getLogRecordFactory()
    if getattr(inner, "redacts", False):
        return

    def make(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = inner(*arguments, **named)
        try:
            told = record.getMessage()
        except (TypeError, ValueError):  # a faulty call somewhere else; logging itself reports it
            return record
        safe = redacted(told)
        if safe != told:
            record.msg, record.args = safe, ()
        if record.exc_info and record.exc_info[1] is not None:
            shown = "".join(traceback.format_exception(record.exc_info[1]))
            if (safe := redacted(shown)) != shown:
                record.exc_info, record.exc_text = None, safe.rstrip()
        return record

    make.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make)
