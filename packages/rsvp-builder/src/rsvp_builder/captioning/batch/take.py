"""Taking one batch's result lines into the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from rsvp_builder.captioning.batch.files import custom_id
from rsvp_builder.captioning.batch.remote import Tell
from rsvp_builder.captioning.batch.results import Answered, Malformed, Unanswered, read
from rsvp_builder.captioning.batch.settings import BatchSettings
from rsvp_builder.captioning.exchange import Kind, kind_of
from rsvp_builder.captioning.outcome import Outcome
from rsvp_builder.captioning.prices import Price, cost
from rsvp_builder.captioning.store import Batch, Claimed, Store
from rsvp_builder.errors import RsvpError

_AT_ONCE = 100
"""Lines that are in memory at a time."""
_MOST_TOLD = 20
"""Malformed lines of a file that are told of one by one."""
_NOT_EXECUTED = ("batch_expired", "batch_cancelled")

Pricing = Price | Callable[[str], Price]
"""The price of everything, or by the name of the model that was asked."""

_T = TypeVar("_T")


@dataclass(slots=True)
class Counts:
    """What became of the requests and lines of batches.

    Attributes:
        done: answers taken.
        asked_again: faulty answers; their requests are planned again, with the reason.
        rejected: faulty answers that were the last.
        returned: requests that were not processed; they are planned again.
        unsure: requests whose failure may have been paid for; they are planned again.
        failed: requests that are failed for good.
        missing: requests without a line, planned again.
        unjudged: answers that could not be judged; they wait where they are.
        earlier: lines that an earlier, interrupted ``fetch`` had taken.
        duplicates: further lines of a request.
        unknown: lines of requests that the batch does not hold.
        malformed: lines that are no result.
    """

    done: int = 0
    asked_again: int = 0
    rejected: int = 0
    returned: int = 0
    unsure: int = 0
    failed: int = 0
    missing: int = 0
    unjudged: int = 0
    earlier: int = 0
    duplicates: int = 0
    unknown: int = 0
    malformed: int = 0

    def add(self, other: Counts) -> None:
        """Add the counts of another batch."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))

    def told(self) -> str:
        """All that is not zero."""
        counts = ((one.name.replace("_", " "), getattr(self, one.name)) for one in fields(self))
        return ", ".join(f"{count:,} {name}" for name, count in counts if count) or "nothing"


class Taking:
    """Takes the results of one batch; what the store has already is left as it is.

    Args:
        store: has the batch.
        batch: that has ended.
        judge: gives the verdict on an answer.
        price: of the model, or what gives the price of a model.
        settings: bounds of asking.
        tell: hears of lines that are no result.

    Attributes:
        batch: as the store has it.
        counts: of this batch.
    """

    def __init__(
        self,
        store: Store,
        batch: Batch,
        judge: Callable[[Claimed, dict[str, Any]], Outcome],
        price: Pricing,
        settings: BatchSettings,
        tell: Tell,
    ) -> None:
        self.counts = Counts()
        self._store = store
        self.batch = batch
        self._judge = judge
        self._price = price
        self._settings = settings
        self._tell = tell
        self._keys: dict[str, str] = {}
        self._ended: set[str] = set()
        for key, attempt, waiting in store.names_in_batch(batch.local_id):
            identity = custom_id(key, attempt)
            if waiting:
                self._keys[identity] = key
            else:
                self._ended.add(identity)
        self._seen: set[str] = set()
        self._answered = 0

    async def file(self, path: Path) -> int:
        """Take a result file; returns how many of its lines belong to no request of the batch."""
        strange = self.counts.malformed + self.counts.unknown
        for lines in _chunks(self._sifted(path), _AT_ONCE):
            keys = [self._keys[line.custom_id] for line in lines]
            found = self._store.waiting_in_batch(self.batch.local_id, keys)
            claims = {custom_id(claimed.key, claimed.attempt): claimed for claimed in found}
            for line in lines:
                if isinstance(line, Answered):
                    self._take(claims[line.custom_id], line)
                else:
                    self._fail(claims[line.custom_id], line)
            await asyncio.sleep(0)  # Ctrl-C is heard here
        return self.counts.malformed + self.counts.unknown - strange

    def refused(self) -> None:
        """The endpoint refused the request file: requests whose lines it named are failed."""
        known: dict[str, str] | None = self.batch.info.get("refused")
        names = self._store.names_in_batch(self.batch.local_id)
        if known is None:
            # A line's number is a request's place among those that wait, as long as all of them do:
            # which requests are meant has to be kept before the first of them is failed.
            wrong: dict[str, str] = self.batch.info.get("lines", {})
            lines = enumerate((key for key, _, waiting in names if waiting), 1)
            known = {key: wrong[str(number)] for number, key in lines if str(number) in wrong}
            info = self.batch.info | {"refused": known}
            self.batch = self._store.set_batch(self.batch.local_id, info=info)
        for key, attempt, waiting in names:
            if waiting and key in known:
                self._store.fail(key, attempt, f"refused: {known[key]}", sent=False, final=True)
                self.counts.failed += 1

    def missing(self) -> int:
        """Plan again what no line was about; how many.

        Where the endpoint counts more answers than there are lines, the others may have been paid for, and
        their worst case stays counted as spent.
        """
        paid = (self.batch.info.get("completed") or 0) > self._answered
        left = 0
        for key, attempt, waiting in self._store.names_in_batch(self.batch.local_id):
            if waiting:
                error = f"no line in the results of {self.batch.batch_id} ({self.batch.status})"
                self._store.fail(key, attempt, error, sent=paid, final=False)
                left += 1
        return left

    def _sifted(self, path: Path) -> Iterator[Answered | Unanswered]:
        """The first line of each request that has no answer yet."""
        for line in read(path):
            if isinstance(line, Malformed):
                self.counts.malformed += 1
                if self.counts.malformed <= _MOST_TOLD:
                    self._tell(f"{path.name}:{line.line}: is no result: {line.told}")
            elif line.custom_id in self._seen:
                self.counts.duplicates += 1
            elif line.custom_id in self._ended:
                self._seen.add(line.custom_id)
                self.counts.earlier += 1
                self._answered += isinstance(line, Answered)
            elif line.custom_id not in self._keys:
                self.counts.unknown += 1
            else:
                self._seen.add(line.custom_id)
                self._answered += isinstance(line, Answered)
                yield line

    def _take(self, claimed: Claimed, line: Answered) -> None:
        try:
            outcome = self._judge(claimed, line.body)
        except RsvpError as error:
            self.counts.unjudged += 1
            if self.counts.unjudged == 1:
                self._tell(f"batch {self.batch.batch_id}: an answer cannot be judged and waits: {error}")
            return
        final = len(claimed.history) + 1 >= self._settings.max_asks
        price = self._price if isinstance(self._price, Price) else self._price(claimed.model)
        usd = cost(price, outcome.usage, batch=True)
        self._store.record(claimed.key, claimed.attempt, outcome, usd, final=final)
        if outcome.text is not None:
            self.counts.done += 1
        elif final:
            self.counts.rejected += 1
        else:
            self.counts.asked_again += 1

    def _fail(self, claimed: Claimed, line: Unanswered) -> None:
        """As online: what was not processed costs nothing, what may have been is bounded."""
        told = f"{line.status or line.code}: {line.message or line.code}"
        kind = Kind.BUSY
        if line.status is not None and line.code not in _NOT_EXECUTED:
            kind = kind_of(line.status, [line.code])
        sent = kind is Kind.UNSURE
        unsure = claimed.tries - len(claimed.history)
        final = kind is Kind.TURNED_DOWN or (sent and unsure >= self._settings.max_unsure)
        self._store.fail(claimed.key, claimed.attempt, told, sent=sent, final=final)
        if kind is Kind.HOPELESS and not self.counts.returned:
            self._tell(f"batch {self.batch.batch_id}: requests were refused for what they share: {told}")
        if final:
            self.counts.failed += 1
        elif sent:
            self.counts.unsure += 1
        else:
            self.counts.returned += 1


def _chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
