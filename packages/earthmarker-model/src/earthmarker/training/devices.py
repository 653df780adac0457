"""Several devices and half precision: what the Trainer leaves to whoever calls it."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor, nn

from earthmarker.training.phases import plain

# accelerate's words between `accelerate launch` and the processes that it starts.
_FSDP = "ACCELERATE_USE_FSDP"
_DEEPSPEED = "ACCELERATE_USE_DEEPSPEED"
_ON = ("1", "true")
_WRAPPED = "FSDP_TRANSFORMER_CLS_TO_WRAP"


def processes() -> int:
    """How many processes train together, as their launcher says."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def shard_by_layer(model: Any) -> None:
    """Tell FSDP, where it is on, which modules to shard one by one: the decoder's layers and the encoders.

    The model's own ``_no_split_modules`` would not do: it names the projector, whose boundary embeddings are
    read outside its forward pass, where a module that is sharded by itself is not gathered.
    """
    if os.environ.get(_FSDP, "false").lower() not in _ON:
        return
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    # A set in transformers 5, a list before.
    layers = sorted(inner.model.language_model._no_split_modules)
    experts = [] if inner.model.mov is None else [type(inner.model.mov).__name__]
    os.environ[_WRAPPED] = ",".join([*layers, *experts])


def dtypes(model: nn.Module) -> dict[str, torch.dtype]:
    """The dtype of each parameter, by name."""
    return {plain(name): parameter.dtype for name, parameter in model.named_parameters()}


def mix(model: nn.Module, *, half: bool) -> None:
    """Let what learns be float32, and what is frozen in projection and decoder bfloat16 if ``half``.

    AdamW on bfloat16 parameters would lose most updates: at a learning rate of 2e-5 they are smaller than
    half the distance to the next bfloat16. The encoders keep their dtype, since features in a cache, and the
    fingerprint that guards it, belong to it. DeepSpeed keeps float32 copies of its own.
    """
    if os.environ.get(_DEEPSPEED, "false").lower() in _ON:
        return
    frozen = torch.bfloat16 if half else torch.float32
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
        elif ".mov." not in f".{name}":
            parameter.data = parameter.data.to(frozen)


def whole_state(trainer: Any) -> dict[str, Tensor] | None:
    """The state of a model that is sharded over processes, gathered; all of them must call this.

    Returns:
        The state on process 0, an empty one on the others; None where nothing is sharded, as the model then
        knows its state itself.
    """
    if not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        return None
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    return {plain(name): tensor for name, tensor in (state or {}).items()}


def restore(model: nn.Module, state: dict[str, Tensor] | None, before: dict[str, torch.dtype]) -> None:
    """Give parameters, and their gathered state, the dtypes that they had before :func:`mix`.

    Parameters that were added since, those of LoRA, stay as they are.
    """
    for name, parameter in model.named_parameters():
        kept = before.get(plain(name).removeprefix("base_model.model."), parameter.dtype)
        if parameter.dtype != kept:
            parameter.data = parameter.data.to(kept)
    for name, tensor in (state or {}).items():
        assert state is not None
        state[name] = tensor.to(before.get(name, tensor.dtype))


def size_of(parameter: Tensor) -> int:
    """Elements of a parameter, of all of it where DeepSpeed holds a part."""
    return int(getattr(parameter, "ds_numel", parameter.numel()))
