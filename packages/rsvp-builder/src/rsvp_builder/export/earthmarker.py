"""The JSON of EarthMarker's lineage: ``image``, ``conversations``, and ``bbox`` or ``points`` in pixels.

``bbox`` is a list of ``[x, y, width, height]`` and ``points`` one of ``[x, y]``, in the order of the marks,
origin top left: as SPHINX-V's loader reads them. The EarthMarker paper prints corners instead and its release
was not to be had, so what that reads is not verified. An image-level row has the one box
``[0, 0, width, height]``.

Format: https://github.com/AFeng-x/Draw-and-Understand, accessory/data of SPHINX-V.
"""

from __future__ import annotations

from typing import Any

_SPEAKER = {"user": "human", "assistant": "gpt"}


def item(row: dict[str, Any], image: str) -> dict[str, Any]:
    """A row of the published form as an item of the list.

    Args:
        row: the row; all its marks are boxes, or all are points.
        image: path of its picture.
    """
    turns = [{"from": _SPEAKER[turn["role"]], "value": turn["content"]} for turn in row["messages"]]
    made = {"id": row["id"], "image": image, "conversations": turns}
    if row["marks"][0]["kind"] == "point":
        return made | {"points": [mark["xy"] for mark in row["marks"]]}
    return made | {"bbox": [xywh(mark["xyxy"]) for mark in row["marks"]]}


def xywh(xyxy: list[float]) -> list[float]:
    """Corners ``x1 y1 x2 y2`` as ``x y width height``."""
    x1, y1, x2, y2 = xyxy
    return [x1, y1, x2 - x1, y2 - y1]
