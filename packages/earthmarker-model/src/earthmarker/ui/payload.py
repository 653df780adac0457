"""What the page sends: marks as JSON, and the path of an image that it has uploaded."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from earthmarker.errors import EarthMarkerError
from earthmarker.pictures import as_rgb
from earthmarker.prompts import Box, Mark, Point

SHOWN = 2048  # longest side of a picture as it is sent to the page, in pixels


def marks_of(value: str | None) -> tuple[Mark, ...]:
    """Marks of a list of ``{"box": [x1, y1, x2, y2]}`` and ``{"point": [x, y]}`` in pixels of the image.

    Raises:
        EarthMarkerError: if it is anything else.
    """
    try:
        return tuple(_mark(entry) for entry in json.loads(value or "[]"))
    except (ValueError, TypeError, AttributeError) as error:
        raise EarthMarkerError(
            f"the page sent marks that are none ({error}): expected a list of box or point; reload the page"
        ) from error


def _mark(entry: dict[str, Any]) -> Mark:
    [(kind, numbers)] = entry.items()
    makers: dict[str, tuple[Any, int]] = {"box": (Box, 4), "point": (Point, 2)}
    make, count = makers.get(kind, (None, 0))
    if make is None or len(numbers) != count:
        raise ValueError(f"read {entry!r}")
    mark: Mark = make(*map(float, numbers))
    return mark


def open_picture(path: str | Path, uploads: str | Path) -> Image.Image:
    """Read an uploaded image as RGB (:func:`earthmarker.pictures.as_rgb`), turned upright as its camera says.

    Args:
        path: as the page gives it; what lies outside ``uploads`` is refused, since anybody can send a path.
        uploads: folder that uploads go to.

    Raises:
        EarthMarkerError: if it is no upload, or no image.
    """
    file = Path(path).resolve()
    name = file.name
    if not file.is_relative_to(Path(uploads).resolve()) or not file.is_file():
        raise EarthMarkerError(f"{name}: not a file that this page has uploaded; open the image again")
    try:
        with Image.open(file) as image:
            return as_rgb(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError as error:
        raise EarthMarkerError(f"{name}: too large to open whole ({error}); cut a tile out first") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise EarthMarkerError(
            f"{name}: cannot be read as an image ({error}); give PNG, JPEG, TIFF or another that Pillow reads"
        ) from error


def shown(picture: Image.Image) -> dict[str, Any]:
    """A picture for the page: its true ``width`` and ``height``, and a smaller copy of it as ``src``."""
    small = picture.copy()
    small.thumbnail((SHOWN, SHOWN))
    return {"width": picture.width, "height": picture.height, "src": data_uri(small, "JPEG")}


def data_uri(image: Image.Image, form: str = "PNG") -> str:
    """An image inside an address, so that nothing of it is left on disk."""
    buffer = io.BytesIO()
    image.save(buffer, form, **({"quality": 90} if form == "JPEG" else {}))
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
