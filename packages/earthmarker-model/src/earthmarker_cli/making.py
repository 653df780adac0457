"""``earthmarker init`` and ``earthmarker merge``: models on disk."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from earthmarker_cli.output import hush, stdout

Folder = Annotated[Path, typer.Option("--out", "-o", help="Folder to write.", show_default=False)]


class Dtype(StrEnum):
    """What parameters are stored as."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


def init(
    preset: Annotated[str, typer.Argument(help="See `earthmarker presets`.", show_default=False)],
    out: Folder,
    dtype: Annotated[
        Dtype | None, typer.Option(help="By default bfloat16 where the decoder has a billion parameters.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Hub id or folder of another decoder.")] = None,
    dino: Annotated[str | None, typer.Option(help="Hub id or folder of another DINOv2.")] = None,
    convnext: Annotated[
        str | None,
        typer.Option(help="Hub id, folder or file of another ConvNeXt, as timm or open_clip store it."),
    ] = None,
    random: Annotated[bool, typer.Option("--random", help="Load no weights, only the tokenizer.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
) -> None:
    """Put a preset together and save it: what phase align begins with."""
    import torch

    from earthmarker.errors import EarthMarkerError
    from earthmarker.presets import build
    from earthmarker.presets import preset as find

    hush()
    try:
        size = find(preset)
        large = size.text["hidden_size"] * size.text["num_hidden_layers"] > 2**16
        half = dtype is Dtype.BFLOAT16 if dtype is not None else large
        model, processor = build(
            preset,
            text=text,
            dino=dino,
            convnext=convnext,
            pretrained=not random,
            seed=seed,
            dtype=torch.bfloat16 if half else None,
        )
    except ValueError as error:
        raise EarthMarkerError(str(error)) from error
    model.save_pretrained(out)
    processor.save_pretrained(out)
    count = sum(p.numel() for p in model.parameters())
    stdout().print(f"{preset}: {count:,} parameters in {'bfloat16' if half else 'float32'} in {out}")


def merge(
    adapter: Annotated[Path, typer.Argument(help="Folder of an adapter.", show_default=False)],
    out: Folder,
) -> None:
    """Fold an adapter into the model that it was trained on, and save the whole."""
    from earthmarker.errors import EarthMarkerError
    from earthmarker.training.store import ADAPTER, load

    hush()
    if not (adapter / ADAPTER).is_file():
        raise EarthMarkerError(f"{adapter}: no adapter there ({ADAPTER} is missing); phase rsvp writes one")
    model, processor = load(adapter)
    model.save_pretrained(out)
    processor.save_pretrained(out)
    stdout().print(f"{adapter} and its base in {out}")
