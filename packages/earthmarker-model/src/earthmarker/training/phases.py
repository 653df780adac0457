"""The three phases: which parameters learn, and that nothing else does.

The paper (section III-C) trains the projection alone, then the attention of the decoder alone, then LoRA on
it. That the three sets are disjoint is literally true of names: LoRA's matrices are parameters of their own
beside those of phase two.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from earthmarker.errors import EarthMarkerError

# Anchored, since DINOv2 has layers of the same names: peft matches a regular expression against the whole
# name.
ATTENTION = r"model\.language_model\.layers\.\d+\.self_attn\.[qkvo]_proj"
_WRAPPER = re.compile(r"(?<![^.])(module|_fsdp_wrapped_module|_checkpoint_wrapped_module|_orig_mod)\.")


@dataclass(frozen=True)
class Phase:
    """One phase.

    Attributes:
        name: as the command line names it.
        number: its place in the paper, from 1.
        trainable: regular expression that the whole names of its parameters match.
        lora: whether the parameters are LoRA's, added for the phase.
        summary: a line about it.
    """

    name: str
    number: int
    trainable: str
    lora: bool
    summary: str


PHASES: dict[str, Phase] = {
    phase.name: phase
    for phase in (
        Phase("align", 1, r"model\.projector\..+", False, "the projection learns to speak to the decoder"),
        Phase(
            "spatial",
            2,
            ATTENTION + r"\.(weight|bias)",
            False,
            "the decoder's attention learns where marks are",
        ),
        Phase(
            "rsvp",
            3,
            r"base_model\.model\." + ATTENTION + r"\.lora_[AB]\..+",
            True,
            "LoRA on the decoder's attention learns remote sensing",
        ),
    )
}


@dataclass(frozen=True)
class Lora:
    """LoRA of phase three; the paper gives none of the numbers, rank 16 is LLaMA2-Accessory's."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05


def prepare(model: Any, phase: Phase, lora: Lora | None = None) -> Any:
    """Let the parameters of a phase learn, and no others.

    Args:
        model: an ``EarthMarkerForConditionalGeneration``.
        phase: one of ``PHASES``.
        lora: of phase three.

    Returns:
        The model, for phase three as a ``PeftModel``.

    Raises:
        EarthMarkerError: if what learns is not the set of the phase.
    """
    if phase.lora:
        from peft import LoraConfig, get_peft_model

        lora = lora or Lora()
        settings = LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=ATTENTION,
            task_type="CAUSAL_LM",
        )
        with without_peft_warnings():
            model = get_peft_model(model, settings)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(re.fullmatch(phase.trainable, plain(name)) is not None)
    check(model, phase)
    return model


@contextmanager
def without_peft_warnings() -> Iterator[None]:
    """Keep quiet about peft asking transformers by a name that transformers 5.23 deprecates."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def plain(name: str) -> str:
    """The name of a parameter without what wrappers for several devices and compilation put into it."""
    return _WRAPPER.sub("", name)


def trainable(model: nn.Module) -> set[str]:
    """Names of the parameters that learn."""
    return {plain(name) for name, parameter in model.named_parameters() if parameter.requires_grad}


def check(model: nn.Module, phase: Phase) -> None:
    """See that exactly the phase's parameters learn, and none of an encoder or of another phase.

    Raises:
        EarthMarkerError: if not.
    """
    names = trainable(model)
    if not names:
        raise EarthMarkerError(
            f"phase {phase.name}: nothing learns; no parameter is called {phase.trainable}"
        )
    for name in sorted(names):
        claimed = [p.name for p in PHASES.values() if re.fullmatch(p.trainable, name)]
        if claimed != [phase.name]:
            raise EarthMarkerError(
                f"phase {phase.name}: {name} learns, but belongs to {claimed or 'no phase'}"
            )


def digests(model: nn.Module) -> dict[str, str]:
    """SHA-256 of every tensor that does not learn, buffers included; of what this process holds of it."""
    frozen = [(n, p) for n, p in model.named_parameters() if not p.requires_grad]
    return {plain(name): _digest(tensor) for name, tensor in [*frozen, *model.named_buffers()]}


def _digest(tensor: Tensor) -> str:
    local = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    data = local.detach().contiguous().cpu()
    return hashlib.sha256(data.reshape(-1).view(torch.uint8).numpy().data).hexdigest()


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Names of frozen tensors whose digests differ, or that came or went."""
    names: Iterable[str] = before.keys() | after.keys()
    return sorted(name for name in names if before.get(name) != after.get(name))
