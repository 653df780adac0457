"""A chat completion as it came from whatever endpoint, taken apart without trusting any of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from rsvp_builder.captioning.outcome import Usage

LONGEST = 400_000
"""Characters of content that are looked at; no answer to these prompts is near."""

_MOST_TOKENS = 2**40
_THOUGHTS = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[A-Za-z]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
_FILTERS = ("content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a response says.

    Attributes:
        message: the message as it came; where there is none, the response under ``response``.
        content: its text, parts put together; empty where it has none.
        refusal: what the model said in the field for refusals.
        finish_reason: why it stopped, empty where the endpoint does not say.
        usage: tokens; zero where the endpoint does not say.
        model: the model that answered.
        filtered: whether the endpoint's content filter took the answer.
        found: whether there is a message at all.
    """

    message: dict[str, Any]
    content: str
    refusal: str
    finish_reason: str
    usage: Usage
    model: str
    filtered: bool
    found: bool


def read_reply(response: Any) -> Reply:
    """Take a response apart. Whatever is missing or of another type counts as empty."""
    whole = _table(response)
    choices = whole.get("choices")
    choice = _table(choices[0]) if isinstance(choices, list) and choices else {}
    message = choice.get("message")
    found = isinstance(message, dict)
    error = _table(whole.get("error"))
    finish = _text(choice.get("finish_reason"))
    codes = {finish, _text(error.get("code")), _text(error.get("type"))}
    codes.add(_text(_table(error.get("innererror")).get("code")))
    content, refusal = _content(_table(message).get("content"))
    return Reply(
        message=dict(message) if isinstance(message, dict) else {"response": response},
        content=content,
        refusal=_text(_table(message).get("refusal")) or refusal,
        finish_reason=finish,
        usage=_usage(whole.get("usage")),
        model=_text(whole.get("model")),
        filtered=bool(codes & set(_FILTERS)),
        found=found,
    )


def json_object(content: str) -> tuple[Any, bool]:
    """The JSON value in a text, and whether the text ends before it does.

    Endpoints that do not hold models to a schema put fences, thoughts or a sentence around it.

    Returns:
        The value, or None where there is none; and whether it was cut off.
    """
    text = _THOUGHTS.sub("", content[:LONGEST]).lstrip("\ufeff \t\r\n")
    if not text.startswith("{"):
        fenced = _FENCE.search(text)
        inner = fenced[1] if fenced else text
        start = inner.find("{")
        if start < 0:
            return None, False
        text = inner[start:]
    try:
        value, _ = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode(text)
    except (ValueError, RecursionError):
        return None, _open_at_end(text)
    return value, False


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _open_at_end(text: str) -> bool:
    """Whether a text ends inside a string, an object or a list."""
    depth, in_string, escaped = 0, False, False
    for letter in text:
        if in_string:
            if escaped:
                escaped = False
            elif letter == "\\":
                escaped = True
            elif letter == '"':
                in_string = False
        elif letter == '"':
            in_string = True
        elif letter in "{[":
            depth += 1
        elif letter in "}]":
            depth -= 1
    return in_string or depth > 0


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _content(content: Any) -> tuple[str, str]:
    """Text and refusal in the content of a message: a string, or a list of parts."""
    if not isinstance(content, list):
        return _text(content), ""
    parts = [_table(part) for part in content]
    texts = [part if isinstance(part, str) else _text(_table(part).get("text")) for part in content]
    return "".join(texts), " ".join(filter(None, (_text(part.get("refusal")) for part in parts)))


def _usage(usage: Any) -> Usage:
    counts = _table(usage)
    details = _table(counts.get("prompt_tokens_details"))
    return Usage(
        input_tokens=_count(counts.get("prompt_tokens")),
        output_tokens=_count(counts.get("completion_tokens")),
        cached_tokens=_count(details.get("cached_tokens")),
    )


def _count(value: Any) -> int:
    """A number of tokens; what cannot be one is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 <= value < _MOST_TOKENS else 0
