"""One phase of training, from data sets and settings to a model on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments, set_seed

from earthmarker.data import Collator, GroupedSampler, RowDataset, RowIndex
from earthmarker.data.sampler import mixture_digest
from earthmarker.errors import EarthMarkerError
from earthmarker.features import FeatureStore
from earthmarker.training.arguments import arguments
from earthmarker.training.devices import dtypes, mix, restore, shard_by_layer, size_of, whole_state
from earthmarker.training.phases import PHASES, Lora, Phase, prepare
from earthmarker.training.resume import begin, last_checkpoint
from earthmarker.training.settings import Settings
from earthmarker.training.store import load, save
from earthmarker.training.trainer import EarthMarkerTrainer, PhaseGuard
from earthmarker.training.watch import History, Progress, Told

HISTORY = "history.jsonl"


@dataclass(frozen=True)
class Trained:
    """What a run did.

    Attributes:
        folder: the model, or the adapter.
        steps: steps taken in all.
        loss: mean loss over the steps of this call; NaN if a resumed run had none left.
        trained: parameters that learned.
        frozen: tensors found unchanged afterwards.
    """

    folder: Path
    steps: int
    loss: float
    trained: int
    frozen: int


def train(
    phase_name: str,
    model_source: str | Path,
    data: Path | Sequence[Path],
    out: Path,
    settings: Settings | None = None,
    *,
    cache: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Trained:
    """Train one phase.

    Under ``accelerate launch`` every process calls this.

    Args:
        phase_name: ``align``, ``spatial`` or ``rsvp``.
        model_source: what to begin with, see :func:`earthmarker.training.store.load`.
        data: a data set made by rsvp-build, or several.
        out: folder of the run; the model goes to ``out/model``, the log to ``out/history.jsonl`` as it grows.
        settings: those shipped for the phase if None.
        cache: a feature cache; the encoders are not loaded then.
        resume: go on from the last checkpoint in ``out``, in the middle of an epoch too.
        progress: told steps done, steps in all and the last loss.

    Raises:
        EarthMarkerError: for anything in data, settings or checkpoints that does not fit; for a frozen
            tensor that moved; if memory does not suffice.
    """
    if phase_name not in PHASES:
        raise EarthMarkerError(f"unknown phase '{phase_name}'. Known: {', '.join(PHASES)}.")
    phase = PHASES[phase_name]
    settings = settings or Settings.of_phase(phase_name)
    wanted, optim = settings.data, settings.optim
    args = arguments(settings, out)
    index = RowIndex.read(
        data, tasks=wanted.tasks or None, sources=wanted.sources or None, splits=wanted.splits or None
    )
    sampler = GroupedSampler(index, optim.batch, optim.seed, wanted.weights)
    begin(out, phase_name, settings, mixture_digest(index, sampler), resume=resume)
    checkpoint = last_checkpoint(out) if resume else None
    set_seed(optim.seed)
    model, processor = load(model_source, load_mov=cache is None)
    features = None
    if cache is not None:
        features = FeatureStore(cache, processor)
        features.check(model.config.mov_fingerprint)
    before = dtypes(model)
    model = prepare(model, phase, Lora(**settings.lora.model_dump()))
    mix(model, half=args.bf16)
    shard_by_layer(model)
    collator = Collator(processor, features, wanted.most)
    guard = PhaseGuard(phase)
    trainer = _trainer(model, args, index, collator, sampler, guard, out, progress)
    try:
        result = trainer.train(resume_from_checkpoint=checkpoint)
    except (torch.OutOfMemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        raise EarthMarkerError(_spare(settings, phase, cached=cache is not None)) from error
    unwrapped = trainer.accelerator.unwrap_model(trainer.model)
    counted = sum(size_of(p) for p in unwrapped.parameters() if p.requires_grad)
    state = whole_state(trainer)
    restore(unwrapped, state, before)
    if trainer.is_world_process_zero():
        save(unwrapped, processor, out / "model", model_source, state=state)
    # Nobody is done before the model is there.
    trainer.accelerator.wait_for_everyone()
    loss = result.training_loss if result.global_step > trainer._initial_global_step else float("nan")
    return Trained(out / "model", result.global_step, loss, counted, guard.frozen)


def _trainer(
    model: Any,
    args: TrainingArguments,
    index: RowIndex,
    collator: Collator,
    sampler: GroupedSampler,
    guard: PhaseGuard,
    out: Path,
    progress: Progress | None,
) -> EarthMarkerTrainer:
    watchers: list[Any] = [guard, History(out / HISTORY)]
    if progress is not None:
        watchers.append(Told(progress))
    return EarthMarkerTrainer(
        model=model,
        args=args,
        train_dataset=RowDataset(index),
        data_collator=collator,
        sampler=sampler,
        callbacks=watchers,
    )


def _out_of_memory(error: Exception) -> bool:
    """Whether a GPU, or a CPU, which raises a plain RuntimeError, had too little memory."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _spare(settings: Settings, phase: Phase, *, cached: bool) -> str:
    """What to change when memory does not suffice, what costs least first."""
    optim = settings.optim
    ways = []
    if optim.device_batch > 1:
        ways.append(
            f"halve optim.device_batch (the batch of {optim.batch} stays: passes are accumulated instead)"
        )
    if not optim.checkpointing:
        ways.append("set optim.checkpointing = true")
    if not cached:
        ways.append("give a feature cache (--cache), so that the encoders are not loaded")
    if optim.optimizer == "adamw" and not phase.lora:
        ways.append('set optim.optimizer = "adamw_8bit"')
    ways.append("spread the model over GPUs with FSDP (accelerate launch, see the README)")
    return (
        f"out of memory in phase {phase.name} with optim.device_batch = {optim.device_batch}: "
        + "; or ".join(ways)
        + ". `earthmarker plan` estimates what fits"
    )
