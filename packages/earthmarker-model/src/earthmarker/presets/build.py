"""A model and its processor from a preset, with the weights that can be had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, set_seed

from earthmarker.configuration_earthmarker import EarthMarkerConfig
from earthmarker.errors import EarthMarkerError
from earthmarker.image_processing_earthmarker import EarthMarkerImageProcessor
from earthmarker.modeling_earthmarker import EarthMarkerForConditionalGeneration
from earthmarker.mov import feature_fingerprint
from earthmarker.presets.sizes import Preset, preset
from earthmarker.presets.tokenizers import SMOLLM2, byte_tokenizer, smollm2_file, tokenizer_of
from earthmarker.processing_earthmarker import BOUNDARIES, IMAGE, EarthMarkerProcessor, add_tokens


def build(
    name: str,
    *,
    text: str | Path | None = None,
    dino: str | Path | None = None,
    convnext: str | Path | None = None,
    pretrained: bool = True,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    **changes: Any,
) -> tuple[EarthMarkerForConditionalGeneration, EarthMarkerProcessor]:
    """Build a preset.

    Args:
        name: ``13b``, ``7b``, ``smol`` or ``tiny``.
        text: hub id or folder of a decoder instead of the preset's.
        dino: hub id or folder of a DINOv2, or a file of torch.hub's, instead of the preset's; its own
            configuration is taken, unless ``dino_config`` is among the changes.
        convnext: file, folder or hub id of a ConvNeXt in the form of timm, open_clip or transformers instead
            of the preset's; of the preset's sizes, or of ``convnext_config`` among the changes.
        pretrained: load weights; without it everything is random but the tokenizer, and nothing is read but
            that.
        seed: of everything random.
        dtype: of the parameters, float32 if None, whatever weights are stored in.
        changes: other fields of ``EarthMarkerConfig``, such as ``projector="mlp"``.

    Returns:
        The model in evaluation mode, and its processor.

    Raises:
        ValueError: for an unknown preset or field.
        OSError: if the tokenizer cannot be found.
        EarthMarkerError: if weights cannot be found or read, or are of another shape.
    """
    size = preset(name)
    decoder = text or size.text_weights
    tokenizer = tokenizer_of(decoder) if decoder else byte_tokenizer()
    rows = add_tokens(tokenizer)
    if pretrained and dino is not None and "dino_config" not in changes:
        from earthmarker.convert.dinov2 import dino_config_from

        changes["dino_config"] = dino_config_from(dino).to_dict()
    config = config_of(size, tokenizer, rows, text=text if pretrained else None, **changes)
    set_seed(seed)
    # Made in its dtype: 13 B in float32 first would take twice the memory that is there for it.
    model = EarthMarkerForConditionalGeneration._from_config(config, dtype=dtype or torch.float32)
    if pretrained:
        if decoder:
            load_decoder(model, decoder)
        load_encoders(model, dino or size.dino_weights, convnext or size.convnext_weights)
    answer_like(model, tokenizer)
    experts = model.model.mov
    assert experts is not None, "a preset has its encoders"
    config.mov_fingerprint = feature_fingerprint(experts, config)
    return model.eval(), processor_for(config, tokenizer)


def processor_for(config: EarthMarkerConfig, tokenizer: Any) -> EarthMarkerProcessor:
    """The processor of a configuration, for a tokenizer that has the five tokens."""
    return EarthMarkerProcessor(
        EarthMarkerImageProcessor(size={"height": config.image_size, "width": config.image_size}),
        tokenizer,
        image_seq_length=config.image_seq_length,
        prompt_style=config.prompt_style,
        max_marks=config.max_marks,
    )


def config_of(
    size: Preset, tokenizer: Any, rows: int, *, text: str | Path | None = None, **changes: Any
) -> EarthMarkerConfig:
    """Configuration of a preset for a tokenizer that has the five tokens.

    ``rows`` is the size of its vocabulary.
    """
    if text is not None and str(text) != SMOLLM2:
        from transformers import AutoConfig

        decoder = AutoConfig.from_pretrained(text).to_dict()
    else:
        decoder = {"model_type": "llama", **size.text}
    decoder["vocab_size"] = max(rows, decoder.get("vocab_size", 0))
    for field in ("bos_token_id", "eos_token_id", "pad_token_id"):
        decoder[field] = getattr(tokenizer, field)
    fields: dict[str, Any] = {
        "dino_config": {"model_type": "dinov2", **size.dino},
        "convnext_config": {"model_type": "convnext", **size.convnext},
        "text_config": decoder,
        "image_size": size.image_size,
        "streams": [dict(s) for s in size.streams],
        "grid": size.grid,
        "image_token_id": tokenizer.convert_tokens_to_ids(IMAGE),
        "boundary_token_ids": [tokenizer.convert_tokens_to_ids(b) for b in BOUNDARIES],
    }
    unknown = set(changes) - set(EarthMarkerConfig.__dataclass_fields__)
    if unknown:
        raise ValueError(f"no such field of EarthMarkerConfig: {', '.join(sorted(unknown))}")
    return EarthMarkerConfig(**{**fields, **changes})


def load_encoders(
    model: EarthMarkerForConditionalGeneration, dino: str | Path | None, convnext: str | Path | None
) -> None:
    """Put the weights of encoders in; None, or an encoder that no stream looks with, is left as it is.

    Raises:
        EarthMarkerError: if weights cannot be found or read, or are of another shape.
    """
    from earthmarker.convert.dinov2 import load_dino
    from earthmarker.convert.timm_convnext import load_convnext

    experts = model.model.mov
    assert experts is not None, "a preset has its encoders"
    used = {stream["encoder"] for stream in model.config.streams}
    if dino is not None and "dino" in used:
        load_dino(experts.dino, dino)
    if convnext is not None and "convnext" in used:
        load_convnext(experts.convnext, convnext)


def load_decoder(model: EarthMarkerForConditionalGeneration, source: str | Path) -> None:
    """Put a decoder's weights in; rows of the five new tokens keep what they have.

    Raises:
        EarthMarkerError: if there is no decoder, its checkpoint lacks weights, or it is of another shape.
    """
    decoder = _read_decoder(model, source)
    own = dict(model.model.language_model.named_parameters())
    given = dict(decoder.get_decoder().named_parameters())
    head = decoder.get_output_embeddings()
    if set(own) != set(given):
        raise EarthMarkerError(
            f"{source}: its layers are not those of the configuration: {sorted(set(own) ^ set(given))[:4]}; "
            "choose the preset that it is of, or name it with text, so that its configuration is taken"
        )
    if getattr(head, "bias", None) is not None:
        raise EarthMarkerError(f"{source}: its head has a bias, which EarthMarker's has not")
    with torch.no_grad():
        for key, tensor in given.items():
            _copy_rows(own[key], tensor, f"{source}: {key}", table=key == "embed_tokens.weight")
        if not model.config.tie_word_embeddings:
            _copy_rows(model.lm_head.weight, head.weight, f"{source}: lm_head", table=True)


def _read_decoder(model: EarthMarkerForConditionalGeneration, source: str | Path) -> Any:
    if str(source) == SMOLLM2:
        file = smollm2_file()
        return AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    try:
        decoder, found = AutoModelForCausalLM.from_pretrained(
            source, dtype=model.dtype, output_loading_info=True
        )
    except (OSError, ValueError) as error:
        first = str(error).strip().split("\n", 1)[0][:200]
        raise EarthMarkerError(f"{source}: no decoder of transformers there ({first})") from error
    if missing := sorted(found["missing_keys"]):
        raise EarthMarkerError(f"{source}: {missing[:4]} not in the checkpoint, would be random")
    return decoder


def _copy_rows(into: torch.Tensor, source: torch.Tensor, name: str, *, table: bool) -> None:
    """Copy a tensor; a table of tokens may have more rows than its source."""
    if (
        into.shape[1:] != source.shape[1:]
        or len(into) < len(source)
        or (len(into) > len(source) and not table)
    ):
        raise EarthMarkerError(
            f"{name} is {tuple(source.shape)}, the configuration expects {tuple(into.shape)}; choose the "
            "preset that it is of, or name it with text, so that its configuration is taken"
        )
    into[: len(source)].copy_(source)


def answer_like(model: EarthMarkerForConditionalGeneration, tokenizer: Any) -> None:
    """Greedy answers that end at the end of sequence and never hold a placeholder or boundary."""
    generation = model.generation_config
    generation.do_sample = False
    generation.max_new_tokens = 256
    generation.bos_token_id, generation.eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
    generation.pad_token_id = tokenizer.pad_token_id
    generation.suppress_tokens = [model.config.image_token_id, *model.config.boundary_token_ids]
