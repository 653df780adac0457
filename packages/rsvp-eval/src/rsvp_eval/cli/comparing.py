"""``rsvp-eval compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rsvp_eval.cli.output import Json, print_grids, print_json


def compare(
    a: Annotated[Path, typer.Argument(help="Results of the one run.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="Results of the other.", show_default=False)],
    draws: Annotated[int, typer.Option(min=1, help="Of bootstrap and randomisation.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of both.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Compare what was computed in other ways.")] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the comparison as JSON.")] = None,
    json: Json = False,
) -> None:
    """Test whether one run is better than another, paired by sample and clustered by image."""
    from rsvp_eval.compare import compare as run
    from rsvp_eval.report.comparison import table_of_comparison, write_comparison

    comparison = run(a, b, draws=draws, seed=seed, force=force)
    if out is not None:
        write_comparison(comparison, out)
    if json:
        print_json(comparison.as_json())
    else:
        print_grids([table_of_comparison(comparison)], "text")
