"""The plans of pictures that come with a map: a street of houses, a village at a stream, farmland."""

from __future__ import annotations

from rsvp_builder.demo.drawing import Point, turned
from rsvp_builder.demo.land_cover import LandCover


def neighbourhood(cover: LandCover, *, people: bool = False) -> None:
    """Streets with cars, houses in gardens with trees, a building site."""
    rng, reach = cover.rng, cover.reach
    heading = float(rng.uniform(-14, 14))
    shift = float(rng.uniform(-3, 3))

    def at(x: float, y: float) -> Point:
        return turned([(x, y)], heading, shift)[0]

    cover.strip("street", *at(0, 0), heading, 8, 3 * reach)
    cover.strip("clutter", *at(11.5, -0.5), heading, 9, 10)
    pitch, rows = 13.0, int(reach / 13) + 1
    for side in (-1, 1):
        for row in range(-rows, rows + 1):
            for column in range(rows + 1):
                if side == 1 and row == column == 0:
                    continue
                x, y = side * (11.5 + pitch * column), pitch * row
                if rng.random() < 0.9:
                    cover.put("roof", *at(x, y), heading + 90 * (row % 2), 7.5, 9)
                for dy, size in rng.uniform((-6, 3), (6, 5), (2, 2)):
                    cover.put("tree", *at(x + 6.4 * side, y + float(dy)), 0, float(size), float(size))
    for y in range(-int(reach), int(reach), 9):
        for lane in (-1.9, 1.9):
            if rng.random() < 0.45:
                turn = heading if lane > 0 else heading + 180
                cover.put("driving-car", *at(lane, y + float(rng.uniform(-2, 2))), turn, 1.95, 4.6)
    for x, y in ((-5.4, -8.0), (-5.4, 3.0), (5.4, 9.5)):
        cover.put("parked-car", *at(x, y), heading, 1.95, 4.6)
    if people:
        for x, y in ((-4.7, 7.5), (5, -2.5), (5.2, 1), (12, -2)):
            cover.stand(*at(x, y))


def village(cover: LandCover) -> None:
    """A stream with a bridge, a meadow, a wood, a greenhouse, houses, and a field that lies bare."""
    rng, reach = cover.rng, cover.reach
    heading = float(rng.uniform(-8, 8))

    def at(x: float, y: float) -> Point:
        return turned([(x, y)], heading)[0]

    side = 0.4 * reach
    cover.strip("wood", *at(-1.9 * side, 1.5 * side), heading, 2 * side, 1.4 * side)
    cover.strip("bare", *at(0.95 * side, 1.3 * side), heading, 1.5 * side, 1.3 * side)
    cover.strip("yard", *at(-0.62 * side, 1.0 * side), heading, 0.5 * side, 0.8 * side)
    cover.strip("water", *at(0, -0.55 * side), heading + 90, 0.55 * side, 4 * reach)
    cover.strip("street", *at(0, 0), heading, 0.26 * side, 4 * reach)
    cover.put("bridge", *at(0, -0.55 * side), heading, 0.34 * side, 0.62 * side)
    cover.put("greenhouse", *at(-1.15 * side, 0.3 * side), heading + 90, 0.5 * side, 0.8 * side)
    for x in (0.6, 1.25, 1.9):
        cover.put("roof", *at(x * side, 0.2 * side), heading + 90, 0.36 * side, 0.44 * side)
    for x in (-1.5, -0.7, 0.6, 1.3):
        cover.put("roof", *at(x * side, -1.35 * side), heading, 0.36 * side, 0.44 * side)


def growth(cover: LandCover) -> None:
    """What a year adds to a village: a house on the bare field and a road around it."""
    side = 0.4 * cover.reach
    cover.strip("street", 0.95 * side, 0.85 * side, 90, 0.16 * side, 1.5 * side)
    cover.put("roof", 0.85 * side, 1.25 * side, 0, 0.36 * side, 0.44 * side)


def farmland(cover: LandCover) -> None:
    """Fields, a track and a few trees: not a single house."""
    rng, reach = cover.rng, cover.reach
    heading = float(rng.uniform(-20, 20))
    for row in (-1, 0, 1):
        for column in (-1, 0, 1):
            x, y = turned([(0.72 * reach * column, 0.72 * reach * row)], heading)[0]
            kind = ("field", "bare", "lawn", "clutter")[int(rng.integers(4))]
            cover.strip(kind, x, y, heading, 0.68 * reach, 0.68 * reach)
    cover.strip("street", *turned([(0.36 * reach, 0)], heading)[0], heading, 4, 3 * reach)
    for x, y, size in rng.uniform((-0.6, -0.6, 4), (0.6, 0.6, 7), (5, 3)):
        cover.put("tree", float(x) * reach, float(y) * reach, 0, float(size), float(size))
