"""``earthmarker ui``."""

from __future__ import annotations

from typing import Annotated

import typer

from earthmarker_cli.options import Model
from earthmarker_cli.output import hush


def ui(
    model: Model,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any that is free.")] = 7860,
) -> None:
    """Open a page on which boxes and points are drawn on a picture and asked about (needs the extra `ui`)."""
    from earthmarker.errors import EarthMarkerError

    try:
        from earthmarker.ui import launch
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "gradio":
            raise
        raise EarthMarkerError("the page needs gradio: pip install 'earthmarker-model[ui]'") from error
    hush()
    launch(model, host, port)
