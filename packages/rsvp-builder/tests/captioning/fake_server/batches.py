"""``/v1/batches``: create, list, retrieve, cancel; and ``/_batches``, which scripts how they end.

A batch moves on when it is looked at. A script (a JSON object; the next batch takes the next one) says how:

* ``path``: states shown by the first looks, such as ``["validating", "in_progress", "finalizing"]``
* ``hold``: it stays in progress until it is cancelled
* ``end``: ``completed`` (default), ``failed``, ``expired``
* ``errors``: of a failed batch, ``[{"code": .., "message": .., "line": ..}]``
* ``status``: ``{"3": 429}``: line 3 (from 0) goes to the error file with that status
* ``unanswered``: lines that were not reached before it expired or was cancelled; they go to the error file,
  or nowhere with ``"silent": true``
* ``missing``: lines that are answered, but are in no file; with ``"counted": true`` the counts tell of them
* ``duplicates``: lines that are in the output twice
* ``shuffle``: seed of the order of the output
* ``garbage``: ``[[5, "text"], ...]`` lines put into the output before its line 5
* ``unknown``: so many answers to a custom_id that nobody asked
* ``contents``: ``{"3": "text"}``: the message of that answer; ``"*"`` for all others. Without, the answer is
  that of ``/v1/chat/completions``, and so are refusals of bodies that are not valid
* ``bodies``: ``{"3": anything}``: the whole body of that answer
* ``forget_metadata``: it is not kept, as some servers do
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from chat import completion
from checks import Wrong, check_body
from files import Shelf, Stored, operation, page, shelf_of
from state import STATE, State, problem


@dataclass
class Made:
    """A batch and how it is to end."""

    shown: dict[str, Any]
    script: dict[str, Any]
    path: list[str]
    lines: int = 0


def requests_of(stored: Stored) -> Iterator[dict[str, Any]]:
    with stored.path.open("rb") as lines:
        for line in lines:
            yield json.loads(line)


def faults_of(stored: Stored, endpoint: str) -> tuple[int, list[dict[str, Any]]]:
    """Number of lines, and what the API would find wrong with the file; lines count from 1."""
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    models: set[str] = set()
    number = 0
    with stored.path.open("rb") as lines:
        for number, line in enumerate(lines, 1):

            def wrong(code: str, message: str, number: int = number) -> None:
                found.append({"code": code, "message": message, "param": None, "line": number})

            try:
                asked = json.loads(line)
            except ValueError:
                wrong("invalid_json_line", "This line is not parseable as valid JSON.")
                continue
            if asked.get("method") != "POST" or asked.get("url") != endpoint:
                wrong("invalid_url", "The URL provided for this request does not match the batch endpoint.")
            if not isinstance(asked.get("custom_id"), str) or len(asked["custom_id"]) > 64:
                wrong("invalid_custom_id", "custom_id must be a string of at most 64 characters.")
            elif asked["custom_id"] in seen:
                wrong("duplicate_custom_id", "The custom_id has already been used in this file.")
            else:
                seen.add(asked["custom_id"])
            models.add(str(asked.get("body", {}).get("model")))
            if len(models) > 1:
                wrong("mismatched_model", "All requests of a batch must use the same model.")
    if not number:
        found.append({"code": "empty_file", "message": "The file is empty.", "param": None, "line": None})
    if number > 50_000 or stored.path.stat().st_size > 200 * 1024 * 1024:
        found.append({"code": "too_large", "message": "The file is too large.", "param": None, "line": None})
    return number, found


@operation("batches.create")
async def create(request: web.Request, shelf: Shelf) -> web.StreamResponse:
    asked = await request.json()
    stored = shelf.files.get(asked["input_file_id"])
    if stored is None or stored.purpose != "batch":
        return problem(400, f"no file '{asked['input_file_id']}' with purpose 'batch'")
    script = shelf.scripts.pop(0) if shelf.scripts else {}
    number, now = request.app[STATE].number(), int(time.time())
    lines, found = faults_of(stored, asked["endpoint"])
    if found:
        script = {"end": "failed", "errors": found}
    shown = {
        "id": f"batch_{number:06d}",
        "object": "batch",
        "endpoint": asked["endpoint"],
        "errors": None,
        "input_file_id": asked["input_file_id"],
        "completion_window": asked["completion_window"],
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": now,
        "expires_at": now + 24 * 3600,
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": {} if script.get("forget_metadata") else asked.get("metadata"),
    }
    shelf.batches[shown["id"]] = Made(shown, script, list(script.get("path", [])), lines)
    shelf.events.append(["batches.create", shown["id"]])
    return web.json_response(shown)


def move_on(made: Made, state: State, shelf: Shelf) -> None:
    """Show the next state, or end."""
    shown, script = made.shown, made.script
    if shown["status"] in ("completed", "failed", "expired", "cancelled"):
        return
    if made.path:
        shown["status"] = made.path.pop(0)
    elif shown["status"] == "cancelling":
        finish(made, "cancelled", state, shelf)
    elif script.get("hold"):
        shown["status"] = "in_progress"
    else:
        finish(made, script.get("end", "completed"), state, shelf)
    if shown["status"] not in ("validating", "failed"):
        shown["request_counts"]["total"] = made.lines


def finish(made: Made, end: str, state: State, shelf: Shelf) -> None:
    shown, script = made.shown, made.script
    shown["status"] = end
    shown[f"{end}_at"] = int(time.time())
    if end == "failed":
        shown["errors"] = {"object": "list", "data": script.get("errors", [])}
        return
    answered, output, failures = _results(made, end, state, shelf)
    for at, garbage in script.get("garbage", []):
        output.insert(at, garbage.encode())
    for kind, lines in (("output", output), ("error", failures)):
        if lines:
            stored = shelf.new_file(state.number(), f"{shown['id']}_{kind}.jsonl", "batch_output")
            stored.path.write_bytes(b"\n".join(lines) + (b"\n" if kind == "output" else b""))
            shelf.files[stored.id] = stored
            shown[f"{kind}_file_id"] = stored.id
    shown["request_counts"].update(completed=answered, failed=made.lines - answered)


def _results(made: Made, end: str, state: State, shelf: Shelf) -> tuple[int, list[bytes], list[bytes]]:
    """Number of answers that are told; lines of the output file and of the error file."""
    script = made.script
    unanswered = set(script.get("unanswered", []))
    output: list[bytes] = []
    failures: list[bytes] = []
    answered = 0
    for number, asked in enumerate(requests_of(shelf.files[made.shown["input_file_id"]])):
        identity = asked["custom_id"]
        if number in unanswered:
            if not script.get("silent"):
                reason = {"code": f"batch_{end}", "message": "This request was not executed in time."}
                failures.append(_line(number, identity, None, reason))
            continue
        status, body = _answer(script, str(number), asked["body"], state)
        line = _line(number, identity, {"status_code": status, "body": body}, None)
        if status != 200:
            failures.append(line)
            continue
        shelf.answered[identity] += 1
        if number in script.get("missing", []):
            answered += bool(script.get("counted"))
            continue
        answered += 1
        output += [line] * (2 if number in script.get("duplicates", []) else 1)
    for number in range(script.get("unknown", 0)):
        output.append(_line(number, f"{number:064x}", {"status_code": 200, "body": {"choices": []}}, None))
    if "shuffle" in script:
        random.Random(script["shuffle"]).shuffle(output)
    return answered, output, failures


def _answer(script: dict[str, Any], at: str, asked: dict[str, Any], state: State) -> tuple[int, Any]:
    """Status and body of one answer."""
    if at in script.get("status", {}):
        told = f"status {script['status'][at]} was asked for"
        return script["status"][at], {"error": {"message": told, "type": "x", "code": None}}
    if at in script.get("bodies", {}):
        return 200, script["bodies"][at]
    try:
        check_body(json.dumps(asked).encode(), models=state.models, decode=state.decode)
    except Wrong as wrong:
        return wrong.status, {"error": {"message": str(wrong), "type": "x", "code": wrong.code}}
    body = completion(asked, state.number())
    contents = script.get("contents", {})
    if at in contents or "*" in contents:
        body["choices"][0]["message"]["content"] = contents.get(at, contents.get("*"))
    return 200, body


def _line(number: int, identity: str, response: dict[str, Any] | None, wrong: dict[str, Any] | None) -> bytes:
    if response is not None:
        response = {**response, "request_id": f"req_{number}"}
    whole = {"id": f"batch_req_{number}", "custom_id": identity, "response": response, "error": wrong}
    # Not escaped, as the API writes it: a line may hold U+2028, at which str.splitlines would cut.
    return json.dumps(whole, ensure_ascii=False).encode()


@operation("batches.list")
async def listing(request: web.Request, shelf: Shelf) -> web.StreamResponse:
    return page([made.shown for made in shelf.batches.values()], request, shelf.page)


@operation("batches.retrieve")
async def retrieve(request: web.Request, shelf: Shelf) -> web.StreamResponse:
    made = shelf.batches.get(request.match_info["id"])
    if made is None:
        return problem(404, "No batch found with that id")
    move_on(made, request.app[STATE], shelf)
    return web.json_response(made.shown)


@operation("batches.cancel")
async def cancel(request: web.Request, shelf: Shelf) -> web.StreamResponse:
    made = shelf.batches.get(request.match_info["id"])
    if made is None:
        return problem(404, "No batch found with that id")
    if made.shown["status"] not in ("validating", "in_progress", "finalizing"):
        return problem(409, f"Cannot cancel a batch with status '{made.shown['status']}'.")
    made.shown["status"] = "cancelling"
    made.path = []
    shelf.events.append(["batches.cancel", made.shown["id"]])
    return web.json_response(made.shown)


async def control(request: web.Request) -> web.Response:
    """Reset, and take scripts and faults: ``{"reset": true, "scripts": [...], "faults": [...]}``.

    ``forget`` names batches that are gone, ``delete`` files; ``calm`` takes all faults back; ``page`` is
    the most batches on a page.
    """
    asked = await request.json()
    shelf = shelf_of(request)
    if asked.get("reset"):
        request.app[STATE].shelf.clear()
        shelf = shelf_of(request)
    shelf.page = asked.get("page", shelf.page)
    if asked.get("calm"):
        shelf.faults.clear()
    for identity in asked.get("forget", []):
        shelf.batches.pop(identity)
    for identity in asked.get("delete", []):
        shelf.files.pop(identity).path.unlink()
    shelf.scripts.extend(asked.get("scripts", []))
    shelf.faults.extend(asked.get("faults", []))
    return web.json_response({})


async def seen(request: web.Request) -> web.Response:
    """Everything that happened."""
    shelf = shelf_of(request)
    return web.json_response(
        {
            "events": shelf.events,
            "files": [stored.shown() for stored in shelf.files.values()],
            "batches": [made.shown for made in shelf.batches.values()],
            "answered": shelf.answered,
            "faults": shelf.faults,
        }
    )


routes = [
    web.post("/v1/batches", create),
    web.get("/v1/batches", listing),
    web.get("/v1/batches/{id}", retrieve),
    web.post("/v1/batches/{id}/cancel", cancel),
    web.post("/_batches", control),
    web.get("/_batches", seen),
]
