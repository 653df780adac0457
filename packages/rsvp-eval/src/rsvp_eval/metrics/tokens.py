"""How captions were made into tokens, as the specification of a score says it."""

from __future__ import annotations

from rsvp_eval.captions import Captions
from rsvp_eval.tokenizer import ptb


def captions_of(tokenized: bool) -> Captions:
    """An empty set of captions that are tokens already, or that the PTB tokeniser will make into tokens."""
    return Captions(None) if tokenized else Captions()


def tokens_spec(captions: Captions) -> str:
    """Part of a specification: the tokeniser of these captions."""
    if captions.tokenize is None:
        return "tokens=given"
    if captions.tokenize is ptb:
        return "ptb=corenlp-3.4.1"
    return f"tokens={captions.tokenize.__module__}.{captions.tokenize.__qualname__}"
