"""The audit as one HTML page that opens from disk: counts, and pairs side by side."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from markupsafe import Markup

from rsvp_builder import __version__
from rsvp_builder.audit.pairs import Cell, Pair, PairKind, cell_of, split_name
from rsvp_builder.audit.pictures import Picture
from rsvp_builder.audit.run import Audit
from rsvp_builder.audit.transforms import Transform
from rsvp_builder.dataset.layout import commit
from rsvp_builder.gallery.picture import Picture as Shown
from rsvp_builder.gallery.picture import Wanted, load_picture
from rsvp_builder.gallery.shards import Shard
from rsvp_builder.html_page import asset, source_hash, templates_of

KINDS = {
    PairKind.BYTES: "the same file",
    PairKind.PIXELS: "the same pixels in another file",
    PairKind.NEAR: "the same ground, turned, resized, re-encoded or of other brightness",
    PairKind.CROP: "the second shows a part of the first",
    PairKind.TWIN: "the same size and the same labelled boxes, but for turning",
}
"""What the kinds of pairs mean, for the reader of the page."""

TURNS = {
    Transform.IDENTITY: "as it is",
    Transform.FLIP_LEFT_RIGHT: "mirrored left to right",
    Transform.FLIP_TOP_BOTTOM: "mirrored top to bottom",
    Transform.ROTATE_180: "half a turn",
    Transform.TRANSPOSE: "mirrored at the main diagonal",
    Transform.ROTATE_270: "a quarter turn clockwise",
    Transform.ROTATE_90: "a quarter turn anticlockwise",
    Transform.TRANSVERSE: "mirrored at the other diagonal",
}
"""How the second picture is turned against the first."""

_PROBLEMS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Side:
    """One picture of a pair, as the page shows it."""

    picture: Picture
    shown: Shown
    boxes: Sequence[Sequence[float]]

    @property
    def outline(self) -> str:
        """SVG path of what is drawn on it: what a crop shows of it, or the boxes that make it a twin."""
        return "".join(f"M{x1:.1f} {y1:.1f}H{x2:.1f}V{y2:.1f}H{x1:.1f}Z" for x1, y1, x2, y2 in self.boxes)

    @property
    def window(self) -> str:
        """Its tile in the raw image, or nothing."""
        return "" if self.picture.window is None else ", ".join(map(str, self.picture.window))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height for drawing: the rows', or the picture's own where they say none."""
        return max(1, self.picture.width or self.shown.width), max(
            1, self.picture.height or self.shown.height
        )


@dataclass(frozen=True, slots=True)
class Card:
    """A pair, as the page shows it."""

    key: str
    kind: str
    splits: str
    turn: str
    transform: str
    facts: list[tuple[str, str]]
    sides: tuple[Side, Side]


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """What was written.

    Attributes:
        path: the page.
        pairs_shown: pairs on the page.
        pairs_total: pairs in the audit.
        bytes: size of the page.
    """

    path: Path
    pairs_shown: int
    pairs_total: int
    bytes: int


def write_report(audit: Audit, path: Path, *, limit: int = 200, max_side: int = 320) -> ReportSummary:
    """Write one self-contained HTML page about an audit. The same audit gives the same bytes.

    Args:
        audit: what was found.
        path: the HTML file; it is there whole or not at all.
        limit: most pairs to show. Kinds and pairs of splits take turns; of each, pairs from the surest to
            the least sure are shown at even distances.
        max_side: longest side of the pictures in pixels.

    Raises:
        RsvpError: a shard cannot be read any more.
    """
    chosen = choose(audit, limit)
    thumbnails = _thumbnails(audit.pictures, chosen, max_side)
    cards = [_card(number, pair, audit.pictures, thumbnails) for number, pair in enumerate(chosen)]
    page = "".join(_render(audit, cards)).encode("utf-8", errors="replace")
    commit(path, page)
    return ReportSummary(path, len(chosen), len(audit.pairs), len(page))


def choose(audit: Audit, limit: int) -> list[Pair]:
    """The pairs to show, in the order of the audit."""
    cells: dict[Cell, list[int]] = {}
    for number, pair in enumerate(audit.pairs):
        cells.setdefault(cell_of(pair, audit.pictures), []).append(number)
    share = dict.fromkeys(cells, 0)
    left = min(limit, len(audit.pairs))
    while left:
        for cell, members in cells.items():
            if left and share[cell] < len(members):
                share[cell] += 1
                left -= 1
    chosen: list[int] = []
    for cell, members in cells.items():
        ranked = sorted(members, key=lambda n: (-_sureness(audit.pairs[n]), n))
        count = share[cell]
        chosen += [ranked[place * (len(ranked) - 1) // max(count - 1, 1)] for place in range(count)]
    return [audit.pairs[number] for number in sorted(chosen)]


def _sureness(pair: Pair) -> float:
    return pair.score if pair.score == pair.score else 0.0


def _thumbnails(pictures: Sequence[Picture], pairs: Sequence[Pair], max_side: int) -> dict[int, Shown]:
    """A small JPEG of every picture of the pairs, read in the order of the shards."""
    numbers = {number for pair in pairs for number in (pair.first, pair.second)}
    ordered = sorted(numbers, key=lambda number: (pictures[number].place, number))
    shown = {}
    for (shard, group), members in groupby(ordered, key=lambda number: pictures[number].place[:2]):
        of_group = list(members)
        images = Shard(shard).images(group, [pictures[number].place.row for number in of_group])
        for number, image in zip(of_group, images, strict=True):
            of = pictures[number]
            wanted = Wanted(None if of.window is None else list(of.window), of.width, of.height)
            shown[number] = load_picture(image, wanted, dataset=Path(of.data_set), max_side=max_side)
    return shown


def _card(number: int, pair: Pair, pictures: Sequence[Picture], shown: Mapping[int, Shown]) -> Card:
    _, one, other = cell_of(pair, pictures)
    facts = [("orientation", TURNS[pair.transform])]
    if pair.kind in (PairKind.NEAR, PairKind.CROP):
        facts += [("agreement", f"{pair.score:.3f}"), ("hash", f"{pair.distance:.0f} bits apart")]
    if pair.kind == PairKind.TWIN:
        boxes = len(pictures[pair.first].boxes)
        facts += [("boxes", str(boxes)), ("largest difference", f"{pair.distance:.1f} px")]
        facts.append(("agreement", f"{pair.score:.3f}" if pair.score == pair.score else "pixels unknown"))
    if pair.part is not None:
        facts.append(("part of the first", ", ".join(f"{value:.0f}" for value in pair.part)))
    first, second = pictures[pair.first], pictures[pair.second]
    twins = pair.kind == PairKind.TWIN
    return Card(
        f"p{number}",
        pair.kind.value,
        f"{one} – {other}",
        TURNS[pair.transform],
        pair.transform.label,
        facts,
        (
            Side(
                first, shown[pair.first], first.boxes.tolist() if twins else [pair.part] if pair.part else []
            ),
            Side(second, shown[pair.second], second.boxes.tolist() if twins else []),
        ),
    )


def _render(audit: Audit, cards: Sequence[Card]) -> Iterator[str]:
    environment = templates_of("rsvp_builder.audit")
    environment.filters["breakable"] = lambda text: Markup("<wbr>").join(_parts(text))
    script = asset("rsvp_builder.audit", "audit.js")
    style = asset("rsvp_builder.gallery", "gallery.css") + asset("rsvp_builder.audit", "audit.css")
    facets = {
        "kind": Counter(card.kind for card in cards),
        "splits": Counter(card.splits for card in cards),
        "orientation": Counter(card.turn for card in cards),
    }
    compared = Counter(split_name(picture) for picture in audit.pictures)
    yield from environment.get_template("audit.html.j2").generate(
        name=" + ".join(dict.fromkeys(picture.data_set for picture in audit.pictures)) or "nothing",
        style=style,
        script=script,
        script_hash=source_hash(script),
        facets=facets,
        kinds={kind.value: text for kind, text in KINDS.items()},
        counts=audit.counts(),
        compared=sorted(compared.items()),
        shared=audit.shared,
        problems=audit.problems[:_PROBLEMS_SHOWN],
        problems_total=len(audit.problems),
        plain=audit.plain,
        contradicted=audit.contradicted,
        cards=cards,
        pairs_total=len(audit.pairs),
        version=__version__,
    )


def _parts(text: str) -> Iterator[str]:
    """A long name in pieces that a line may end between."""
    piece = io.StringIO()
    for character in text:
        piece.write(character)
        if character in "_/-":
            yield piece.getvalue()
            piece = io.StringIO()
    yield piece.getvalue()
