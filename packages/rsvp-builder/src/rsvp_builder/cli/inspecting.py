"""``rsvp-build stats``, ``validate``, ``preview`` and ``status``: looking at what was built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from rsvp_builder.cli.output import Json, fail, print_json, stdout, table
from rsvp_builder.errors import ExitCode

if TYPE_CHECKING:
    from rsvp_builder.gallery.gallery import Painter

Out = Annotated[Path, typer.Argument(help="Folder of the data set.")]

_PROBLEMS_SHOWN = 20


def stats(
    out: Out,
    plots: Annotated[
        bool, typer.Option("--plots", help="Draw the plots into OUT/plots and show them in the card too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Count the finished data set: rows, classes, mark sizes and places, picture sizes, captions."""
    from rsvp_builder.cli.statistics import print_statistics

    if plots:
        from rsvp_builder.dataset.illustrate import illustrate
        from rsvp_builder.dataset.layout import Folder
        from rsvp_builder.dataset.lock import locked

        folder = Folder(out)
        folder.sources()
        with locked(folder):
            found = illustrate(folder)
    else:
        from rsvp_builder.dataset.stats import statistics

        found = statistics(out)
    if as_json:
        print_json(found)
    else:
        print_statistics(stdout(), found)


def validate(
    out: Out,
    decode: Annotated[bool, typer.Option("--decode", help="Decode every picture too.")] = False,
    as_json: Json = False,
) -> None:
    """Check a finished data set against its format and its ledger."""
    from rsvp_builder.dataset.validate import validate as check

    report = check(out, decode=decode)
    code = ExitCode.INVALID_DATASET if report.problems else ExitCode.OK
    if as_json:
        print_json({"valid": not report.problems, "rows": report.rows, "problems": report.problems})
    elif report.problems:
        for problem in report.problems[:_PROBLEMS_SHOWN]:
            stdout().print(escape(problem))
        fail(f"{out}: {len(report.problems)} problems in {report.rows:,} rows")
    else:
        stdout().print(f"{escape(str(out))}: valid, {report.rows:,} rows in {report.shards} shards")
    raise typer.Exit(code)


def preview(
    out: Out,
    html: Annotated[
        Path | None, typer.Option(help="Where to write the page. [default: OUT/gallery.html]")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows to show.")] = 60,
    max_side: Annotated[int, typer.Option(min=64, help="Longer side of the pictures in the page.")] = 900,
    drawing: Annotated[
        Literal["outline", "set-of-marks"],
        typer.Option(help="Marks over the pictures, to be switched, or drawn into them as for captions."),
    ] = "outline",
    as_json: Json = False,
) -> None:
    """Write a gallery of the data set: one HTML file that needs nothing else."""
    from rsvp_builder.dataset.layout import Folder
    from rsvp_builder.gallery import write_gallery

    Folder(out).sources()
    painter = _set_of_marks(max_side) if drawing == "set-of-marks" else None
    page = html or out / "gallery.html"
    made = write_gallery(out, page, limit=limit, max_side=max_side, painter=painter)
    if as_json:
        print_json(
            {
                "path": str(made.path),
                "rows_shown": made.rows_shown,
                "rows_total": made.rows_total,
                "bytes": made.bytes,
            }
        )
    else:
        stdout().print(
            f"gallery: {escape(str(made.path))} ({made.rows_shown} of {made.rows_total:,} rows, "
            f"{made.bytes / 1e6:.1f} MB)",
            soft_wrap=True,
        )


def _set_of_marks(max_side: int) -> Painter:
    """Draws marks as they are for captions, on one picture: the page has no room for enlarged parts."""
    from rsvp_builder.captioning.drawing import DrawingSettings, draw
    from rsvp_builder.captioning.request import Subject

    settings = DrawingSettings(max_side=min(max_side, 8192), max_parts=0)
    return lambda row, picture: draw(Subject(row, picture), settings).pictures[0].content


def status(out: Out, as_json: Json = False) -> None:
    """Tell how far the builds in a folder are, finished or not."""
    from rsvp_builder.dataset.status import build_status

    found = build_status(out)
    if as_json:
        print_json(found)
        return
    numbers = ("units", "images", "rows", "planned", "captioned")
    made = table("source", "state", *numbers, "quarantined", right=numbers)
    for entry in found:
        made.add_row(
            entry["source"],
            entry["state"],
            f"{entry['units_done']} of {entry['units']}",
            f"{entry['images_written']:,} of {entry['images_seen']:,}",
            f"{entry['rows']:,}",
            f"{entry['planned']:,}",
            f"{entry['captioned']:,}",
            str(entry["quarantined"]),
        )
    stdout().print(made)
    for entry in found:
        if entry["state"] != "complete":
            stdout().print(f"{entry['source']}: rerun its build command to go on; finished units are kept")
        elif entry["quarantined"]:
            stdout().print(f"{entry['source']}: files mended? rerun its build command with --retry-failed")
