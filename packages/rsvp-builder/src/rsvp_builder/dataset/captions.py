"""The account of a source's captioned rows, ``ledger/<source>/captions.json``, written by a merge.

For each task: ``rows = captioned + rejected + waiting``, where ``rows`` is what the build planned, or, of
rows that were made for captioning, what was asked. Planned rows stay where they are; their answered
copies lie in ``data/`` beside the rows of the same frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rsvp_builder.dataset.layout import Folder, is_captions, read_json


def read_captions(folder: Folder, source: str) -> dict[str, Any] | None:
    """The account, or None where nothing was merged."""
    path = folder.captions(source)
    return read_json(path) if path.is_file() else None


def captioned_rows(account: dict[str, Any] | None) -> int:
    """Rows in ``data/`` that a captioner answered."""
    return sum(of["captioned"] for of in account["tasks"].values()) if account else 0


def forget_captions(folder: Folder, source: str) -> bool:
    """Take the captioned rows out of ``data/``; the store keeps the answers. Whether there were any."""
    account = folder.captions(source)
    there = account.is_file()
    # The account goes last: until then a killed run leaves shards that it still knows.
    for path in folder.shards(source):
        if is_captions(path):
            path.unlink()
    account.unlink(missing_ok=True)
    return there


def account_problems(account: dict[str, Any], planned: dict[str, int]) -> Iterator[str]:
    """What does not balance, one sentence each.

    Args:
        account: of a source.
        planned: rows that its build planned, by task.
    """
    for task, of in account["tasks"].items():
        if of["rows"] != of["captioned"] + of["rejected"] + of["waiting"]:
            yield f"rows of {task} do not balance: {of}"
        if of["planned"] and of["rows"] != planned.get(task, 0):
            yield (
                f"{of['rows']} rows of {task} were planned when captions were merged, now there are "
                f"{planned.get(task, 0)}: run `rsvp-build caption merge` again"
            )
    told = {task: of["captioned"] for task, of in account["tasks"].items() if of["captioned"]}
    held: dict[str, int] = {}
    for of_split in account["splits"].values():
        for task, count in of_split["tasks"].items():
            held[task] = held.get(task, 0) + count["rows"]
    if told != held:
        yield f"captioned rows by task are {told}, its splits say {held}"
