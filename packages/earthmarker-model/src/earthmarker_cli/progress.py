"""How far a command is: a bar on a terminal, a plain line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.markup import escape

from earthmarker_cli.output import rank, stderr

_PLAIN_SECONDS = 30.0

Tell = Callable[[int, int, str], None]


@contextmanager
def progress(unit: str) -> Iterator[Tell]:
    """A function to tell what is done, what there is in all, and a remark.

    Args:
        unit: what is counted, such as ``rows``.
    """
    if rank() != 0:
        yield lambda done, total, remark: None
    elif sys.stderr.isatty():
        with _bar(unit) as tell:
            yield tell
    else:
        yield _plain(unit)


@contextmanager
def _bar(unit: str) -> Iterator[Tell]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit + "  {task.description}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr(), transient=True) as bar:
        line = bar.add_task("", total=None)

        def tell(done: int, total: int, remark: str) -> None:
            bar.update(line, completed=done, total=total, description=escape(remark))

        yield tell


def _plain(unit: str) -> Tell:
    last = time.monotonic()

    def tell(done: int, total: int, remark: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PLAIN_SECONDS:
            last = now
            stderr().print(escape(f"{done:,} of {total:,} {unit}{f', {remark}' if remark else ''}"))

    return tell
