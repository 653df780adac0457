"""``earthmarker predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earthmarker_cli.options import Data, Device, Longest, Model, Sources, Splits, Tasks
from earthmarker_cli.output import Json, hush, print_json, stdout
from earthmarker_cli.progress import progress


def predict(
    data: Data,
    model: Model,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="JSONL to write, or to go on with.", show_default=False)
    ],
    task: Tasks = None,
    source: Sources = None,
    split: Splits = None,
    batch: Annotated[int, typer.Option(min=1, help="Rows answered at a time.")] = 8,
    cache: Annotated[
        Path | None, typer.Option(help="Feature cache; the encoders are not loaded then.")
    ] = None,
    max_new_tokens: Longest = 256,
    device: Device = None,
    json: Json = False,
) -> None:
    """Answer rows into predictions that rsvp-eval scores; run again, it goes on where it was."""
    from earthmarker.data import RowIndex
    from earthmarker.features import FeatureStore
    from earthmarker.inference import Answerer, ready
    from earthmarker.inference import predict as run

    hush()
    index = RowIndex.read(data, tasks=task, sources=source, splits=split)
    loaded, processor = ready(model, load_mov=cache is None, device=device)
    features = None
    if cache is not None:
        features = FeatureStore(cache, processor)
        features.check(loaded.config.mov_fingerprint)
    answerer = Answerer(loaded, processor, features, max_new_tokens)
    with progress("rows") as tell:
        answered = run(
            answerer, index, out, batch=batch, name=model, progress=lambda done, total: tell(done, total, "")
        )
    if json:
        print_json({"predictions": str(out), "rows": len(index), "answered": answered})
        return
    before = len(index) - answered
    told = f" ({before:,} were there)" if before else ""
    stdout().print(f"{answered:,} answers{told} to {out}; score them: rsvp-eval score TASK -p {out}")
