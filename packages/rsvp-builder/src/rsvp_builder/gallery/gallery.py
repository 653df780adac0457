"""Writes the gallery of a finished data set: ``rsvp-build preview``."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rsvp_builder import __version__
from rsvp_builder.dataset.plots import draw_plots
from rsvp_builder.errors import RsvpError
from rsvp_builder.gallery.page import make_card, render, shares
from rsvp_builder.gallery.picture import Picture, Wanted, load_picture
from rsvp_builder.gallery.sample import Candidate, Cell, choose, survey
from rsvp_builder.gallery.shards import Shard, find_shards
from rsvp_builder.html_page import save_page

_ROOM = 512
"""How many evenly spaced rows of a cell are candidates at least."""


@dataclass(frozen=True, slots=True)
class GallerySummary:
    """What was written.

    Attributes:
        path: the page.
        rows_shown: rows (conversations) on the page.
        rows_total: rows in the data set.
        bytes: size of the page.
        images_shown: distinct images on the page; each is one card.
        images_missing: cards whose picture could not be read and that say why.
    """

    path: Path
    rows_shown: int
    rows_total: int
    bytes: int
    images_shown: int
    images_missing: int


Painter = Callable[[dict[str, Any], bytes], bytes]
"""Makes a JPEG with the marks of a row drawn into it, from the row and the bytes of its image."""


def write_gallery(
    dataset: Path, out: Path, *, limit: int = 60, max_side: int = 900, painter: Painter | None = None
) -> GallerySummary:
    """Write one self-contained HTML page with a spread sample of a finished data set, and its statistics.

    The same data set gives the same bytes. The page is written under a temporary name and renamed.

    Args:
        dataset: the directory of the data set.
        out: the HTML file; its directory is made if it is missing.
        limit: most rows on the page; rows of one image share a card.
        max_side: longest side of the embedded pictures in pixels.
        painter: draws marks into the pictures, instead of the page over them; each row is then its own card.

    Raises:
        RsvpError: there is no data set, a shard cannot be read, or an argument makes no sense.
    """
    if limit < 1 or max_side < 1:
        raise RsvpError(f"limit is {limit} and max_side is {max_side}: both must be at least 1.")
    shards = find_shards(dataset)
    cells = survey(shards, room=max(_ROOM, limit))
    chosen = choose(cells, limit)
    if not chosen:
        raise RsvpError(f"{dataset}: the data set has no rows, so there is nothing to show.")

    cards: list[list[tuple[Candidate, dict[str, Any]]]] = []
    card_of: dict[object, int] = {}
    shown: Counter[Cell] = Counter()
    for candidate, row in _rows(shards, chosen):
        shown[Cell(row["source"] or "", row["split"] or "", row["task"] or "")] += 1
        key = candidate.image if painter is None else len(cards)
        if key not in card_of:
            card_of[key] = len(cards)
            cards.append([])
        cards[card_of[key]].append((candidate, row))

    from rsvp_builder.dataset.stats import tabulate

    missing: list[Picture] = []
    pages = render(
        name=dataset.resolve().name or "data set",
        cards=[make_card(i, [row for _, row in rows]) for i, rows in enumerate(cards)],
        pictures=_pictures(shards, [rows[0] for rows in cards], dataset, max_side, painter, missing),
        contents=shares(cells, shown),
        plots=draw_plots(tabulate(shard.path for shard in shards)),
        version=__version__,
        overlay=painter is None,
    )
    size = save_page(out, pages)
    return GallerySummary(
        path=out,
        rows_shown=len(chosen),
        rows_total=sum(state.rows for state in cells.values()),
        bytes=size,
        images_shown=len(cards),
        images_missing=len(missing),
    )


def _rows(shards: list[Shard], chosen: list[Candidate]) -> Iterator[tuple[Candidate, dict[str, Any]]]:
    """The chosen rows without their images, in order."""
    for (shard, group), part in itertools.groupby(chosen, key=lambda c: (c.shard, c.group)):
        candidates = list(part)
        rows = shards[shard].rows(group, [c.row for c in candidates])
        yield from zip(candidates, rows, strict=True)


def _pictures(
    shards: list[Shard],
    firsts: list[tuple[Candidate, dict[str, Any]]],
    dataset: Path,
    max_side: int,
    painter: Painter | None,
    missing: list[Picture],
) -> Iterator[Picture]:
    """The picture of each card's first row, in order; those without a picture also go to ``missing``."""
    for (shard, group), part in itertools.groupby(firsts, key=lambda f: (f[0].shard, f[0].group)):
        cards = list(part)
        images = shards[shard].images(group, [candidate.row for candidate, _ in cards])
        for (_, row), image in zip(cards, images, strict=True):
            wanted = Wanted(row["window"], row["width"] or 0, row["height"] or 0)
            paint = partial(painter, row) if painter is not None and row["marks"] else None
            picture = load_picture(image, wanted, dataset=dataset, max_side=max_side, paint=paint)
            if picture.uri is None:
                missing.append(picture)
            yield picture
