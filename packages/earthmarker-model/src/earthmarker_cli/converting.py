"""``earthmarker convert``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from earthmarker_cli.making import Dtype, Folder
from earthmarker_cli.output import Json, hush, print_json, stdout


def convert(
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of consolidated.*.pth, each read over the one before.", show_default=False
        ),
    ],
    out: Folder,
    preset: Annotated[
        str | None, typer.Option(help="What the checkpoint is of; by default its sizes are read off it.")
    ] = None,
    tokenizer: Annotated[
        str | None, typer.Option(help="Folder or hub id of the tokenizer; the last folder's by default.")
    ] = None,
    dino: Annotated[str | None, typer.Option(help="DINOv2, where the checkpoint has none.")] = None,
    convnext: Annotated[str | None, typer.Option(help="ConvNeXt, where the checkpoint has none.")] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="projector, dino or convnext: stays random; several times for more."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Beginning of names in the checkpoint that may stay unused.")
    ] = None,
    dtype: Annotated[Dtype | None, typer.Option(help="That of the checkpoint by default.")] = None,
    json: Json = False,
) -> None:
    """Convert a checkpoint of LLaMA2-Accessory or SPHINX; OUT/conversion.json accounts for every tensor."""
    import torch

    from earthmarker.convert import convert_accessory
    from earthmarker.errors import EarthMarkerError
    from earthmarker.presets import PRESETS

    hush()
    if preset is not None and preset not in PRESETS:
        raise EarthMarkerError(f"unknown preset '{preset}'. Known: {', '.join(PRESETS)}.")
    report = convert_accessory(
        folders,
        out,
        preset=preset,
        tokenizer=tokenizer,
        dino=dino,
        convnext=convnext,
        without=without or (),
        ignore=ignore or (),
        dtype=None if dtype is None else getattr(torch, dtype.value),
    )
    if json:
        print_json(asdict(report))
    else:
        stdout().print(f"{report.summary()}\nmodel in {out}", markup=False)
