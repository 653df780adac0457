"""``/v1/files``: upload, list, retrieve, content, delete. Contents lie on disk, as they may be large."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from aiohttp import web
from state import STATE, authorised, problem


@dataclass
class Stored:
    id: str
    filename: str
    purpose: str
    path: Path
    created_at: int = field(default_factory=lambda: int(time.time()))

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.path.stat().st_size,
            "created_at": self.created_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
        }


@dataclass
class Shelf:
    """What is stored, and what was done.

    Attributes:
        folder: where contents lie.
        files: by id, oldest first.
        batches: by id, oldest first; see batches.py.
        scripts: how the next batches end.
        faults: that wait for the next call of their operation; see :meth:`fault_for`.
        events: ``[operation, filename or id]`` of everything that was done, in order.
        page: most batches on a page of a listing.
        answered: how often each custom_id was answered with status 200: what somebody pays for.
    """

    folder: Any = field(default_factory=lambda: tempfile.TemporaryDirectory(prefix="fake-files-"))
    files: dict[str, Stored] = field(default_factory=dict)
    batches: dict[str, Any] = field(default_factory=dict)
    scripts: list[dict[str, Any]] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    events: list[list[str]] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    page: int = 100

    def new_file(self, number: int, filename: str, purpose: str) -> Stored:
        return Stored(f"file-{number:06d}", filename, purpose, Path(self.folder.name) / f"{number:06d}")

    def fault_for(self, operation: str, when: str) -> dict[str, Any] | None:
        """Take the next fault of an operation.

        A fault is ``{"on": "files.create", "when": "before"|"after", "do": "drop"|"status",
        "status": 500, "code": None, "headers": {}, "times": 1}``; ``after`` means that the work has been
        done. ``files.content`` also knows ``"when": "during"`` with ``bytes``: it is cut off after so many.
        """
        for fault in self.faults:
            if fault["on"] == operation and fault.get("when", "before") == when:
                fault["times"] = fault.get("times", 1) - 1
                if fault["times"] <= 0:
                    self.faults.remove(fault)
                return fault
        return None


def shelf_of(request: web.Request) -> Shelf:
    return request.app[STATE].shelf.setdefault("shelf", Shelf())


def answer_fault(request: web.Request, fault: dict[str, Any]) -> web.Response:
    if fault["do"] == "drop":
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    told = fault.get("message", "a fault that was asked for")
    return problem(fault["status"], told, code=fault.get("code"), headers=fault.get("headers"))


Handler = Callable[[web.Request, Shelf], Awaitable[web.StreamResponse]]


def operation(name: str) -> Callable[[Handler], Callable[[web.Request], Awaitable[web.StreamResponse]]]:
    """A handler with a check of the key, and with the faults that wait for it."""

    def made(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        @wraps(handler)
        async def handle(request: web.Request) -> web.StreamResponse:
            shelf = shelf_of(request)
            if refused := authorised(request.app[STATE], request):
                return refused
            if fault := shelf.fault_for(name, "before"):
                return answer_fault(request, fault)
            answer = await handler(request, shelf)
            fault = shelf.fault_for(name, "after")
            return answer_fault(request, fault) if fault else answer

        return handle

    return made


def page(listed: list[dict[str, Any]], request: web.Request, most: int) -> web.Response:
    """A page of a listing, newest first, as the API's cursor pages."""
    newest = listed[::-1]
    after = request.query.get("after")
    if after:
        at = next((i for i, one in enumerate(newest) if one["id"] == after), len(newest) - 1)
        newest = newest[at + 1 :]
    limit = min(int(request.query.get("limit", 20)), most)
    data = newest[:limit]
    return web.json_response(
        {
            "object": "list",
            "data": data,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
            "has_more": len(newest) > limit,
        }
    )


@operation("files.create")
async def create(request: web.Request, shelf: Shelf) -> web.StreamResponse:
    purpose, stored = "", None
    async for part in await request.multipart():
        if part.name == "purpose":
            purpose = await part.text()
        elif part.name == "file":
            stored = shelf.new_file(request.app[STATE].number(), part.filename or "", "")
            with stored.path.open("wb") as file:
                while chunk := await part.read_chunk(1 << 18):
                    file.write(chunk)
    if stored is None or not purpose:
        return problem(400, "'file' and 'purpose' are required")
    stored.purpose = purpose
    shelf.files[stored.id] = stored
    shelf.events.append(["files.create", stored.filename])
    return web.json_response(stored.shown())


@operation("files.list")
async def listing(request: web.Request, shelf: Shelf) -> web.StreamResponse:
    purpose = request.query.get("purpose")
    return page([f.shown() for f in shelf.files.values() if purpose in (None, f.purpose)], request, 10_000)


@operation("files.retrieve")
async def retrieve(request: web.Request, shelf: Shelf) -> web.StreamResponse:
    stored = shelf.files.get(request.match_info["id"])
    return web.json_response(stored.shown()) if stored else problem(404, "No such File object")


@operation("files.content")
async def content(request: web.Request, shelf: Shelf) -> web.StreamResponse:
    stored = shelf.files.get(request.match_info["id"])
    if stored is None:
        return problem(404, "No such File object")
    if fault := shelf.fault_for("files.content", "during"):
        response = web.StreamResponse()
        response.content_length = stored.path.stat().st_size
        await response.prepare(request)
        await response.write(stored.path.read_bytes()[: fault["bytes"]])
        if request.transport is not None:
            request.transport.abort()
        return response
    shelf.events.append(["files.content", stored.id])
    return web.FileResponse(stored.path, headers={"Content-Type": "application/octet-stream"})


@operation("files.delete")
async def delete(request: web.Request, shelf: Shelf) -> web.StreamResponse:
    stored = shelf.files.pop(request.match_info["id"], None)
    if stored is None:
        return problem(404, "No such File object")
    stored.path.unlink()
    shelf.events.append(["files.delete", stored.id])
    return web.json_response({"id": stored.id, "object": "file", "deleted": True})


routes = [
    web.post("/v1/files", create),
    web.get("/v1/files", listing),
    web.get("/v1/files/{id}", retrieve),
    web.get("/v1/files/{id}/content", content),
    web.delete("/v1/files/{id}", delete),
]
