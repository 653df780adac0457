"""Statistics as ``rsvp-build stats`` prints them: what fits a screen; ``--json`` gives everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from rsvp_builder.cli.output import table

Records = list[dict[str, Any]]

CLASSES_SHOWN = 30
SIZES_SHOWN = 5

# Narrower than the keys of the records; the titles say the unit.
_HEADINGS = {
    f"{name}_{unit}": heading
    for unit in ("px", "words")
    for name, heading in (
        ("min", "min"),
        ("lower_quartile", "25%"),
        ("median", "50%"),
        ("upper_quartile", "75%"),
        ("max", "max"),
    )
}
_BLOCKS = " ▁▂▃▄▅▆▇█"
_WORD_BINS = 30


def print_statistics(console: Console, found: dict[str, Records]) -> None:
    """Print the tables of :func:`rsvp_builder.dataset.stats.statistics`."""
    classes, hidden_classes = _first(found["classes"], CLASSES_SHOWN)
    frames, hidden_frames = _first(found["frames"], SIZES_SHOWN)
    several = len({row["source"] for row in found["rows"]}) > 1
    totals = found["class_totals"] if several else []
    sizes = _with_histogram(found["mark_sizes"], found["mark_size_bins"], _octaves)
    places = [_position(grid) for grid in found["mark_positions"]]
    lengths = _with_histogram(found["caption_lengths"], found["caption_length_bins"], _words)
    for title, records, hidden in (
        ("rows", found["rows"], 0),
        ("granularities", found["granularities"], 0),
        ("provenance", found["provenance"], 0),
        ("classes", classes, hidden_classes),
        ("classes of all sources", totals[:CLASSES_SHOWN], len(totals[CLASSES_SHOWN:])),
        ("flags", found["flags"], 0),
        ("mark sizes: square root of the area of boxes, px", sizes, 0),
        ("mark positions: centres of boxes, and points", places, 0),
        ("image sizes: longer side of pictures, px", found["image_sizes"], 0),
        ("frames: sizes of pictures", frames, hidden_frames),
        ("caption lengths: words", lengths, 0),
    ):
        if records:
            _print(console, title, records, hidden)


def _print(console: Console, title: str, records: Records, hidden: int) -> None:
    console.print(f"[bold]{title}[/]")
    headings = {key: escape(_HEADINGS.get(key, key)) for key in records[0]}
    numbers = tuple(headings[key] for key, value in records[0].items() if isinstance(value, int | float))
    made = table(*headings.values(), right=numbers)
    for record in records:
        made.add_row(*(_cell(value) for value in record.values()))
    console.print(made)
    if hidden:
        console.print(f"[dim]and {hidden:,} more; --json has all[/]")
    console.print()


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def _first(records: Records, most: int) -> tuple[Records, int]:
    """At most so many records of each source, and how many are left out."""
    counts: dict[str, int] = {}
    shown = []
    for record in records:
        counts[record["source"]] = counts.get(record["source"], 0) + 1
        if counts[record["source"]] <= most:
            shown.append(record)
    return shown, len(records) - len(shown)


def _with_histogram(
    records: Records, bins: Records, spread: Callable[[Records], tuple[str, list[int], int]]
) -> Records:
    """The records with a column that draws their bins, all on the same scale."""
    keys = ("source", "task", "granularity")
    title, positions, count = spread(bins)
    counts: dict[tuple[str, ...], list[int]] = {}
    for bin_, position in zip(bins, positions, strict=True):
        line = counts.setdefault(tuple(bin_[key] for key in keys), [0] * count)
        line[position] += bin_["marks"] if "marks" in bin_ else bin_["captions"]
    return [record | {title: sparkline(counts[tuple(record[key] for key in keys)])} for record in records]


def _octaves(bins: Records) -> tuple[str, list[int], int]:
    """Heading, position of each bin of sizes, and number of positions."""
    edges = sorted({(bin_["from_px"], bin_["to_px"]) for bin_ in bins})
    if not edges:
        return "", [], 0
    first = edges[0][1].bit_length()
    positions = [bin_["to_px"].bit_length() - first for bin_ in bins]
    return f"{edges[0][0]} to {edges[-1][1]} px", positions, max(positions) + 1


def _words(bins: Records) -> tuple[str, list[int], int]:
    """The same for lengths of captions."""
    most = max((bin_["words"] for bin_ in bins), default=0)
    width = most // _WORD_BINS + 1
    return f"0 to {most} words", [bin_["words"] // width for bin_ in bins], most // width + 1


def _position(grid: dict[str, Any]) -> dict[str, Any]:
    cells = grid["grid"]
    across = [sum(column) for column in zip(*cells, strict=True)]
    down = [sum(row) for row in cells]
    told = {key: value for key, value in grid.items() if key != "grid"}
    return told | {"left to right": sparkline(across), "top to bottom": sparkline(down)}


def sparkline(counts: Sequence[int]) -> str:
    """One block a count, as high as its share of the largest; only a count of zero is blank."""
    most = max(counts, default=0)
    return "".join(_BLOCKS[-(-count * 8 // most)] if count else " " for count in counts)
