"""Takes the verdict file of a page back into the store: all of it, or nothing where anything is wrong."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rsvp_builder.captioning.review.page import pages, seen_as
from rsvp_builder.captioning.store import Store
from rsvp_builder.dataset.layout import Folder, read_json
from rsvp_builder.errors import RsvpError

_SHOWN = 5
_LARGEST = 64 << 20


class VerdictError(RsvpError):
    """A verdict file that cannot be taken; the message says which entry and why."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Entry(_Strict):
    """The verdict on one answer; None takes an earlier one back."""

    key: str = Field(pattern="^[0-9a-f]{64}$")
    row_id: str
    verdict: Literal["accept", "reject"] | None
    note: str = Field(max_length=2000)


class VerdictFile(_Strict):
    """What a page writes."""

    format: Literal[1]
    page: str = Field(pattern="^[0-9a-f]{16}$")
    data_set: str
    verdicts: list[Entry]


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken.

    Attributes:
        accepted: answers that were accepted.
        rejected: answers that were rejected.
        taken_back: answers whose earlier verdict was taken back.
        undecided: answers of the page that the file says nothing about.
    """

    accepted: int
    rejected: int
    taken_back: int
    undecided: int


def take_verdicts(out: Path, path: Path) -> Taken:
    """Read a verdict file into the store.

    Raises:
        VerdictError: it is not one, it is of a page that shows another data set, an answer is in it twice
            or was not on the page, or has been replaced since.
        RsvpError: there is no store, or another process writes into it.
    """
    file = _read(path)
    folder = Folder(out)
    shown = _shown(folder, path, file)
    _check(path, file, shown)
    with Store(folder.store) as store:
        wanted = {entry.key for entry in file.verdicts}
        now = {r.key: seen_as(r) for r in store.results("done") if r.key in wanted}
        stale = [entry.key for entry in file.verdicts if now.get(entry.key) != shown[entry.key]]
        if stale:
            raise VerdictError(
                f"{path}: {len(stale)} of its answers were replaced since the page was written "
                f"({_some(stale)}): write the page again, and look at the new ones"
            )
        for entry in file.verdicts:
            store.verdict(entry.key, entry.verdict, entry.note)
    counts = Counter(entry.verdict for entry in file.verdicts)
    return Taken(counts["accept"], counts["reject"], counts[None], len(shown) - len(file.verdicts))


def _read(path: Path) -> VerdictFile:
    try:
        if path.stat().st_size > _LARGEST:
            raise VerdictError(f"{path}: {path.stat().st_size:,} bytes are too many for a verdict file")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise VerdictError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise VerdictError(
            f"{path}: is not UTF-8 text ({error}); expected what the page downloads"
        ) from error
    try:
        return VerdictFile.model_validate(json.loads(text, object_pairs_hook=_once))
    except (ValueError, RecursionError) as error:
        if isinstance(error, ValidationError):
            told = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']} (read {_short(e['input'])})"
                for e in error.errors()[:_SHOWN]
            )
        else:
            told = str(error) or type(error).__name__
        raise VerdictError(f"{path}: not a verdict file: {told}; expected what the page downloads") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which each name stands once."""
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twice:
        raise ValueError(f"{', '.join(map(repr, twice[:_SHOWN]))} stands twice in one object")
    return dict(pairs)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _shown(folder: Folder, path: Path, file: VerdictFile) -> dict[str, str]:
    """What the page showed: hash of each answer by key."""
    told = pages(folder) / f"{file.page}.json"
    if not told.is_file():
        raise VerdictError(
            f"{path}: is of page {file.page} of {file.data_set!r}, which `rsvp-build caption review` did not "
            f"write for {folder.out}; give the data set that the page was written from"
        )
    found: dict[str, str] = read_json(told)["answers"]
    return found


def _check(path: Path, file: VerdictFile, shown: dict[str, str]) -> None:
    counts = Counter(entry.key for entry in file.verdicts)
    twice = [key for key, count in counts.items() if count > 1]
    if twice:
        raise VerdictError(f"{path}: {len(twice)} answers are in it twice ({_some(twice)}); keep one of each")
    foreign = [key for key in counts if key not in shown]
    if foreign:
        raise VerdictError(
            f"{path}: {len(foreign)} answers were not on page {file.page} ({_some(foreign)}); give "
            "the file as the page wrote it"
        )


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(key[:12] for key in keys[:_SHOWN]) + more
