"""Requests come in: planned once, and planned again when the user puts them back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from itertools import islice
from typing import Any

from rsvp_builder.captioning.store.database import Database
from rsvp_builder.captioning.store.purse import nano, usd
from rsvp_builder.captioning.store.records import Entry, Planned, State

CHUNK = 500
"""Entries a transaction: a killed run has drawn at most so many pictures for nothing."""

_REQUEST = """
INSERT INTO requests (key, settings, task, drawing, images, input_tokens, worst, named)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET
    input_tokens = excluded.input_tokens, worst = excluded.worst, named = excluded.named
RETURNING id
"""
_ROW = """
INSERT INTO rows (request, row_id, source, split, shard, row) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (request, row_id) DO UPDATE SET
    source = excluded.source, split = excluded.split, shard = excluded.shard, row = excluded.row
"""


def compact(value: Any) -> str:
    """JSON of a value, the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def add(db: Database, entries: Iterable[Entry]) -> int:
    """Plan what is new; returns how many requests that are.

    A key that is there already keeps its state, its attempts and its answer. What may have changed
    since, the price and the place of its row in the data set, is brought up to date.
    """
    new = 0
    entries = iter(entries)
    while chunk := list(islice(entries, CHUNK)):
        # Taken apart before the transaction: an entry that is wrong leaves no half of a chunk.
        worst = [nano(entry.worst_usd) for entry in chunk]
        with db.write() as connection:
            before = _requests(connection)
            settings: dict[tuple[str, str, str], int] = {}
            for entry, most in zip(chunk, worst, strict=True):
                of = (entry.model, entry.prompt_version, compact(entry.parameters))
                if of not in settings:
                    settings[of] = _settings(connection, of)
                request = connection.execute(
                    _REQUEST,
                    (
                        entry.key,
                        settings[of],
                        entry.task,
                        compact(entry.drawing),
                        compact(entry.images),
                        entry.input_tokens,
                        most,
                        db.run,
                    ),
                ).fetchone()[0]
                connection.execute(
                    _ROW, (request, entry.row_id, entry.source, entry.split, entry.shard, entry.row)
                )
            new += _requests(connection) - before
    return new


def _requests(connection: sqlite3.Connection) -> int:
    # Requests are never deleted, so the highest id counts them, also where an upsert skipped one.
    return int(connection.execute("SELECT count(*) FROM requests").fetchone()[0])


def _settings(connection: sqlite3.Connection, of: tuple[str, str, str]) -> int:
    connection.execute(
        "INSERT INTO settings (model, prompt_version, parameters) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", of
    )
    return int(
        connection.execute(
            "SELECT id FROM settings WHERE model = ? AND prompt_version = ? AND parameters = ?", of
        ).fetchone()[0]
    )


def planned(db: Database, *, only_added: bool) -> Planned:
    """What waits."""
    where = "state = 'planned'" + (" AND named = :run" if only_added else "")
    with db.read() as connection:
        requests, tokens, worst = connection.execute(
            f"SELECT count(*), coalesce(sum(input_tokens), 0), coalesce(sum(worst + extra), 0)"  # noqa: S608
            f" FROM requests WHERE {where}",
            {"run": db.run},
        ).fetchone()
        first = connection.execute(
            f"SELECT worst + extra FROM requests WHERE {where} ORDER BY id LIMIT 1",  # noqa: S608
            {"run": db.run},
        ).fetchone()
    return Planned(requests, tokens, usd(worst), usd(first[0]) if first else None)


def put_back(db: Database, state: State, *, reviewed: bool = False) -> int:
    """Plan again what ended in a state, from a first attempt on; returns how many.

    Args:
        db: the store.
        state: ``failed`` or ``rejected``.
        reviewed: also answers that were taken, but that a person rejected.
    """
    also = " OR (state = 'done' AND verdict = 'reject')" if reviewed else ""
    with db.write() as connection:
        return connection.execute(
            "UPDATE requests SET state = 'planned', since = attempts, extra = 0, error = '',"  # noqa: S608
            f" verdict = NULL, note = '', judged_at = NULL WHERE state = ?{also}",
            (state,),
        ).rowcount
