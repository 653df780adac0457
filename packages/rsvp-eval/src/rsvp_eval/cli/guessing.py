"""``rsvp-eval baseline``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rsvp_eval.cli.output import Json, print_json, stdout


def baseline(
    name: Annotated[str, typer.Argument(help="blind, text-only or retrieval.", show_default=False)],
    task: Annotated[str, typer.Option("--task", help="Task whose rows are answered.", show_default=False)],
    data: Annotated[Path, typer.Option("--data", help="A data set made by rsvp-build.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="JSONL to write.", show_default=False)],
    source: Annotated[str | None, typer.Option(help="One source of the data set.")] = None,
    split: Annotated[str | None, typer.Option(help="Answer another split than the task's.")] = None,
    fit_split: Annotated[
        str | None, typer.Option(help="Learn from one split only; from all that is not answered by default.")
    ] = None,
    json: Json = False,
) -> None:
    """Answer a task without understanding it: what a model has to beat.

    blind: the most common answer. text-only: what the place of a mark tells, no picture. retrieval: the
        answer
    of the most similar marked picture. Rows on an image that is answered are never learned from.
    """
    from rsvp_eval.baselines import write_baseline

    count = write_baseline(name, task, data, out, source=source, split=split, fit_split=fit_split)
    if json:
        print_json({"baseline": name, "task": task, "predictions": count, "out": str(out)})
    else:
        stdout().print(
            f"{count:,} predictions of {name} to {out}; score them: rsvp-eval score {task} -p {out}"
        )
