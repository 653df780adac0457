"""Runs commands in forked children that kill themselves at a chosen moment; started by a test, once.

Reads orders as JSON lines: ``{"folder", "base_url", "commands", "settings", "kill"}``. A child counts every
call of the store, of the endpoint and of files, before and after: at count ``kill`` it sends itself SIGKILL.
Answers a line: ``{"killed": bool, "status": n, "points": [...]}``; points are those of a child that lived.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from batch_doubles import Run, Server

from rsvp_builder.captioning.batch import fetch, handover, submit
from rsvp_builder.captioning.batch.files import RequestFile
from rsvp_builder.captioning.batch.remote import Remote
from rsvp_builder.captioning.store import Store

WATCHED = [
    (Store, ["open_batch", "claim", "set_batch", "fail", "record", "return_batch"]),
    (Remote, ["upload", "find_file", "create", "find_batches", "retrieve", "cancel", "download", "delete"]),
    (RequestFile, ["write", "complete"]),
    (handover, ["remove"]),
    (fetch, ["remove"]),
    (submit, ["hand_over"]),
]


class Clock:
    def __init__(self, kill: int | None) -> None:
        self.kill = kill
        self.points: list[str] = []

    def tick(self, name: str) -> None:
        self.points.append(name)
        if len(self.points) == self.kill:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, owner: Any, name: str) -> None:
        whole = getattr(owner, name)
        if inspect.iscoroutinefunction(whole):

            @functools.wraps(whole)
            async def watched(*given: Any, **named: Any) -> Any:
                self.tick(f"before {name}")
                result = await whole(*given, **named)
                self.tick(f"after {name}")
                return result

        else:

            @functools.wraps(whole)
            def watched(*given: Any, **named: Any) -> Any:
                self.tick(f"before {name}")
                result = whole(*given, **named)
                self.tick(f"after {name}")
                return result

        setattr(owner, name, watched)


def child(order: dict[str, Any], answer: int) -> None:
    clock = Clock(order["kill"])
    for owner, names in WATCHED:
        for name in names:
            clock.watch(owner, name)
    run = Run(Server(order["base_url"]), Path(order["folder"]))
    for command in order["commands"]:
        getattr(run, command)(**order["settings"])
    os.write(answer, json.dumps(clock.points).encode())


def main() -> None:
    asyncio.run(asyncio.sleep(0))  # whatever is imported late is imported before the forks
    for line in sys.stdin:
        order = json.loads(line)
        reader, writer = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(reader)
            try:
                child(order, writer)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            points = pipe.read()
        _, status = os.waitpid(process, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        told = {"killed": killed, "status": status, "points": json.loads(points or b"[]")}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
