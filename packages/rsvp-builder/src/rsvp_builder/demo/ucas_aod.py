"""Writes a miniature UCAS-AOD: oriented boxes of one class a folder, whose files have the same names.

A line has 13 numbers in scientific notation, each followed by a tab: four vertices, an angle in degrees, and
left, top, width and height of a box of its own, which is not the one around the vertices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rsvp_builder.demo.box_files import BadLine, spoil_files, spoil_lines
from rsvp_builder.demo.snapshots import Sight, draw, encoded
from rsvp_builder.demo.truth import Release, Thing
from rsvp_builder.demo.voc_parts import save
from rsvp_builder.ledger import Reason

_TOP = "UCAS_AOD"
_SIZE = (240, 180)
_PICTURES: dict[str, tuple[str, list[Sight]]] = {
    "CAR/P0001": (
        "asphalt",
        [
            Sight("CAR", "small-vehicle", 40, 50, 17, 38, 15),
            Sight("CAR", "small-vehicle", 90, 60, 17, 38, 15),
            Sight("CAR", "small-vehicle", 190, 120, 18, 40, 240),
        ],
    ),
    "CAR/P0002": ("paving", [Sight("CAR", "small-vehicle", 120, 90, 20, 44, 71)]),
    "PLANE/P0001": (
        "concrete",
        [
            Sight("PLANE", "plane", 64, 70, 76, 80, 20),
            Sight("PLANE", "plane", 170, 100, 80, 84, -130),
        ],
    ),
    "PLANE/P0003": ("grass", [Sight("PLANE", "plane", 120, 90, 90, 96, 33)]),
}
_NEGATIVE = {"N0001": "forest", "N0002": "meadow"}


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    for number, (name, (ground, sights)) in enumerate(_PICTURES.items()):
        numbers = [_numbers(sight, place % 4) for place, sight in enumerate(sights)]
        image, label = _paths(name)
        picture = encoded(draw(_SIZE, ground, sights, (seed, number)), "PNG")
        save(root, [(image, picture), (label, "".join(f"{_line(one)}\n" for one in numbers))])
        release.images[f"train/{name}"] = [
            _thing(sight.token, one) for sight, one in zip(sights, numbers, strict=True)
        ]
    for number, (stem, ground) in enumerate(_NEGATIVE.items(), start=100):
        picture = encoded(draw(_SIZE, ground, [], (seed, number)), "PNG")
        save(root, [(f"{_TOP}/Neg/{stem}.png", picture)])
        release.background.append(f"train/Neg/{stem}")
    if with_defects:
        _spoil(release, seed)
    return release


def _paths(name: str) -> tuple[str, str]:
    return f"{_TOP}/{name}.png", f"{_TOP}/{name}.txt"


def _numbers(sight: Sight, first: int) -> list[float]:
    """The 13 numbers of a line as it holds them, the vertices from any of the four on."""
    corners = list(zip(sight.quad[0::2], sight.quad[1::2], strict=True))
    corners = corners[first:] + corners[:first]
    (x1, y1), (x2, y2) = corners[:2]
    theta = math.degrees(math.atan2(y1 - y2, x1 - x2))
    left, right = min(x for x, _ in corners), max(x for x, _ in corners)
    top, bottom = min(y for _, y in corners), max(y for _, y in corners)
    # The box has the centre of the quad, and is somewhat smaller than what would hold it.
    width, height = 0.92 * (right - left), 0.97 * (bottom - top)
    box = ((left + right - width) / 2, (top + bottom - height) / 2, width, height)
    return [float(f"{v:.6e}") for v in (*(v for corner in corners for v in corner), theta, *box)]


def _line(numbers: Sequence[float]) -> str:
    return "".join(f"{value:.6e}\t" for value in numbers)


def _thing(token: str, numbers: Sequence[float]) -> Thing:
    left, top, width, height = numbers[9:]
    return Thing(token, (left, top, left + width, top + height), tuple(numbers[:8]))


def _spoil(release: Release, seed: int) -> None:
    sight = Sight("CAR", "small-vehicle", 120, 80, 18, 40, 25)
    image = encoded(draw(_SIZE, "asphalt", [sight], (seed, 99)), "PNG")
    numbers = _numbers(sight, 0)
    good = _line(numbers)
    fields = good.rstrip("\t").split("\t")
    far = _line(_numbers(Sight("CAR", "small-vehicle", _SIZE[0] + 80, 80, 18, 40), 0))
    lines = [
        BadLine("\t".join(fields[:12]) + "\t", Reason.MALFORMED_LINE, fields[0]),
        BadLine("\t".join([*fields, fields[0]]) + "\t", Reason.MALFORMED_LINE, fields[0]),
        BadLine("\t".join(["car", *fields[1:]]) + "\t", Reason.MALFORMED_LINE, "car"),
        BadLine("\t".join([fields[0], "nan", *fields[2:]]) + "\t", Reason.NOT_FINITE, "nan"),
        BadLine("\t".join([*fields[:12], "inf"]) + "\t", Reason.NOT_FINITE, "inf"),
        BadLine(_line([60, 60] * 4 + [0, 60, 60, 0, 0]), Reason.DEGENERATE, "6.0"),
        BadLine(_line([*numbers[:11], -20, numbers[12]]), Reason.DEGENERATE, ""),
        BadLine(far, Reason.OUTSIDE_IMAGE, ""),
    ]
    picture, label = _paths("CAR/P0400")
    save(release.root, [(picture, image), (label, spoil_lines(release, label, lines, good))])
    release.images["train/CAR/P0400"] = [_thing("CAR", numbers)] * 2
    names = (f"PLANE/P0{number}" for number in range(401, 450))
    spoil_files(release, _paths, names, image, f"{good}\n".encode())
