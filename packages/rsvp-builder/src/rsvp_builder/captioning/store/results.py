"""What became of the rows, and what people say about the answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from rsvp_builder.captioning.store.claims import complaints_from
from rsvp_builder.captioning.store.database import Database
from rsvp_builder.captioning.store.purse import usd
from rsvp_builder.captioning.store.records import Result, State, StoreError

PAGE = 256
"""Results read at a time: memory does not grow with their number."""

_COLUMNS = """
SELECT r.key, w.row_id, w.source, w.split, r.task, w.shard, w.row, r.state, a.text, a.captions, a.model,
    s.model, s.prompt_version, r.verdict, r.note, a.complaints, a.raw, r.error, r.attempts,
    (SELECT coalesce(sum(t.cost), 0) FROM attempts t WHERE t.request = r.id AND t.state != 'returned'),
    r.drawing, s.parameters
FROM rows w JOIN requests r ON r.id = w.request JOIN settings s ON s.id = r.settings
    LEFT JOIN attempts a ON a.id = r.answer
WHERE w.id = ?
"""


def counts(db: Database) -> dict[str, int]:
    """Requests by state; every state is there."""
    with db.read() as connection:
        found = dict(connection.execute("SELECT state, count(*) FROM requests GROUP BY state").fetchall())
    return {str(state): found.get(state, 0) for state in State}


def faults(db: Database) -> dict[str, int]:
    """Complaints about answers by fault, over all attempts, the most frequent first."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT json_extract(j.value, '$[0]') AS fault, count(*) AS n FROM attempts a,"
            " json_each(a.complaints) j WHERE a.complaints != '[]' GROUP BY fault ORDER BY n DESC, fault"
        )
        return dict(rows.fetchall())


def states(db: Database, keys: Iterable[str]) -> dict[str, State]:
    """State of each key that is known."""
    known: dict[str, State] = {}
    keys = iter(keys)
    while chunk := list(islice(keys, 500)):
        with db.read() as connection:
            rows = connection.execute(
                f"SELECT key, state FROM requests WHERE key IN ({', '.join('?' * len(chunk))})",  # noqa: S608
                chunk,
            )
            known.update((key, State(state)) for key, state in rows)
    return known


def results(db: Database, state: State) -> Iterator[Result]:
    """Rows whose request is in a state now, by shard and position."""
    with db.read() as connection:
        rows = [
            row
            for (row,) in connection.execute(
                "SELECT w.id FROM requests r JOIN rows w ON w.request = r.id WHERE r.state = ?"
                " ORDER BY w.shard, w.row, w.id",
                (state,),
            )
        ]
    for start in range(0, len(rows), PAGE):
        with db.read() as connection:
            page = [connection.execute(_COLUMNS, (row,)).fetchone() for row in rows[start : start + PAGE]]
        # Outside: the reader may take its time, and may write to the store meanwhile.
        yield from map(_result, page)


def _result(row: tuple[Any, ...]) -> Result:
    (key, row_id, source, split, task, shard, position, state, text, captions, answered, asked, *rest) = row
    prompt_version, verdict, note, complaints, raw, error, attempts, cost, drawing, parameters = rest
    return Result(
        key=key,
        row_id=row_id,
        source=source,
        split=split,
        task=task,
        shard=shard,
        row=position,
        state=State(state),
        text=text,
        captions={int(mark): words for mark, words in json.loads(captions or "{}").items()},
        model=answered or asked,
        prompt_version=prompt_version,
        verdict=verdict,
        note=note,
        complaints=complaints_from(complaints or "[]"),
        raw=None if raw is None else json.loads(raw),
        error=error,
        attempts=attempts,
        usd=usd(cost),
        drawing=json.loads(drawing),
        parameters=json.loads(parameters),
    )


def judge(db: Database, name: str, verdict: str | None, note: str) -> None:
    """Keep a person's verdict on an answer."""
    if verdict not in ("accept", "reject", None):
        raise StoreError(f"verdict on {name}: {verdict!r}; expected 'accept' or 'reject'")
    with db.write() as connection:
        found = connection.execute(
            "SELECT id FROM requests WHERE state = 'done' AND key = :name UNION"
            " SELECT r.id FROM rows w JOIN requests r ON r.id = w.request"
            " WHERE r.state = 'done' AND w.row_id = :name",
            {"name": name},
        ).fetchall()
        if not found:
            raise StoreError(f"verdict on {name}: {db.path} has no answer for it")
        if len(found) > 1:
            raise StoreError(
                f"verdict on {name}: the row has {len(found)} answers (of several models, prompts or tasks);"
                " name the key of one"
            )
        connection.execute(
            "UPDATE requests SET verdict = ?, note = ?, judged_at = ? WHERE id = ?",
            (verdict, note, None if verdict is None else time.time(), found[0][0]),
        )
