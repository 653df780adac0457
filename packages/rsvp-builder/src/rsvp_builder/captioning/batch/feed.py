"""Requests that are claimed, and their lines, a few ahead of the file that is written."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any, Protocol

from rsvp_builder.captioning.batch.files import custom_id, request_line
from rsvp_builder.captioning.batch.settings import BatchSettings
from rsvp_builder.captioning.store import Claimed, Store
from rsvp_builder.errors import RsvpError

_CLAIMS = 64
"""Most requests that are claimed at once: a claim is a write to the disk that is waited for."""


class BodySource(Protocol):
    """Makes what is sent."""

    async def body(self, claimed: Claimed) -> dict[str, Any]:
        """The body of ``POST /chat/completions``.

        Raises:
            RsvpError: this row cannot be asked.
        """
        ...


class Feed:
    """Lines of request files, in the order in which they were claimed.

    Bodies hold pictures: no more than ``settings.ahead`` are in memory, however long the file is.

    Args:
        source: makes bodies.
        store: claims requests; each claim also puts them into the batch that is written.
        settings: budget and how far ahead.
        factor: price in a batch as a share of the price online.
        only_added: see :meth:`Store.claim`.

    Attributes:
        unusable: requests for which no body could be made; they are failed in the store.
        dry: the last claim brought less than was wanted: nothing is planned, or the budget is used up.
    """

    def __init__(
        self, source: BodySource, store: Store, settings: BatchSettings, factor: float, *, only_added: bool
    ) -> None:
        self.unusable = 0
        self._source = source
        self._store = store
        self._settings = settings
        self._factor = factor
        self._only_added = only_added
        self._claimed: deque[Claimed] = deque()
        self._drawing: deque[tuple[Claimed, asyncio.Task[dict[str, Any]]]] = deque()
        self._held: tuple[Claimed, bytes] | None = None
        self.dry = False

    async def next(self, local_id: str, room: int) -> tuple[Claimed, bytes] | None:
        """The next request and its line; None where nothing waits or the budget is used up.

        Args:
            local_id: the opened batch that it is claimed for.
            room: requests that its file still takes, at least 1.
        """
        if self._held is not None:
            held, self._held = self._held, None
            return held
        while True:
            self._top_up(local_id, room)
            if not self._drawing:
                return None
            # It stays in the queue meanwhile: whatever happens here, it is known to be claimed.
            claimed, task = self._drawing[0]
            try:
                line = self._line(claimed, await task)
            except RsvpError as error:
                self._store.fail(claimed.key, claimed.attempt, str(error), sent=False, final=True)
                self.unusable += 1
                self._drawing.popleft()
                continue
            self._drawing.popleft()
            return claimed, line

    def put_back(self, claimed: Claimed, line: bytes) -> None:
        """Hand it out again as the next; it did not fit."""
        self._held = (claimed, line)

    def waiting(self) -> list[Claimed]:
        """What was claimed and not handed out: it belongs into the next file."""
        held = [self._held[0]] if self._held is not None else []
        return [*held, *(claimed for claimed, _ in self._drawing), *self._claimed]

    async def close(self) -> None:
        """Stop making bodies; whatever was claimed is forgotten here, and not in the store."""
        tasks = [task for _, task in self._drawing]
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, Exception):  # what they were made for is over
                await task
        self._drawing.clear()
        self._claimed.clear()
        self._held = None

    def _line(self, claimed: Claimed, body: dict[str, Any]) -> bytes:
        line = request_line(custom_id(claimed.key, claimed.attempt), body)
        if len(line) > self._settings.max_bytes:
            raise RsvpError(
                f"row {claimed.row_id}: its request has {len(line):,} bytes, and a request file at most"
                f" {self._settings.max_bytes:,}; draw smaller pictures"
            )
        return line

    def _top_up(self, local_id: str, room: int) -> None:
        if not self._claimed and not self.dry:
            wanted = min(_CLAIMS, room - len(self._drawing))
            if wanted > 0:
                self._claimed.extend(self._claim(wanted, local_id))
        while self._claimed and len(self._drawing) < self._settings.ahead:
            claimed = self._claimed.popleft()
            self._drawing.append((claimed, asyncio.ensure_future(self._source.body(claimed))))

    def _claim(self, wanted: int, local_id: str) -> list[Claimed]:
        claims = self._store.claim(
            wanted, self._settings.max_usd, only_added=self._only_added, factor=self._factor, batch=local_id
        )
        self.dry = len(claims) < wanted
        return claims
