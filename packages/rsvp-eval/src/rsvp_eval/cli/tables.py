"""``rsvp-eval table``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rsvp_eval.cli.output import print_grids
from rsvp_eval.errors import UsageError


class Form(StrEnum):
    """How a table is written."""

    TEXT = "text"
    MARKDOWN = "md"
    CSV = "csv"
    LATEX = "latex"


def table(
    runs: Annotated[list[Path] | None, typer.Argument(help="Folders of results.", show_default=False)] = None,
    paper: Annotated[
        bool, typer.Option("--paper", help="Tables II to V of the paper, our rows beside theirs.")
    ] = False,
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.TEXT,
    sort: Annotated[str | None, typer.Option(help="Metric to sort runs by, best first.")] = None,
) -> None:
    """Put runs side by side; numbers that may not be compared never stand in one column."""
    from rsvp_eval.report.runs import csv_of, read_runs, tables_of

    if not runs and not paper:
        raise UsageError("give folders of results, or --paper")
    read = read_runs(runs or [])
    if paper:
        if form is Form.CSV:
            raise UsageError("--paper has notes that CSV cannot hold; use text, md or latex")
        from rsvp_eval.paper import paper_tables

        print_grids(paper_tables(read), form.value)
    elif form is Form.CSV:
        sys.stdout.write(csv_of(read))
    else:
        print_grids(tables_of(read, sort=sort), form.value)
