"""Models on disk: whole ones, adapters on a base, and ones that were trained without their encoders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from earthmarker.errors import EarthMarkerError
from earthmarker.modeling_earthmarker import EarthMarkerForConditionalGeneration
from earthmarker.processing_earthmarker import EarthMarkerProcessor
from earthmarker.training.phases import without_peft_warnings

ADAPTER = "adapter_config.json"


def load(
    source: str | Path, *, load_mov: bool = True, dtype: torch.dtype | str = "auto", merge: bool = True
) -> tuple[Any, EarthMarkerProcessor]:
    """Load a model and its processor.

    Args:
        source: folder or hub id of a model, folder of an adapter, or ``preset:NAME``.
        load_mov: with its encoders; without, it reads cached features only.
        dtype: of the parameters; ``auto`` is that of the checkpoint.
        merge: fold an adapter into its base; without, it stays a ``PeftModel``.

    Raises:
        EarthMarkerError: if there is no model, it is of another kind, or has no tokenizer.
    """
    name = str(source)
    if name.startswith("preset:"):
        return _preset(name.removeprefix("preset:"), load_mov=load_mov, dtype=dtype)
    folder = Path(name)
    if (folder / ADAPTER).is_file():
        return _adapter(folder, load_mov=load_mov, dtype=dtype, merge=merge)
    try:
        processor = EarthMarkerProcessor.from_pretrained(name)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise EarthMarkerError(
            f"{name}: no processor with a tokenizer there ({_first(error)}); a model folder has "
            "config.json, processor_config.json and tokenizer.json beside its weights"
        ) from error
    try:
        model, found = EarthMarkerForConditionalGeneration.from_pretrained(
            name, load_mov=load_mov, dtype=dtype, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise EarthMarkerError(f"{name}: not a checkpoint of this configuration ({_first(error)})") from error
    # transformers fills in what it does not find at random, and only warns.
    if lacking := sorted(found["missing_keys"]):
        raise EarthMarkerError(
            f"{name}: not a checkpoint of this configuration: it lacks {len(lacking)} tensors ({lacking[0]}"
            "); config.json has to be the one that was saved with the weights"
        )
    if processor.image_seq_length != model.config.image_seq_length:
        raise EarthMarkerError(
            f"{name}: an image is {processor.image_seq_length} tokens in processor_config.json and "
            f"{model.config.image_seq_length} in config.json: save model and processor together"
        )
    return model, processor


def _first(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:300]


def _preset(name: str, *, load_mov: bool, dtype: torch.dtype | str) -> tuple[Any, EarthMarkerProcessor]:
    from earthmarker.presets import build

    try:
        model, processor = build(name, dtype=dtype if isinstance(dtype, torch.dtype) else None)
    except (ValueError, OSError) as error:
        raise EarthMarkerError(str(error)) from error
    if not load_mov:
        model.model.mov = None
        model.config.load_mov = False
    return model, processor


def _adapter(
    folder: Path, *, load_mov: bool, dtype: torch.dtype | str, merge: bool
) -> tuple[Any, EarthMarkerProcessor]:
    from peft import PeftModel

    path = folder / ADAPTER
    try:
        base = str(json.loads(path.read_bytes())["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EarthMarkerError(f"{path}: damaged ({error}); train the adapter anew") from error
    try:
        model, processor = load(base, load_mov=load_mov, dtype=dtype)
    except EarthMarkerError as error:
        raise EarthMarkerError(
            f"{folder}: the adapter's base cannot be loaded; put it back, or write where it is into {path}. "
            f"{error}"
        ) from error
    try:
        with without_peft_warnings():
            tuned = PeftModel.from_pretrained(model, folder)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise EarthMarkerError(f"{folder}: not an adapter of {base} ({_first(error)})") from error
    return (tuned.merge_and_unload() if merge else tuned), processor


def save(
    model: Any,
    processor: EarthMarkerProcessor,
    folder: Path,
    base: str | Path,
    *,
    state: dict[str, Tensor] | None = None,
) -> None:
    """Save a trained model: an adapter as an adapter, any other whole, with the encoders of its base.

    Args:
        model: what was trained, without wrappers for several devices.
        processor: its processor.
        folder: where to.
        base: what it was trained from; its encoders are saved along where the model was trained without.
        state: the model's state where it is sharded over processes; its own if None.
    """
    from peft import PeftModel

    if isinstance(model, PeftModel):
        # A relative path would only be found from the folder that the run was started in.
        name = str(Path(base).resolve()) if Path(base).is_dir() else str(base)
        model.peft_config["default"].base_model_name_or_path = name
        # The embeddings are not trained: peft need not look up the base to know.
        model.save_pretrained(folder, state_dict=state, save_embedding_layers=False)
        processor.save_pretrained(folder)
        return
    if not model.config.load_mov:
        whole, _ = load(base)
        model.model.mov = whole.model.mov
        model.config.load_mov = True
        if state is not None:
            state |= {f"model.mov.{key}": tensor for key, tensor in whole.model.mov.state_dict().items()}
    model.save_pretrained(folder, state_dict=state)
    processor.save_pretrained(folder)
