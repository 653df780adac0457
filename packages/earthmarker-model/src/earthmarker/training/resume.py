"""What a run began with, so that it goes on with the same, and where it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from earthmarker.errors import EarthMarkerError
from earthmarker.training.settings import Settings

RUN = "run.json"
_STATE = "trainer_state.json"
# Settings that may differ between the parts of a run: the result does not depend on them.
_FREE = {"optim": ("device_batch", "checkpointing"), "data": ("workers",)}


def begin(out: Path, phase: str, settings: Settings, mixture: str, *, resume: bool) -> None:
    """Note what a run is made of; a run that is resumed must be made of the same.

    Args:
        out: folder of the run.
        phase: name of the phase.
        settings: of the run.
        mixture: digest of rows, weights and order.
        resume: whether the run goes on.

    Raises:
        EarthMarkerError: if there is nothing to resume, or something differs; the message names it. If there
            are checkpoints of another run where one begins.
    """
    path = out / RUN
    now = {"phase": phase, "mixture": mixture, **_bound(settings)}
    if resume:
        try:
            before: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise EarthMarkerError(f"{out}: nothing to resume there ({path.name}: {error})") from error
        if wrong := [f"{k} was {before.get(k)!r}, is {v!r}" for k, v in now.items() if before.get(k) != v]:
            raise EarthMarkerError(
                f"{out}: not the run to resume: {'; '.join(wrong)} (mixture stands for rows, weights, batch "
                "and seed); put that back, or start anew in another folder"
            )
        return
    if next((out / "checkpoints").glob("checkpoint-*"), None) is not None:
        raise EarthMarkerError(
            f"{out}: there are checkpoints of a run already; go on with it (--resume), or give another folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(now, indent=1) + "\n")


def _bound(settings: Settings) -> dict[str, Any]:
    given = json.loads(settings.model_dump_json())
    return {
        f"{part}.{key}": value
        for part in ("data", "optim", "lora")
        for key, value in given[part].items()
        if key not in _FREE.get(part, ())
    }


def last_checkpoint(out: Path) -> str:
    """The last whole checkpoint of a run; one that was being written when the run was killed is none.

    Raises:
        EarthMarkerError: if there is none.
    """
    # The Trainer writes its state last.
    whole = [p.parent for p in (out / "checkpoints").glob(f"checkpoint-*/{_STATE}") if _readable(p)]
    if not whole:
        raise EarthMarkerError(f"{out}: no whole checkpoint to resume from; start anew in another folder")
    return str(max(whole, key=lambda p: int(p.name.rpartition("-")[2])))


def _readable(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True
