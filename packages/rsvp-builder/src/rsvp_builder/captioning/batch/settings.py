"""Settings of batches."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

MOST_REQUESTS = 50_000
MOST_BYTES = 200_000_000
"""The API takes 200 MB; whether that is 200,000,000 or 209,715,200 bytes is unverified: the smaller."""


class BatchSettings(BaseModel):
    """How requests are cut into batches, and how patiently the endpoint is asked.

    Attributes:
        folder: where request files and result files lie while they are needed.
        max_requests: most requests of a batch.
        max_bytes: most bytes of a request file.
        max_batches: most new batches of one ``submit``; None for no bound. An endpoint bounds the tokens
            that are queued, and refuses what is above.
        max_usd: budget in US dollars, with all that was spent before; None for no bound.
        max_asks: how often a request is asked, with the reason of the last fault, before it is rejected.
        max_unsure: how often it is sent without learning whether it was processed, before it is failed.
        ahead: requests that are drawn and held in memory before they are written.
        tries: how often a call of the endpoint is tried.
        first_wait_s: seconds before the second try; they double, with jitter, up to ``longest_wait_s``.
        longest_wait_s: most seconds between tries, unless the endpoint asks for more.
        look_again_s: seconds between two looks for a batch that a killed run may have created just then.
        poll_s: seconds between looks while waiting at first.
        poll_longest_s: most seconds between looks; they grow by half each time.
        call_timeout_s: of a small call.
        transfer_timeout_s: of an upload or download; httpx counts it for each read or write.
        keep_files: leave files at the endpoint after they were fetched.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path
    max_requests: int = Field(MOST_REQUESTS, ge=1, le=MOST_REQUESTS)
    max_bytes: int = Field(MOST_BYTES, ge=256, le=MOST_BYTES)
    max_batches: int | None = Field(None, ge=1)
    max_usd: float | None = Field(None, ge=0)
    max_asks: int = Field(3, ge=1)
    max_unsure: int = Field(2, ge=1)
    ahead: int = Field(8, ge=1)
    tries: int = Field(6, ge=1)
    first_wait_s: float = Field(1.0, ge=0)
    longest_wait_s: float = Field(60.0, ge=0)
    look_again_s: float = Field(10.0, ge=0)
    poll_s: float = Field(15.0, gt=0)
    poll_longest_s: float = Field(120.0, gt=0)
    call_timeout_s: float = Field(60.0, gt=0)
    transfer_timeout_s: float = Field(600.0, gt=0)
    keep_files: bool = False
