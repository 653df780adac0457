"""Writes a miniature LEVIR: pictures and text files side by side, some of the latter empty.

A line is ``class x1 y1 x2 y2``; an image without an object has a file of 0 bytes.
"""

from __future__ import annotations

from pathlib import Path

from rsvp_builder.demo.box_files import BadLine, spoil_files, spoil_lines
from rsvp_builder.demo.snapshots import Sight, draw, encoded
from rsvp_builder.demo.truth import Release, Thing
from rsvp_builder.demo.voc_parts import save
from rsvp_builder.ledger import Reason

_FOLDER = "LEVIR/imageWithLabel"
_SIZE = (280, 210)
_PICTURES: dict[str, tuple[str, list[Sight]]] = {
    "00001": (
        "concrete",
        [
            Sight("1", "plane", 70, 80, 80, 84, 15),
            Sight("1", "plane", 190, 120, 84, 88, -70),
        ],
    ),
    "00002": (
        "water",
        [
            Sight("2", "ship", 60, 100, 22, 90, 10),
            Sight("2", "ship", 140, 90, 20, 80, 150),
            Sight("2", "ship", 220, 110, 24, 100, 80),
        ],
    ),
    "00003": (
        "paving",
        [Sight("3", "storage-tank", x, y, 54, 54) for x in (60, 140, 220) for y in (60, 140)],
    ),
    "00004": (
        "grass",
        [Sight("3", "storage-tank", 60, 60, 60, 60), Sight("1", "plane", 180, 120, 90, 94, 44)],
    ),
    "00010": ("forest", []),
    "00011": ("water", []),
}


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    for number, (stem, (ground, sights)) in enumerate(_PICTURES.items()):
        image, label = _paths(stem)
        picture = encoded(draw(_SIZE, ground, sights, (seed, number)), "JPEG")
        save(root, [(image, picture), (label, "".join(f"{_line(sight)}\n" for sight in sights))])
        if sights:
            release.images[f"train/{stem}"] = [Thing(sight.token, sight.box) for sight in sights]
        else:
            release.background.append(f"train/{stem}")
    if with_defects:
        _spoil(release, seed)
    return release


def _paths(stem: str) -> tuple[str, str]:
    return f"{_FOLDER}/{stem}.jpg", f"{_FOLDER}/{stem}.txt"


def _line(sight: Sight) -> str:
    return " ".join([sight.token, *(f"{value:.0f}" for value in sight.box)])


def _spoil(release: Release, seed: int) -> None:
    width = _SIZE[0]
    sight = Sight("3", "storage-tank", 140, 100, 70, 70)
    image = encoded(draw(_SIZE, "paving", [sight], (seed, 99)), "JPEG")
    good = _line(sight)
    lines = [
        BadLine("1 40 50 90", Reason.MALFORMED_LINE),
        BadLine("1 40 50 90 80 0", Reason.MALFORMED_LINE),
        BadLine("1 40 5o 90 80", Reason.MALFORMED_LINE),
        BadLine("plane 40 50 90 80", Reason.UNKNOWN_CLASS, "plane"),
        BadLine("4 40 50 90 80", Reason.UNKNOWN_CLASS, "4"),
        # Left, top, width and height, as somebody may take the numbers to be.
        BadLine("2 140 150 60 40", Reason.DEGENERATE, "140"),
        BadLine("2 140 50 140 90", Reason.DEGENERATE, "140"),
        BadLine(f"1 {width + 5} 50 {width + 60} 90", Reason.OUTSIDE_IMAGE, str(width + 60)),
    ]
    picture, label = _paths("00090")
    save(release.root, [(picture, image), (label, spoil_lines(release, label, lines, good))])
    release.images["train/00090"] = [Thing("3", sight.box)] * 2
    stems = (f"{number:05d}" for number in range(91, 100))
    spoil_files(release, _paths, stems, image, f"{good}\n".encode())
