"""One image of the data set as a small JPEG for the page, or the reason why there is none.

Nothing here fails the page: a file that is gone, broken or too large gives a placeholder.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from rsvp_builder.errors import RsvpError

QUALITY = 82

MAX_DECODED_PIXELS = 40_000_000
"""More than this is not decoded whole; it is read at reduced size, or not at all."""

_SMOOTH_MODES = ("L", "RGB", "RGBA", "CMYK", "YCbCr")

_DRIVERS = {
    b"II*\0": "GTiff",
    b"II+\0": "GTiff",
    b"MM\0*": "GTiff",
    b"MM\0+": "GTiff",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
}
"""GDAL is told the format: left to guess, it also opens formats that point to other files."""

_WINDOW_LENGTH = 4


@dataclass(frozen=True, slots=True)
class Picture:
    """What a card shows.

    Attributes:
        uri: the picture as a data URI, or None.
        problem: why there is no picture, for the reader of the page; empty if there is one.
        width: width of the original in pixels, 0 if unknown.
        height: height of the original in pixels, 0 if unknown.
    """

    uri: str | None
    problem: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """The picture that a row is about.

    Attributes:
        window: the row's tile in the raw image, or None.
        width: width of the row's own image.
        height: height of the row's own image.
    """

    window: list[int] | None
    width: int
    height: int

    def crop_of(self, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """What to cut out of an image of this size: the tile, if the image is the raw one."""
        if self.window is None or len(self.window) != _WINDOW_LENGTH or size == (self.width, self.height):
            return None
        x1, y1, x2, y2 = self.window
        inside = 0 <= x1 < x2 <= size[0] and 0 <= y1 < y2 <= size[1]
        return (x1, y1, x2, y2) if inside else None


def load_picture(
    image: dict[str, Any],
    wanted: Wanted,
    *,
    dataset: Path,
    max_side: int,
    paint: Callable[[bytes], bytes] | None = None,
) -> Picture:
    """Make the picture of a row.

    Args:
        image: the row's ``image``: its ``bytes``, or the ``path`` of the raw file.
        wanted: size and window of the row.
        dataset: what a relative path is relative to.
        max_side: longest side of the JPEG; smaller images keep their size.
        paint: makes the JPEG from the bytes of the image instead, for a picture with marks drawn into it.
    """
    data: bytes | None = image.get("bytes")
    path: str = image.get("path") or ""
    source: bytes | Path
    if data is not None:
        source, where = data, "The image in the data set"
    elif not path:
        return Picture(None, "The row has neither image bytes nor the path of a file.")
    else:
        source, where = dataset / path, f"The file {path}"
        try:
            if not source.is_file():
                return Picture(None, f"The data set refers to a file that is not there: {path}")
        except (OSError, ValueError):  # a name the file system refuses
            return Picture(None, f"The data set refers to a file that cannot exist: {path!r}")
    try:
        if paint is not None:
            painted = paint(source if isinstance(source, bytes) else source.read_bytes())
            return Picture(_jpeg_uri(painted), "", wanted.width, wanted.height)
        small, size = shrink(source, wanted, max_side)
        return Picture(_data_uri(small), "", *size)
    except MemoryError:
        return Picture(None, f"{where} is too large for a preview.")
    except RsvpError as error:
        return Picture(None, str(error))
    except Exception as error:  # a decoder may raise anything on a broken file
        return Picture(None, f"{where} cannot be decoded: {error or type(error).__name__}")


def shrink(source: bytes | Path, wanted: Wanted, max_side: int) -> tuple[Image.Image, tuple[int, int]]:
    """The image in 8 bits and at most ``max_side`` long, and its size before shrinking."""
    with _no_pixel_limit():
        try:
            opened = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
        except UnidentifiedImageError:
            return _read_reduced(source, wanted, max_side)
        with opened as image:
            full = image.size
            box = wanted.crop_of(full)
            if box is None:
                image.draft(None, (max_side, max_side))  # a JPEG decodes itself smaller
            if image.width * image.height > MAX_DECODED_PIXELS:
                return _read_reduced(source, wanted, max_side)
            cut = image if box is None else image.crop(box)
            size = full if box is None else cut.size
            if cut.mode in _SMOOTH_MODES:  # before it changes mode: copies of a large image cost the most
                cut.thumbnail((max_side, max_side), Image.Resampling.LANCZOS, reducing_gap=3.0)
            flat = to_eight_bits(cut, max_side=2 * max_side)
            flat.thumbnail((max_side, max_side), Image.Resampling.LANCZOS, reducing_gap=3.0)
            flat.load()  # while the file is open: an image that needed no change is not read yet
            return flat, size


@contextmanager
def _no_pixel_limit() -> Iterator[None]:
    """Lift Pillow's limit, which only opening checks; the pixels are counted here before decoding."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def to_eight_bits(image: Image.Image, *, max_side: int) -> Image.Image:
    """The image as ``L`` or ``RGB``: deep pixels are stretched, transparent ones become white.

    Deep images are thinned to about ``max_side`` on the way, since every step copies them.
    """
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode[0] in "IF":  # I, I;16, I;16B, F
        step = max(1, max(image.size) // max_side)
        return Image.fromarray(stretch(np.asarray(image)[::step, ::step]))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")


def stretch(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Deep pixels in 8 bits, from the 1st to the 99th percentile of what is finite."""
    if pixels.dtype == np.uint8:
        return pixels
    values = pixels.astype(np.float32)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.zeros(values.shape, np.uint8)
    low, high = np.percentile(finite, (1, 99))
    scaled = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / max(high - low, 1e-12)
    eight: np.ndarray[Any, np.dtype[np.uint8]] = (scaled.clip(0, 1) * 255).round().astype(np.uint8)
    return eight


def _read_reduced(source: bytes | Path, wanted: Wanted, max_side: int) -> tuple[Image.Image, tuple[int, int]]:
    """Read by GDAL, which decodes line by line: for huge rasters and for bands Pillow does not know."""
    import rasterio
    from rasterio.windows import Window

    driver = next((name for magic, name in _DRIVERS.items() if _start(source).startswith(magic)), None)
    if driver is None:
        raise ValueError("it is too large, or of a format that is not known here")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        origin = io.BytesIO(source) if isinstance(source, bytes) else source
        with rasterio.open(origin, driver=driver) as raster:
            x1, y1, x2, y2 = wanted.crop_of((raster.width, raster.height)) or (
                0,
                0,
                raster.width,
                raster.height,
            )
            size = (x2 - x1, y2 - y1)
            scale = min(1.0, max_side / max(size))
            shape = (max(1, round(size[1] * scale)), max(1, round(size[0] * scale)))
            bands = [1, 2, 3] if raster.count >= 3 else [1]
            pixels = raster.read(bands, window=Window(x1, y1, *size), out_shape=(len(bands), *shape))
    flat = stretch(pixels)
    return Image.fromarray(flat[0] if len(bands) == 1 else np.moveaxis(flat, 0, -1)), size


def _start(source: bytes | Path) -> bytes:
    if isinstance(source, bytes):
        return source[:4]
    with source.open("rb") as file:
        return file.read(4)


def _data_uri(image: Image.Image) -> str:
    image.info.clear()  # comments of the original
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return _jpeg_uri(buffer.getvalue())


def _jpeg_uri(content: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(content).decode("ascii")
