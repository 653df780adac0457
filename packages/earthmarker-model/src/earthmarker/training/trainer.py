"""The HF Trainer, but for the order of rows and for what it proves about the phase."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch.utils.data import Sampler
from transformers import Trainer, TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from earthmarker.data import GroupedSampler
from earthmarker.errors import EarthMarkerError
from earthmarker.training.answers import answers_only
from earthmarker.training.phases import Phase, changed, check, digests, plain

LEARNED = "learned.safetensors"


class EarthMarkerTrainer(Trainer):
    """Takes rows in the order of a :class:`GroupedSampler`, prints nothing, and keeps small checkpoints.

    A checkpoint holds what learns and no more, since all else is as it was: 84 MB instead of 28 GB in phase
    align of 13b. transformers' own would also be in the names of published checkpoints, which the Trainer
    does not translate back when it resumes. Where a model is sharded, checkpoints are those of FSDP or
    DeepSpeed.
    """

    def __init__(self, *args: Any, sampler: GroupedSampler, **kwargs: Any) -> None:
        self.sampler = sampler
        super().__init__(*args, **kwargs)
        # They write to stdout, which belongs to the command line.
        self.remove_callback(PrinterCallback)
        self.remove_callback(ProgressCallback)
        self.add_callback(_EpochOfSampler(sampler))

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return self.sampler

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The loss of answers, from their logits alone."""
        # DataParallel would cut the list of positions into pieces, as it does batches.
        whole = self.args.n_gpu > 1
        return super().compute_loss(model, inputs if whole else answers_only(inputs), *args, **kwargs)

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        # A run that is resumed behind its last step would take one more before it looks.
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
            return
        super()._run_epoch(*args, **kwargs)

    def _learned(self) -> dict[str, torch.Tensor]:
        model = self.accelerator.unwrap_model(self.model)
        return {plain(name): p for name, p in model.named_parameters() if p.requires_grad}

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            super()._save(output_dir, state_dict)
            return
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_file({n: p.detach().contiguous().cpu() for n, p in self._learned().items()}, folder / LEARNED)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        path = Path(resume_from_checkpoint) / LEARNED
        if not path.is_file():
            raise EarthMarkerError(
                f"{path} is not there: the checkpoint is of a run that was sharded over GPUs; resume it so"
            )
        saved, own = load_file(path), self._learned()
        if {n: t.shape for n, t in saved.items()} != {n: t.shape for n, t in own.items()}:
            raise EarthMarkerError(
                f"{path}: not of this model and phase ({len(saved)} tensors, expected {len(own)} of other "
                "names or sizes); give the model that the run began with"
            )
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(saved[name])


class _EpochOfSampler(TrainerCallback):
    """Tells the sampler its epoch.

    accelerate tells samplers too, but looks for them at most two wrappers deep. A run on several processes
    that is resumed in the middle of an epoch has three, and would repeat the order of the first epoch.
    """

    def __init__(self, sampler: GroupedSampler) -> None:
        self.sampler = sampler

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """``state.epoch`` counts epochs done, with the part of the one that is resumed."""
        self.sampler.set_epoch(int(state.epoch or 0))


class PhaseGuard(TrainerCallback):
    """Proves that a phase trains its parameters and no others: before the first step and after the last.

    Attributes:
        frozen: how many tensors were found unchanged after the last step.
    """

    def __init__(self, phase: Phase) -> None:
        self.phase = phase
        self.frozen = 0
        self._before: dict[str, str] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Check the names of what learns, and keep digests of what does not.

        Raises:
            EarthMarkerError: if something else than the phase's parameters learns.
        """
        check(model, self.phase)
        self._before = digests(model)

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        """Check that what was frozen is what it was.

        Raises:
            EarthMarkerError: if a frozen tensor changed.
        """
        check(model, self.phase)
        after = digests(model)
        moved = changed(self._before, after)
        if moved:
            raise EarthMarkerError(f"phase {self.phase.name} changed frozen tensors: {', '.join(moved[:5])}")
        self.frozen = len(after)
