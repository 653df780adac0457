"""A server that speaks as much of the OpenAI API as captioning uses, and fails when told to.

    python app.py [--port 0] [--latency 0.05] [--plan plan.json]

It prints ``PORT n`` once it listens on loopback, and ends when its standard input is closed or by a
signal. Beside ``/v1/...`` there is ``/_log`` (GET: what was received; DELETE: forget it), ``/_plan`` (PUT a
list of rules, see faults.py) and ``/_settings`` (PUT some of latency, models, api_key, decode, limits).

Modules that serve further paths have a list ``routes`` of aiohttp route definitions and are named in
``MODULES``. Handlers find everything that is shared under ``request.app[STATE]``.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import signal
import sys
from pathlib import Path

from aiohttp import web
from faults import Plan
from meters import Meters
from state import STATE, State

MODULES = ("chat", "files", "batches")
LARGEST = 250 << 20
"""Most bytes of a request; a batch file may have 200 MB."""


async def get_log(request: web.Request) -> web.Response:
    """Every request for a completion, and the most that were in flight at once."""
    state = request.app[STATE]
    return web.json_response({"requests": state.log, "most_in_flight": state.most_in_flight})


async def delete_log(request: web.Request) -> web.Response:
    """Forgets it."""
    state = request.app[STATE]
    state.log.clear()
    state.most_in_flight = state.in_flight
    return web.Response(status=204)


async def put_plan(request: web.Request) -> web.Response:
    """Sets the plan; its count of requests begins anew."""
    try:
        request.app[STATE].plan = Plan(await request.json())
    except (ValueError, KeyError, TypeError) as error:
        return web.Response(status=400, text=f"{type(error).__name__}: {error}")
    return web.Response(status=204)


async def put_settings(request: web.Request) -> web.Response:
    """Sets what is given."""
    state = request.app[STATE]
    given = await request.json()
    for name in ("latency", "api_key", "decode"):
        if name in given:
            setattr(state, name, given.pop(name))
    if "models" in given:
        state.models = tuple(given.pop("models"))
    if "limits" in given:
        state.meters = Meters(**given.pop("limits"))
    if given:
        return web.Response(status=400, text=f"no such setting: {sorted(given)}")
    return web.Response(status=204)


routes = [
    web.get("/_log", get_log),
    web.delete("/_log", delete_log),
    web.put("/_plan", put_plan),
    web.put("/_settings", put_settings),
]


def make_app(state: State) -> web.Application:
    """The application with the routes of every module that is there."""
    app = web.Application(client_max_size=LARGEST)
    app[STATE] = state
    app.add_routes(routes)
    for name in MODULES:
        if importlib.util.find_spec(name) is not None:
            app.add_routes(importlib.import_module(name).routes)
    return app


async def serve(state: State, port: int) -> None:
    """Serves until it is told to end."""
    runner = web.AppRunner(make_app(state), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(f"PORT {runner.addresses[0][1]}", flush=True)  # noqa: T201 - whoever started it reads this
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    # A server whose parent was killed must not stay behind: the pipe to its standard input closes then.
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    gone = asyncio.create_task(reader.read())
    gone.add_done_callback(lambda _: ended.set())
    await ended.wait()
    gone.cancel()
    await runner.cleanup()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--plan", type=Path)
    parser.add_argument(
        "--headers-only", action="store_true", help="do not decode pictures to the last pixel"
    )
    options = parser.parse_args()
    plan = Plan(json.loads(options.plan.read_text()) if options.plan else [])
    asyncio.run(
        serve(State(latency=options.latency, plan=plan, decode=not options.headers_only), options.port)
    )


if __name__ == "__main__":
    main()
