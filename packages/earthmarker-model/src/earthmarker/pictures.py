"""Pictures of any kind as RGB of 8 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from earthmarker.errors import EarthMarkerError


class PictureError(EarthMarkerError, ValueError):
    """A picture that cannot be read as one; the message says what was read and what to change."""


def as_rgb(picture: Image.Image) -> Image.Image:
    """The picture as ``RGB``; the argument is left as it is.

    Grey and palette pictures become colour, what is transparent becomes white. Deep pictures (16 bits, whole
    or floating-point numbers) are stretched linearly from their 1st to their 99th percentile, as rsvp-builder
    shows them: cut to 8 bits, nearly all of a satellite image is white.
    """
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode[0] in "IF":  # I, I;16, I;16B, F
        return Image.fromarray(_stretched(np.asarray(picture))).convert("RGB")
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return picture.convert("RGB")


def picture_of(value: Any) -> Image.Image:
    """A picture given as an image, an array or a tensor, as ``RGB``.

    Args:
        value: ``PIL.Image``, or (height, width), (height, width, bands) or (bands, height, width) numbers
            with 1, 3 or 4 bands: uint8, or deeper whole numbers in one band.

    Raises:
        PictureError: if it is anything else.
    """
    if isinstance(value, Image.Image):
        return as_rgb(value)
    pixels = np.asarray(value)
    if pixels.ndim == 3:
        if pixels.shape[-1] not in (1, 3, 4) and pixels.shape[0] in (1, 3, 4):
            pixels = pixels.transpose(1, 2, 0)
        if pixels.shape[-1] == 1:
            pixels = pixels[..., 0]
    deep = pixels.ndim == 2 and pixels.dtype.kind in "iu"
    colour = pixels.ndim == 3 and pixels.shape[-1] in (3, 4) and pixels.dtype == np.uint8
    if not (deep or colour) or not pixels.size:
        raise PictureError(
            f"{type(value).__name__} of shape {np.shape(value)} and type {pixels.dtype} is no picture: "
            "expected an image, or uint8 numbers (height, width, bands) with 1, 3 or 4 bands; scale others "
            "to 0..255"
        )
    if pixels.dtype != np.uint8:
        pixels = _stretched(pixels)
    return as_rgb(Image.fromarray(np.ascontiguousarray(pixels)))


def _stretched(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    values = pixels.astype(np.float64)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.zeros(values.shape, np.uint8)
    low, high = np.percentile(finite, (1, 99))
    scaled = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / max(high - low, 1e-12)
    eight: NDArray[np.uint8] = (scaled.clip(0, 1) * 255).round().astype(np.uint8)
    return eight
