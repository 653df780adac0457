"""What must hold for one published row; see docs/dataset-format.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rsvp_builder.prose import cited
from rsvp_builder.tasks import PROSE

_MARKERS = {"image": "Region", "region": "Region", "point": "Mark"}


def row_problems(row: dict[str, Any], place: dict[str, str], *, planned: bool = False) -> Iterator[str]:
    """Everything that is wrong with a row, one sentence each.

    Args:
        row: the row without its picture.
        place: values that the row must have because of where it lies: source and split.
        planned: whether it waits for a captioner's answer.
    """
    for column, expected in place.items():
        if row[column] != expected:
            yield f"{column} is {row[column]!r} in a shard of {expected!r}"
    marks = row["marks"] or []
    if not marks:
        yield "has no marks"
        return
    if [mark["index"] for mark in marks] != list(range(1, len(marks) + 1)):
        yield "marks are not numbered from 1"
    for mark in marks:
        yield from _mark_problems(mark, row["width"], row["height"])
    messages = row["messages"] or []
    if planned:
        if [message["role"] for message in messages] != ["user"]:
            yield "a planned row has one message, of the user"
    elif row["task"] in PROSE:
        yield from _prose_problems(messages, len(marks))
    else:
        yield from _message_problems(messages, row["granularity"], len(marks))


def _mark_problems(mark: dict[str, Any], width: int, height: int) -> Iterator[str]:
    name = f"mark {mark['index']}"
    match mark["kind"]:
        case "box":
            if not _is_box(mark["xyxy"], width, height):
                yield f"{name}: box {mark['xyxy']} is not inside {width} x {height}"
        case "point":
            if not _is_point(mark["xy"], width, height):
                yield f"{name}: point {mark['xy']} is not inside {width} x {height}"
        case kind:
            yield f"{name}: kind {kind!r}, expected box or point"


def _is_box(xyxy: list[float] | None, width: int, height: int) -> bool:
    if xyxy is None or len(xyxy) != 4:
        return False
    x1, y1, x2, y2 = xyxy
    return 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height


def _is_point(xy: list[float] | None, width: int, height: int) -> bool:
    return xy is not None and len(xy) == 2 and 0 <= xy[0] < width and 0 <= xy[1] < height


def _prose_problems(messages: list[dict[str, Any]], marks: int) -> Iterator[str]:
    if [message["role"] for message in messages] != ["user", "assistant"]:
        yield "an answer in prose has one message of the user and one of the assistant"
        return
    citations = set(cited(messages[1]["content"] or ""))
    for number in sorted(citations - set(range(1, marks + 1))):
        yield f"the answer cites <Region {number}>, which is not there"
    for number in sorted(set(range(1, marks + 1)) - citations):
        yield f"the answer does not cite <Region {number}>"


def _message_problems(messages: list[dict[str, Any]], granularity: str, marks: int) -> Iterator[str]:
    roles = [message["role"] for message in messages]
    if not messages:
        yield "has no messages"
    elif roles != ["user", "assistant"] * (len(messages) // 2):
        yield f"roles are {roles}, expected user and assistant by turns"
    elif granularity not in _MARKERS:
        yield f"granularity {granularity!r}, expected one of {', '.join(_MARKERS)}"
    else:
        lines = (messages[1]["content"] or "").split("\n")
        if len(lines) != marks:
            yield f"{len(lines)} answer lines for {marks} marks"
        for number, line in enumerate(lines[:marks], start=1):
            start = f"<{_MARKERS[granularity]} {number}>: "
            if not line.startswith(start) or line == start:
                yield f"answer line {number} is {line!r}, expected {start}text"
