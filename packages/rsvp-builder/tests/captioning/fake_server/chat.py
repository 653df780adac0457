"""Chat completions: validated as the real API does, answered by the request's own schema."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from aiohttp import web
from answers import answer_to, prompt_tokens
from checks import Wrong, check_body
from faults import BEFORE, Rule
from state import STATE, State, authorised, problem


def completion(body: dict[str, Any], number: int, rule: Rule | None = None) -> dict[str, Any]:
    """The answer to a valid request, with a fault of the answer where a rule says so.

    Used for batches too: they pass the body of a line.
    """
    message: dict[str, Any] = {"role": "assistant", "content": answer_to(body), "refusal": None}
    finish = "stop"
    fault = rule.fault if rule is not None else None
    if fault == "malformed":
        message["content"] = message["content"][:-1] + " and so on"
    elif fault == "schema":
        message["content"] = json.dumps({"unexpected": [1, 2, 3]})
    elif fault == "content":
        given = rule.options["content"] if rule is not None else ""
        message["content"] = given if isinstance(given, str) else json.dumps(given)
    elif fault == "refusal":
        message |= {"content": None, "refusal": "I'm sorry, I can't help with that."}
    elif fault == "filter":
        message["content"], finish = "", "content_filter"
    elif fault == "truncated":
        message["content"], finish = message["content"][: len(message["content"]) // 2], "length"
    asked = prompt_tokens(body)
    answered = max(1, len(message["content"] or message["refusal"] or "") // 4)
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": f"{body['model']}-fake",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
            "prompt_tokens_details": {"cached_tokens": asked // 4, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
        "system_fingerprint": "fp_fake",
    }


def refused(rule: Rule, body: dict[str, Any], key: str) -> web.Response:
    """The error of a fault that comes before an answer."""
    options, headers = rule.options, dict(rule.options.get("headers", {}))
    if "retry_after" in options:
        headers["Retry-After"] = str(options["retry_after"])
    if "retry_after_ms" in options:
        headers["retry-after-ms"] = str(options["retry_after_ms"])
    match rule.fault:
        case "429":
            return problem(
                429, "Rate limit reached.", code="rate_limit_exceeded", kind="requests", headers=headers
            )
        case "quota":
            told = "You exceeded your current quota, please check your plan and billing details."
            return problem(429, told, code="insufficient_quota", kind="insufficient_quota", headers=headers)
        case "401":
            return problem(
                401, f"Incorrect API key provided: {key}.", code="invalid_api_key", headers=headers
            )
        case "model":
            told = f"The model `{body.get('model')}` does not exist or you do not have access to it."
            return problem(404, told, code="model_not_found", headers=headers)
        case "400":
            told = options.get("message", "Invalid image.")
            return problem(400, told, code=options.get("code", "invalid_image"), headers=headers)
        case _:
            told = "The server had an error while processing your request."
            return problem(int(rule.fault), told, kind="server_error", headers=headers)


async def chat(request: web.Request) -> web.StreamResponse:
    """``POST /v1/chat/completions``."""
    state = request.app[STATE]
    entry = state.enter(request.headers.get("X-Client-Request-Id", ""))
    status: int | None = None
    try:
        response = await respond(state, request, entry)
        status = response.status if response is not None else None
        if response is None:
            # Nothing can be returned any more: the connection is gone. aiohttp wants a response all the same.
            return web.Response(status=500)
        return response
    finally:
        state.leave(entry, status)


async def respond(state: State, request: web.Request, entry: dict[str, Any]) -> web.StreamResponse | None:
    """The response; None where the connection was dropped instead."""
    began = time.monotonic()
    raw = await request.read()
    unknown = authorised(state, request)
    if unknown is not None:
        return unknown
    rule = state.plan.pick(entry["id"])
    entry["fault"] = rule.fault if rule is not None else None
    try:
        body = check_body(raw, models=state.models, decode=state.decode)
    except Wrong as error:
        return problem(error.status, str(error), code=error.code)
    tokens = prompt_tokens(body) + body.get("max_completion_tokens", body.get("max_tokens", 0))
    wait = state.meters.take(tokens)
    headers = state.meters.headers()
    if wait > 0:
        headers |= {"retry-after-ms": str(int(wait * 1000) + 1), "Retry-After": str(int(wait) + 1)}
        told = f"Rate limit reached. Please try again in {wait:.3f}s."
        return problem(429, told, code="rate_limit_exceeded", kind="requests", headers=headers)
    pause = state.latency + (rule.options.get("seconds", 1.0) if rule and rule.fault == "slow" else 0.0)
    if rule is not None and (rule.fault in BEFORE or rule.fault.isdigit()):
        await asyncio.sleep(rule.options.get("seconds", 0.0))
        if rule.fault == "drop_before":
            return drop(request)
        key = request.headers["Authorization"].partition(" ")[2]
        return refused(rule, body, key)
    answered = json.dumps(completion(body, state.number(), rule)).encode()
    await asyncio.sleep(max(0.0, pause - (time.monotonic() - began)))
    if rule is not None and rule.fault == "body":
        answered = b"<html>upstream said nothing"
    if rule is not None and rule.fault == "drop_middle":
        half = web.StreamResponse(headers={"Content-Type": "application/json"})
        half.content_length = len(answered)
        await half.prepare(request)
        await half.write(answered[: len(answered) // 2])
        return drop(request)
    headers["x-request-id"] = f"req_{state.number()}"
    return web.Response(body=answered, content_type="application/json", headers=headers)


def drop(request: web.Request) -> None:
    """Cuts the connection without another byte."""
    if request.transport is not None:
        request.transport.abort()


routes = [web.post("/v1/chat/completions", chat)]
