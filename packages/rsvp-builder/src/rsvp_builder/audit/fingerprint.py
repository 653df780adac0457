"""What is kept of a picture for comparing it: two exact hashes, eight perceptual ones, a thumbnail."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rsvp_builder.audit.decode import UndecodableError, decode
from rsvp_builder.audit.transforms import TRANSFORMS
from rsvp_builder.audit.windows import HASH_SIDE, packed
from rsvp_builder.record import ByteArray

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A picture's fingerprint; a function of its bytes alone.

    Attributes:
        content: SHA-256 of the encoded bytes; 32 zero bytes where the file cannot be read.
        problem: why it cannot be decoded; empty if it can. The rest is then zero.
        width: width in pixels.
        height: height in pixels.
        pixels: hash of the decoded pixels, as :class:`rsvp_builder.audit.decode.Decoded` has it.
        hashes: (8,) uint64, ``imagehash.phash`` of the picture turned by each transform.
        grey: (64, 64) uint8 grey reduction.
    """

    content: bytes
    problem: str
    width: int
    height: int
    pixels: bytes
    hashes: npt.NDArray[np.uint64]
    grey: ByteArray


def content_hash(source: bytes | Path) -> bytes:
    """SHA-256 of a picture's bytes, or of its file.

    Raises:
        OSError: the file cannot be read.
    """
    if isinstance(source, bytes):
        return hashlib.sha256(source).digest()
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.digest()


def fingerprint(source: bytes | Path, content: bytes | None = None) -> Fingerprint:
    """Take the fingerprint of an encoded picture, or of the file of one; damage is told, not raised.

    Args:
        source: the bytes or the path.
        content: what :func:`content_hash` says of it, if that is known already.
    """
    try:
        content = content or content_hash(source)
    except OSError as error:
        return _without_pixels(bytes(32), f"cannot be read: {error.strerror or error}")
    try:
        decoded = decode(source)
    except UndecodableError as error:
        return _without_pixels(content, f"cannot be decoded: {error}")
    return Fingerprint(
        content,
        "",
        decoded.width,
        decoded.height,
        decoded.pixels,
        perceptual_hashes(decoded.grey),
        decoded.grey,
    )


def perceptual_hashes(grey: ByteArray) -> npt.NDArray[np.uint64]:
    """Hashes of a grey reduction (64, 64) and of its other seven orientations: (8,) uint64.

    Reducing and turning commute, so the picture itself need not be turned.
    """
    import imagehash
    from PIL import Image

    bits = [
        imagehash.phash(Image.fromarray(np.ascontiguousarray(t.of_pixels(grey))), hash_size=HASH_SIDE).hash
        for t in TRANSFORMS
    ]
    return packed(np.array(bits).reshape(len(TRANSFORMS), -1))


def _without_pixels(content: bytes, problem: str) -> Fingerprint:
    hashes = np.zeros(len(TRANSFORMS), np.uint64)
    return Fingerprint(content, problem, 0, 0, bytes(32), hashes, np.zeros((64, 64), np.uint8))
