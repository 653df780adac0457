"""The JSON that LLaVA trains on: ``id``, ``image`` and ``conversations`` of ``human`` and ``gpt``.

LLaVA sees no prompts but text, so the places of marks are put into the first question: a line a mark,
``<Region 1>: [x1, y1, x2, y2]`` or ``<Mark 1>: [x, y]``, as shares of the picture's own width and height with
three digits. Rows about the whole image get none.

Format: https://github.com/haotian-liu/LLaVA, docs/Finetune_Custom_Data.md.
"""

from __future__ import annotations

from typing import Any

_SPEAKER = {"user": "human", "assistant": "gpt"}


def item(row: dict[str, Any], image: str) -> dict[str, Any]:
    """A row of the published form as an item of the list.

    Args:
        row: the row.
        image: path of its picture.
    """
    turns = [{"from": _SPEAKER[turn["role"]], "value": turn["content"]} for turn in row["messages"]]
    places = "".join(f"{line}\n" for line in _places(row))
    turns[0]["value"] = f"<image>\n{places}{turns[0]['value']}"
    return {"id": row["id"], "image": image, "conversations": turns}


def _places(row: dict[str, Any]) -> list[str]:
    if row["granularity"] == "image":
        return []
    size = (row["width"], row["height"])
    lines = []
    for mark in row["marks"]:
        name, numbers = ("Region", mark["xyxy"]) if mark["kind"] == "box" else ("Mark", mark["xy"])
        shares = ", ".join(f"{number / size[axis % 2]:.3f}" for axis, number in enumerate(numbers))
        lines.append(f"<{name} {mark['index']}>: [{shares}]")
    return lines
