"""Writes a miniature VisDrone2019-DET: boxes with regions to ignore among them, lines that end in CRLF.

A line is ``left,top,width,height,score,category,truncation,occlusion``. Category 0 is a region to ignore,
11 is anything else; the score of both is 0. The labels of test-challenge were never released.
"""

from __future__ import annotations

from pathlib import Path

from rsvp_builder.demo.box_files import BadLine, spoil_files, spoil_lines
from rsvp_builder.demo.snapshots import Sight, draw, encoded
from rsvp_builder.demo.truth import Release, Thing
from rsvp_builder.demo.voc_parts import save
from rsvp_builder.ledger import Reason

_SIZE = (272, 204)
_END = "\r\n"
_FOLDERS = {"train": "train", "val": "val", "test_dev": "test-dev", "test_challenge": "test-challenge"}


def _car(token: str, x: float, y: float, heading: float = 90) -> Sight:
    large = token in ("6", "9")
    return Sight(token, "large-vehicle" if large else "small-vehicle", x, y, 18, 52 if large else 38, heading)


def _person(token: str, x: float, y: float) -> Sight:
    return Sight(token, "storage-tank", x, y, 8, 12)


# A sight with its truncation and occlusion.
_Seen = tuple[Sight, int, int]

_PICTURES: dict[str, dict[str, tuple[str, list[_Seen]]]] = {
    "train": {
        "0000002_00005_d_0000014": (
            "asphalt",
            [
                (Sight("0", "hall", 210, 30, 100, 46, 90), 0, 0),
                (_car("4", 40, 60), 0, 0),
                (_car("4", 100, 60), 0, 1),
                (_car("5", 160, 100), 0, 2),
                (_car("9", 80, 140), 0, 0),
                (_person("1", 230, 150), 0, 0),
                (Sight("11", "containers", 190, 176, 26, 34), 0, 0),
            ],
        ),
        "0000003_00231_d_0000016": (
            "paving",
            [
                (_person("1", 60, 60), 0, 0),
                (_person("2", 90, 64), 0, 1),
                (_person("3", 120, 100), 0, 0),
                (_person("10", 160, 100), 0, 0),
                (_car("7", 60, 150), 0, 0),
                (_car("8", 130, 150), 0, 0),
                (_car("6", 226, 120, 0), 1, 0),
            ],
        ),
    },
    "val": {"0000001_02999_d_0000005": ("asphalt", [(_car("4", 60, 70), 0, 0), (_car("6", 180, 120), 1, 2)])},
    "test_dev": {"0000006_00159_d_0000001": ("asphalt", [(_car("4", 140, 100, 30), 0, 0)])},
    "test_challenge": {"0000189_00297_d_0000198": ("grass", [(_car("4", 140, 100), 0, 0)])},
}
_IGNORED = {"0", "11"}


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Writes the release; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    number = 0
    for split, pictures in _PICTURES.items():
        for stem, (ground, seen) in pictures.items():
            number += 1
            image, label = _paths(split, stem)
            picture = draw(_SIZE, ground, [sight for sight, *_ in seen], (seed, number))
            save(root, [(image, encoded(picture, "JPEG"))])
            if split == "test_challenge":
                release.unlabelled.append(f"{split}/{stem}")
                continue
            # Lines of some files end in one more comma.
            comma = "," if split == "val" else ""
            save(root, [(label, "".join(f"{_line(one)}{comma}{_END}" for one in seen))])
            release.images[f"{split}/{stem}"] = [_thing(one) for one in seen if one[0].token not in _IGNORED]
    if with_defects:
        _spoil(release, seed)
    return release


def _paths(split: str, stem: str) -> tuple[str, str]:
    folder = f"VisDrone2019-DET-{_FOLDERS[split]}"
    return f"{folder}/images/{stem}.jpg", f"{folder}/annotations/{stem}.txt"


def _line(seen: _Seen) -> str:
    sight, truncation, occlusion = seen
    x1, y1, x2, y2 = (int(v) for v in sight.box)
    score = 0 if sight.token in _IGNORED else 1
    return f"{x1},{y1},{x2 - x1},{y2 - y1},{score},{sight.token},{truncation},{occlusion}"


def _thing(seen: _Seen) -> Thing:
    sight, truncation, occlusion = seen
    flags = (("truncated",) if truncation else ()) + (("occluded",) if occlusion else ())
    return Thing(sight.token, sight.box, flags=flags)


def _spoil(release: Release, seed: int) -> None:
    width = _SIZE[0]
    seen = _car("4", 140, 100), 0, 0
    image = encoded(draw(_SIZE, "asphalt", [seen[0]], (seed, 99)), "JPEG")
    lines = [
        BadLine("60,70,0,12,1,4,0,0", Reason.DEGENERATE, "60"),
        BadLine("60,70,20,0,1,4,0,0", Reason.DEGENERATE, "60"),
        BadLine("60,70,-20,12,1,4,0,0", Reason.DEGENERATE, "60"),
        BadLine("60,70,20,12,1,4,0", Reason.MALFORMED_LINE),
        BadLine("60,70,2o,12,1,4,0,0", Reason.MALFORMED_LINE),
        BadLine("60 70 20 12 1 4 0 0", Reason.MALFORMED_LINE),
        BadLine("60,70,20,12,1,12,0,0", Reason.UNKNOWN_CLASS, "12"),
        BadLine(f"{width + 5},70,20,12,1,4,0,0", Reason.OUTSIDE_IMAGE, str(width + 5)),
    ]

    def paths(stem: str) -> tuple[str, str]:
        return _paths("train", stem)

    stem = "9999999_00590_d_0000267"
    picture, label = paths(stem)
    text = spoil_lines(release, label, lines, _line(seen), end=_END)
    save(release.root, [(picture, image), (label, text)])
    release.images[f"train/{stem}"] = [_thing(seen)] * 2
    stems = (f"9999999_{number:05d}_d_0000300" for number in range(600, 650))
    spoil_files(release, paths, stems, image, f"{_line(seen)}{_END}".encode())
