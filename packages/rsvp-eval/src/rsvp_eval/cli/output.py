"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from rsvp_eval.report.grid import Grid

_WIDE = 200

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


def stdout() -> Console:
    """The console for results; wide where it is no terminal, so that nothing is folded in a file."""
    return Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)


def stderr() -> Console:
    """The console for notices and errors."""
    return Console(stderr=True, soft_wrap=True, highlight=False)


def print_json(result: Any) -> None:
    """Print a result for scripts."""
    sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def fail(message: str) -> None:
    """Print what went wrong."""
    stderr().print(f"[bold red]error:[/] {escape(message)}")


def notice(message: str) -> None:
    """Print a remark."""
    stderr().print(f"[yellow]note:[/] {escape(message)}")


def print_grids(grids: list[Grid], form: str) -> None:
    """Print tables as ``text``, ``md`` or ``latex``."""
    for grid in grids:
        if form == "text":
            stdout().print(grid.terminal())
        else:
            sys.stdout.write((grid.markdown() if form == "md" else grid.latex()) + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: tuple[str, ...] = ()) -> None:
    """Print a plain table; columns named in ``right`` are numbers. Brackets in cells are no markup."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(escape, row))
    stdout().print(made)
