"""Tables of the store, and the marks in the file's header that say it is one."""

from __future__ import annotations

APPLICATION_ID = 0x52535643
"""In the header of the file (``RSVC``): tells a store from any other SQLite database."""

VERSION = 1
"""``user_version`` of the file; raised with every change to the tables."""

TABLES = """
-- One row an opening for writing: what an earlier run sent and never recorded is lost.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    started_at REAL NOT NULL,
    pid INTEGER NOT NULL
) STRICT;

-- Model, parameters and prompt: a few rows that all requests share. Never a key, never an address.
CREATE TABLE settings (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    prompt_version TEXT NOT NULL,
    parameters TEXT NOT NULL,
    UNIQUE (model, prompt_version, parameters)
) STRICT;

-- Money is in nano-dollars. `extra` is what a further attempt may cost above `worst`, since the
-- conversation grows. Attempts up to number `since` were made before the user put the request back.
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    settings INTEGER NOT NULL REFERENCES settings (id),
    task TEXT NOT NULL,
    drawing TEXT NOT NULL,
    images TEXT NOT NULL,
    input_tokens INTEGER NOT NULL,
    worst INTEGER NOT NULL CHECK (worst >= 0),
    extra INTEGER NOT NULL DEFAULT 0 CHECK (extra >= 0),
    state TEXT NOT NULL DEFAULT 'planned'
        CHECK (state IN ('planned', 'sent', 'done', 'rejected', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    since INTEGER NOT NULL DEFAULT 0,
    named INTEGER NOT NULL REFERENCES runs (id),
    answer INTEGER REFERENCES attempts (id),
    error TEXT NOT NULL DEFAULT '',
    verdict TEXT CHECK (verdict IN ('accept', 'reject')),
    note TEXT NOT NULL DEFAULT '',
    judged_at REAL,
    CHECK (state != 'done' OR answer IS NOT NULL)
) STRICT;
CREATE INDEX requests_state ON requests (state);
CREATE INDEX requests_waiting ON requests (named) WHERE state = 'planned';

-- Rows of the data set that a request answers: several where they are the same to the model.
CREATE TABLE rows (
    id INTEGER PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES requests (id),
    row_id TEXT NOT NULL,
    source TEXT NOT NULL,
    split TEXT NOT NULL,
    shard TEXT NOT NULL,
    row INTEGER NOT NULL,
    UNIQUE (request, row_id)
) STRICT;
CREATE INDEX rows_row_id ON rows (row_id);

-- `factor` is the share of the online price at which it was sent.
-- sent: may be under way. answered, failed: ended. lost: sent by a run that died, and given up.
-- returned: certainly not processed; it cost nothing and its number is used again.
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES requests (id),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    state TEXT NOT NULL DEFAULT 'sent' CHECK (state IN ('sent', 'answered', 'failed', 'lost', 'returned')),
    run INTEGER NOT NULL REFERENCES runs (id),
    batch INTEGER REFERENCES batches (id),
    factor REAL NOT NULL CHECK (factor >= 0),
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    cost INTEGER CHECK (cost >= 0),
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cached_tokens INTEGER NOT NULL DEFAULT 0,
    raw TEXT,
    text TEXT,
    captions TEXT,
    complaints TEXT,
    finish_reason TEXT,
    model TEXT,
    error TEXT,
    sent_at REAL NOT NULL,
    ended_at REAL,
    CHECK ((state = 'sent') = (cost IS NULL)),
    CHECK ((state = 'answered') = (raw IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX attempts_number ON attempts (request, attempt) WHERE state != 'returned';
CREATE UNIQUE INDEX attempts_in_flight ON attempts (request) WHERE state = 'sent';
CREATE INDEX attempts_batch ON attempts (batch) WHERE batch IS NOT NULL;

CREATE TABLE batches (
    id INTEGER PRIMARY KEY,
    local_id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT 'opened' CHECK (state IN ('opened', 'submitted', 'ended', 'closed')),
    status TEXT NOT NULL DEFAULT '',
    batch_id TEXT UNIQUE,
    file_id TEXT,
    output_file_id TEXT,
    error_file_id TEXT,
    opened_at REAL NOT NULL,
    info TEXT NOT NULL DEFAULT '{}'
) STRICT;
"""
