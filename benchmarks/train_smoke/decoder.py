"""A small decoder with a documented text-only warm-up, in place of a pretrained one.

SmolLM2-135M takes some seconds a row on two cores, so this is a Llama of a million parameters with a
tokenizer made from the conversations' own words. What a large decoder brings along from its text it has to
be taught first: to write answers in their form, and to look up which word stands where a second list has a
number. See :func:`warm_up`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedTokenizerFast

from earthmarker.data.collate import pad
from earthmarker.data.encode import IGNORED, encode
from earthmarker.data.rows import Row
from train_smoke.encoders import cover

_SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}


def tokenizer_of(texts: Sequence[str], size: int = 600) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer of at most ``size`` tokens, made from texts."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(_SPECIAL.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=core, clean_up_tokenization_spaces=False, **_SPECIAL)


def warm_up(
    model: Any,
    processor: Any,
    rows: Sequence[Row],
    steps: int,
    log: Callable[[str], None],
) -> None:
    """Train the decoder on text alone.

    A quarter of each batch are conversations without pictures. The others are about pictures that are spelled
    out: in place of an image feature stands a word, the class of the thing that covers the cell, and in
        place of a
    prompt's the number of the mark, both from the annotation of training rows. No pixel takes part.

    Args:
        model: an ``EarthMarkerForConditionalGeneration``; only its decoder and head learn.
        processor: its processor.
        rows: training rows.
        steps: of ``_BATCH`` conversations each.
        log: told how it goes.
    """
    torch.manual_seed(0)
    plain = [_without_images(model, *encode(processor, row.messages)) for row in rows]
    spelled = [_spelled(model, processor, row) for row in rows if row.granularity != "image"]
    decoder: nn.Module = model.model.language_model
    parameters = [*decoder.parameters(), *model.lm_head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=2e-3, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.1)
    rng = np.random.default_rng(0)
    model.train()
    for step in range(steps):
        losses = []
        for kind, count in ((plain, _BATCH // 4), (spelled, _BATCH - _BATCH // 4)):
            chosen = [kind[i] for i in rng.integers(len(kind), size=count)]
            losses.append(_loss(model, chosen))
        optimizer.zero_grad()
        sum(losses).backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            told = ", ".join(f"{loss.item():.3f}" for loss in losses)
            log(f"decoder, text only: step {step + 1} of {steps}, loss plain and spelled out {told}")
    model.eval()


_BATCH = 24

Pair = tuple[np.ndarray, np.ndarray]


def _loss(model: Any, pairs: Sequence[Pair]) -> torch.Tensor:
    ids = pad([pair[0] for pair in pairs], model.config.text_config.pad_token_id)
    labels = pad([pair[1] for pair in pairs], IGNORED)
    lengths = torch.tensor([len(pair[0]) for pair in pairs])
    mask = (torch.arange(ids.shape[1])[None] < lengths[:, None]).long()
    embeds = model.model.embed(ids, None)
    states = model.model.language_model(inputs_embeds=embeds, attention_mask=mask).last_hidden_state
    logits = model.lm_head(states[:, :-1])
    return functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)


def _without_images(model: Any, ids: np.ndarray, labels: np.ndarray) -> Pair:
    """A conversation as text to go on with: every token of it counts."""
    kept = ~np.isin(ids, [model.config.image_token_id, *model.config.boundary_token_ids])
    return ids[kept], np.where(np.arange(kept.sum()) > 0, ids[kept], IGNORED)


def _spelled(model: Any, processor: Any, row: Row) -> Pair:
    """A conversation whose picture and prompt are words in place of features."""
    tokenizer = processor.tokenizer
    ids, labels = encode(processor, row.messages)
    grid = model.config.grid
    covered = cover(row.marks, grid, row.width).ravel()
    said = [line.partition(": ")[2] for line in row.messages[-1]["content"].splitlines()]
    blank = tokenizer.convert_tokens_to_ids(".")
    words = np.array([blank, *(tokenizer(f" {text}").input_ids[0] for text in said)])
    digits = np.array([blank, *(tokenizer(str(i)).input_ids[0] for i in range(1, len(said) + 1))])
    first = int(model.config.class_token)
    cells = np.concatenate([np.full(first, blank), words[covered], np.full(first, blank), digits[covered]])
    ids = ids.copy()
    ids[ids == model.config.image_token_id] = cells
    return ids, labels
