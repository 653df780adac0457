"""``rsvp-eval convert``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rsvp_eval.cli.output import Json, print_json, stdout


def convert(
    path: Annotated[Path, typer.Argument(help="File of another format.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="JSONL to write.", show_default=False)],
    format: Annotated[
        str, typer.Option(help="auto, coco, coco_annotations, llava, lmms_eval or sphinxv.")
    ] = "auto",
    references: Annotated[
        bool, typer.Option("--references", help="Take the references of the file, not its predictions.")
    ] = False,
    id_field: Annotated[
        str | None, typer.Option(help="Where a record has its id, such as doc.image_id.")
    ] = None,
    json: Json = False,
) -> None:
    """Turn results of other tools into predictions (or references) in JSON Lines."""
    from rsvp_eval.convert import convert as run

    done = run(format, path, out, references=references, id_field=id_field)
    if json:
        print_json(asdict(done))
        return
    what = "references" if references else "predictions"
    more = [f"{done.null:,} null"] if done.null else []
    more += [f"{done.duplicates:,} came twice"] if done.duplicates else []
    told = f" ({', '.join(more)})" if more else ""
    stdout().print(f"{done.written:,} {what} of {done.records:,} {done.format} records to {out}{told}")
