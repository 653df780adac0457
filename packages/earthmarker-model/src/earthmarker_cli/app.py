"""``earthmarker``: the commands put together, and errors told without a traceback."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Annotated

import typer

from earthmarker_cli import asking, caching, converting, making, page, planning, predicting, training
from earthmarker_cli.output import fail


class ExitCode(IntEnum):
    """Exit codes of ``earthmarker``; documented in the package README."""

    OK = 0
    BAD_INPUT = 1
    USAGE = 2
    INTERRUPTED = 130


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog="Exit codes: 0 done; 1 bad input; 2 usage; 130 interrupted.",
)
app.command("train")(training.train)
app.command("cache")(caching.cache)
app.command("predict")(predicting.predict)
app.command("ask")(asking.ask)
app.command("ui")(page.ui)
app.command("plan")(planning.plan)
app.command("presets")(planning.presets)
app.command("init")(making.init)
app.command("merge")(making.merge)
app.command("convert")(converting.convert)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"earthmarker {version('earthmarker-model')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train EarthMarker in three phases, and ask it about marked regions and points of an image.

    A MODEL is a folder, a hub id, the folder of an adapter, or `preset:NAME`; `earthmarker presets` lists
    the presets. Data sets are made by rsvp-build.
    """


def main() -> None:
    """Run the command line; a user's mistake ends in one message and its exit code."""
    try:
        app(prog_name="earthmarker")  # also where it runs as a module
    except Exception as error:
        if not _users(error):
            raise
        fail(str(error))
        sys.exit(ExitCode.BAD_INPUT)


def _users(error: Exception) -> bool:
    """Whether the user can mend it. The classes are looked up where they are, as importing them is slow."""
    known: list[type[BaseException]] = [OSError]
    for module, name in (("earthmarker.errors", "EarthMarkerError"), ("earthmarker.prompts", "MarkError")):
        if module in sys.modules:
            known.append(getattr(sys.modules[module], name))
    return isinstance(error, tuple(known))
