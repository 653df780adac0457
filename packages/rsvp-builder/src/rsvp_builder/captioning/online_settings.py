"""What an online run is given: settings, a maker of bodies, a judge of responses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from rsvp_builder.captioning.outcome import Outcome
from rsvp_builder.captioning.store import Claimed


class BodySource(Protocol):
    """Makes what is sent."""

    async def body(self, claimed: Claimed) -> dict[str, Any]:
        """The body of ``POST /chat/completions``; it tells what was wrong with ``claimed.history``.

        Raises:
            RsvpError: this row cannot be asked.
        """
        ...


Judge = Callable[[Claimed, dict[str, Any]], Outcome]
"""Judges a response. It is called in one thread, which is not the caller's."""


class OnlineSettings(BaseModel):
    """How the endpoint is reached, how fast, and when to give up.

    Attributes:
        base_url: of the endpoint; None for ``OPENAI_BASE_URL``, else OpenAI.
        key_file: holds the API key; None for ``OPENAI_API_KEY``.
        max_usd: budget in US dollars, with all that was spent before; None for no bound.
        only_added: send only what was added to the store since it was opened.
        concurrency: requests in flight at most.
        requests_per_minute: bound of the user's; the endpoint's own are followed in any case.
        tokens_per_minute: the same of tokens, the longest answer included.
        ahead: requests that are claimed and whose bodies are made before they can be sent.
        connect_s: most seconds until a connection stands.
        read_s: most seconds without a byte of the answer.
        total_s: most seconds of an attempt.
        max_asks: how often a row is asked, with the reasons of the last fault, before it is rejected.
        max_unsure: how often a row is sent without learning whether it was processed, before it is failed.
        max_tries: how often a row is refused before it is failed, and pauses in a row before the run is
            stopped.
        first_pause_s: upper bound of the first pause where the endpoint names none; it doubles, with full
            jitter.
        longest_pause_s: upper bound of such pauses.
        max_pause_s: the run is stopped where an endpoint asks for more.
        drain_s: most seconds to wait for answers once the run is to end early.
        seed: of the jitter; None for chance.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str | None = None
    key_file: Path | None = None
    max_usd: float | None = Field(None, ge=0)
    only_added: bool = True
    concurrency: int = Field(16, ge=1, le=2000)
    requests_per_minute: float | None = Field(None, gt=0)
    tokens_per_minute: float | None = Field(None, gt=0)
    ahead: int = Field(16, ge=1, le=1000)
    connect_s: float = Field(10.0, gt=0)
    read_s: float = Field(180.0, gt=0)
    total_s: float = Field(300.0, gt=0)
    max_asks: int = Field(3, ge=1)
    max_unsure: int = Field(2, ge=1)
    max_tries: int = Field(8, ge=1)
    first_pause_s: float = Field(1.0, ge=0)
    longest_pause_s: float = Field(60.0, ge=0)
    max_pause_s: float = Field(900.0, ge=0)
    drain_s: float = Field(120.0, ge=0)
    seed: int | None = None
