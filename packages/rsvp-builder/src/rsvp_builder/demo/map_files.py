"""Pictures and maps as bytes, and the damage that either of a pair may have."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsvp_builder.demo.land_cover import Bytes, Numbers
from rsvp_builder.demo.palette import Colour
from rsvp_builder.demo.truth import Planted
from rsvp_builder.ledger import Reason

CCITT: dict[str, Any] = {"compression": "tiff_ccitt", "tiffinfo": {262: 0}}
"""How the bits of a building map are stored: run lengths, and 0 is white.

Without the tag the photometric interpretation would be 1, and every reader would see the same.
"""


def tiff(pixels: npt.NDArray[Any], **options: Any) -> bytes:
    """A TIFF of (height, width) or (height, width, bands) bytes, or of (height, width) float32."""
    return _encoded(Image.fromarray(pixels), "TIFF", **options)


def bits_tiff(mask: Bytes) -> bytes:
    """A 1-bit TIFF in which what is not zero is white, stored the way of :data:`CCITT`."""
    return _encoded(
        Image.fromarray(np.where(mask > 0, 255, 0).astype(np.uint8)).convert("1"), "TIFF", **CCITT
    )


def png(pixels: Bytes) -> bytes:
    """A PNG of (height, width) or (height, width, bands) bytes."""
    return _encoded(Image.fromarray(pixels), "PNG")


def jpeg(pixels: Bytes, quality: int = 90) -> bytes:
    """A JPEG, its chroma at full resolution."""
    return _encoded(Image.fromarray(pixels), "JPEG", quality=quality, subsampling=0)


def through_jpeg(pixels: Bytes, quality: int) -> Bytes:
    """The pixels after they have been a JPEG."""
    with Image.open(io.BytesIO(jpeg(pixels, quality))) as image:
        return np.asarray(image.convert("RGB"))


def coloured(numbers: Numbers, colours: tuple[Colour, ...], unlabelled: Colour = (0, 0, 0)) -> Bytes:
    """A colour map: (height, width, 3), with one colour for each number and one for -1."""
    return np.array([*colours, unlabelled], np.uint8)[numbers]


def corner_of(numbers: Numbers) -> tuple[slice, slice]:
    """The rows and columns of the top left corner that a defect spoils: at least one patch as a whole.

    A build decodes what it draws, so that is what it takes for the defect to be seen for certain.
    """
    height, width = numbers.shape
    return slice(0, max(32, height // 5)), slice(0, max(32, width // 5))


def without_corner(numbers: Numbers) -> Numbers:
    """The map with nothing labelled in that corner."""
    rest = numbers.copy()
    rest[corner_of(numbers)] = -1
    return rest


def store(root: Path, file: str, content: bytes) -> None:
    """Writes a file and the folders above it."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a picture and its map go, relative to the root."""

    picture: str
    label: str


def spoil_pairs(
    root: Path, slots: Iterator[Slot], picture: bytes, label: bytes, other_label: bytes
) -> list[Planted]:
    """Adds one pair of files of each bad kind.

    Args:
        root: the release.
        slots: places that nothing is at yet; seven are taken.
        picture: a sound picture.
        label: its map.
        other_label: a map of another size.
    """

    def add(picture: bytes | None, label: bytes | None) -> Slot:
        slot = next(slots)
        for file, content in ((slot.picture, picture), (slot.label, label)):
            if content is not None:
                store(root, file, content)
        return slot

    half = len(picture) // 2, len(label) // 2
    return [
        Planted(add(picture[: half[0]], label).picture, None, Reason.IMAGE_UNREADABLE),
        Planted(add(b"", label).picture, None, Reason.IMAGE_UNREADABLE),
        Planted(add(picture, label[: half[1]]).label, None, Reason.LABEL_UNREADABLE),
        Planted(add(picture, b"").label, None, Reason.LABEL_UNREADABLE),
        Planted(add(picture, other_label).label, None, Reason.SIZE_MISMATCH),
        Planted(add(picture, None).picture, None, Reason.LABEL_MISSING),
        Planted(add(None, label).label, None, Reason.IMAGE_MISSING),
    ]


def _encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()
