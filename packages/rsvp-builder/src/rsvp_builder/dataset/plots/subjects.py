"""What is plotted: a sheet for each subject, or None where the data set has nothing of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rsvp_builder.dataset.plots.layouts import LINES_SHOWN, bar_sheet, distribution_sheet, map_sheet
from rsvp_builder.dataset.plots.shapes import Part
from rsvp_builder.dataset.plots.sheet import COLOURS, OTHER, Sheet, compact
from rsvp_builder.dataset.plots.tallies import (
    GRANULARITIES,
    added,
    by_size,
    largest,
    ordered,
    plural,
    reached,
    tally,
)

if TYPE_CHECKING:
    from rsvp_builder.dataset.stats import Statistics

MAPS_SHOWN = 16
_WORD_BINS = 40


def rows(statistics: Statistics) -> Sheet | None:
    """Rows by source, in bars of tasks."""
    by_source = tally(statistics["rows"], "source", "task", "rows")
    if not by_source:
        return None
    bars = largest(by_source, LINES_SHOWN, "sources")
    tasks = by_size(tally(statistics["rows"], "task", "source", "rows"))
    parts = [
        Part(task, colour, [line[task] for line in bars.values()])
        for task, colour in zip(tasks, COLOURS, strict=False)
    ]
    if rest := tasks[len(COLOURS) :]:
        others = [sum(line[task] for task in rest) for line in bars.values()]
        parts.append(Part(f"{len(rest)} other tasks", OTHER, others))
    counts = {record["granularity"]: record["rows"] for record in statistics["granularities"]}
    shares = ", ".join(f"{compact(counts[g])} about {plural(g)}" for g in ordered(counts))
    sources = "1 source" if len(by_source) == 1 else f"{len(by_source)} sources"
    note = f"{compact(sum(counts.values()))} rows of {sources}: {shares}"
    return bar_sheet("Rows by source and task", note, list(bars), parts)


def classes(statistics: Statistics) -> Sheet | None:
    """Marks of the most frequent classes, in bars of granularities."""
    counts = tally(statistics["class_totals"], "label", "granularity", "marks")
    if not counts:
        return None
    shown = by_size(counts)[:LINES_SHOWN]
    colours = dict(zip(GRANULARITIES, COLOURS, strict=False))
    parts = [
        Part(plural(g), colours.get(g, OTHER), [counts[label][g] for label in shown])
        for g in ordered({g for line in counts.values() for g in line})
    ]
    total, of_shown = (sum(counts[label].total() for label in labels) for labels in (counts, shown))
    note = f"{compact(total)} marks of {len(counts):,} {'class' if len(counts) == 1 else 'classes'}"
    if len(shown) < len(counts):
        note += f"; the {len(shown)} most frequent have {of_shown / total:.0%} of them"
    return bar_sheet("Marks by class", note, shown, parts)


def mark_sizes(statistics: Statistics) -> Sheet | None:
    """Sizes of boxes, in bins that double."""
    regions = [bin_ for bin_ in statistics["mark_size_bins"] if bin_["granularity"] != "image"]
    if not regions:
        return None
    edges = [0, *(2**power for power in range(32))]
    first = edges.index(min(bin_["from_px"] for bin_ in regions))
    last = edges.index(max(bin_["from_px"] for bin_ in regions))
    by_source = tally(regions, "source", "from_px", "marks")
    return distribution_sheet(
        "Sizes of boxes",
        "square root of the area in pixels of the picture",
        "marks",
        {source: [line[edge] for edge in edges[first : last + 1]] for source, line in by_source.items()},
        {position: str(edge) for position, edge in enumerate(edges[first : last + 2])},
    )


def mark_positions(statistics: Statistics) -> Sheet | None:
    """Where marks lie: maps of all regions, of all points, then of sources, those with most marks first."""
    grids = [grid for grid in statistics["mark_positions"] if grid["granularity"] != "image"]
    if not grids:
        return None
    together = []
    for granularity in ordered({grid["granularity"] for grid in grids}):
        own = [grid["grid"] for grid in grids if grid["granularity"] == granularity]
        if len(own) > 1:
            together.append((f"all {plural(granularity)}", added(own)))
    maps_of = Counter(grid["source"] for grid in grids)
    single = []
    for grid in sorted(grids, key=lambda grid: (-grid["marks"], grid["source"], grid["granularity"])):
        what = f", {plural(grid['granularity'])}" if maps_of[grid["source"]] > 1 else ""
        single.append((grid["source"] + what, grid["grid"]))
    shown = single[: MAPS_SHOWN - len(together)]
    note = "centres of boxes, and points, from the top left to the bottom right of their picture"
    if len(shown) < len(single):
        note += f"; {len(single) - len(shown)} smaller not shown"
    return map_sheet("Where marks lie", note, together + shown)


def image_sizes(statistics: Statistics) -> Sheet | None:
    """Longer sides of pictures, in bins of half an octave."""
    # A bin is known by twice the binary logarithm of its lower edge.
    by_source: dict[str, Counter[int]] = {}
    for frame in statistics["frames"]:
        longer = max(frame["width"] or 0, frame["height"] or 0)
        if longer > 0:
            line = by_source.setdefault(frame["source"], Counter())
            line[(longer * longer).bit_length() - 1] += frame["pictures"]
    if not by_source:
        return None
    first, last = (end(end(line) for line in by_source.values()) for end in (min, max))
    return distribution_sheet(
        "Sizes of pictures",
        "longer side in pixels; tiles count as pictures",
        "pictures",
        {source: [line[half] for half in range(first, last + 1)] for source, line in by_source.items()},
        {half - first: str(2 ** (half // 2)) for half in range(first, last + 2) if half % 2 == 0},
    )


def caption_lengths(statistics: Statistics) -> Sheet | None:
    """Words in captions; the longest of them share the last bin."""
    by_source = tally(statistics["caption_length_bins"], "source", "words", "captions")
    if not by_source:
        return None
    everything = Counter[int]()
    for line in by_source.values():
        everything.update(line)
    width = max(1, -(-reached(everything, 0.995) // _WORD_BINS))
    last = min(_WORD_BINS - 1, max(everything) // width)
    bins = {source: [0] * (last + 1) for source in by_source}
    for source, line in by_source.items():
        for words, captions in line.items():
            bins[source][min(words // width, last)] += captions
    middle = 0.5 if width == 1 else 0  # one number names a bin, or the edge on its left
    step = max(1, (last + 1) // 8)
    ticks = {position + middle: str(position * width) for position in range(0, last + 1, step)}
    note = "words in the caption of a mark, or in an answer"
    if max(everything) >= (last + 1) * width:
        note += f"; the last bin has all of {last * width} words and more"
    return distribution_sheet("Lengths of captions", note, "captions", bins, ticks)
