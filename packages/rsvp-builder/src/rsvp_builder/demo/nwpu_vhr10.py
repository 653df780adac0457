"""Writes a miniature NWPU VHR-10: boxes in parentheses, and images without any that share the others' names.

A line is ``(x1,y1),(x2,y2),class``, the numbers padded with blanks, with a blank at its end. Some files have
empty lines, some lack the end of the last line. Images 369 to 453 are false-colour infrared.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from rsvp_builder.demo.box_files import BadLine, spoil_files, spoil_lines
from rsvp_builder.demo.snapshots import Sight, draw, encoded
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.demo.voc_parts import save
from rsvp_builder.ledger import Reason

_TOP = "NWPU VHR-10 dataset"
_SIZE = (264, 212)
_INFRARED = range(369, 454)
_README = "NWPU VHR-10 dataset: a ten-class detection dataset. Used for research purposes only.\n"

_PICTURES: dict[int, tuple[str, list[Sight]]] = {
    1: (
        "concrete",
        [
            Sight("1", "plane", 52, 60, 64, 68, 10),
            Sight("1", "plane", 140, 70, 60, 62, -20),
            Sight("1", "plane", 214, 150, 70, 72, 95),
        ],
    ),
    2: (
        "water",
        [
            Sight("9", "bridge", 132, 36, 26, 150, 90),
            Sight("8", "harbor", 60, 130, 18, 110),
            Sight("2", "ship", 96, 124, 20, 70, 3),
            Sight("2", "ship", 190, 140, 24, 84, 40),
        ],
    ),
    60: (
        "grass",
        [
            *(Sight("3", "storage-tank", x, 50, 46, 46) for x in (40, 100, 160)),
            Sight("4", "baseball-diamond", 150, 148, 92, 92, 30),
        ],
    ),
    200: (
        "paving",
        [
            Sight("7", "ground-track-field", 66, 106, 92, 176),
            Sight("5", "tennis-court", 150, 60, 34, 70),
            Sight("5", "tennis-court", 200, 60, 34, 70),
            Sight("6", "basketball-court", 176, 156, 44, 80, 90),
        ],
    ),
    434: (
        "meadow",
        [Sight("10", "small-vehicle", x, y, 16, 36, 4) for x in (60, 110, 160) for y in (60, 130)],
    ),
    440: ("grass", [Sight("10", "small-vehicle", x, 100, 18, 40, 92) for x in (50, 130, 210)]),
}
_NEGATIVE = {1: "soil", 2: "forest"}


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    for number, (ground, sights) in _PICTURES.items():
        picture = draw(_SIZE, ground, sights, (seed, number))
        if number in _INFRARED:
            picture = _infrared(picture)
        lines = [_line(sight) for sight in sights]
        text = "\n".join(lines).rstrip(" ") if number == 440 else "".join(f"{line}\n" for line in lines)
        if number == 434:
            text = text.replace("\n", "\n\n", 2) + "\n" * 3
        image, label = _paths(f"{number:03d}")
        save(root, [(image, encoded(picture, "JPEG")), (label, text)])
        things = [Thing(sight.token, sight.box) for sight in sights]
        release.images[f"train/positive image set/{number:03d}"] = things
    for number, ground in _NEGATIVE.items():
        picture = draw(_SIZE, ground, [], (seed, 1000 + number))
        save(root, [(f"{_TOP}/negative image set/{number:03d}.jpg", encoded(picture, "JPEG"))])
        release.background.append(f"train/negative image set/{number:03d}")
    save(root, [(f"{_TOP}/readme.txt", _README)])
    if with_defects:
        _spoil(release, seed)
    return release


def _paths(stem: str) -> tuple[str, str]:
    return f"{_TOP}/positive image set/{stem}.jpg", f"{_TOP}/ground truth/{stem}.txt"


def _line(sight: Sight) -> str:
    x1, y1, x2, y2 = (int(v) for v in sight.box)
    return f"({x1:3d},{y1:3d}),({x2:3d},{y2:3d}),{sight.token} "


def _infrared(picture: Image.Image) -> Image.Image:
    """The picture as infrared, red and green: what grows is red."""
    red, green, blue = (band.astype(int) for band in np.asarray(picture).transpose(2, 0, 1))
    infrared = np.clip(2 * green - (red + blue) // 2 + 30, 0, 255)
    return Image.fromarray(np.stack([infrared, red, green], axis=2).astype(np.uint8))


def _spoil(release: Release, seed: int) -> None:
    width, height = _SIZE
    sight = Sight("3", "storage-tank", 130, 100, 60, 60)
    image = encoded(draw(_SIZE, "paving", [sight], (seed, 99)), "JPEG")
    good = _line(sight)
    lines = [
        BadLine("( 20, 30),( 60, 80) ", Reason.MALFORMED_LINE),
        BadLine("( 20, 30),( 60, 80),1,1 ", Reason.MALFORMED_LINE),
        BadLine("( 20, xx),( 60, 80),1 ", Reason.MALFORMED_LINE),
        BadLine("airplane ", Reason.MALFORMED_LINE),
        BadLine("( 20, 30),( 60, 80),11 ", Reason.UNKNOWN_CLASS, "11"),
        BadLine("( 20, 30),( 60, 80),0 ", Reason.UNKNOWN_CLASS, "0"),
        BadLine("( 60, 30),( 20, 80),1 ", Reason.DEGENERATE, "60"),
        BadLine("( 50, 30),( 50, 80),2 ", Reason.DEGENERATE, "50"),
        BadLine(
            f"({width + 9},{height + 9}),({width + 50},{height + 40}),3 ",
            Reason.OUTSIDE_IMAGE,
            str(width + 50),
        ),
    ]
    picture, label = _paths("600")
    save(release.root, [(picture, image), (label, spoil_lines(release, label, lines, good))])
    release.images["train/positive image set/600"] = [Thing("3", sight.box)] * 2
    stems = (f"{number}" for number in range(601, 651))
    spoil_files(release, _paths, stems, image, f"{good}\n".encode())
    again = f"{_TOP}/zip 2/positive image set/001.jpg"
    save(release.root, [(again, image)])
    release.defects.append(Planted(again, None, Reason.DUPLICATE_STEM, "001.jpg"))
