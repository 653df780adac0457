"""How far captioning is: a bar on a terminal, a plain line every 30 seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from rsvp_builder.cli.output import stderr

if TYPE_CHECKING:
    from rsvp_builder.captioning.planning import Planning
    from rsvp_builder.captioning.progress import Progress

_PLAIN_SECONDS = 30.0
_State = TypeVar("_State")


@contextmanager
def drawing_progress(*, quiet: bool) -> Iterator[Callable[[Planning], None] | None]:
    """A function to tell how many rows are planned, or None when nothing is to be shown."""
    if quiet:
        yield None
    elif not sys.stderr.isatty():
        yield _plain(_planned)
    else:
        from rich.progress import Progress as Bar
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        with Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=stderr(),
            transient=True,
        ) as bar:
            line = bar.add_task("planning")

            def tell(state: Planning) -> None:
                bar.update(line, description=_planned(state))

            yield tell


@contextmanager
def sending_progress(*, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """A function to tell how far sending is, with its cost, or None when nothing is to be shown."""
    if quiet:
        yield None
    elif not sys.stderr.isatty():
        yield _plain(
            lambda state: f"{_ended(state):,} of {_ended(state) + state.waiting:,} requests, {_told(state)}"
        )
    else:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("captions"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        with Bar(*columns, console=stderr(), transient=True) as bar:
            line = bar.add_task("", total=None)

            def tell(state: Progress) -> None:
                total = _ended(state) + state.waiting
                bar.update(line, completed=_ended(state), total=total, description=_told(state))

            yield tell


def _planned(state: Planning) -> str:
    return f"planning: {state.rows:,} rows, {state.drawn:,} drawn, {state.unusable:,} left out"


def _ended(state: Progress) -> int:
    return state.done + state.rejected + state.failed


def _told(state: Progress) -> str:
    parts = [f"{state.usd:,.2f} USD", f"{state.per_s:.1f}/s"]
    if state.eta_s is not None:
        hours, rest = divmod(round(state.eta_s), 3600)
        parts.append(f"{hours}:{rest // 60:02d}:{rest % 60:02d} left")
    if state.rejected or state.asked_again:
        parts.append(f"{state.rejected:,} rejected, {state.asked_again:,} asked again")
    if state.failed:
        parts.append(f"{state.failed:,} failed")
    if state.paused_s:
        parts.append(f"waiting {state.paused_s:.0f} s for the endpoint")
    return ", ".join(parts)


def _plain(text: Callable[[_State], str]) -> Callable[[_State], None]:
    last = time.monotonic()

    def tell(state: _State) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PLAIN_SECONDS:
            last = now
            stderr().print(text(state))

    return tell
