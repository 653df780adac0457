"""The damage that a release may have: one of each kind, put where a release is otherwise good."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rsvp_builder.demo.scenes import compose

GOOD_LINE = "60 60 90 60 90 90 60 90 storage-tank 0"
FIELD_DEFECTS = (
    ("field_count", "100 100 130 100 130 120 small-vehicle", None),
    ("field_count", "100 100 130 100 130 120 100 120 small-vehicle 0 0 1", None),
    ("not_a_number", "100 1o0 130 100 130 120 100 120 small-vehicle 0", "1o0"),
    ("not_finite", "nan 100 130 100 130 120 100 120 small-vehicle 0", "nan"),
    ("unknown_class", "100 100 130 100 130 120 100 120 small-vehicel 0", "small-vehicel"),
    ("difficult_value", "100 100 130 100 130 120 100 120 small-vehicle 7", "7"),
    ("degenerate", "100 100 100 100 100 100 100 100 ship 0", "100 100 100 100 100 100 100 100"),
    ("degenerate", "100 100 120 110 140 120 160 130 ship 0", "100 100 120 110 140 120 160 130"),
)
"""Kind, line, and the offending text where that is less than the whole line."""


@dataclass(frozen=True, slots=True)
class Defect:
    """Something wrong in a release.

    Attributes:
        file: the file that shows it, relative to the root, with forward slashes. A label without an
            image is told of the label, an image without a label of the image.
        line: 1-based line, blank lines counted; None where the whole file is concerned.
        kind: the name of the mistake.
        value: the offending text: the whole line for ``field_count``, the eight numbers for
            ``degenerate`` and ``outside_image``, the one field for the other defects of a line, the byte
            for ``label_encoding``, empty for the rest.
    """

    file: str
    line: int | None
    kind: str
    value: str


def spoil_lines(root: Path, label: str, size: tuple[int, int]) -> list[Defect]:
    """Appends one line of each bad kind to a label file.

    Blank lines and trailing blanks come in too: they are tolerated, but line numbers must count them.

    Args:
        root: the release.
        label: the label file, relative to the root; its good lines stay as they are.
        size: width and height of its image.
    """
    path = root / label
    lines = path.read_bytes().decode().splitlines()
    lines[-1] += " \t "
    lines.insert(len(lines) - 1, "")
    lines.append("")

    x, y = size[0] + 40, size[1] + 60
    outside = f"{x} {y} {x + 30} {y} {x + 30} {y + 20} {x} {y + 20}"
    defects = []
    for kind, text, value in (*FIELD_DEFECTS, ("outside_image", f"{outside} plane 0", outside)):
        lines.append(text)
        defects.append(Defect(label, len(lines), kind, text if value is None else value))
    path.write_bytes("".join(line + "\r\n" for line in lines).encode())
    return defects


def spoil_files(root: Path, images: str, labels: str, stems: Iterator[str]) -> list[Defect]:
    """Adds one file, or pair of files, of each bad kind.

    Args:
        root: the release.
        images: image folder relative to the root.
        labels: label folder relative to the root.
        stems: names that no file of the release has yet.
    """
    buffer = io.BytesIO()
    compose("countryside", (240, 200), np.random.default_rng(0)).picture().save(buffer, "PNG")
    png = buffer.getvalue()
    good = f"{GOOD_LINE}\r\n".encode()

    def add(image: bytes | None, label: bytes | None) -> tuple[str, str]:
        stem = next(stems)
        image_file, label_file = f"{images}/{stem}.png", f"{labels}/{stem}.txt"
        for file, content in ((image_file, image), (label_file, label)):
            if content is not None:
                (root / file).write_bytes(content)
        return image_file, label_file

    return [
        Defect(
            add(png, good + b"60 60 90 60 90 90 60 90 h\xe9liport 0\r\n")[1], 2, "label_encoding", "\\xe9"
        ),
        Defect(add(None, good)[1], None, "image_missing", ""),
        Defect(add(png, None)[0], None, "label_missing", ""),
        Defect(add(png[: len(png) // 2], good)[0], None, "image_truncated", ""),
        Defect(add(b"", good)[0], None, "image_empty", ""),
        Defect(add(b"<html>404 Not Found</html>\n", good)[0], None, "image_format", ""),
    ]
