"""``rsvp-build``: the commands put together, and errors told without a traceback."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rsvp_builder import __version__
from rsvp_builder.cli import (
    auditing,
    building,
    captioning,
    catalogue,
    demo,
    doctoring,
    inspecting,
    publishing,
)
from rsvp_builder.cli.output import fail
from rsvp_builder.errors import ExitCode, RsvpError


class _BuildByDefault(TyperGroup):
    """Makes ``rsvp-build --source DOTA`` mean ``rsvp-build build --source DOTA``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the command that was left out; ``--json`` may stand before a command too."""
        if len(args) > 1 and args[0] == "--json" and args[1] in self.commands:
            args = [*args[1:], "--json"]
        elif args and args[0].startswith("-") and args[0] not in ("--help", "-h", "--version"):
            args = ["build", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_BuildByDefault,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog="Exit codes: 0 done; 2 a mistake to mend; 3 built, but some files could not be read; "
    "4 the data set is not valid; 5 the ledger does not balance; 6 the budget is used up; 130 interrupted.",
)
app.command("build")(building.build)
app.command("list")(catalogue.list_sources)
app.command("show")(catalogue.show)
app.command("stats")(inspecting.stats)
app.command("validate")(inspecting.validate)
app.command("preview")(inspecting.preview)
app.command("status")(inspecting.status)
app.command("doctor")(doctoring.doctor)
app.command("audit")(auditing.audit)
app.command("push")(publishing.push)
app.command("export")(publishing.export)
app.command("croissant")(publishing.croissant)
app.command("demo")(demo.demo)
app.add_typer(captioning.app, name="caption")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rsvp-build {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn public remote-sensing releases into visual-prompt conversations.

    `rsvp-build --source DOTA --root RAW --out OUT` builds; the other commands look at sources and at
    what was built. `rsvp-build demo` shows all of it on a small drawn release.
    """


def main() -> None:
    """Run the command line; a user's mistake ends in one message and its exit code."""
    try:
        app()
    except RsvpError as error:
        fail(str(error))
        sys.exit(error.exit_code)
    except OSError as error:  # a full disk, a folder that went away
        fail(f"{error}; what is finished stays, and the same command goes on")
        sys.exit(ExitCode.USER_ERROR)
