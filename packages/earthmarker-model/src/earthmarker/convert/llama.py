"""A decoder in Meta's and LLaMA2-Accessory's form as a ``LlamaModel``.

Meta rotates neighbouring channels of a head as complex numbers (``accessory/model/LLM/llama.py``,
``apply_rotary_emb``), transformers rotates channel ``i`` with ``i + width / 2``. Rows of the query and key
projections are put in the order that makes both the same rotation; scores do not change, since queries and
keys are reordered alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import LlamaConfig

from earthmarker.errors import EarthMarkerError

_LAYER = re.compile(r"llma\.layers\.(\d+)\.(.+)\.weight")
_IN_LAYER = {
    "attention.wq": "self_attn.q_proj",
    "attention.wk": "self_attn.k_proj",
    "attention.wv": "self_attn.v_proj",
    "attention.wo": "self_attn.o_proj",
    "feed_forward.w1": "mlp.gate_proj",
    "feed_forward.w2": "mlp.down_proj",
    "feed_forward.w3": "mlp.up_proj",
    "attention_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_WHOLE = {
    "llma.tok_embeddings.weight": "embed_tokens.weight",
    "llma.norm.weight": "norm.weight",
}
HEAD = "llma.output.weight"


def rotary_to_hf(weight: Tensor, heads: int) -> Tensor:
    """Rows of a query or key projection from Meta's order to transformers'.

    Args:
        weight: (heads * width, in).
        heads: of attention that the rows are of.

    Returns:
        The same shape: in each head first the even rows, then the odd ones.
    """
    return weight.reshape(heads, -1, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def decoder_name(key: str) -> str | None:
    """Name in a ``LlamaModel`` for a name of LLaMA2-Accessory, None for what is not the decoder's."""
    if key in _WHOLE:
        return _WHOLE[key]
    match = _LAYER.fullmatch(key)
    return f"layers.{match[1]}.{_IN_LAYER[match[2]]}.weight" if match and match[2] in _IN_LAYER else None


def decoder_pairs(
    state: Mapping[str, Tensor], heads: int, kv_heads: int
) -> Iterator[tuple[str, str, Tensor]]:
    """Name in LLaMA2-Accessory, name in ``LlamaModel``, and tensor; without the head.

    Args:
        state: tensors by LLaMA2-Accessory's names; others than the decoder's are passed over.
        heads: of queries.
        kv_heads: of keys and values.
    """
    for key in list(state):
        if (name := decoder_name(key)) is not None:
            tensor = state[key]
            if name.endswith("q_proj.weight"):
                tensor = rotary_to_hf(tensor, heads)
            elif name.endswith("k_proj.weight"):
                tensor = rotary_to_hf(tensor, kv_heads)
            yield key, name, tensor


def read_params(folder: Path) -> dict[str, Any]:
    """The numbers that are kept beside weights, in ``config.json`` or Meta's ``params.json``; may be none.

    Raises:
        EarthMarkerError: if the file is no JSON object.
    """
    for name in ("config.json", "params.json"):
        if (folder / name).is_file():
            try:
                params = json.loads((folder / name).read_bytes())
            except ValueError as error:
                raise EarthMarkerError(f"{folder / name}: no JSON ({error})") from error
            if not isinstance(params, dict):
                raise EarthMarkerError(f"{folder / name}: expected an object such as {{'n_heads': 40}}")
            return params
    return {}


def text_fields(state: Mapping[str, Tensor], params: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a ``LlamaConfig`` that fit the weights.

    Args:
        state: tensors by LLaMA2-Accessory's names.
        params: see :func:`read_params`; ``n_heads`` must be there, since shapes do not tell it. What else is
            left out is as in LLaMA2-Accessory: ``norm_eps`` 1e-5, ``rope_theta`` 10000.

    Raises:
        EarthMarkerError: if weights or ``n_heads`` are missing, or do not go together.
    """
    try:
        rows, width = state["llma.tok_embeddings.weight"].shape
        inner = state["llma.layers.0.feed_forward.w1.weight"].shape[0]
        queries = state["llma.layers.0.attention.wq.weight"].shape[0]
        keys = state["llma.layers.0.attention.wk.weight"].shape[0]
        output = state.get(HEAD)
    except KeyError as error:
        raise EarthMarkerError(f"the checkpoint has no decoder: {error.args[0]} is missing") from error
    if "n_heads" not in params:
        raise EarthMarkerError(
            "the number of attention heads is not in the weights: put config.json (LLaMA2-Accessory's, with "
            "n_heads) beside them, or give a preset or a configuration"
        )
    heads = int(params["n_heads"])
    kv_heads = int(params.get("n_kv_heads") or heads)
    if queries % heads or keys % kv_heads or queries // heads != keys // kv_heads:
        raise EarthMarkerError(
            f"n_heads {heads} and n_kv_heads {kv_heads} do not go with {queries} rows of queries and {keys} "
            "of keys"
        )
    return {
        "model_type": "llama",
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": 1 + max(int(m[1]) for m in map(_LAYER.fullmatch, state) if m),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": queries // heads,
        "vocab_size": rows,
        "max_position_embeddings": int(params.get("max_seq_len", 4096)),
        "rms_norm_eps": float(params.get("norm_eps", 1e-5)),
        "rope_parameters": _rope(params),
        "tie_word_embeddings": output is None,
    }


def _rope(params: Mapping[str, Any]) -> dict[str, Any]:
    theta = float(params.get("rope_theta", 10000.0))
    if scaling := params.get("rope_scaling"):
        # There positions are multiplied by it, here divided by the factor.
        return {"rope_type": "linear", "rope_theta": theta, "factor": 1.0 / float(scaling)}
    return {"rope_type": "default", "rope_theta": theta}


def check_text(config: Any, state: Mapping[str, Tensor], params: Mapping[str, Any]) -> None:
    """See that a decoder's configuration is that of a checkpoint.

    Args:
        config: a ``LlamaConfig``.
        state: tensors by LLaMA2-Accessory's names.
        params: see :func:`read_params`; what is not in it is believed of the configuration.

    Raises:
        EarthMarkerError: naming the fields that differ.
    """
    own = {"n_heads": config.num_attention_heads, "n_kv_heads": config.num_key_value_heads}
    fields = text_fields(state, {**own, **params})
    wanted = LlamaConfig(**{k: v for k, v in fields.items() if k != "model_type"})
    free = {"model_type", "vocab_size", "max_position_embeddings", "tie_word_embeddings"}
    if not params:
        free |= {"rms_norm_eps", "rope_parameters"}
    wrong = []
    for name in sorted(fields.keys() - free):
        given, expected = getattr(config, name, None), getattr(wanted, name)
        if given != expected:
            wrong.append(f"{name} is {given}, in the checkpoint {expected}")
    if config.vocab_size < fields["vocab_size"]:
        wrong.append(f"vocab_size is {config.vocab_size}, in the checkpoint {fields['vocab_size']}")
    if wrong:
        raise EarthMarkerError(
            f"the configuration is not that of the checkpoint: {'; '.join(wrong)}; choose another preset, or "
            "none"
        )
