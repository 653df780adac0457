"""Checkpoints of LLaMA2-Accessory and SPHINX as EarthMarker.

SPHINX-X's light mixture of experts (``accessory/model/LLM/llama_ens_light.py``) has what EarthMarker has:
CLIP's ConvNeXt-XXL and DINOv2, a Linear and a LayerNorm over their channels in this order, two embeddings
around an image, and a Llama. Of the larger SPHINX models, whose projection reads a CLIP ViT and a Q-Former
too, the decoder and the two encoders can be taken, and the projection has to be left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel, set_seed

from earthmarker.configuration_earthmarker import EarthMarkerConfig
from earthmarker.convert.assembly import Assembly, Pair
from earthmarker.convert.dinov2 import dino_config_from, dinov2_config_of, hub_pairs, load_dino
from earthmarker.convert.llama import HEAD, check_text, decoder_pairs, read_params, text_fields
from earthmarker.convert.report import ConversionReport
from earthmarker.convert.shards import read_accessory
from earthmarker.convert.timm_convnext import load_convnext, sizes_of, timm_to_hf
from earthmarker.convert.weights import read_state
from earthmarker.errors import EarthMarkerError
from earthmarker.modeling_earthmarker import EarthMarkerForConditionalGeneration
from earthmarker.mov import feature_fingerprint
from earthmarker.presets.build import answer_like, config_of, processor_for
from earthmarker.presets.sizes import preset as preset_of
from earthmarker.presets.tokenizers import tokenizer_of
from earthmarker.processing_earthmarker import BOUNDARIES, IMAGE, add_tokens
from earthmarker.projector import EarthMarkerProjector

REPORT = "conversion.json"

_EMBEDDINGS = "llma.tok_embeddings.weight"
_ENCODERS = {
    "dino": re.compile(r"llma\.dinov2_\w+\.(.+)"),
    "convnext": re.compile(r"llma\.openclip_convnext_\w+\.(.+)"),
}
_PARTS = ("projector", *_ENCODERS)
_PROJECTION = {f"llma.visual_proj.{i}.{kind}": f"{i}.{kind}" for i in (0, 1) for kind in ("weight", "bias")}
_IMAGE_BOUNDARIES = ("llma.start_img", "llma.end_img")
_CONVNEXT_EPS = 1e-5  # of convnext_xxlarge in timm, the only one that SPHINX has


def convert_accessory(
    folder: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    preset: str | None = None,
    config: EarthMarkerConfig | None = None,
    tokenizer: str | Path | None = None,
    dino: str | Path | None = None,
    convnext: str | Path | None = None,
    without: Iterable[str] = (),
    ignore: Iterable[str] = (),
    dtype: torch.dtype | None = None,
    replica_tolerance: float = 0.0,
    seed: int = 0,
) -> ConversionReport:
    """Convert a checkpoint and save it as a model folder with its processor.

    Args:
        folder: with ``consolidated.NN-of-MM.model.pth`` (or Meta's ``consolidated.NN.pth``), or several, each
            read over the one before, as LLaMA2-Accessory does with a base and what was trained on it.
        out: folder to write, new or empty; ``conversion.json`` in it says what became of every tensor.
        preset: name of the preset that the checkpoint is of.
        config: instead, a configuration. Without either, sizes come from the weights and ``config.json``, the
            rest is SPHINX-X's.
        tokenizer: folder or hub id of the tokenizer; by default the last folder's.
        dino: file, folder or hub id of a DINOv2, where the checkpoint has none (training saves no frozen
            encoders).
        convnext: the same of a ConvNeXt.
        without: ``projector``, ``dino``, ``convnext``: parts that stay random, in the checkpoint or not.
        ignore: beginnings of names in the checkpoint that may stay unused.
        dtype: of the result; by default that of the decoder's embeddings.
        replica_tolerance: see :func:`earthmarker.convert.shards.read_accessory`.
        seed: of what is random.

    Returns:
        The account that is in ``conversion.json``.

    Raises:
        EarthMarkerError: if the checkpoint is not whole, does not fit, or has tensors without a place.
        ValueError: for an unknown preset.
    """
    folders = [Path(f) for f in ([folder] if isinstance(folder, (str, Path)) else folder)]
    out, without = Path(out), set(without)
    sources = {"dino": dino, "convnext": convnext}
    _check(out, without, preset, config)
    words = _tokenizer(folders[-1] if tokenizer is None else tokenizer)
    params = {k: v for path in folders for k, v in read_params(path).items()}
    merged = read_accessory(folders, replica_tolerance)
    state = merged.state
    encoders = {
        part: {m[1]: t for k, t in state.items() if (m := names.fullmatch(k))}
        for part, names in _ENCODERS.items()
    }
    known = len(words) - sum(token in words.get_added_vocab() for token in (IMAGE, *BOUNDARIES))
    rows = add_tokens(words)
    if preset is not None:
        config = config_of(preset_of(preset), words, rows)
    if config is None:
        config = _infer(state, params, encoders, sources, without, words, rows)
    else:
        check_text(config.text_config, state, params)
    _check_tokens(config, words, known, len(state[_EMBEDDINGS]))

    with torch.device("meta"):
        model = EarthMarkerForConditionalGeneration(config)
    report = ConversionReport([str(f) for f in folders], merged.shards, unequal=merged.unequal)
    set_seed(seed)
    assembly = Assembly(state, model.state_dict(), report, dtype or state[_EMBEDDINGS].dtype)
    _decoder(assembly, config, state)
    for part in _ENCODERS:
        if assembly.wants(f"model.mov.{part}."):
            _encoder(assembly, config, part, state, sources[part], part in without)
    _projector(assembly, model, state, "projector" in without)
    assembly.account(_reasons(assembly, without, tuple(ignore)))

    model.load_state_dict(assembly.result, strict=False, assign=True)
    model.tie_weights()
    empty = [name for name, tensor in model.state_dict().items() if tensor.is_meta]
    assert not empty, f"without weights: {empty}"
    report.parameters = sum(p.numel() for p in model.parameters())
    answer_like(model, words)
    experts = model.model.mov
    assert experts is not None, "a converted model has its encoders"
    config.mov_fingerprint = feature_fingerprint(experts, config)
    model.save_pretrained(out)
    processor_for(config, words).save_pretrained(out)
    report.save(out / REPORT)
    return report


def _check(out: Path, without: set[str], preset: str | None, config: object) -> None:
    if unknown := without - set(_PARTS):
        raise EarthMarkerError(f"without {', '.join(sorted(unknown))}: expected any of {', '.join(_PARTS)}")
    if preset is not None and config is not None:
        raise EarthMarkerError("give a preset or a configuration, not both")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise EarthMarkerError(f"{out}: is there already; give a new or an empty folder")


def _tokenizer(source: str | Path) -> Any:
    try:
        return tokenizer_of(source)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        first = str(error).strip().split("\n", 1)[0][:200]
        raise EarthMarkerError(
            f"{source}: no tokenizer that transformers reads ({first}); give the folder or hub id of one as "
            "tokenizer, for example that of the Llama it was trained from"
        ) from error


def _check_tokens(config: EarthMarkerConfig, words: Any, known: int, rows: int) -> None:
    if known > rows:
        raise EarthMarkerError(
            f"the tokenizer has {known} tokens, the checkpoint embeddings of {rows}: it is another model's"
        )
    given = (config.image_token_id, *config.boundary_token_ids)
    own = tuple(words.convert_tokens_to_ids([IMAGE, *BOUNDARIES]))
    if given != own or len(words) > config.text_config.vocab_size:
        raise EarthMarkerError(
            f"the configuration has tokens {given} and {config.text_config.vocab_size} rows, the tokenizer "
            f"tokens {own} and {len(words)} rows"
        )


def _infer(
    state: Mapping[str, Tensor],
    params: Mapping[str, Any],
    encoders: Mapping[str, dict[str, Tensor]],
    sources: Mapping[str, str | Path | None],
    without: set[str],
    words: Any,
    rows: int,
) -> EarthMarkerConfig:
    """SPHINX-X's configuration in the sizes of a checkpoint."""
    text = text_fields(state, params)
    text["vocab_size"] = max(rows, text["vocab_size"])
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        text[name] = getattr(words, name)
    fields: dict[str, Any] = {"text_config": text}
    if encoders["dino"]:
        fields["dino_config"] = dinov2_config_of(encoders["dino"]).to_dict()
    elif sources["dino"] is not None:
        fields["dino_config"] = dino_config_from(sources["dino"]).to_dict()
    source = sources["convnext"]
    trunk = encoders["convnext"] or (read_state(source) if source is not None else {})
    if trunk:
        sizes = sizes_of(timm_to_hf(trunk))
        fields["convnext_config"] = {"model_type": "convnext", "layer_norm_eps": _CONVNEXT_EPS, **sizes}
    for part in _ENCODERS:
        if f"{part}_config" not in fields and part not in without:
            raise _no_encoder(part)
    return EarthMarkerConfig(
        **fields,
        image_token_id=words.convert_tokens_to_ids(IMAGE),
        boundary_token_ids=words.convert_tokens_to_ids(list(BOUNDARIES)),
    )


def _decoder(assembly: Assembly, config: EarthMarkerConfig, state: Mapping[str, Tensor]) -> None:
    text = config.text_config
    prefix, head = "model.language_model.", "lm_head.weight"

    def pairs() -> Iterator[Pair]:
        for source, name, tensor in decoder_pairs(state, text.num_attention_heads, text.num_key_value_heads):
            table = name == "embed_tokens.weight"
            filled = assembly.rows(prefix + name, tensor, text.initializer_range) if table else tensor
            yield source, name, filled

    assembly.part("the decoder", prefix, pairs(), "give the preset or configuration that it is of")
    output = state.get(HEAD)
    if config.tie_word_embeddings:
        if output is not None:
            if not torch.equal(output, state[_EMBEDDINGS]):
                raise EarthMarkerError(
                    f"the configuration ties the head to the embeddings, but {HEAD} is not "
                    f"{_EMBEDDINGS}; set tie_word_embeddings to false"
                )
            assembly.use(HEAD, head)
    elif output is None:
        raise EarthMarkerError(f"the checkpoint has no head ({HEAD}), and the configuration does not tie it")
    else:
        filled = assembly.rows(head, output, text.initializer_range)
        assembly.part("the head", head, [(HEAD, "", filled)], "give the configuration that it is of")


def _encoder(
    assembly: Assembly,
    config: EarthMarkerConfig,
    part: str,
    state: Mapping[str, Tensor],
    source: str | Path | None,
    skip: bool,
) -> None:
    prefix = f"model.mov.{part}."
    keys = {m[1]: k for k in state if (m := _ENCODERS[part].fullmatch(k))}
    if keys and not skip and source is None:
        trunk = {name: state[key] for name, key in keys.items()}
        pairs = (
            ((keys[name], hf, t) for name, hf, t in hub_pairs(trunk))
            if part == "dino"
            else ((keys[name], hf, t) for name in trunk for hf, t in timm_to_hf({name: trunk[name]}).items())
        )
        assembly.part(part, prefix, pairs, f"give its sizes as {part}_config, or no preset")
        return
    if keys and source is not None:
        raise EarthMarkerError(f"the checkpoint has a {part} already; leave out {part}={source}")
    if not skip and source is None:
        raise _no_encoder(part)
    module = AutoModel.from_config(config.dino_config if part == "dino" else config.convnext_config)
    if skip or source is None:
        assembly.report.initialised.append(f"{prefix}*")
    else:
        (load_dino if part == "dino" else load_convnext)(module, source)
        assembly.report.loaded[part] = str(source)
    assembly.add({prefix + name: tensor for name, tensor in module.state_dict().items()})


def _projector(assembly: Assembly, model: Any, state: Mapping[str, Tensor], skip: bool) -> None:
    prefix = "model.projector.layers."
    fresh = EarthMarkerProjector(model.config)
    for module in fresh.modules():
        model._init_weights(module)
    given = {} if skip else {k: state[k] for k in _PROJECTION if k in state}
    if given:
        others = any(_of_others(key) for key in state)
        hint = (
            "its projection reads a CLIP ViT or a Q-Former too, so it has to be left: "
            "without=('projector',), and trained anew"
            if others
            else "the channels are those of the encoders in the order of streams, and projector is 'linear'"
        )
        assembly.part("projector", prefix, ((k, _PROJECTION[k], t) for k, t in given.items()), hint)
    elif skip:
        assembly.add({f"{prefix}{name}": t for name, t in fresh.layers.state_dict().items()})
        assembly.report.initialised.append(f"{prefix}*")
    else:
        raise EarthMarkerError(
            "the checkpoint has no projection (llma.visual_proj); put the folder that has it last, or start "
            "with a random one: without=('projector',)"
        )
    name = "model.projector.boundary"
    boundary = fresh.boundary.detach().clone()
    for row, key in enumerate((*_IMAGE_BOUNDARIES, "", "")):
        if key in state and not skip:
            if state[key].numel() != boundary.shape[1]:
                raise EarthMarkerError(f"{key} has {state[key].numel()} channels, not {boundary.shape[1]}")
            boundary[row] = state[key].flatten().float()
            assembly.use(key, f"{name}[{row}]")
        else:
            assembly.report.initialised.append(f"{name}[{row}]")
    assembly.add({name: boundary})


def _reasons(
    assembly: Assembly, without: set[str], ignore: tuple[str, ...]
) -> list[tuple[Callable[[str], object], str]]:
    """Why tensors of a checkpoint may stay unused."""
    reasons: list[tuple[Callable[[str], object], str]] = [
        (lambda key: key.startswith(ignore) if ignore else False, "ignored as asked"),
        (lambda key: key.endswith("rope.freqs"), "computed, not stored"),
        (_of_others, "of a CLIP ViT or a Q-Former, which EarthMarker has not"),
    ]
    for part, names in _ENCODERS.items():
        if part in without:
            reasons.append((names.fullmatch, f"{part} left out as asked"))
        elif not assembly.wants(f"model.mov.{part}."):
            reasons.append((names.fullmatch, f"no stream looks with {part}"))
    if "projector" in without:
        reasons.append((lambda k: k in _PROJECTION or k in _IMAGE_BOUNDARIES, "projector left out as asked"))
    return reasons


def _of_others(key: str) -> bool:
    return key.startswith(("llma.clip.", "llma.qformer.", "llma.qformer_proj."))


def _no_encoder(part: str) -> EarthMarkerError:
    return EarthMarkerError(
        f"the checkpoint has no {part} (training with LLaMA2-Accessory saves no frozen encoders); say where "
        f"its weights are with {part}, or leave it random: without=('{part}',)"
    )
