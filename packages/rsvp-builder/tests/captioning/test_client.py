"""The client: where the key comes from, and that nobody gets to see it."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rsvp_builder.captioning import client as client_module
from rsvp_builder.captioning.client import DUMMY, HIDDEN, EndpointError, make_client, redacted
from rsvp_builder.captioning.exchange import Kind, send

LOCAL = "http://127.0.0.1:1/v1"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Keys of one test are not known to the next, and log records are made as before."""
    factory, secrets = logging.getLogRecordFactory(), set(client_module._secrets)
    yield
    logging.setLogRecordFactory(factory)
    client_module._secrets.clear()
    client_module._secrets.update(secrets)


def key_of(base_url: str | None = LOCAL, key_file: Path | None = None) -> str:
    return make_client(base_url, key_file).api_key


def test_the_key_comes_from_the_environment(api_key: str) -> None:
    assert key_of() == api_key
    assert make_client(None).api_key == api_key
    assert str(make_client(None).base_url) == "https://api.openai.com/v1/"


def test_a_key_file_comes_before_the_environment(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "key"
    path.write_text("sk-from-a-file-0123456789\n")
    path.chmod(0o600)
    assert key_of(key_file=path) == "sk-from-a-file-0123456789"
    assert caplog.text == ""


def test_a_key_file_that_others_can_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "key"
    path.write_text("sk-from-a-file-0123456789")
    path.chmod(0o644)
    key_of(key_file=path)
    assert "others can read" in caplog.text
    assert "0123456789" not in caplog.text


@pytest.mark.parametrize("content", [b"", b"two words-of-some-secret", b"\xff\xfe\x00", b"x" * 10_000])
def test_a_file_that_is_no_key_file_is_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(EndpointError) as caught:
        key_of(key_file=path)
    assert str(path) in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "xxxx" not in str(caught.value)


def test_a_missing_key_file(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match="cannot be read"):
        key_of(key_file=tmp_path / "none")


def test_a_key_in_the_environment_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-with a-space-77777")
    with pytest.raises(EndpointError) as caught:
        key_of()
    assert "77777" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["localhost:8000", "127.0.0.1", "[::1]:80", "10.1.2.3", "192.168.0.9", "gpu-box", "a.local"]
)
def test_a_local_endpoint_needs_no_key(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    assert key_of(f"http://{host}/v1") == DUMMY


@pytest.mark.parametrize("base_url", [None, "https://api.example.com/v1", "https://8.8.8.8/v1"])
def test_others_do(monkeypatch: pytest.MonkeyPatch, base_url: str | None) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(EndpointError, match="OPENAI_API_KEY"):
        key_of(base_url)


@pytest.mark.parametrize(
    "address", ["localhost:8000", "ftp://a/v1", "http://", "", "http://a:b:c", "https://h/v1?key=1"]
)
def test_addresses_that_are_none(address: str) -> None:
    if address:
        with pytest.raises(EndpointError):
            key_of(address)
    else:
        assert str(make_client(address).base_url) == "https://api.openai.com/v1/"


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(EndpointError) as caught:
        key_of("https://me:hunter2-hunter2@example.com/v1")
    assert "hunter2" not in str(caught.value)


def test_an_unencrypted_way_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    key_of("http://api.example.com/v1")
    assert "unencrypted" in caplog.text


def test_no_tries_of_its_own() -> None:
    assert make_client(LOCAL).max_retries == 0


def test_redacted(api_key: str) -> None:
    make_client(LOCAL)
    assert redacted(f"key {api_key}!") == f"key {HIDDEN}!"
    # Endpoints show the two ends of a key; an end is too much as well.
    assert (
        redacted("Incorrect API key provided: sk-proj-****abcd.") == f"Incorrect API key provided: {HIDDEN}"
    )
    assert redacted("a task-force of risk-takers") == "a task-force of risk-takers"


def test_the_key_is_not_in_the_client_as_it_is_shown(api_key: str) -> None:
    client = make_client(LOCAL)
    assert api_key not in repr(client) + str(client) + repr(client._client)


def test_log_records_of_any_logger_are_redacted(api_key: str, caplog: pytest.LogCaptureFixture) -> None:
    make_client(LOCAL)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("some.library").debug("headers %s of %d", {"Authorization": f"Bearer {api_key}"}, 1)
        try:
            int(api_key)
        except ValueError:
            logging.getLogger("another").exception("failed")
        logging.getLogger("third").info("all is well: %s", 3)
    assert api_key not in caplog.text
    assert caplog.text.count(HIDDEN) == 2
    assert "ValueError: invalid literal" in caplog.text
    assert "all is well: 3" in caplog.text


SCRIPT = """
import asyncio, sys
from pathlib import Path
from rsvp_builder.captioning.client import make_client
from rsvp_builder.captioning.exchange import send

async def main():
    async with make_client(sys.argv[1]) as client:
        body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
        print(await send(client, body, "k-1", 5))
        try:
            await client.post("/chat/completions", body=body, cast_to=object)
        except Exception as error:
            # What a careless caller would do.
            import logging
            logging.getLogger("careless").exception("%s %r %s", error, error.body, error.request.headers)
asyncio.run(main())
"""


@pytest.mark.parametrize("transport", ["aiohttp", "httpx"])
def test_an_endpoint_that_echoes_the_key(server: Any, api_key: str, transport: str, tmp_path: Path) -> None:
    """With all libraries at their most talkative, in a process of its own: nothing it writes has the key."""
    server.plan({"fault": "401"})
    script = SCRIPT.replace("make_client(sys.argv[1])", f"make_client(sys.argv[1], transport={transport!r})")
    script = "import logging; logging.basicConfig(level=logging.DEBUG)\n" + script
    environment = os.environ | {"OPENAI_LOG": "debug", "OPENAI_API_KEY": api_key}
    ran = subprocess.run(
        [sys.executable, "-c", script, server.base_url],
        capture_output=True, text=True, env=environment, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert [entry["fault"] for entry in server.log()] == ["401", "401"]
    assert "DEBUG" in ran.stderr
    assert "Incorrect API key provided" in ran.stdout
    assert HIDDEN in ran.stdout
    assert HIDDEN in ran.stderr
    assert api_key not in ran.stdout + ran.stderr
    assert api_key[5:20] not in ran.stdout + ran.stderr


@pytest.fixture(params=["aiohttp", "httpx"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(
    ("rule", "kind", "told"),
    [
        ({"fault": "429", "retry_after": 1}, Kind.BUSY, "429: Rate limit"),
        ({"fault": "503"}, Kind.BUSY, "503: "),
        ({"fault": "529"}, Kind.BUSY, "529: "),
        ({"fault": "408"}, Kind.BUSY, "408: "),
        ({"fault": "500"}, Kind.UNSURE, "500: "),
        ({"fault": "502"}, Kind.UNSURE, "502: "),
        ({"fault": "drop_before"}, Kind.UNSURE, "the connection broke"),
        ({"fault": "drop_middle"}, Kind.UNSURE, "the connection broke"),
        ({"fault": "body"}, Kind.UNSURE, "no completion"),
        ({"fault": "quota"}, Kind.HOPELESS, "429: You exceeded"),
        ({"fault": "401"}, Kind.HOPELESS, "401: Incorrect"),
        ({"fault": "403"}, Kind.HOPELESS, "403: "),
        ({"fault": "model"}, Kind.HOPELESS, "404: The model"),
        ({"fault": "400"}, Kind.TURNED_DOWN, "400: Invalid image"),
        ({"fault": "422"}, Kind.TURNED_DOWN, "422: "),
        ({"fault": "400", "code": "unsupported_parameter"}, Kind.HOPELESS, "400: "),
        ({"fault": "malformed"}, Kind.ANSWERED, ""),
        ({"fault": "refusal"}, Kind.ANSWERED, ""),
    ],
)
def test_what_became_of_a_request(
    server: Any, make_body: Any, transport: Any, rule: dict[str, Any], kind: Kind, told: str
) -> None:
    server.plan(rule)

    async def work() -> Any:
        async with make_client(server.base_url, transport=transport) as client:
            return await send(client, make_body(), "k-1", 5)

    exchange = asyncio.run(work())
    assert exchange.kind is kind
    assert told in exchange.told
    assert bool(exchange.response) is (kind is Kind.ANSWERED)
    assert server.ids() == ["k-1"]


def test_a_slow_answer_may_have_been_paid_for(server: Any, make_body: Any, transport: Any) -> None:
    server.plan({"fault": "slow", "seconds": 0.6})

    async def work(read_s: float, total_s: float) -> Any:
        async with make_client(server.base_url, read_s=read_s, transport=transport) as client:
            return await send(client, make_body(), "k-1", total_s)

    for limits in ((0.1, 5.0), (5.0, 0.1)):
        exchange = asyncio.run(work(*limits))
        assert exchange.kind is Kind.UNSURE
        assert "time" in exchange.told or "within" in exchange.told


def test_a_refused_connection_sent_nothing(make_body: Any, transport: Any) -> None:
    async def work(address: str) -> Any:
        async with make_client(address, transport=transport) as client:
            return await send(client, make_body(), "k-1", 5)

    for address in (LOCAL, "http://no-such-host.invalid.localhost.local/v1"):
        exchange = asyncio.run(work(address))
        assert exchange.kind is Kind.UNREACHABLE
        assert exchange.told.startswith("no connection: ")


def test_a_host_that_does_not_accept_is_unreachable_in_time(make_body: Any, transport: Any) -> None:
    """A listening socket whose queue is full: the connection is never made."""
    import socket

    async def work(address: str) -> Any:
        async with make_client(address, connect_s=0.3, transport=transport) as client:
            return await send(client, make_body(), "k-1", 5)

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listening.getsockname())
            fillers.append(filler)
        exchange = asyncio.run(work(f"http://127.0.0.1:{listening.getsockname()[1]}/v1"))
        for filler in fillers:
            filler.close()
    assert exchange.kind is Kind.UNREACHABLE


def test_the_key_is_sent(server: Any, make_body: Any, api_key: str) -> None:
    server.settings(api_key=api_key)

    async def work() -> Any:
        async with make_client(server.base_url) as client:
            return await send(client, make_body(), "k-1", 5)

    assert asyncio.run(work()).kind is Kind.ANSWERED
    server.settings(api_key="another")
    assert asyncio.run(work()).kind is Kind.HOPELESS


def test_an_answer_that_repeats_the_key_is_redacted(server: Any, make_body: Any, api_key: str) -> None:
    server.plan({"fault": "content", "content": f"Your key is {api_key}."})

    async def work() -> Any:
        async with make_client(server.base_url) as client:
            return await send(client, make_body(), "k-1", 5)

    exchange = asyncio.run(work())
    assert exchange.response["choices"][0]["message"]["content"] == f"Your key is {HIDDEN}."
