"""Batches: which requests went together, and what the endpoint calls them."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection, Sequence
from typing import Any

from rsvp_builder.captioning.store import claims
from rsvp_builder.captioning.store.database import Database
from rsvp_builder.captioning.store.planning import compact
from rsvp_builder.captioning.store.records import Batch, BatchState, Claimed, StoreError
from rsvp_builder.errors import UnknownNameError

FIELDS = ("state", "status", "batch_id", "file_id", "output_file_id", "error_file_id", "info")
"""What :func:`change` may set."""


def open_batch(
    db: Database, local_id: str, keys: Sequence[str], file_id: str | None, batch_id: str | None
) -> Batch:
    """Set claimed requests aside for a batch, before the endpoint learns of it."""
    state = BatchState.OPENED if batch_id is None else BatchState.SUBMITTED
    with db.write(durable=True) as connection:
        if connection.execute("SELECT 1 FROM batches WHERE local_id = ?", (local_id,)).fetchone():
            raise StoreError(f"{db.path}: batch {local_id} is there already")
        batch = connection.execute(
            "INSERT INTO batches (local_id, state, batch_id, file_id, opened_at) VALUES (?, ?, ?, ?, ?)"
            " RETURNING id",
            (local_id, state, batch_id, file_id, time.time()),
        ).fetchone()[0]
        joined = connection.executemany(
            "UPDATE attempts SET batch = :batch WHERE state = 'sent' AND run = :run"
            " AND request = (SELECT id FROM requests WHERE key = :key) AND (batch IS NULL"
            " OR batch IN (SELECT id FROM batches WHERE state = 'opened' AND id != :batch))",
            ({"batch": batch, "run": db.run, "key": key} for key in keys),
        ).rowcount
        if joined != len(keys):
            raise StoreError(
                f"{db.path}: {len(keys) - joined} of the {len(keys)} requests for batch {local_id} were not"
                " claimed by this run, are in a batch that was submitted, or are named twice"
            )
        return _read(connection, "local_id = ?", local_id)[0]


def change(db: Database, local_id: str, fields: dict[str, Any]) -> Batch:
    """Set fields of a batch."""
    for name in fields:
        if name not in FIELDS:
            raise UnknownNameError("field of a batch", name, FIELDS)
    values = dict(fields)
    if "state" in values:
        values["state"] = BatchState(values["state"])
    if "info" in values:
        values["info"] = compact(values["info"])
    with db.write(durable=True) as connection:
        known = _one(db, connection, local_id)
        if values.get("state") is BatchState.CLOSED and known.waiting:
            raise StoreError(
                f"{db.path}: {known.waiting} requests of batch {local_id} are without an answer; it cannot"
                " be closed before they are recorded or given back"
            )
        if values:
            assigned = ", ".join(f"{name} = :{name}" for name in values)
            connection.execute(
                f"UPDATE batches SET {assigned} WHERE local_id = :this",  # noqa: S608
                values | {"this": local_id},
            )
        return _one(db, connection, local_id)


def batches(db: Database, state: str | None) -> list[Batch]:
    """All of a state, oldest first."""
    with db.read() as connection:
        if state is None:
            return _read(connection, "1")
        return _read(connection, "state = ?", BatchState(state))


def keys_of(db: Database, local_id: str) -> list[str]:
    """Keys of all requests that the batch was opened with, in the order in which they were claimed."""
    with db.read() as connection:
        _one(db, connection, local_id)
        rows = connection.execute(
            "SELECT r.key FROM batches b JOIN attempts a ON a.batch = b.id"
            " JOIN requests r ON r.id = a.request WHERE b.local_id = ? ORDER BY a.id",
            (local_id,),
        )
        return [key for (key,) in rows]


def names_in(db: Database, local_id: str) -> list[tuple[str, int, bool]]:
    """Key and attempt of each request of a batch, and whether it still waits, in the order of claims."""
    with db.read() as connection:
        _one(db, connection, local_id)
        rows = connection.execute(
            "SELECT r.key, a.attempt, a.state = 'sent' FROM batches b JOIN attempts a ON a.batch = b.id"
            " JOIN requests r ON r.id = a.request WHERE b.local_id = ? ORDER BY a.id",
            (local_id,),
        )
        return [(key, attempt, bool(waiting)) for key, attempt, waiting in rows]


def waiting_of(db: Database, local_id: str, keys: Collection[str] | None) -> list[Claimed]:
    """The requests of a batch that have no answer yet, as they were claimed; all, or those of ``keys``."""
    named = "" if keys is None else f" AND r.key IN ({', '.join('?' * len(keys))})"
    with db.read() as connection:
        if keys is None:
            _one(db, connection, local_id)
        rows = connection.execute(
            f"SELECT {claims.CLAIM_COLUMNS}, a.attempt, a.reserved"  # noqa: S608
            f" FROM {claims.CLAIM_TABLES} JOIN attempts a ON a.request = r.id"
            f" JOIN batches b ON b.id = a.batch WHERE b.local_id = ? AND a.state = 'sent'{named}"
            " ORDER BY a.id",
            (local_id, *(keys or ())),
        ).fetchall()
        return [claims.claimed(connection, row[:-2], *row[-2:]) for row in rows]


def _one(db: Database, connection: sqlite3.Connection, local_id: str) -> Batch:
    found = _read(connection, "local_id = ?", local_id)
    if not found:
        last = connection.execute("SELECT local_id FROM batches ORDER BY id DESC LIMIT 20")
        raise UnknownNameError("batch", local_id, [name for (name,) in last])
    return found[0]


def _read(connection: sqlite3.Connection, where: str, *parameters: object) -> list[Batch]:
    rows = connection.execute(
        "SELECT local_id, state, status, batch_id, file_id, output_file_id, error_file_id,"  # noqa: S608
        " (SELECT count(*) FROM attempts a WHERE a.batch = batches.id),"
        " (SELECT count(*) FROM attempts a WHERE a.batch = batches.id AND a.state = 'sent'),"
        f" opened_at, info FROM batches WHERE {where} ORDER BY id",
        parameters,
    )
    return [
        Batch(
            local_id=row[0],
            state=BatchState(row[1]),
            status=row[2],
            batch_id=row[3],
            file_id=row[4],
            output_file_id=row[5],
            error_file_id=row[6],
            requests=row[7],
            waiting=row[8],
            opened_at=row[9],
            info=json.loads(row[10]),
        )
        for row in rows
    ]
