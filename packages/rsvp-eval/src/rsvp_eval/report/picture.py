"""Pictures of a page: scaled down, encoded as data, marks as shapes over them."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

    from rsvp_eval.inputs.pictures import Picture
    from rsvp_eval.inputs.rows import Mark

SIDE = 512
"""Longest side of a picture of the page, in pixels."""

_QUALITY = 80


@dataclass(frozen=True)
class Shape:
    """A mark in pixels of the original picture.

    Attributes:
        index: number of the mark.
        asked: the sample is about this one.
        box: ``x y width height``, or None.
        point: ``x y``, or None.
        label: place of its number, ``x y``: the lower left corner of the tag.
    """

    index: int
    asked: bool
    box: tuple[float, float, float, float] | None
    point: tuple[float, float] | None
    label: tuple[float, float]


@dataclass(frozen=True)
class Drawing:
    """A picture with its marks.

    Attributes:
        uri: the scaled picture as a ``data:`` address.
        width: of the original, in pixels; so are the coordinates of the shapes.
        height: of the original.
        unit: height of a mark's tag in pixels of the original.
        shapes: the marks, those asked about last so that they lie on top.
    """

    uri: str
    width: int
    height: int
    unit: float
    shapes: tuple[Shape, ...]


def drawing(picture: Picture, uri: str, asked: int | None) -> Drawing:
    """A picture as the page shows it.

    Args:
        picture: of a row.
        uri: its bytes by :func:`data_uri`.
        asked: index of the mark that the sample is about; None for all.
    """
    unit = max(picture.width, picture.height) / 22
    shapes = [_shape(mark, asked in (None, mark.index), unit) for mark in picture.marks]
    shapes.sort(key=lambda shape: shape.asked)
    return Drawing(uri, picture.width, picture.height, unit, tuple(shapes))


def data_uri(content: bytes, side: int = SIDE) -> str | None:
    """A picture scaled to at most ``side`` pixels, as JPEG; None if it is none that can be read."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # A large picture is meant to be one here: it comes from the user's own data set.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as image:
                image.draft("RGB", (side * 2, side * 2))
                small = _eight_bits(image)
        small.thumbnail((side, side))
        file = io.BytesIO()
        small.save(file, "JPEG", quality=_QUALITY, optimize=True)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        return None
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _eight_bits(image: Image) -> Image:
    """As RGB; more than eight bits are stretched from the darkest to the brightest pixel."""
    from PIL import Image as Images

    if image.mode[0] not in "IF":
        return image.convert("RGB")
    import numpy as np

    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) * (255 / (high - low) if high > low else 0)
    return Images.fromarray(scaled.astype(np.uint8)).convert("RGB")


def _shape(mark: Mark, asked: bool, unit: float) -> Shape:
    if mark.xyxy is not None:
        x1, y1, x2, y2 = mark.xyxy
        # Above the box, or inside where there is no room above.
        label = (x1, y1 if y1 >= unit else y1 + unit)
        return Shape(mark.index, asked, (x1, y1, x2 - x1, y2 - y1), None, label)
    x, y = mark.xy or (0.0, 0.0)
    return Shape(
        mark.index, asked, None, (x, y), (x + unit / 3, y - unit / 3 if y >= 1.5 * unit else y + unit * 1.3)
    )
