"""A conversation as token ids and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earthmarker.errors import EarthMarkerError

IGNORED = -100


def encode(
    processor: Any, messages: Sequence[dict[str, str]], *, answer: bool = True
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids of a conversation about a picture and its prompt, and the labels of its answers.

    Args:
        processor: an ``EarthMarkerProcessor``.
        messages: ``{"role", "content"}`` by turns.
        answer: keep the answers; without them the last is left to be generated.

    Returns:
        (length,) int64 ids and (length,) int64 labels: -100 but on the tokens of answers and the end of
        sequence behind each, so that nothing else has a part in the loss.

    Raises:
        EarthMarkerError: if there is no question, or no answer where one is asked for.
    """
    turns = list(messages)
    if not answer:
        while turns and turns[-1]["role"] == "assistant":
            turns.pop()
    if not turns:
        raise EarthMarkerError("the conversation asks nothing")
    first, *rest = turns
    items = [
        {"type": "image"},
        {"type": "image", "kind": "prompt"},
        {"type": "text", "text": first["content"]},
    ]
    encoded = processor.tokenizer.apply_chat_template(
        [{"role": first["role"], "content": items}, *rest],
        chat_template=processor.chat_template,
        add_generation_prompt=not answer,
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=answer,
    )
    ids = np.array(encoded["input_ids"], dtype=np.int64)
    said = np.array(encoded["assistant_masks"] if answer else np.zeros(len(ids)), dtype=bool)
    if answer and not said.any():
        raise EarthMarkerError("the conversation has no answer to learn from")
    labels = np.where(said, ids, IGNORED)
    times = np.where(ids == processor.image_token_id, processor.image_seq_length, 1)
    return np.repeat(ids, times), np.repeat(labels, times)
