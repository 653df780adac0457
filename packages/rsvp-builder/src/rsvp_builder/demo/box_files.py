"""What the writers of releases with a text file of boxes an image share: bad lines and bad files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rsvp_builder.demo.truth import Planted, Release
from rsvp_builder.demo.voc_parts import save
from rsvp_builder.ledger import Reason

Paths = Callable[[str], tuple[str, str]]
"""From the stem of an image to its picture and its label file, relative to the root."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that gives no object.

    Attributes:
        text: the line, without its end.
        reason: why.
        value: a part of what the ledger has to show; the whole line where it is None.
    """

    text: str
    reason: Reason
    value: str | None = None


def spoil_lines(
    release: Release, label: str, lines: Sequence[BadLine], good: str, *, end: str = "\n"
) -> bytes:
    """The text of a label file with a good line, all the bad ones, and the good one again.

    Args:
        release: gets the defects.
        label: path of the label file, relative to the root.
        lines: what is wrong.
        good: a good line, without its end.
        end: how lines end.
    """
    texts = [good, *(line.text for line in lines), good]
    for number, line in enumerate(lines, start=2):
        value = line.text.strip() if line.value is None else line.value
        release.defects.append(Planted(label, number, line.reason, value))
    return "".join(f"{text}{end}" for text in texts).encode()


def spoil_files(release: Release, paths: Paths, stems: Iterable[str], image: bytes, label: bytes) -> None:
    """Add one file, or pair of files, of each bad kind.

    Args:
        release: gets the defects.
        paths: where files lie.
        stems: names that no file of the release has yet.
        image: a sound picture.
        label: a sound label file.
    """
    half = image[: len(image) // 2]
    utf_16 = b"\xff\xfe" + label.decode().encode("utf-16-le")
    broken: tuple[tuple[bytes | None, bytes | None, str, Reason, str], ...] = (
        (half, label, "image", Reason.IMAGE_UNREADABLE, "cut off"),
        (b"", label, "image", Reason.IMAGE_UNREADABLE, "empty"),
        (b"<html>404 Not Found</html>\n", label, "image", Reason.IMAGE_UNREADABLE, "<html>"),
        (None, label, "label", Reason.IMAGE_MISSING, ""),
        (image, None, "image", Reason.LABEL_MISSING, ""),
        (image, utf_16, "label", Reason.LABEL_UNREADABLE, "UTF-16"),
    )
    for stem, (picture, text, where, reason, value) in zip(stems, broken, strict=False):
        files = list(zip(paths(stem), (picture, text), strict=True))
        save(release.root, [(path, content) for path, content in files if content is not None])
        shown = files[0][0] if where == "image" else files[1][0]
        release.defects.append(Planted(shown, None, reason, value))
