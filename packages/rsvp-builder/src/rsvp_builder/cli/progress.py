"""How far a build is: a bar on a terminal, a plain line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rsvp_builder.build import Progress
from rsvp_builder.cli.output import stderr

_PLAIN_SECONDS = 30.0


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """A function to tell progress to, or None when nothing is to be shown."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar() as tell:
            yield tell
    else:
        yield _plain()


def _text(state: Progress) -> str:
    return f"{state.images:,} images, {state.rows:,} rows"


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.fields[source]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("units  {task.description}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=stderr(), transient=True) as bar:
        line = bar.add_task("", source="", total=None)

        def tell(state: Progress) -> None:
            bar.update(
                line, completed=state.done, total=state.units, description=_text(state), source=state.source
            )

        yield tell


def _plain() -> Callable[[Progress], None]:
    last = time.monotonic()

    def tell(state: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PLAIN_SECONDS:
            last = now
            stderr().print(f"{state.source}: {state.done} of {state.units} units, {_text(state)}")

    return tell
