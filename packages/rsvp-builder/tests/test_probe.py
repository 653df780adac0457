"""Size and soundness of image files, from their headers alone."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsvp_builder.images import probe as module
from rsvp_builder.images.probe import ImageInfo, UnreadableImageError, probe

FORMATS = ("png", "jpeg", "tiff", "bmp")
IEND = b"\x00\x00\x00\x00IEND\xaeB`\x82"
ORIENTATION = 0x0112


def noise(width: int, height: int, bands: int = 3) -> Image.Image:
    shape = (height, width) if bands == 1 else (height, width, bands)
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, np.uint8))


def encoded(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_.upper(), **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int) -> bytes:
    """A PNG of which only the header says anything: its pixels are missing, not their length."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    header += chunk(b"fiLl", bytes(min(width * height // 9_000, 1 << 20)))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + IEND


@pytest.fixture
def examine(tmp_path: Path):
    def write_and_probe(data: bytes) -> ImageInfo:
        path = tmp_path / "P0000.png"
        path.write_bytes(data)
        return probe(path)

    return write_and_probe


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("size", [(70, 50), (1, 1), (1, 300), (300, 1)])
def test_size_and_format_come_from_the_content_whatever_the_name_says(examine, format_, bands, size) -> None:
    assert examine(encoded(noise(*size, bands), format_)) == ImageInfo(format_, *size)


@pytest.mark.parametrize(
    ("format_", "options"),
    [
        ("jpeg", {"progressive": True}),
        ("jpeg", {"exif": b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00"}),
        ("jpeg", {"icc_profile": b"x" * 100_000}),
        ("tiff", {"compression": "tiff_lzw"}),
        ("tiff", {"compression": "jpeg"}),
        ("tiff", {"big_tiff": True}),
        ("png", {"compress_level": 0}),
    ],
)
def test_variants_of_the_formats_are_understood(examine, format_, options) -> None:
    assert examine(encoded(noise(70, 50), format_, **options)) == ImageInfo(format_, 70, 50)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA"])
def test_every_kind_of_png_has_a_size(examine, mode) -> None:
    assert examine(encoded(noise(70, 50).convert(mode), "png")) == ImageInfo("png", 70, 50)


@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from(FORMATS))
def test_any_size_is_the_one_that_was_written(tmp_path_factory, width, height, format_) -> None:
    path = tmp_path_factory.getbasetemp() / "any_size"
    path.write_bytes(encoded(Image.new("L", (width, height)), format_))
    assert probe(path) == ImageInfo(format_, width, height)


@pytest.mark.parametrize("size", [(30000, 30000), (29200, 27620), (20000, 20000)])
def test_scenes_of_hundreds_of_megapixels_are_not_decoded(examine, size) -> None:
    tracemalloc.start()
    began = time.perf_counter()
    try:
        assert examine(png_header(*size)) == ImageInfo("png", *size)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - began < 1


def test_a_file_is_not_read_as_a_whole(tmp_path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png_header(5000, 5000)[: -len(IEND)] + b"\x00" * 20_000_000 + IEND)
    tracemalloc.start()
    try:
        assert probe(path) == ImageInfo("png", 5000, 5000)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


class TestFilesThatAreNoImages:
    def test_a_missing_file_is_told(self, tmp_path) -> None:
        with pytest.raises(UnreadableImageError, match="No such file"):
            probe(tmp_path / "gone.png")

    def test_a_folder_is_told(self, tmp_path) -> None:
        with pytest.raises(UnreadableImageError, match="directory"):
            probe(tmp_path)

    def test_an_empty_file_is_told(self, examine) -> None:
        with pytest.raises(UnreadableImageError, match="an empty file") as caught:
            examine(b"")
        assert caught.value.expected

    @pytest.mark.parametrize(
        "data",
        [
            b"<html>404 Not Found</html>\n",
            b"GIF89a" + bytes(100),
            b"\x00",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            b"RIFF\x00\x00\x00\x00WEBP" + bytes(50),
        ],
    )
    def test_another_content_is_told_with_how_it_starts(self, examine, data) -> None:
        with pytest.raises(UnreadableImageError) as caught:
            examine(data)
        assert repr(data[:4])[2:-1] in caught.value.value
        assert "PNG" in caught.value.expected

    @pytest.mark.parametrize(
        "data",
        [
            b"BM",
            b"BMI of the population, by age\n",
            b"BMW makes cars, and this file is plain text with some more words in it.\n" * 3,
        ],
    )
    def test_a_text_that_starts_like_a_bmp_is_no_image(self, examine, data) -> None:
        with pytest.raises(UnreadableImageError):
            examine(data)

    @pytest.mark.parametrize("size", [(0, 10), (10, 0), (0, 0)])
    def test_a_header_without_a_size_is_told(self, examine, size) -> None:
        with pytest.raises(UnreadableImageError):
            examine(png_header(*size))

    @pytest.mark.parametrize(
        "data",
        [
            b"\x89PNG\r\n\x1a\n" + IEND,
            b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"") + IEND,
            b"\xff\xd8\xff\xd9",
            b"\xff\xd8\xff\xe0\x00\x02\xff\xd9",
            b"II*\x00",
            b"II*\x00\xff\xff\xff\xff",
            b"MM\x00*\x00\x00\x00\x08\x00\x00",
            b"BM" + bytes(60),
        ],
    )
    def test_a_magic_number_alone_is_no_image(self, examine, data) -> None:
        with pytest.raises(UnreadableImageError):
            examine(data)

    @given(
        st.sampled_from(
            [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"II+\x00", b"BM"]
        ),
        st.binary(max_size=120),
        st.sampled_from([b"", IEND, b"\xff\xd9"]),
    )
    def test_garbage_is_refused_or_has_a_size_and_never_raises_anything_else(
        self, tmp_path_factory, head, body, tail
    ) -> None:
        path = tmp_path_factory.getbasetemp() / "garbage"
        path.write_bytes(head + body + tail)
        try:
            info = probe(path)
        except UnreadableImageError as error:
            assert error.value
            assert error.expected
        else:
            assert info.width > 0
            assert info.height > 0


class TestDamage:
    @pytest.mark.parametrize("format_", ["png", "jpeg"])
    @pytest.mark.parametrize("kept", [0.02, 0.5, 0.9, 0.999])
    def test_a_file_that_was_cut_off_is_told(self, examine, format_, kept) -> None:
        data = encoded(noise(300, 200), format_)
        with pytest.raises(UnreadableImageError, match="cut off"):
            examine(data[: int(len(data) * kept)])

    @pytest.mark.parametrize("format_", ["tiff", "bmp"])
    def test_a_header_that_was_cut_off_is_told(self, examine, format_) -> None:
        with pytest.raises(UnreadableImageError, match=format_.upper()):
            examine(encoded(noise(300, 200), format_)[:12])

    @pytest.mark.parametrize("format_", FORMATS)
    @pytest.mark.parametrize("extra", [b"\n", b"\x00" * 12, b"appended by somebody\n" * 50])
    def test_data_after_the_end_is_tolerated(self, examine, format_, extra) -> None:
        assert examine(encoded(noise(70, 50), format_) + extra) == ImageInfo(format_, 70, 50)

    @pytest.mark.parametrize("format_", ["png", "jpeg"])
    def test_data_after_the_end_is_tolerated_as_far_as_the_tail_is_searched(self, examine, format_) -> None:
        data = encoded(noise(70, 50), format_)
        longest = max(module._TAILS)
        assert examine(data + bytes(longest - 20)).width == 70
        with pytest.raises(UnreadableImageError, match="cut off"):
            examine(data + bytes(longest))


class TestHeadersThatAreNotBelieved:
    def test_a_side_beyond_all_scenes_is_refused_before_it_is_cut_into_tiles(self, examine) -> None:
        assert examine(png_header(100_000, 8)).width == 100_000
        with pytest.raises(UnreadableImageError, match=r"2147483647 x 2147483647 px, .* at most 100000 px"):
            examine(png_header(2**31 - 1, 2**31 - 1))

    @pytest.mark.parametrize("bit", range(64))
    def test_a_flipped_bit_in_the_size_of_a_png_is_noticed(self, examine, bit) -> None:
        data = bytearray(encoded(noise(70, 50), "png"))
        data[16 + bit // 8] ^= 1 << bit % 8
        with pytest.raises(UnreadableImageError, match="does not match its checksum"):
            examine(bytes(data))


class TestOrientation:
    @staticmethod
    def turned(orientation: int) -> Image.Exif:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        return exif

    @pytest.mark.parametrize("orientation", range(2, 9))
    def test_a_jpeg_that_exif_turns_is_refused(self, examine, orientation) -> None:
        data = encoded(noise(70, 50), "jpeg", exif=self.turned(orientation))
        with pytest.raises(UnreadableImageError, match=f"EXIF orientation {orientation}"):
            examine(data)

    def test_an_upright_jpeg_with_exif_is_read(self, examine) -> None:
        assert examine(encoded(noise(70, 50), "jpeg", exif=self.turned(1))) == ImageInfo("jpeg", 70, 50)

    def test_a_turned_tiff_is_refused(self, examine) -> None:
        with pytest.raises(UnreadableImageError, match="orientation 6"):
            examine(encoded(noise(70, 50), "tiff", exif=self.turned(6)))


def test_the_message_says_what_was_read_and_what_was_expected() -> None:
    error = UnreadableImageError("a cat", "a dog")
    assert str(error) == "a cat, expected a dog"
    assert (error.value, error.expected) == ("a cat", "a dog")
