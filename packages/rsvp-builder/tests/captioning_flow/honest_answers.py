"""Answers that the checks have no reason to complain about, made of what the prompt itself says."""

from __future__ import annotations

import json
import re
from typing import Any

KNOWN = re.compile(r"^- <Region (\d+)>: ([^,\n]+),", re.MULTILINE)
AROUND = "Open grass and bare soil lie around, and a paved road runs past low buildings with flat roofs."


def text_of(body: dict[str, Any]) -> str:
    """What the user's first turn says."""
    parts = next(turn["content"] for turn in body["messages"] if turn["role"] == "user")
    return "\n".join(part["text"] for part in parts if part["type"] == "text")


def answer_to(body: dict[str, Any]) -> str:
    """An answer of the request's schema that speaks of every region by its class."""
    schema = body["response_format"]["json_schema"]["schema"]
    known = [(int(number), label) for number, label in KNOWN.findall(text_of(body))]
    cited = ", ".join(f"the {label} <Region {number}>" for number, label in known)
    texts = {
        "analysis": f"In the middle of the scene there is {cited}. They stand close to each other. {AROUND}",
        "caption": f"Seen from above there is {cited}. {AROUND}",
        "image": f"The image shows ground seen from above with a few objects on it. {AROUND}",
    }
    fields = schema["properties"]["regions"]["items"]["required"]

    def region(number: int, label: str) -> dict[str, Any]:
        more = {
            "phrase": f"the {label}",
            "description": f"A clearly visible {label} in bright light. {AROUND}",
        }
        every = {"region": number, "class": label, **more}
        return {name: every[name] for name in fields}

    answer: dict[str, Any] = {name: texts[name] for name in schema["required"] if name != "regions"}
    answer["regions"] = [region(*each) for each in known]
    return json.dumps({name: answer[name] for name in schema["required"]})


def completion(body: dict[str, Any], content: str | None = None) -> dict[str, Any]:
    """The response to a request, with that answer or another one."""
    said = answer_to(body) if content is None else content
    return {
        "model": f"{body['model']}-fake",
        "choices": [{"message": {"role": "assistant", "content": said}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100},
    }
