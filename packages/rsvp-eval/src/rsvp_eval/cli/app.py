"""``rsvp-eval``: the commands put together, and errors told without a traceback."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rsvp_eval import __version__
from rsvp_eval.cli import catalogue, comparing, converting, guessing, scoring, tables, verifying
from rsvp_eval.cli.output import fail
from rsvp_eval.errors import EvalError, ExitCode

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog="Exit codes: 0 done; 1 bad input; 2 usage; 3 a metric cannot be computed (with --strict); "
    "130 interrupted.",
)
app.command("score")(scoring.score)
app.command("compare")(comparing.compare)
app.command("table")(tables.table)
app.command("tasks")(catalogue.tasks)
app.command("metrics")(catalogue.metrics)
app.command("doctor")(verifying.doctor)
app.command("convert")(converting.convert)
app.command("verify")(verifying.verify)
app.command("baseline")(guessing.baseline)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rsvp-eval {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Score predictions of visual-prompt models on remote-sensing tasks.

    `rsvp-eval score TASK -p predictions.jsonl --data DIR -o OUT` scores; `rsvp-eval tasks` lists the tasks.
    """


def main() -> None:
    """Run the command line; a user's mistake ends in one message and its exit code."""
    try:
        app()
    except EvalError as error:
        fail(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        fail(str(error))
        sys.exit(ExitCode.BAD_INPUT)
