"""A model ready to answer: loaded, in evaluation mode, on its device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from earthmarker.errors import EarthMarkerError
from earthmarker.processing_earthmarker import EarthMarkerProcessor
from earthmarker.training.store import load


def ready(
    source: str | Path, *, load_mov: bool = True, device: str | None = None
) -> tuple[Any, EarthMarkerProcessor]:
    """Load a model and its processor, and move the model to a device.

    Args:
        source: see :func:`earthmarker.training.store.load`.
        load_mov: with its encoders; without, it reads cached features only.
        device: as torch names it; the first GPU if there is one, else the CPU.

    Raises:
        EarthMarkerError: if it cannot be loaded, there is no such device, or it has too little memory.
    """
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
    model, processor = load(source, load_mov=load_mov)
    try:
        return model.to(torch.device(name)).eval(), processor
    except torch.OutOfMemoryError as error:
        raise EarthMarkerError(
            f"{source}: too large for {name}; store it in bfloat16 (earthmarker init --dtype), or load "
            'it with device_map="auto" from Python'
        ) from error
    except (RuntimeError, AssertionError) as error:
        raise EarthMarkerError(f"device '{name}': {str(error).splitlines()[0]}") from error
