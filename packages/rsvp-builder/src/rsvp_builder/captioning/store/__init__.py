"""The store: every request, every answer and every cent, in one SQLite file that survives SIGKILL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rsvp_builder.captioning.outcome import Outcome
from rsvp_builder.captioning.store import batches, claims, planning, results
from rsvp_builder.captioning.store.database import Database
from rsvp_builder.captioning.store.purse import Purse
from rsvp_builder.captioning.store.records import (
    Batch,
    BatchState,
    Claimed,
    Earlier,
    Entry,
    Planned,
    Result,
    Spending,
    State,
    StoreError,
)

__all__ = [
    "Batch",
    "BatchState",
    "Claimed",
    "Earlier",
    "Entry",
    "Planned",
    "Result",
    "Spending",
    "State",
    "Store",
    "StoreError",
]


class Store:
    """Requests with their states, answers and money.

    A request is planned, then sent (claimed), then done, rejected or failed; a faulty answer or a
    failure that is not final puts it back to planned. Each method is one transaction. Threads may
    share a store; processes may not, except to read.

    Args:
        path: of the file; made where it is missing. Its ``-wal`` belongs to it.
        read_only: look only, while another process may be at work on it.

    Raises:
        StoreError: from any method too: another process has it, or the file is damaged, not a store
            or of another version.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._db = Database(path, read_only=read_only)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let other processes have it."""
        self._db.close()

    def add(self, entries: Iterable[Entry]) -> int:
        """Plan requests; returns how many are new.

        A key that is there already keeps its state and its answers; price and place of its row are
        brought up to date. A further row with the same key is answered by the same request.

        Raises:
            ValueError: a worst case is negative or not finite.
        """
        return planning.add(self._db, entries)

    def claim(
        self,
        limit: int,
        max_usd: float | None,
        *,
        only_added: bool = False,
        factor: float = 1.0,
        batch: str | None = None,
    ) -> list[Claimed]:
        """Take planned requests for sending, first come first served.

        They are on the disk as sent, with their worst case reserved, before this returns.

        Args:
            limit: how many at most.
            max_usd: cap on all that was ever spent and reserved in this store, this claim included;
                None for no cap. The claim stops before the first request that does not fit.
            only_added: only what :meth:`add` named since the store was opened; leaves alone what
                another choice of model, prompt or rows planned.
            factor: share of the planned worst case that is reserved: a batch costs less.
            batch: local id of an opened batch that they go into at once.

        Raises:
            StoreError: there is no such batch, or the endpoint has it already.
        """
        return claims.claim(self._db, limit, max_usd, only_added=only_added, factor=factor, batch=batch)

    def record(
        self,
        key: str,
        attempt: int,
        outcome: Outcome,
        usd: float | None,
        *,
        final: bool,
        next_worst_usd: float | None = None,
    ) -> bool:
        """Keep an answer: the request is done, planned again (faulty) or rejected (faulty, final).

        Args:
            key: of the request.
            attempt: as claimed.
            outcome: the verdict on the answer, with the answer.
            usd: what it cost. None, or an answer without usage, counts as the worst case.
            final: a faulty answer is the last one.
            next_worst_usd: worst case of asking again, online; where None, what this answer cost comes
                on top of the last one.

        Returns:
            False where that attempt has ended already and nothing was changed, as with a line that
            comes twice in a batch.

        Raises:
            StoreError: that attempt was never claimed.
        """
        return claims.record(self._db, key, attempt, outcome, usd, final=final, next_worst_usd=next_worst_usd)

    def fail(self, key: str, attempt: int, error: str, *, sent: bool, final: bool) -> bool:
        """Keep that no answer came: the request is planned again, or failed (final).

        Args:
            key: of the request.
            attempt: as claimed.
            error: what happened.
            sent: the endpoint may have processed it: its worst case counts as spent. Otherwise the
                reservation is released and the attempt does not count.
            final: it is not tried again by itself.

        Returns:
            False where that attempt has ended already and nothing was changed.

        Raises:
            StoreError: that attempt was never claimed.
        """
        return claims.fail(self._db, key, attempt, error, sent=sent, final=final)

    def lost(self) -> int:
        """How many requests a run that died left as sent; they are never sent again by themselves."""
        return claims.lost(self._db)

    def release_lost(self) -> int:
        """Plan the lost ones again, on the user's wish; their worst case counts as spent."""
        return claims.release_lost(self._db)

    def retry_failed(self) -> int:
        """Plan what failed again; returns how many."""
        return planning.put_back(self._db, State.FAILED)

    def retry_rejected(self, *, reviewed: bool = False) -> int:
        """Plan what was rejected again, from a first attempt on; returns how many.

        Args:
            reviewed: also the answers that a person rejected.
        """
        return planning.put_back(self._db, State.REJECTED, reviewed=reviewed)

    def planned(self, *, only_added: bool = False) -> Planned:
        """What waits to be sent."""
        return planning.planned(self._db, only_added=only_added)

    def states(self, keys: Iterable[str]) -> dict[str, State]:
        """State of each of the keys that is known."""
        return results.states(self._db, keys)

    def counts(self) -> dict[str, int]:
        """Requests by state; every state is there."""
        return results.counts(self._db)

    def spent(self) -> Spending:
        """Money and tokens over all runs."""
        with self._db.read() as connection:
            if self._db.read_only:
                return Purse.read(connection).spending()
            return self._db.purse.spending()

    def faults(self) -> dict[str, int]:
        """Complaints about answers by fault, over all attempts, the most frequent first."""
        return results.faults(self._db)

    def results(self, state: str = "done") -> Iterator[Result]:
        """Rows whose request is in a state, by shard and position; the store may change meanwhile."""
        return results.results(self._db, State(state))

    def verdict(self, name: str, verdict: str | None, note: str = "") -> None:
        """Keep a person's verdict on an answer that was taken.

        Args:
            name: key of the request, or ``id`` of a row that has one answer.
            verdict: ``accept`` or ``reject``; None takes it back.
            note: of that person.

        Raises:
            StoreError: there is no such answer, or several.
        """
        results.judge(self._db, name, verdict, note)

    def open_batch(
        self, local_id: str, keys: Sequence[str], file_id: str | None = None, batch_id: str | None = None
    ) -> Batch:
        """Set claimed requests aside for a batch; from then on they are not lost if the run dies.

        More may follow through :meth:`claim`. Requests move here from another batch that is opened and
        not submitted, as those do for which its file had no room.

        Args:
            local_id: ours.
            keys: claimed by this run.
            file_id: of the input file, where it is uploaded already.
            batch_id: the endpoint's, where it has the batch already; the state is then ``submitted``.

        Raises:
            StoreError: the name is taken, or a key was not claimed by this run.
        """
        return batches.open_batch(self._db, local_id, keys, file_id, batch_id)

    def set_batch(self, local_id: str, **fields: Any) -> Batch:
        """Set fields of a batch: all of :class:`Batch` but its name and what is counted.

        Raises:
            StoreError: it is to be closed while requests of it have no answer.
            UnknownNameError: there is no such batch or field.
        """
        return batches.change(self._db, local_id, fields)

    def return_batch(self, local_id: str, error: str, *, sent: bool, final: bool = False) -> int:
        """:meth:`fail` for every request of a batch that has no answer, and close it; returns how many."""
        return claims.return_batch(self._db, local_id, error, sent=sent, final=final)

    def batches(self, state: str | None = None) -> list[Batch]:
        """All batches of a state, oldest first."""
        return batches.batches(self._db, state)

    def keys_of_batch(self, local_id: str) -> list[str]:
        """Keys of all requests that a batch was opened with."""
        return batches.keys_of(self._db, local_id)

    def names_in_batch(self, local_id: str) -> list[tuple[str, int, bool]]:
        """Key and attempt of each of them, and whether it has no answer yet, in the order of claims."""
        return batches.names_in(self._db, local_id)

    def waiting_in_batch(self, local_id: str, keys: Collection[str] | None = None) -> list[Claimed]:
        """Those of them that have no answer yet, as they were claimed.

        Args:
            local_id: of the batch.
            keys: these only, a few hundred at most; None for all.
        """
        return batches.waiting_of(self._db, local_id, keys)
