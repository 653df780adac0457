"""One run: requests are claimed, made, sent, judged and recorded; see :mod:`.online` for the rules."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from openai import AsyncOpenAI

from rsvp_builder.captioning import budget, stops
from rsvp_builder.captioning.backoff import delay
from rsvp_builder.captioning.client import redacted
from rsvp_builder.captioning.exchange import Exchange, Kind, send
from rsvp_builder.captioning.limits import Limits
from rsvp_builder.captioning.online_settings import BodySource, Judge, OnlineSettings
from rsvp_builder.captioning.outcome import Complaint, Fault, Outcome
from rsvp_builder.captioning.pace import Pace, Permit
from rsvp_builder.captioning.prices import Price, cost
from rsvp_builder.captioning.progress import Progress, Speed
from rsvp_builder.captioning.recorder import Recorder
from rsvp_builder.captioning.reply import read_reply
from rsvp_builder.captioning.store import Claimed, Planned, Spending, Store
from rsvp_builder.errors import RsvpError

_T = TypeVar("_T")

_BARREN = (10, 100)
"""Rows in a row that could not be asked after which the fault is not theirs: before the first answer,
later."""

_UNREACHED = 3
"""Tries to reach an endpoint that has never answered: its address is wrong or it is not running."""


class Reason(StrEnum):
    """Why a run ended."""

    COMPLETE = "complete"
    """Nothing waits any more."""
    BUDGET = "budget"
    """The next request does not fit into the budget."""
    INTERRUPTED = "interrupted"
    """By SIGINT or SIGTERM."""
    STOPPED = "stopped"
    """By the endpoint: key, quota, model, or it is not there."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended.

    Attributes:
        reason: of the end.
        error: what is wrong with the endpoint, to be raised or shown, where it stopped the run.
        done: answers taken.
        rejected: rows answered with faults too often.
        failed: rows that could not be asked.
        asked_again: faulty answers after which the row was asked again.
        abandoned: requests without an answer when the run gave up waiting; they are lost.
        spending: over all runs of the store.
        seconds: that the run took.
    """

    reason: Reason
    error: RsvpError | None
    done: int
    rejected: int
    failed: int
    asked_again: int
    abandoned: int
    spending: Spending
    seconds: float


class Sender:
    """A run. Use it once, inside an event loop; the arguments are those of :func:`.online.run_online`."""

    def __init__(
        self,
        source: BodySource,
        store: Store,
        recorder: Recorder,
        settings: OnlineSettings,
        judge: Judge,
        price: Price,
        on_progress: Callable[[Progress], None] | None,
        client: AsyncOpenAI,
    ) -> None:
        self._source = source
        self._store = store
        self._recorder = recorder
        self._settings = settings
        self._judge = judge
        self._price = price
        self._on_progress = on_progress
        self._client = client
        self._rng = random.Random(settings.seed)  # noqa: S311 - jitter is no secret
        self._pace = Pace(
            settings.concurrency,
            Limits.of_user(settings.requests_per_minute, settings.tokens_per_minute, time.monotonic()),
            first_s=settings.first_pause_s,
            longest_s=settings.longest_pause_s,
            rng=self._rng,
        )
        self._speed = Speed()
        self._counts = Counter[str]()
        self._total = 0
        self._answers = 0
        self._barren = 0
        self._refusals = Counter[str]()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsent: dict[asyncio.Task[None], Claimed] = {}
        self._out: set[str] = set()
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._cut = asyncio.Event()
        self._reason: Reason | None = None
        self._error: RsvpError | None = None
        self._crash: BaseException | None = None

    async def run(self) -> Ended:
        """Sends until the end; see :func:`.online.run_online`."""
        began = time.monotonic()
        self._total = (await self._do(self._planned)).requests
        try:
            await self._feed()
        finally:
            abandoned = await self._drain()
        if self._crash is not None:
            raise self._crash
        planned = await self._do(self._planned)
        dry = budget.exhausted(self._recorder.spending, planned, self._settings.max_usd)
        return Ended(
            reason=self._reason or (Reason.BUDGET if dry else Reason.COMPLETE),
            error=self._error,
            done=self._counts["done"],
            rejected=self._counts["rejected"],
            failed=self._counts["failed"],
            asked_again=self._counts["again"],
            abandoned=abandoned,
            spending=self._recorder.spending,
            seconds=time.monotonic() - began,
        )

    def interrupt(self) -> None:
        """Ends the run early; a second time it waits for nothing any more."""
        if self._stopping.is_set():
            self._cut.set()
        else:
            self._stop(Reason.INTERRUPTED)

    def _stop(self, reason: Reason, error: RsvpError | None = None) -> None:
        if self._reason is None:
            self._reason, self._error = reason, error
        self._stopping.set()
        self._changed.set()

    async def _feed(self) -> None:
        """Claims requests as room is made ahead of those in flight."""
        ahead = self._settings.ahead
        while not self._stopping.is_set():
            room = ahead - len(self._unsent)
            # Claims are transactions on the disk: half a load at once.
            if room < (ahead + 1) // 2:
                await self._change()
                continue
            claims = await self._do(
                partial(self._store.claim, room, self._settings.max_usd, only_added=self._settings.only_added)
            )
            for claimed in claims:
                task = asyncio.create_task(self._row(claimed))
                self._tasks.add(task)
                self._unsent[task] = claimed
                task.add_done_callback(self._over)
            if not claims:
                if not self._tasks:
                    return
                # What is in flight may come back to be asked again, or free money.
                await self._change()

    async def _change(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._changed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash = self._crash or error
            self._stop(Reason.STOPPED)

    async def _drain(self) -> int:
        """Gives back what was not sent and waits for what was; how many requests were given up."""
        self._stopping.set()
        unsent = dict(self._unsent)
        for task in unsent:
            task.cancel()
        if unsent:
            await asyncio.wait(unsent)
        for claimed in unsent.values():
            await self._do(
                partial(self._store.fail, claimed.key, claimed.attempt, "not sent", sent=False, final=False)
            )
        if self._tasks:
            cut = asyncio.create_task(self._cut.wait())
            until = time.monotonic() + self._settings.drain_s
            while self._tasks and not cut.done() and (left := until - time.monotonic()) > 0:
                await asyncio.wait({cut, *self._tasks}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            cut.cancel()
        abandoned = len(self._out)
        for task in (given_up := set(self._tasks)):
            task.cancel()
        if given_up:
            await asyncio.wait(given_up)
        return abandoned

    async def _row(self, claimed: Claimed) -> None:
        """One attempt at one request. Until it is sent, whoever cancels the task gives the claim back."""
        task = asyncio.current_task()
        assert task is not None
        try:
            body = await self._source.body(claimed)
        except RsvpError as error:
            del self._unsent[task]
            await self._fail(claimed, str(error), sent=False, final=True)
            return
        permit = await self._pace.enter(claimed.input_tokens + _most_tokens(claimed))
        if self._stopping.is_set():
            self._pace.leave()
            return
        del self._unsent[task]
        self._changed.set()
        self._out.add(claimed.key)
        try:
            exchange = await send(
                self._client, body, f"{claimed.key}-{claimed.attempt}", self._settings.total_s
            )
            self._out.discard(claimed.key)
        finally:
            self._pace.leave()
        del body
        await self._came_back(claimed, permit, exchange)

    async def _came_back(self, claimed: Claimed, permit: Permit, exchange: Exchange) -> None:
        match exchange.kind:
            case Kind.ANSWERED:
                self._pace.answered(permit, exchange.headers)
                self._answers, self._barren = self._answers + 1, 0
                state = await self._do(partial(self._judged, claimed, exchange.response))
                self._refusals.pop(claimed.key, None)
                self._finished(state)
            case Kind.TURNED_DOWN:
                self._pace.answered(permit, exchange.headers)
                await self._fail(claimed, exchange.told, sent=False, final=True)
            case Kind.BUSY | Kind.UNREACHABLE:
                self._refusals[claimed.key] += 1
                self._pause(self._pace.refused(permit, exchange.headers), exchange)
                final = self._refusals[claimed.key] >= self._settings.max_tries and self._reason is None
                await self._fail(claimed, exchange.told, sent=False, final=final)
            case Kind.UNSURE:
                self._pace.silent(permit)
                self._pause(0.0, exchange)
                unsure = claimed.tries - len(claimed.history)
                final = unsure >= self._settings.max_unsure
                if not final:
                    pauses = self._settings.first_pause_s, self._settings.longest_pause_s
                    await self._rest(delay(unsure, *pauses, self._rng))
                await self._fail(claimed, exchange.told, sent=True, final=final)
            case Kind.HOPELESS:
                self._stop(Reason.STOPPED, stops.hopeless(str(self._client.base_url), exchange))
                await self._fail(claimed, exchange.told, sent=False, final=False)

    def _judged(self, claimed: Claimed, response: dict[str, Any]) -> str:
        """Judges and records an answer, in the recorder's thread; what became of the request.

        An answer is paid for: it is kept also where judging it fails.
        """
        failure: Exception | None = None
        final = len(claimed.history) + 1 >= self._settings.max_asks
        try:
            outcome = self._judge(claimed, response)
        except Exception as error:
            failure, final = error, True
            reply = read_reply(response)
            told = (Complaint(Fault.MALFORMED, f"The answer could not be checked: {redacted(str(error))}"),)
            outcome = Outcome(None, {}, told, reply.message, reply.usage, reply.finish_reason, reply.model)
        usd = cost(self._price, outcome.usage, batch=False)
        self._store.record(claimed.key, claimed.attempt, outcome, usd, final=final)
        if failure is not None and not isinstance(failure, RsvpError):
            raise failure
        return "done" if outcome.text is not None else "rejected" if final else "again"

    async def _fail(self, claimed: Claimed, told: str, *, sent: bool, final: bool) -> None:
        told = redacted(told)
        if final:
            # Before it is recorded: the disk may be slow, and meanwhile further requests would go out.
            self._barren += 1
            if self._barren >= _BARREN[self._answers > 0]:
                self._stop(Reason.STOPPED, stops.barren(self._barren, told))
        await self._do(partial(self._store.fail, claimed.key, claimed.attempt, told, sent=sent, final=final))
        if final:
            self._finished("failed")

    def _pause(self, pause: float, exchange: Exchange) -> None:
        """Stops the run where the endpoint is not there, or wants too long a pause."""
        settings, strikes, address = self._settings, self._pace.strikes, str(self._client.base_url)
        unknown = exchange.kind is Kind.UNREACHABLE and not self._counts
        most = min(_UNREACHED, settings.max_tries) if unknown else settings.max_tries
        if pause > settings.max_pause_s:
            self._stop(Reason.STOPPED, stops.long_pause(address, exchange, pause, settings.max_pause_s))
        elif strikes >= most:
            self._stop(Reason.STOPPED, stops.no_answer(address, exchange, strikes))
        elif pause > 0:
            self._tell()

    async def _rest(self, seconds: float) -> None:
        """Waits, but not beyond the end of the run."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    def _finished(self, state: str) -> None:
        self._counts[state] += 1
        self._speed.tick()
        self._tell()

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        counts, spending, per_s = self._counts, self._recorder.spending, self._speed.per_s()
        waiting = max(0, self._total - counts["done"] - counts["rejected"] - counts["failed"])
        self._on_progress(
            Progress(
                waiting=waiting,
                in_flight=self._pace.in_flight,
                done=counts["done"],
                rejected=counts["rejected"],
                failed=counts["failed"],
                asked_again=counts["again"],
                usd=spending.usd,
                reserved_usd=spending.reserved_usd,
                per_s=per_s,
                eta_s=waiting / per_s if per_s else None,
                paused_s=self._pace.paused_s,
            )
        )

    def _planned(self) -> Planned:
        return self._store.planned(only_added=self._settings.only_added)

    async def _do(self, work: Callable[[], _T]) -> _T:
        return await self._recorder.do(work)


def _most_tokens(claimed: Claimed) -> int:
    """Bound on the answer, which endpoints count against the limit of tokens before there is one."""
    told = claimed.parameters.get("max_tokens")
    return told if isinstance(told, int) else 0
