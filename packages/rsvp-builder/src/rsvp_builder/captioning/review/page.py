"""Writes the page: pictures as they were sent, question and answer, and buttons to accept or reject.

A page has an identity, a hash of the answers it shows. What it showed is remembered beside the store, so
that verdicts are only taken for answers that a person has seen.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from rsvp_builder import __version__
from rsvp_builder.captioning.drawing import DrawingSettings, draw
from rsvp_builder.captioning.request import Drawn
from rsvp_builder.captioning.review.words import Piece, pieces_of, style_of
from rsvp_builder.captioning.shelf import Place, Shelf
from rsvp_builder.captioning.store import Result, State, Store
from rsvp_builder.dataset.layout import Folder, commit_json
from rsvp_builder.errors import RsvpError
from rsvp_builder.html_page import asset, save_page, source_hash, templates_of

_PACKAGE = "rsvp_builder.captioning.review"

Want = Literal["open", "all", "accepted", "rejected"]
"""Answers without a verdict, all of them, or those of one verdict."""


@dataclass(frozen=True, slots=True)
class Selected:
    """Which answers a page shows.

    Attributes:
        tasks: empty for all.
        sources: empty for all.
        splits: empty for all.
        want: see :data:`Want`.
        limit: most answers; they are drawn by ``seed`` and their key.
        seed: decides which.
    """

    tasks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    want: Want = "open"
    limit: int = 100
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What was written.

    Attributes:
        path: the page.
        page: its identity.
        shown: answers on it.
        total: answers that fit the selection.
        bytes: size of the page.
    """

    path: Path
    page: str
    shown: int
    total: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Card:
    """One answer as the page shows it."""

    number: int
    key: str
    row_id: str
    place: str
    task: str
    question: str
    answer: list[list[Piece]]
    pictures: list[str]
    sizes: list[tuple[int, int]]
    marks: list[tuple[int, str, str]]
    left_out: list[int]
    checks: list[tuple[str, str]]
    facts: list[tuple[str, str]]
    verdict: str
    note: str
    problem: str


def write_page(out: Path, html: Path, selected: Selected) -> Reviewed:
    """Write the page; one answer's pictures are in memory at a time.

    Raises:
        RsvpError: there is no store, no answer fits, or the page cannot be written.
    """
    folder = Folder(out)
    with Store(folder.store, read_only=True) as store:
        chosen, total = _choose(store.results("done"), selected)
    if not chosen:
        raise RsvpError(
            f"{folder.store}: no answer to review ({selected.want}). `rsvp-build caption status {out}` "
            "tells what there is; --show all takes those that have a verdict already."
        )
    page = page_of(chosen)
    commit_json(pages(folder) / f"{page}.json", {"format": 1, "answers": {r.key: seen_as(r) for r in chosen}})
    shelf = Shelf(out)
    try:
        size = save_page(html, _render(out, page, total, chosen, shelf))
    finally:
        shelf.close()
    return Reviewed(html, page, len(chosen), total, size)


def pages(folder: Folder) -> Path:
    """Where it is remembered what pages showed."""
    return folder.store.parent / "pages"


def seen_as(result: Result) -> str:
    """Hash of an answer as a person saw it."""
    return sha256((result.text or "").encode()).hexdigest()[:16]


def page_of(results: Iterable[Result]) -> str:
    """The identity of a page: 16 hexadecimal digits."""
    seen = sorted(f"{result.key} {seen_as(result)}" for result in results)
    return sha256("\n".join(seen).encode()).hexdigest()[:16]


def _choose(results: Iterable[Result], selected: Selected) -> tuple[list[Result], int]:
    """The answers to show, each request once, in the order of the data set; and how many there are."""
    salt = f"{selected.seed}\x1f"
    ranked: list[tuple[str, int, Result]] = []
    met: set[str] = set()
    for order, result in enumerate(results):
        if result.key in met or not _fits(result, selected):
            continue
        met.add(result.key)
        ranked.append((sha256((salt + result.key).encode()).hexdigest(), order, result))
        if len(ranked) >= 4 * selected.limit:
            ranked = sorted(ranked)[: selected.limit]
    chosen = sorted(ranked)[: selected.limit]
    return [result for _, _, result in sorted(chosen, key=lambda entry: entry[1])], len(met)


def _fits(result: Result, selected: Selected) -> bool:
    verdicts = {"open": None, "accepted": "accept", "rejected": "reject"}
    return (
        result.state is State.DONE
        and (not selected.tasks or result.task in selected.tasks)
        and (not selected.sources or result.source in selected.sources)
        and (not selected.splits or result.split in selected.splits)
        and (selected.want == "all" or result.verdict == verdicts[selected.want])
    )


def _cards(shelf: Shelf, results: list[Result]) -> Iterator[Card]:
    for number, result in enumerate(results):
        place = Place(result.row_id, result.source, result.split, result.task, result.shard, result.row)
        try:
            subject = shelf.subject(place)
            drawn = draw(subject, DrawingSettings(**result.drawing["settings"]))
        except RsvpError as error:
            yield _card(number, result, {"marks": [], "messages": [], "image_id": ""}, None, str(error))
        else:
            yield _card(number, result, subject.row, drawn, "")


def _card(number: int, result: Result, row: dict[str, Any], drawn: Drawn | None, problem: str) -> Card:
    text = result.text or ""
    shown = list(result.drawing["shown"])
    answer = [pieces_of(line) for line in text.split("\n")]
    cited = {piece.mark for line in answer for piece in line if piece.mark is not None}
    asked = row["messages"][0]["content"] if row["messages"] else ""
    return Card(
        number=number,
        key=result.key,
        row_id=result.row_id,
        place=f"{result.source} · {result.split} · {row['image_id']}",
        task=result.task,
        question=asked,
        answer=answer,
        pictures=[] if drawn is None else [_uri(sent.mime, sent.content) for sent in drawn.pictures],
        sizes=[] if drawn is None else [(sent.width, sent.height) for sent in drawn.pictures],
        marks=[
            (m["index"], m["label"] or "", style_of(m["index"])) for m in row["marks"] if m["index"] in shown
        ],
        left_out=[m["index"] for m in row["marks"] if m["index"] not in shown],
        checks=[
            ("marks cited", f"{len(cited & set(shown))} of {len(shown)}"),
            ("words", f"{len(text.split()):,}"),
            ("taken at ask", str(result.attempts)),
        ],
        facts=[
            ("answered by", result.model),
            ("prompt", result.prompt_version),
            ("cost", f"{result.usd:.4f} USD"),
            ("row", result.row_id),
        ],
        verdict=result.verdict or "",
        note=result.note,
        problem=problem,
    )


def _uri(mime: str, content: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"


def _render(out: Path, page: str, total: int, results: list[Result], shelf: Shelf) -> Iterator[str]:
    environment = templates_of(_PACKAGE)
    script = asset(_PACKAGE, "review.js")
    yield from environment.get_template("review.html.j2").generate(
        name=out.resolve().name or "data set",
        page=page,
        total=total,
        shown=len(results),
        style=asset(_PACKAGE, "review.css"),
        script=script,
        script_hash=source_hash(script),
        cards=_cards(shelf, results),
        version=__version__,
    )
