"""Damage to pictures: headers that promise too much, other formats, other kinds of pixels."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable

from hostile_bytes import Mutator, flip
from PIL import Image

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIDES = (0, 1, 2, 3, 17, 4096, 30_000, 65_535, 100_000, 100_001, 1 << 24, (1 << 31) - 1, (1 << 32) - 1)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(width: int, height: int, depth: int = 8, colour: int = 2, rows: int = 0) -> bytes:
    """A PNG of a few bytes that promises a picture of any size; only some rows of it follow, all zeros."""
    bits = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] * depth
    row = bytes(1 + (min(width, 100_000) * bits + 7) // 8)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    palette = chunk(b"PLTE", bytes(768)) if colour == 3 else b""
    packer = zlib.compressobj(9)
    packed = b"".join([*(packer.compress(row) for _ in range(rows)), packer.flush()])
    body = chunk(b"IDAT", packed)
    return _SIGNATURE + header + palette + body + chunk(b"IEND", b"")


def tiff(entries: list[tuple[int, int, int, int]], *, following: int = 0, tail: bytes = b"") -> bytes:
    """A little-endian TIFF of one directory; entries are tag, type, count and value or offset."""
    head = b"II*\x00" + struct.pack("<I", 8) + struct.pack("<H", len(entries))
    body = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return head + body + struct.pack("<I", following) + tail


def big_tiff(entries: list[tuple[int, int, int, int]], *, following: int = 0, first: int = 16) -> bytes:
    """A little-endian BigTIFF of one directory."""
    head = b"II+\x00" + struct.pack("<HHQ", 8, 0, first) + struct.pack("<Q", len(entries))
    body = b"".join(struct.pack("<HHQQ", *entry) for entry in sorted(entries))
    return head + body + struct.pack("<Q", following)


def tiff_bomb(width: int, height: int, rows_per_strip: int = 1, *, bands: int = 1, bits: int = 8) -> bytes:
    """A sparse TIFF: a strip that is not there reads as zeros."""
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, bits),
        (259, 3, 1, 1),
        (262, 3, 1, 1 if bands == 1 else 2),
        (273, 4, 1, 0),
        (277, 3, 1, bands),
        (278, 4, 1, rows_per_strip),
        (279, 4, 1, 0),
    ]
    return tiff(entries)


def bitmap(width: int, height: int, bits: int, packing: int, colours: int) -> bytes:
    """The header of a BMP, without pixels."""
    return (
        b"BM"
        + bytes(12)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, 0, 0, 0, colours, 0)
    )


def header(rng: random.Random, data: bytes) -> bytes:
    """Another size or kind in the header of the picture."""
    width, height = rng.choice(SIDES), rng.choice(SIDES)
    if data.startswith(_SIGNATURE) and len(data) > 33:
        fields = list(struct.unpack(">IIBBBBB", data[16:29]))
        for _ in range(rng.choice((1, 2, 4))):
            at = rng.randrange(7)
            fields[at] = rng.choice(SIDES) if at < 2 else rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
        return _SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", *fields)) + data[33:]
    if data[:4] in (b"II*\x00", b"MM\x00*"):
        order = "<" if data[:2] == b"II" else ">"
        first = struct.unpack(order + "I", data[4:8].ljust(4, b"\0"))[0]
        changed = bytearray(data)
        count = struct.unpack_from(order + "H", data, first)[0] if first + 2 <= len(data) else 0
        for _ in range(rng.choice((1, 2, 3))):
            at = first + 2 + 12 * rng.randrange(max(count, 1)) + rng.choice((0, 2, 4, 8, 8, 8))
            if at + 4 <= len(changed):
                struct.pack_into(
                    order + "I", changed, at, rng.choice((*SIDES, first, len(data), rng.getrandbits(32)))
                )
        return bytes(changed)
    if data.startswith(b"BM"):
        return data[:18] + struct.pack("<II", width, height) + data[26:]
    at = data.find(b"\xff\xc0")  # the header of a frame
    if at > 0:
        return data[: at + 5] + struct.pack(">HH", height & 0xFFFF, width & 0xFFFF) + data[at + 9 :]
    return flip(rng, data)


def bomb(rng: random.Random, data: bytes) -> bytes:
    """A tiny file that promises a gigantic picture."""
    width, height = rng.choice(SIDES), rng.choice(SIDES)
    loop = [(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    bad = [(273, 16, 1 << 61, 1 << 62), (279, 16, 1 << 61, 1 << 62)]
    makers: tuple[Callable[[], bytes], ...] = (
        lambda: png_bomb(width, height, rows=rng.choice((0, 1, 50)), colour=rng.choice((0, 2, 3, 4, 6))),
        lambda: png_bomb(30_000, 30_000),
        lambda: png_bomb(10_000, 10_000, depth=1, colour=0, rows=10_000),
        lambda: tiff_bomb(width, height, rng.choice((1, height, 1 << 31))),
        lambda: tiff_bomb(31_000, 31_000, 31_000),
        lambda: tiff_bomb(31_000, 31_000, 31_000, bands=4),
        lambda: tiff(loop, following=8),
        lambda: tiff(loop, following=1 << 31),
        lambda: big_tiff(loop, following=16),
        lambda: big_tiff(loop + bad),
        lambda: big_tiff([], first=(1 << 63) + 5),
        lambda: b"II+\x00" + struct.pack("<HHQQ", 8, 0, 16, 1 << 62),
        lambda: b"II*\x00" + struct.pack("<IH", 8, 65_535),
        lambda: bitmap(100_000, -100_000, 24, 0, 0),
        lambda: bitmap(64, 64, 8, 1, 1 << 31),
    )
    return rng.choice(makers)()


def other_picture(rng: random.Random, data: bytes) -> bytes:
    """A sound picture of another size, format or kind of pixels."""
    mode = rng.choice(("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F", "YCbCr", "LAB"))
    size = rng.choice(((1, 1), (1, 5000), (5000, 1), (16, 16), (40, 30), (1200, 1100)))
    image = Image.new(mode, size)
    format_, suffix = rng.choice(
        (("PNG", {}), ("JPEG", {}), ("TIFF", {}), ("BMP", {}), ("GIF", {}), ("WEBP", {}))
    )
    if format_ == "TIFF":
        packings = (
            None,
            "tiff_lzw",
            "tiff_adobe_deflate",
            "packbits",
            *(["jpeg"] if mode in ("L", "RGB") else []),
        )
        suffix = {"compression": rng.choice(packings)}
    if format_ == "JPEG" and rng.random() < 0.5:
        exif = Image.Exif()
        exif[0x0112] = rng.choice((0, 1, 3, 6, 8, 99))
        suffix = {"exif": exif.tobytes()}
    out = io.BytesIO()
    try:
        image.save(out, format_, **{k: v for k, v in suffix.items() if v})
    except (OSError, ValueError, KeyError):
        out = io.BytesIO()
        image.convert("RGB").save(out, "PNG")
    return out.getvalue()


def text_instead(rng: random.Random, data: bytes) -> bytes:
    """No picture at all."""
    return rng.choice(
        (
            b"<html>404</html>",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            b"<VRTDataset rasterXSize='1' rasterYSize='1'><VRTRasterBand><SimpleSource><SourceFilename>"
            b"/etc/passwd</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>",
            b"PK\x03\x04" + data,
            b"\x1f\x8b\x08\x00" + data,
            b"%PDF-1.4\n",
            b"P6 100000 100000 255\n",
        )
    )


PICTURE: dict[str, Mutator] = {f.__name__: f for f in (header, bomb, other_picture, text_instead)}
