"""Asking again: the conversation so far, and what was wrong with the last answer."""

from __future__ import annotations

from typing import Any

from rsvp_builder.captioning.outcome import Outcome
from rsvp_builder.captioning.reply import read_reply

_LONGEST = 8000
"""Characters of an answer that are shown to the model again; every one is paid for."""

_NONE = "(no answer)"
"""Stands for an answer without text: endpoints refuse an empty message."""


def ask_again(body: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
    """A request that asks again with the reasons.

    Args:
        body: what was sent; it stays as it is. Its pictures are shared with the new body, not copied.
        outcome: the verdict on its answer.

    Raises:
        ValueError: nothing is wrong with the answer.
    """
    if not outcome.complaints:
        raise ValueError("nothing is wrong with this answer, so there is nothing to ask again")
    reply = read_reply({"choices": [{"message": outcome.raw}]})
    said = " ".join((reply.content.strip() or reply.refusal.strip() or _NONE).split())
    if len(said) > _LONGEST:
        said = f"{said[:_LONGEST]} ..."
    reasons = "\n".join(f"- {told}" for told in dict.fromkeys(each.told for each in outcome.complaints))
    text = (
        f"That answer cannot be used:\n{reasons}\n"
        "Answer again, whole, as one JSON object of the same form. Keep what was right."
    )
    turns = [{"role": "assistant", "content": said}, {"role": "user", "content": text}]
    return {**body, "messages": [*body["messages"], *turns]}
