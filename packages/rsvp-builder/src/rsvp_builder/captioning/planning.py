"""The planning pass: every row that waits is drawn once, and its request's key, size and worst cost noted.

Drafts are kept in ``OUT/.captions/drafts/``, a file for each shard and task, so that a pass that was killed,
or is repeated by the next run, draws only what is missing. A draft is used again only where the shards, the
prompt, the drawing and the model are the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from functools import partial
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import IO, Any, NamedTuple

from rsvp_builder.captioning.draft import Asking, Draft, draft
from rsvp_builder.captioning.prices import Price, worst_usd
from rsvp_builder.captioning.shelf import Place
from rsvp_builder.captioning.spec import prompt_for
from rsvp_builder.captioning.store import Entry
from rsvp_builder.captioning.tokens import image_tokens
from rsvp_builder.captioning.workers import in_order
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.errors import RsvpError

_MOST_PROBLEMS = 20


class Drafted(NamedTuple):
    """A row and its request's draft."""

    place: Place
    draft: Draft


@dataclass(slots=True)
class Planning:
    """How far a pass is.

    Attributes:
        rows: rows met so far.
        drawn: of them those that this pass drew.
        unusable: rows that cannot be asked about.
        problems: why, of the first of those.
    """

    rows: int = 0
    drawn: int = 0
    unusable: int = 0
    problems: list[str] = field(default_factory=list)


def drafts(
    out: Path,
    places: Iterable[Place],
    asking: Asking,
    pool: Executor,
    ahead: int,
    planning: Planning,
    on_progress: Callable[[Planning], None] | None = None,
) -> Iterator[Drafted]:
    """The drafts of some rows, in order; rows that cannot be asked about are left out and noted.

    Args:
        out: folder of the data set.
        places: the rows, those of a shard and task in one run.
        asking: how they are asked about.
        pool: draws.
        ahead: rows under way at once.
        planning: is kept up to date.
        on_progress: told after every row.

    Raises:
        RsvpError: a worker died, or the folder cannot be written.
    """
    for (shard, task), of_shard in groupby(places, key=lambda place: (place.shard, place.task)):
        rows = list(of_shard)
        with _Kept(out, shard, task, asking) as kept:
            missing = [place for place in rows if place.row_id not in kept.drafts]
            made = iter(in_order(pool, partial(_draft, out, asking), missing, ahead))
            for place in rows:
                planning.rows += 1
                found = kept.drafts.get(place.row_id)
                if found is None:
                    planning.drawn += 1
                    try:
                        found = next(made)[1].result()
                    except RsvpError as error:
                        planning.unusable += 1
                        if len(planning.problems) < _MOST_PROBLEMS:
                            planning.problems.append(str(error))
                    else:
                        kept.keep(place.row_id, found)
                if on_progress is not None:
                    on_progress(planning)
                if found is not None:
                    yield Drafted(place, found)


def _draft(out: Path, asking: Asking, place: Place) -> Draft:
    return draft(out, place, asking)


def input_tokens(of: Draft, asking: Asking, price: Price) -> int:
    """Estimate of the tokens that go in: text, and pictures by the model's rule."""
    detail = asking.model.detail
    return of.text_tokens + sum(image_tokens(w, h, detail, price.image_rule) for w, h in of.images)


def entry_of(drafted: Drafted, asking: Asking, price: Price) -> Entry:
    """What the store is told of a request."""
    place, of = drafted
    tokens = input_tokens(of, asking, price)
    return Entry(
        key=of.key,
        row_id=place.row_id,
        source=place.source,
        split=place.split,
        task=place.task,
        shard=place.shard,
        row=place.row,
        drawing=of.drawing,
        prompt_version=of.prompt_version,
        model=asking.model.model,
        parameters=asking.model.model_dump(mode="json", exclude={"model"}),
        images=of.images,
        input_tokens=tokens,
        worst_usd=worst_usd(price, tokens, asking.model.max_tokens, batch=False),
    )


class _Kept:
    """The drafts of one shard and task: read whole, written a line at a time.

    Attributes:
        drafts: by ``id`` of the row.
    """

    def __init__(self, out: Path, shard: str, task: str, asking: Asking) -> None:
        self.drafts: dict[str, Draft] = {}
        self._path = Folder(out).drafts / f"{_digest(out, shard, task, asking)}.jsonl"
        self._file: IO[str] | None = None
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except OSError:
            return
        for line in lines:
            try:
                told = json.loads(line)
                row_id = told.pop("row_id")
                self.drafts[row_id] = Draft(**told)
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # a line that a killed run left half written: its row is drawn again

    def keep(self, row_id: str, made: Draft) -> None:
        """Write a draft."""
        if self._file is None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("a", encoding="utf-8")
            except OSError as error:
                raise RsvpError(f"{self._path}: cannot be written: {error.strerror or error}") from error
            if self._path.stat().st_size:
                self._file.write("\n")  # what may be half a line ends here
        self._file.write(json.dumps({"row_id": row_id, **asdict(made)}, separators=(",", ":")) + "\n")

    def __enter__(self) -> _Kept:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _digest(out: Path, shard: str, task: str, asking: Asking) -> str:
    """Names everything that decides the drafts of a shard."""
    parts: list[Any] = [shard, prompt_for(task).digest, asking.drawing.fingerprint()]
    parts.append(asking.model.model_dump(mode="json"))
    for name in sorted({shard, shard.replace("planned/", "data/", 1)}):
        try:
            told = (out / name).stat()
        except OSError:
            continue
        parts.append([name, told.st_size, told.st_mtime_ns])
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
