"""Adding up records of statistics, and choosing what there is room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

GRANULARITIES = ("image", "region", "point")


def tally(records: Iterable[dict[str, Any]], line: str, column: str, value: str) -> dict[Any, Counter[Any]]:
    """Sums of ``value`` by ``line`` and ``column``."""
    table: dict[Any, Counter[Any]] = {}
    for record in records:
        table.setdefault(record[line], Counter())[record[column]] += record[value]
    return table


def largest(table: Mapping[str, Counter[Any]], most: int, what: str) -> dict[str, Counter[Any]]:
    """The lines of a table, largest first; what is beyond ``most`` lines is added up in the last."""
    order = by_size(table)
    if len(order) <= most:
        return {name: table[name] for name in order}
    kept, rest = order[: most - 1], Counter[Any]()
    for name in order[most - 1 :]:
        rest.update(table[name])
    return {**{name: table[name] for name in kept}, f"{len(order) - len(kept)} more {what}": rest}


def by_size(table: Mapping[str, Counter[Any]]) -> list[str]:
    """The names of a table's lines, largest first."""
    return sorted(table, key=lambda name: (-table[name].total(), name))


def added(grids: Sequence[Sequence[Sequence[int]]]) -> list[list[int]]:
    """The sum of grids of one size, cell by cell."""
    return [[sum(cells) for cells in zip(*lines, strict=True)] for lines in zip(*grids, strict=True)]


def reached(counts: Counter[int], share: float) -> int:
    """The least value that at least this share of all is not above."""
    so_far = 0
    for value in sorted(counts):
        so_far += counts[value]
        if so_far >= share * counts.total():
            return value
    return 0


def ordered(granularities: Iterable[str]) -> list[str]:
    """Granularities from whole images to points, unknown ones last."""
    place = {name: number for number, name in enumerate(GRANULARITIES)}
    return sorted(granularities, key=lambda name: (place.get(name, len(place)), name))


def plural(granularity: str) -> str:
    """What marks of a granularity are called."""
    return {"image": "whole images", "region": "regions", "point": "points"}.get(granularity, granularity)
