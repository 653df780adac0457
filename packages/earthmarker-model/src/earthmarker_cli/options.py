"""Options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[
    str,
    typer.Option("--model", "-m", help="Folder, hub id, adapter, or preset:NAME.", show_default=False),
]
Data = Annotated[
    list[Path],
    typer.Option(
        "--data", help="A data set made by rsvp-build; may be given several times.", show_default=False
    ),
]
Tasks = Annotated[
    list[str] | None, typer.Option("--task", help="Rows of this task only; may be given several times.")
]
Sources = Annotated[
    list[str] | None, typer.Option("--source", help="Rows of this source only; may be given several times.")
]
Splits = Annotated[
    list[str] | None, typer.Option("--split", help="Rows of this split only; may be given several times.")
]
Device = Annotated[
    str | None, typer.Option(help="Where the model runs, such as cuda:1; the first GPU if there is one.")
]
Longest = Annotated[int, typer.Option("--max-new-tokens", min=1, help="Most tokens of an answer.")]


class PhaseName(StrEnum):
    """The three phases, as :data:`earthmarker.training.PHASES` names them."""

    ALIGN = "align"
    SPATIAL = "spatial"
    RSVP = "rsvp"
