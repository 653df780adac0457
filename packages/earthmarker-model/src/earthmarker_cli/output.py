"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

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
    sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


def fail(message: str) -> None:
    """Print what went wrong, and in which of several processes."""
    where = "" if processes() == 1 else f"process {rank()}: "
    stderr().print(f"[bold red]error:[/] {escape(where + message)}")


def notice(message: str) -> None:
    """Print a remark."""
    stderr().print(f"[yellow]note:[/] {escape(message)}")


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A plain table; columns named in ``right`` are numbers."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def rank() -> int:
    """This process's number among those that a launcher started; 0 speaks for all."""
    return int(os.environ.get("RANK", "0"))


def processes() -> int:
    """How many processes a launcher started."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def hush() -> None:
    """Keep the libraries' own remarks off the terminal: their bars, and deprecations among themselves."""
    import warnings

    from transformers.utils import logging

    warnings.simplefilter("ignore", FutureWarning)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
