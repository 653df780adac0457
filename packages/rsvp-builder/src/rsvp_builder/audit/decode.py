"""Decoding a picture for comparison: the hash of its pixels and a small grey reduction of it."""

from __future__ import annotations

import hashlib
import io
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import imagesize
import numpy as np
from PIL import Image, UnidentifiedImageError

from rsvp_builder.audit.windows import SIDE, area_average
from rsvp_builder.images.probe import UnreadableImageError
from rsvp_builder.record import ByteArray

MAX_AT_ONCE = 64_000_000
"""Pixels above which a picture is decoded in strips instead of whole."""

_STRIP_PIXELS = 16_000_000


class UndecodableError(Exception):
    """The picture cannot be decoded; the message says why."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What comparing needs of a picture.

    Attributes:
        width: width in pixels.
        height: height in pixels.
        pixels: SHA-256 of size and pixels as 8-bit RGB, row by row. Greyscale, palette and RGB pictures of
            the same look have the same; transparency does not count. Deeper pixels are hashed as they are.
        grey: (64, 64) uint8, area averages of its luminance, the picture squeezed into a square.
    """

    width: int
    height: int
    pixels: bytes
    grey: ByteArray


def decode(source: bytes | Path) -> Decoded:
    """Decode an encoded picture, or the file of one.

    Raises:
        UndecodableError: it is missing, damaged or of an unknown format.
    """
    try:
        width, height = imagesize.get(source if isinstance(source, Path) else io.BytesIO(source))
        if width * height > MAX_AT_ONCE:
            return _in_strips(source)
        return _at_once(source)
    except UnidentifiedImageError as error:
        raise UndecodableError("not an image of a known format") from error
    except MemoryError as error:
        raise UndecodableError("too large for the memory of this machine") from error
    except Exception as error:  # decoders fail in many ways on damaged data; all mean the same here
        raise UndecodableError(str(error) or type(error).__name__) from error


def _at_once(source: bytes | Path) -> Decoded:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about metadata; what matters is raised
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            image.load()
            if image.mode[0] in "IF":
                return _deep(image)
            seen = image if image.mode == "RGB" else image.convert("RGB")
    return Decoded(*seen.size, _hash(seen.size, seen.tobytes()), _reduced(seen))


def _deep(image: Image.Image) -> Decoded:
    from rsvp_builder.gallery.picture import stretch

    values = np.asarray(image)
    digest = _hash(image.size, image.mode.encode() + values.tobytes())
    return Decoded(*image.size, digest, _reduced(Image.fromarray(stretch(values))))


def _hash(size: tuple[int, int], pixels: bytes) -> bytes:
    digest = hashlib.sha256(b"%d x %d\n" % size)
    digest.update(pixels)
    return digest.digest()


def _reduced(image: Image.Image) -> ByteArray:
    return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))


def _in_strips(source: bytes | Path) -> Decoded:
    """The same for a scene that is too large to hold: hashed and averaged strip by strip."""
    from rsvp_builder.images.scene import Scene

    if isinstance(source, bytes):
        with tempfile.NamedTemporaryFile() as file:
            file.write(source)
            file.flush()
            return _in_strips(Path(file.name))
    width, height = imagesize.get(source)
    across, down = (area_average(np.array([0.0]), np.array([1.0]), n)[0] for n in (width, height))
    step = max(1, _STRIP_PIXELS // width)
    digest = hashlib.sha256(b"%d x %d\n" % (width, height))
    grey = np.zeros((SIDE, SIDE), np.float64)
    with Scene(source) as scene:
        for top in range(0, height, step):
            bottom = min(height, top + step)
            try:
                pixels = scene.window(0, top, width, bottom)
            except UnreadableImageError as error:
                raise UndecodableError(str(error)) from error
            if pixels.ndim == 3:
                pixels = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., 0]
            strip = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
            digest.update(strip.tobytes())
            luminance = np.asarray(strip.convert("L"), np.float32)
            grey += down[:, top:bottom] @ (luminance @ across.T)
    return Decoded(width, height, digest.digest(), (grey + 0.5).clip(0, 255).astype(np.uint8))
