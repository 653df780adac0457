"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rsvp_builder.visible import visible

_WIDE = 200

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


def stdout() -> Console:
    """The console for results; wide where it is no terminal, so that nothing is folded in a file."""
    return Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)


def stderr() -> Console:
    """The console for progress, notices and errors."""
    return Console(stderr=True, soft_wrap=True, highlight=False)


def print_json(result: Any) -> None:
    """Print a result for scripts."""
    sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


def fail(message: str) -> None:
    """Print what went wrong."""
    stderr().print(f"[bold red]error:[/] {_harmless(message)}")


def notice(message: str) -> None:
    """Print a remark."""
    stderr().print(f"[yellow]note:[/] {_harmless(message)}")


def _harmless(message: str) -> str:
    """A message in which neither markup nor control characters of names that it holds do anything."""
    return escape("\n".join(map(visible, message.split("\n"))))


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A plain table; columns named in ``right`` are numbers."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made
