"""Requests go out and come back: the money of each is reserved before, and counted after.

The law of the purse: what is spent, what is reserved and the worst case of the next claim together
never exceed the cap. A claim is on the disk before the caller learns of it, so a run that is killed
at any moment has reserved whatever it may have sent.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rsvp_builder.captioning.outcome import Complaint, Fault, Outcome
from rsvp_builder.captioning.store.database import Database
from rsvp_builder.captioning.store.planning import compact
from rsvp_builder.captioning.store.purse import cap, nano, share, usd
from rsvp_builder.captioning.store.records import Claimed, Earlier, State, StoreError

CLAIM_COLUMNS = """
    r.id, r.key, w.row_id, w.source, w.split, r.task, w.shard, w.row, r.attempts, r.since, r.drawing,
    s.prompt_version, s.model, s.parameters, r.images, r.input_tokens, r.worst + r.extra AS most
"""
CLAIM_TABLES = """
    requests r JOIN settings s ON s.id = r.settings
    JOIN rows w ON w.id = (SELECT min(id) FROM rows WHERE request = r.id)
"""
_SECRET = re.compile(r"(?i)\b(sk-|bearer\s+)[A-Za-z0-9_\-.~+/]{6,}")


@dataclass(frozen=True, slots=True)
class _Flight:
    """An attempt that is under way."""

    id: int
    request: int
    reserved: int
    factor: float


def claim(
    db: Database, limit: int, max_usd: float | None, *, only_added: bool, factor: float, batch: str | None
) -> list[Claimed]:
    """Mark up to ``limit`` planned requests as sent, as long as the budget holds."""
    where = "r.state = 'planned'" + (" AND r.named = :run" if only_added else "")
    taken: list[Claimed] = []
    reserved = 0
    with db.write(durable=True) as connection:
        joined = None if batch is None else _opened_batch(db, connection, batch)
        purse = db.purse
        room = None if max_usd is None else cap(max_usd) - purse.spent - purse.reserved
        # A negative LIMIT is none to SQLite.
        rows = connection.execute(
            f"SELECT {CLAIM_COLUMNS} FROM {CLAIM_TABLES} WHERE {where} ORDER BY r.id LIMIT :limit",  # noqa: S608
            {"run": db.run, "limit": max(0, limit)},
        ).fetchall()
        now = time.time()
        for row in rows:
            request, attempts, most = row[0], row[8], share(row[-1], factor)
            if room is not None and reserved + most > room:
                break
            reserved += most
            connection.execute(
                "UPDATE requests SET state = 'sent', attempts = attempts + 1 WHERE id = ?", (request,)
            )
            connection.execute(
                "INSERT INTO attempts (request, attempt, run, batch, factor, reserved, sent_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (request, attempts + 1, db.run, joined, factor, most, now),
            )
            taken.append(claimed(connection, row, attempts + 1, most))
        db.on_commit(reserved=reserved)
    return taken


def _opened_batch(db: Database, connection: sqlite3.Connection, local_id: str) -> int:
    row = connection.execute(
        "SELECT id FROM batches WHERE local_id = ? AND state = 'opened'", (local_id,)
    ).fetchone()
    if row is None:
        raise StoreError(f"{db.path}: there is no batch {local_id} that still takes requests")
    return int(row[0])


def claimed(connection: sqlite3.Connection, row: tuple[Any, ...], attempt: int, reserved: int) -> Claimed:
    """A claim from the columns of ``CLAIM_COLUMNS``."""
    (request, key, row_id, source, split, task, shard, position, _, since, drawing, *rest) = row
    prompt_version, model, parameters, images, input_tokens, _ = rest
    history, tries = _history(connection, request, since, attempt) if attempt > 1 else ([], 1)
    return Claimed(
        key=key,
        row_id=row_id,
        source=source,
        split=split,
        task=task,
        shard=shard,
        row=position,
        attempt=attempt,
        history=history,
        tries=tries,
        drawing=json.loads(drawing),
        prompt_version=prompt_version,
        model=model,
        parameters=json.loads(parameters),
        images=json.loads(images),
        input_tokens=input_tokens,
        reserved_usd=usd(reserved),
    )


def _history(
    connection: sqlite3.Connection, request: int, since: int, attempt: int
) -> tuple[list[Earlier], int]:
    earlier = connection.execute(
        # The index on attempts is used only where these very words say that none is returned.
        "SELECT attempt, state, raw, complaints FROM attempts WHERE request = ? AND attempt > ?"
        " AND attempt < ? AND state IN ('answered', 'failed') AND state != 'returned' ORDER BY attempt",
        (request, since, attempt),
    ).fetchall()
    answers = [
        Earlier(number, json.loads(raw), complaints_from(complaints))
        for number, state, raw, complaints in earlier
        if state == "answered"
    ]
    return answers, len(earlier) + 1


def complaints_from(text: str) -> tuple[Complaint, ...]:
    """Complaints from the JSON that keeps them."""
    return tuple(Complaint(Fault(fault), told) for fault, told in json.loads(text))


def record(
    db: Database,
    key: str,
    attempt: int,
    outcome: Outcome,
    cost: float | None,
    *,
    final: bool,
    next_worst_usd: float | None,
) -> bool:
    """Keep an answer, whatever it is worth, and what it cost."""
    usage = outcome.usage
    known = cost is not None and math.isfinite(cost) and cost >= 0
    counted = usage.input_tokens > 0 or usage.output_tokens > 0
    with db.write() as connection:
        flight = _in_flight(db, connection, key, attempt)
        if flight is None:
            return False
        amount = nano(cost) if cost is not None and known and counted else flight.reserved
        connection.execute(
            "UPDATE attempts SET state = 'answered', cost = ?, input_tokens = ?, output_tokens = ?,"
            " cached_tokens = ?, raw = ?, text = ?, captions = ?, complaints = ?, finish_reason = ?,"
            " model = ?, ended_at = ? WHERE id = ?",
            (
                amount,
                usage.input_tokens,
                usage.output_tokens,
                usage.cached_tokens,
                compact(outcome.raw),
                outcome.text,
                compact({str(mark): text for mark, text in outcome.captions.items()}),
                compact([[complaint.fault, complaint.told] for complaint in outcome.complaints]),
                outcome.finish_reason,
                outcome.model,
                time.time(),
                flight.id,
            ),
        )
        faulty = State.REJECTED if final else State.PLANNED
        state = State.DONE if outcome.text is not None else faulty
        # The next attempt repeats the conversation: the answer so far and what is wrong with it come
        # on top. Output costs no less than input, so what this one cost covers both.
        more = math.ceil(amount / flight.factor) if next_worst_usd is None and flight.factor > 0 else 0
        connection.execute(
            "UPDATE requests SET state = ?, answer = ?, extra = max(0, iif(?, extra + ?, ? - worst))"
            " WHERE id = ?",
            (
                state,
                flight.id,
                next_worst_usd is None,
                more,
                0 if next_worst_usd is None else nano(next_worst_usd),
                flight.request,
            ),
        )
        db.on_commit(
            spent=amount,
            reserved=-flight.reserved,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
            underestimated=int(amount > flight.reserved),
        )
    return True


def fail(db: Database, key: str, attempt: int, error: str, *, sent: bool, final: bool) -> bool:
    """Keep that an attempt brought no answer."""
    with db.write() as connection:
        flight = _in_flight(db, connection, key, attempt)
        if flight is None:
            return False
        _end(db, connection, [flight], error, sent=sent, final=final)
    return True


def _end(
    db: Database,
    connection: sqlite3.Connection,
    flights: Iterable[_Flight],
    error: str,
    *,
    sent: bool,
    final: bool,
    how: str = "failed",
) -> None:
    error = _SECRET.sub(r"\1...", error)
    now = time.time()
    for flight in flights:
        cost = flight.reserved if sent else 0
        connection.execute(
            "UPDATE attempts SET state = ?, cost = ?, error = ?, ended_at = ? WHERE id = ?",
            (how if sent else "returned", cost, error, now, flight.id),
        )
        connection.execute(
            "UPDATE requests SET state = ?, error = ?, attempts = attempts - ? WHERE id = ?",
            (State.FAILED if final else State.PLANNED, error, int(not sent), flight.request),
        )
        db.on_commit(spent=cost, reserved=-flight.reserved)


def _in_flight(db: Database, connection: sqlite3.Connection, key: str, attempt: int) -> _Flight | None:
    """The attempt, or None where it has ended already.

    Raises:
        StoreError: the key is unknown, or the attempt was never claimed.
    """
    row = connection.execute(
        "SELECT a.id, a.request, a.reserved, a.factor, a.state"
        " FROM requests r JOIN attempts a ON a.request = r.id"
        " WHERE r.key = ? AND a.attempt = ? AND a.state != 'returned'",
        (key, attempt),
    ).fetchone()
    if row is None:
        given_back = (
            "SELECT 1 FROM attempts WHERE request = (SELECT id FROM requests WHERE key = ?) AND attempt = ?"
        )
        if connection.execute(given_back, (key, attempt)).fetchone():
            return None
        raise StoreError(f"{db.path}: attempt {attempt} of request {key[:12]} was never claimed")
    return _Flight(*row[:-1]) if row[-1] == "sent" else None


_LOST = "state = 'sent' AND batch IS NULL AND run < ?"


def lost(db: Database) -> int:
    """How many attempts a run that died left without an answer, batches aside."""
    query = f"SELECT count(*) FROM attempts WHERE {_LOST}"  # noqa: S608
    with db.read() as connection:
        return int(connection.execute(query, (db.first_live_run(),)).fetchone()[0])


def release_lost(db: Database) -> int:
    """Plan the lost ones again; what they may have cost stays spent."""
    with db.write() as connection:
        flights = _flights(connection, _LOST, db.run)
        _end(db, connection, flights, "lost by a run that died", sent=True, final=False, how="lost")
    return len(flights)


def return_batch(db: Database, local_id: str, error: str, *, sent: bool, final: bool) -> int:
    """Give back whatever of a batch has no answer, and close it."""
    with db.write() as connection:
        flights = _flights(
            connection,
            "state = 'sent' AND batch = (SELECT id FROM batches WHERE local_id = ?)",
            local_id,
        )
        _end(db, connection, flights, error, sent=sent, final=final)
        connection.execute("UPDATE batches SET state = 'closed' WHERE local_id = ?", (local_id,))
    return len(flights)


def _flights(connection: sqlite3.Connection, where: str, parameter: object) -> list[_Flight]:
    query = f"SELECT id, request, reserved, factor FROM attempts WHERE {where}"  # noqa: S608
    return [_Flight(*row) for row in connection.execute(query, (parameter,))]
