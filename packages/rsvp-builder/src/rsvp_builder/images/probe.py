"""Size and soundness of an image file without decoding it."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import imagesize

Format = Literal["png", "jpeg", "tiff", "bmp"]

COPIED: frozenset[Format] = frozenset({"png", "jpeg"})
"""Formats whose bytes are published as they are; others are re-encoded losslessly."""

_HEAD = 33  # of a PNG: the signature, and the header chunk with its checksum
MAX_SIDE = 100_000
"""Pixels of a side above which a header is not believed; the largest real scene has 29,200."""

# Deflate, in one bit a pixel, packs no more than 8,256 pixels into a byte, nor do JPEG and BMP; a blank fax
# in a TIFF packs a row into a bit. A header that promises more is that of a bomb, or its pixels are missing.
_MOST_PIXELS_A_BYTE: dict[Format, int] = {"png": 10_000, "jpeg": 10_000, "bmp": 10_000, "tiff": 1_000_000}

# Some writers append data after the end marker, hardly ever more than this.
_TAILS = (256, 1 << 16)
_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"BM", "bmp"),
)
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
# How a complete file ends. Half-copied files are the commonest damage and lack it.
_ENDING: dict[Format, tuple[bytes, str]] = {
    "png": (b"IEND\xaeB`\x82", "an IEND chunk"),
    "jpeg": (b"\xff\xd9", "an end-of-image marker"),
}


class UnreadableImageError(Exception):
    """An image file that cannot be used.

    Attributes:
        value: what was read.
        expected: what was expected.
    """

    def __init__(self, value: str, expected: str) -> None:
        super().__init__(f"{value}, expected {expected}")
        self.value = value
        self.expected = expected


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the header says: format, width and height in pixels."""

    format: Format
    width: int
    height: int


def probe(path: Path) -> ImageInfo:
    """Read format and size from the header, and check that the file is complete.

    Size comes from the header alone, whatever it is: Pillow's pixel limit does not apply.

    Raises:
        UnreadableImageError: missing, empty, of another format, cut off, without a size or of one that
            no file of its length can hold, or turned by EXIF (annotations may then be for the turned or
            the unturned picture).
    """
    try:
        with path.open("rb") as file:
            return _examine(file)
    except OSError as error:
        raise UnreadableImageError(error.strerror or str(error), "a readable image file") from error


def _examine(file: io.BufferedReader) -> ImageInfo:
    head = file.read(_HEAD)
    if not head:
        raise UnreadableImageError("an empty file", "an image")
    format_ = next((name for magic, name in _MAGIC if head.startswith(magic)), None)
    if format_ == "bmp" and not _is_bitmap(head):
        format_ = None
    if format_ is None:
        raise UnreadableImageError(f"a file starting with {head[:8]!r}", "PNG, JPEG, TIFF or BMP")
    if format_ == "png" and zlib.crc32(head[12:29]) != int.from_bytes(head[29:33], "big"):
        raise UnreadableImageError("a header that does not match its checksum", "a PNG header")
    if format_ in _ENDING and not _ends_with(file, _ENDING[format_][0]):
        expected = f"{_ENDING[format_][1]} at its end"
        raise UnreadableImageError(f"a {format_.upper()} file that is cut off", expected)
    file.seek(0)
    try:
        info = imagesize.get_info(file, dpi=False, colors=False, exif_rotation=format_ == "jpeg")
    except MemoryError:
        raise  # is no fault of the image's
    except Exception as error:  # header parsers fail in many ways on garbage; all mean the same here
        raise UnreadableImageError(f"a damaged header ({error})", f"a {format_.upper()} header") from error
    if info.width <= 0 or info.height <= 0:
        raise UnreadableImageError("a header without a size", f"a {format_.upper()} header")
    if max(info.width, info.height) > MAX_SIDE:
        size = f"{info.width} x {info.height} px"
        raise UnreadableImageError(size, f"an image of at most {MAX_SIDE} px a side")
    length = file.seek(0, io.SEEK_END)
    if info.width * info.height > _MOST_PIXELS_A_BYTE[format_] * length:
        told = f"{info.width} x {info.height} px in {length} bytes"
        raise UnreadableImageError(told, "a file that can hold the picture that its header promises")
    if info.rotation > 1:
        raise UnreadableImageError(f"EXIF orientation {info.rotation}", "an upright image (orientation 1)")
    return ImageInfo(format_, info.width, info.height)


def _is_bitmap(head: bytes) -> bool:
    """Whether a known BMP header follows the two letters, which may begin a text as well."""
    return len(head) >= 18 and int.from_bytes(head[14:18], "little") in _BMP_HEADERS


def _ends_with(file: io.BufferedReader, mark: bytes) -> bool:
    size = file.seek(0, io.SEEK_END)
    for length in _TAILS:
        file.seek(max(0, size - length))
        if mark in file.read():
            return True
    return False
