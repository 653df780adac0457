"""The page: what a card says, and the template that writes it."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from rsvp_builder.dataset.plots import Plot
from rsvp_builder.gallery.marks import NOMINAL_SIDE, DrawnMark, colour_of, draw_marks
from rsvp_builder.gallery.picture import Picture
from rsvp_builder.gallery.sample import Cell, Survey
from rsvp_builder.gallery.talk import Turn, mentioned, read_turns
from rsvp_builder.html_page import asset, source_hash, templates_of

FACETS = ("source", "split", "task", "class")
"""What the page filters by; also the keys of its URL hash."""


@dataclass(frozen=True, slots=True)
class Chip:
    """The number of a mark with its colour, as the page shows it in text."""

    index: int
    colour: int
    label: str


@dataclass(frozen=True, slots=True)
class RowView:
    """One row: a tab of its card. Further rows of a task have tabs that say no more than their number."""

    key: str
    id: str
    task: str
    tab: str
    name: str
    facts: list[tuple[str, str]]
    classes: list[str]
    marks: list[DrawnMark]
    turns: list[Turn]
    unmentioned: list[Chip]
    undrawable: list[int]

    @property
    def classes_json(self) -> str:
        """The classes for the script; the template escapes it."""
        return json.dumps(self.classes, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class CardView:
    """One image with the rows that show it."""

    key: str
    source: str
    split: str
    image_id: str
    width: int
    height: int
    facts: list[tuple[str, str]]
    rows: list[RowView]

    @property
    def unit(self) -> str:
        """Image pixels in a CSS pixel until the script measures it."""
        return f"{max(self.width, self.height) / NOMINAL_SIDE:.4f}"

    def size_note(self, picture: Picture) -> str:
        """A warning if the picture is not of the size that the row says; else empty."""
        if not picture.width or (picture.width, picture.height) == (self.width, self.height):
            return ""
        return (
            f"The image is {picture.width} × {picture.height} px, "
            f"its row says {self.width} × {self.height} px: marks may lie elsewhere than drawn."
        )


@dataclass(frozen=True, slots=True)
class Share:
    """A line of the table of contents: one cell, its rows in the data set and on the page."""

    cell: Cell
    rows: int
    shown: int


def make_card(number: int, rows: list[dict[str, Any]]) -> CardView:
    """A card from the rows of one image, in the order of the data set."""
    first = rows[0]
    width, height = max(1, first["width"] or 1), max(1, first["height"] or 1)
    by_task: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_task.setdefault(row["task"] or "", []).append(row)
    views: list[RowView] = []
    for task, parts in by_task.items():
        for part, row in enumerate(parts, start=1):
            name = task.replace("_", " ") or "no task"
            full = f"{name} {part}" if len(parts) > 1 else name
            tab = full if part == 1 else str(part)
            views.append(_make_row(f"r{number}-{len(views)}", tab, full, row, width, height))
    return CardView(
        key=f"c{number}",
        source=first["source"] or "",
        split=first["split"] or "",
        image_id=first["image_id"] or "(no image id)",
        width=width,
        height=height,
        facts=_image_facts(first, width, height),
        rows=views,
    )


def _make_row(key: str, tab: str, name: str, row: dict[str, Any], width: int, height: int) -> RowView:
    marks = [mark for mark in row["marks"] or [] if mark is not None]
    turns = read_turns(row["messages"] or [], marks)
    drawn, undrawable = draw_marks(marks, width, height)
    spoken = mentioned(turns)
    silent = [int(m.get("index") or 0) for m in marks if m.get("index") not in spoken]
    labels = {int(m.get("index") or 0): m.get("label") or "" for m in marks}
    return RowView(
        key=key,
        id=row["id"] or "",
        task=row["task"] or "",
        tab=tab,
        name=name,
        facts=[
            ("marks", str(len(marks))),
            *(
                (title, str(row[column]))
                for title, column in (
                    ("id", "id"),
                    ("granularity", "granularity"),
                    ("answers by", "provenance"),
                )
                if row[column]
            ),
        ],
        classes=sorted({m["label"] for m in marks if m.get("label")}),
        marks=drawn,
        turns=turns,
        unmentioned=[Chip(i, colour_of(i), labels[i]) for i in silent],
        undrawable=undrawable,
    )


def _image_facts(row: dict[str, Any], width: int, height: int) -> list[tuple[str, str]]:
    facts = [("size", f"{width} × {height} px")]
    if row["window"]:
        facts.append(("tile", ", ".join(map(str, row["window"]))))
    if row["gsd"]:
        facts.append(("resolution", f"{row['gsd']:.3g} m/px"))
    for name, column in (("from", "image_source"), ("version", "source_version"), ("licence", "license")):
        if row[column]:
            facts.append((name, str(row[column])))
    return facts


def shares(survey: Survey, chosen: Counter[Cell]) -> list[Share]:
    """The table of contents."""
    return [Share(cell, state.rows, chosen[cell]) for cell, state in survey.items()]


def _facets(cards: Iterable[CardView]) -> dict[str, list[tuple[str, int]]]:
    """Every value of every filter with its number of rows; classes by frequency, the rest by name."""
    counts: dict[str, Counter[str]] = {facet: Counter() for facet in FACETS}
    for card in cards:
        for row in card.rows:
            counts["source"][card.source] += 1
            counts["split"][card.split] += 1
            counts["task"][row.task] += 1
            counts["class"].update(row.classes)
    by_name = {facet: sorted(counter.items()) for facet, counter in counts.items()}
    by_name["class"].sort(key=lambda value: -value[1])
    return by_name


def _breakable(text: str) -> Markup:
    """The text, escaped, with places where a line may break inside a long name."""
    return Markup("_<wbr>").join(text.split("_"))  # join escapes what it joins


def _svg_uri(plot: Plot) -> str:
    """A plot as an image that is part of the page, where nothing in it can run."""
    return "data:image/svg+xml;base64," + base64.b64encode(plot.svg).decode("ascii")


def render(
    name: str,
    cards: list[CardView],
    pictures: Iterator[Picture],
    contents: list[Share],
    plots: Sequence[Plot],
    version: str,
    overlay: bool = True,
) -> Iterator[str]:
    """Write the page piece by piece, so that one picture at a time is in memory.

    Args:
        name: what the data set is called.
        cards: the cards, in order.
        pictures: the picture of each card; taken one by one while the page is written.
        contents: the table of contents.
        plots: statistics of the whole data set.
        version: the version of the builder, for the footer.
        overlay: draw the marks over the pictures; else they are drawn into them.
    """
    environment = templates_of("rsvp_builder.gallery")
    environment.filters["breakable"] = _breakable
    environment.filters["svg_uri"] = _svg_uri
    script, style = (asset("rsvp_builder.gallery", f"gallery.{kind}") for kind in ("js", "css"))
    yield from environment.get_template("gallery.html.j2").generate(
        name=name,
        style=style,
        script=script,
        script_hash=source_hash(script),
        facets=_facets(cards),
        contents=contents,
        rows_total=sum(share.rows for share in contents),
        rows_shown=sum(len(card.rows) for card in cards),
        cards_shown=len(cards),
        plots=plots,
        cards=zip(cards, pictures, strict=True),
        version=version,
        overlay=overlay,
    )
