"""Settings of a training run, from a TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from earthmarker.errors import EarthMarkerError
from earthmarker.training.phases import PHASES

SHIPPED = Path(__file__).parent / "configs"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSettings(_Strict):
    """Which rows are learned from.

    Attributes:
        tasks: what is asked; all if empty.
        sources: names of sources; all if empty.
        splits: splits of the releases; all if empty. Keep what is evaluated out of it.
        weights: see ``GroupedSampler``.
        most: longest sequence, in tokens.
        workers: processes that prepare batches.
    """

    tasks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    splits: tuple[str, ...] = ("train",)
    weights: dict[str, Annotated[float, Field(ge=0)]] = {}
    most: Annotated[int, Field(ge=64)] = 2048
    workers: Annotated[int, Field(ge=0)] = 2


class OptimSettings(_Strict):
    """How it is learned.

    The paper gives AdamW, betas (0.9, 0.95), no weight decay and a learning rate of 2e-5, and no more.

    Attributes:
        lr: largest learning rate.
        epochs: passes over the mixture.
        steps: stop after so many steps, whatever ``epochs`` says.
        batch: rows a step, over all devices and accumulated passes.
        device_batch: rows of one pass on one device.
        warmup: part of the steps over which the learning rate rises.
        schedule: how it falls.
        clip: largest norm of the gradient.
        optimizer: ``adamw``, or ``adamw_8bit``, which keeps its states in 8 bits (needs bitsandbytes).
        checkpointing: recompute activations instead of keeping them.
        precision: ``bf16``, ``fp32``, or ``auto``: bf16 where there is a GPU.
        seed: of everything random.
    """

    lr: Annotated[float, Field(gt=0)] = 2e-5
    epochs: Annotated[float, Field(gt=0)] = 1.0
    steps: Annotated[int, Field(ge=1)] | None = None
    batch: Annotated[int, Field(ge=1)] = 64
    device_batch: Annotated[int, Field(ge=1)] = 4
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.03
    schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    clip: Annotated[float, Field(gt=0)] = 1.0
    optimizer: Literal["adamw", "adamw_8bit"] = "adamw"
    checkpointing: bool = False
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    seed: Annotated[int, Field(ge=0)] = 0


class LoraSettings(_Strict):
    """LoRA of phase three; see :class:`earthmarker.training.phases.Lora`."""

    rank: Annotated[int, Field(ge=1)] = 16
    alpha: Annotated[int, Field(ge=1)] = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05


class Settings(_Strict):
    """A training run.

    Attributes:
        data: which rows are learned from.
        optim: how.
        lora: of phase three.
        log_steps: steps between lines of the log.
        save_steps: steps between checkpoints.
        keep: checkpoints kept.
    """

    data: DataSettings = DataSettings()
    optim: OptimSettings = OptimSettings()
    lora: LoraSettings = LoraSettings()
    log_steps: Annotated[int, Field(ge=1)] = 10
    save_steps: Annotated[int, Field(ge=1)] = 500
    keep: Annotated[int, Field(ge=1)] = 2

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Read a TOML file.

        Raises:
            EarthMarkerError: if it cannot be read or a key or value does not fit; the message names it.
        """
        try:
            data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise EarthMarkerError(f"{path}: {error}") from error
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            problems = [
                f"{path}: {'.'.join(map(str, e['loc']))}: {e['msg']} (read {e['input']!r})"
                for e in error.errors()
            ]
            raise EarthMarkerError("\n".join(problems)) from error

    @classmethod
    def of_phase(cls, phase: str) -> Settings:
        """The settings that are shipped for a phase: the paper's, and a documented choice where it has none.

        Raises:
            EarthMarkerError: if there is no such phase.
        """
        if phase not in PHASES:
            raise EarthMarkerError(f"unknown phase '{phase}'. Known: {', '.join(PHASES)}.")
        return cls.read(SHIPPED / f"{phase}.toml")
