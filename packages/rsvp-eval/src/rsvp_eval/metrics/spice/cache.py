"""Parses that were made before, in one SQLite file in the user's cache folder.

Parsing is by far the dearest step of SPICE, and the references of a data set stay the same from run to run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rsvp_eval.errors import EvalError
from rsvp_eval.metrics.spice.tuples import Parse, checked

FILE = "spice-parses-1.sqlite"
_WAIT = 60.0
_SCHEMA = """create table if not exists parses (
    parser text not null, caption blob not null, tuples text not null, primary key (parser, caption)
) without rowid"""


class ParseCache:
    """Tuples by parser and caption. Several processes may share it.

    Args:
        folder: where the file lies; by default ``RSVP_EVAL_CACHE``, else the user's cache folder.
        parser: what made the parses: parses of one parser are never given for those of another.
    """

    def __init__(self, parser: str, folder: Path | None = None) -> None:
        if folder is None:
            from rsvp_eval.metrics.meteor.resources import cache_folder

            folder = cache_folder()
        self.path = folder / FILE
        self._parser = parser

    def get(self, captions: Iterable[str]) -> dict[str, Parse]:
        """Those parses that are there, by caption.

        Raises:
            EvalError: the file cannot be read.
        """
        found = {}
        query = "select tuples from parses where parser = ? and caption = ?"
        with self._open() as database:
            for caption in captions:
                row = database.execute(query, (self._parser, _key(caption))).fetchone()
                if row is not None:
                    found[caption] = checked(json.loads(row[0]))
        return found

    def put(self, parses: Mapping[str, Sequence[Sequence[str]]]) -> None:
        """Keep parses.

        Raises:
            EvalError: the file cannot be written.
        """
        rows = [(self._parser, _key(c), json.dumps(tuples)) for c, tuples in parses.items()]
        with self._open() as database, database:
            database.executemany("insert or replace into parses values (?, ?, ?)", rows)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self.path, timeout=_WAIT)) as database:
                database.execute(_SCHEMA)
                yield database
        except (OSError, sqlite3.Error, ValueError) as e:
            raise EvalError(
                f"{self.path}: SPICE's parses cannot be kept there: {e}. Delete the file, or set "
                "RSVP_EVAL_CACHE to a folder that can be written."
            ) from e


def _key(caption: str) -> bytes:
    return hashlib.sha256(caption.encode("utf-8", "surrogatepass")).digest()
