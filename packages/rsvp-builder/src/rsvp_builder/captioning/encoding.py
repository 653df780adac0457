"""A body as JSON, without looking at every letter of its pictures.

A picture in a data URL is a hundred thousand letters of base64 of which none needs escaping; going through
them takes as long as all the rest of the client's work on a request together.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

_PLACE = f"picture-{secrets.token_hex(16)}"
"""Stands for a picture until it is put in; nobody can know it, so no text has it."""

_ESCAPED = ('"', "\\", "\n", "\r", "\t")


def encoded(body: dict[str, Any]) -> bytes:
    """The body of a request as JSON.

    Raises:
        ValueError: it has a number that JSON has not.
    """
    pictures: list[str] = []
    messages = [_without_pictures(turn, pictures) for turn in body.get("messages", [])]
    text = json.dumps(
        {**body, "messages": messages}, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    pieces = text.split(_PLACE)
    whole = [pieces[0]]
    for picture, piece in zip(pictures, pieces[1:], strict=True):
        whole += picture, piece
    return "".join(whole).encode()


def _without_pictures(turn: dict[str, Any], pictures: list[str]) -> dict[str, Any]:
    content = turn.get("content")
    if not isinstance(content, list):
        return turn
    parts = []
    for part in content:
        match part:
            case {"type": "image_url", "image_url": {"url": str(url), **rest}} if _is_plain(url):
                pictures.append(url)
                parts.append({**part, "image_url": {"url": _PLACE, **rest}})
            case _:
                parts.append(part)
    return {**turn, "content": parts}


def _is_plain(url: str) -> bool:
    """Whether a picture is base64 that goes into JSON as it is."""
    return (
        url.startswith("data:image/")
        and ";base64," in url[:40]
        and url.isascii()
        and not any(letter in url for letter in _ESCAPED)
    )
