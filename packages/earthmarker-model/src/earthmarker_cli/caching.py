"""``earthmarker cache``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earthmarker_cli.options import Data, Device, Model, Sources, Splits, Tasks
from earthmarker_cli.output import Json, hush, print_json, stdout
from earthmarker_cli.progress import progress


def cache(
    data: Data,
    model: Model,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The cache, new or begun before.", show_default=False)
    ],
    task: Tasks = None,
    source: Sources = None,
    split: Splits = None,
    batch: Annotated[int, typer.Option(min=1, help="Canvases that go through the encoders at a time.")] = 16,
    device: Device = None,
    json: Json = False,
) -> None:
    """Compute the features of pictures and prompts once; what is there already is not computed again.

    Give it to `train` and `predict` with --cache: the encoders are not loaded then.
    """
    from earthmarker.data import RowIndex
    from earthmarker.features import compute
    from earthmarker.inference import ready

    hush()
    index = RowIndex.read(data, tasks=task, sources=source, splits=split)
    loaded, processor = ready(model, device=device)
    with progress("rows") as tell:
        store = compute(
            loaded, processor, index, out, batch=batch, progress=lambda done, total: tell(done, total, "")
        )
    size = sum(path.stat().st_size for path in out.iterdir())
    if json:
        print_json({"cache": str(out), "rows": len(index), "records": len(store), "bytes": size})
        return
    stdout().print(
        f"features of {len(index):,} rows: {len(store):,} records, {size / 2**30:.2f} GiB in {out}"
    )
