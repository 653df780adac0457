"""``earthmarker train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earthmarker_cli.options import Data, Model, PhaseName
from earthmarker_cli.output import Json, hush, print_json, rank, stdout
from earthmarker_cli.progress import progress


def train(
    phase: Annotated[PhaseName, typer.Option(help="What learns.", show_default=False)],
    data: Data,
    model: Model,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the run.", show_default=False)],
    config: Annotated[
        Path | None, typer.Option(help="Settings as TOML; those shipped for the phase by default.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Feature cache; the encoders are not loaded then.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on from the last checkpoint in OUT, in the middle of an epoch too."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Train one phase: OUT/model is the model (of phase rsvp the adapter), OUT/history.jsonl the log.

    align: the projection alone. spatial: attention of the decoder alone. rsvp: LoRA on that attention.
    For several GPUs: accelerate launch --config_file FILE.yaml -m earthmarker_cli train ...
    """
    from earthmarker.training import Settings
    from earthmarker.training import train as run

    hush()
    settings = Settings.read(config) if config is not None else None
    with progress("steps") as tell:
        done = run(
            phase.value,
            model,
            data,
            out,
            settings,
            cache=cache,
            resume=resume,
            progress=lambda step, steps, loss: tell(step, steps, "" if loss is None else f"loss {loss:.4f}"),
        )
    if rank() != 0:
        return
    if json:
        print_json(
            {
                "model": str(done.folder),
                "steps": done.steps,
                "loss": None if done.loss != done.loss else done.loss,
                "trained": done.trained,
                "frozen": done.frozen,
            }
        )
        return
    stdout().print(
        f"{done.steps:,} steps, mean loss {done.loss:.4f}; {done.trained:,} parameters learned, "
        f"{done.frozen:,} frozen tensors found unchanged; model in {done.folder}"
    )
