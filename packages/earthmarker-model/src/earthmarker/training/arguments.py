"""Settings in the Trainer's words."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from earthmarker.errors import EarthMarkerError
from earthmarker.training.devices import processes
from earthmarker.training.settings import Settings

_OPTIMIZERS = {"adamw": "adamw_torch", "adamw_8bit": "adamw_bnb_8bit"}


def arguments(settings: Settings, out: Path) -> TrainingArguments:
    """Settings as ``TrainingArguments``.

    Raises:
        EarthMarkerError: if the batch cannot be split evenly over devices and passes, or an optimiser is
            asked for that is not installed.
    """
    optim = settings.optim
    a_pass = optim.device_batch * processes()
    if optim.batch % a_pass:
        raise EarthMarkerError(
            f"optim.batch = {optim.batch} is no multiple of device_batch * devices = "
            f"{optim.device_batch} * {processes()}: change one of them"
        )
    if optim.optimizer == "adamw_8bit" and importlib.util.find_spec("bitsandbytes") is None:
        raise EarthMarkerError('optim.optimizer = "adamw_8bit" needs bitsandbytes: pip install bitsandbytes')
    gpu = torch.cuda.is_available()
    args = TrainingArguments(
        output_dir=str(out / "checkpoints"),
        per_device_train_batch_size=optim.device_batch,
        gradient_accumulation_steps=optim.batch // a_pass,
        num_train_epochs=optim.epochs,
        max_steps=optim.steps or -1,
        learning_rate=optim.lr,
        optim=_OPTIMIZERS[optim.optimizer],
        weight_decay=0.0,
        adam_beta1=0.9,
        adam_beta2=0.95,
        max_grad_norm=optim.clip,
        lr_scheduler_type=optim.schedule,
        # The Trainer reads less than 1 as a part of all steps.
        warmup_steps=optim.warmup,
        bf16=optim.precision == "bf16" or (optim.precision == "auto" and gpu),
        logging_steps=settings.log_steps,
        save_steps=settings.save_steps,
        save_total_limit=settings.keep,
        seed=optim.seed,
        data_seed=optim.seed,
        dataloader_num_workers=settings.data.workers,
        dataloader_pin_memory=gpu,
        remove_unused_columns=False,
        report_to=[],
        use_cpu=not gpu,
        ddp_find_unused_parameters=False,
        disable_tqdm=True,
        **_checkpointing(enabled=optim.checkpointing),
    )
    if processes() == 1 and gpu:
        # One process drives one GPU. With more in sight the Trainer would wrap the model in DataParallel, and
        # a batch would be as many times larger.
        args._n_gpu = 1
    return args


def _checkpointing(*, enabled: bool) -> dict[str, Any]:
    """Recompute activations, by the name that the installed transformers has for it (5.23 renamed it)."""
    fields = TrainingArguments.__dataclass_fields__
    name = "activation_checkpointing" if "activation_checkpointing" in fields else "gradient_checkpointing"
    return {name: enabled, f"{name}_kwargs": {"use_reentrant": False} if enabled else None}
