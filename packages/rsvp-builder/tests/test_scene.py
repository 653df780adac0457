"""Windows of scenes: the right pixels, once each, from a band of bounded height."""

from __future__ import annotations

import io
import struct
import tracemalloc
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from rsvp_builder.images.probe import UnreadableImageError
from rsvp_builder.images.scene import Scene, encode
from rsvp_builder.tiling import starts

KINDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def noise(width: int, height: int, bands: int = 3, seed: int = 0) -> np.ndarray:
    shape = (height, width) if bands == 1 else (height, width, bands)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def saved(path: Path, pixels: np.ndarray, format_: str = "PNG") -> Path:
    Image.fromarray(pixels).save(path, format_)
    return path


def grid(width: int, height: int, size: int, overlap: int) -> list[tuple[int, int, int, int]]:
    return [
        (x, y, min(x + size, width), min(y + size, height))
        for y in starts(height, size, overlap)
        for x in starts(width, size, overlap)
    ]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels: np.ndarray, stream: bytes) -> bytes:
    """An RGB PNG with correct chunks around whatever stands for its compressed pixels."""
    height, width = pixels.shape[:2]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", stream) + chunk(b"IEND", b"")


def filtered(pixels: np.ndarray) -> bytes:
    return b"".join(b"\x00" + row.tobytes() for row in pixels)


class TestWindows:
    @settings(max_examples=60)
    @given(
        width=st.integers(1, 90),
        height=st.integers(1, 90),
        size=st.integers(1, 100),
        overlap=st.integers(0, 99),
        mode=st.sampled_from(list(KINDS)),
        format_=st.sampled_from(["PNG", "TIFF"]),
    )
    def test_every_window_is_the_crop_of_the_whole(
        self, tmp_path_factory, width, height, size, overlap, mode, format_
    ) -> None:
        overlap = min(overlap, size - 1)
        step = max(1, max(width, height) // 12)
        if size - overlap < step:  # a dense grid only costs time
            size, overlap = size + step, size
        pixels = noise(width, height, KINDS[mode])
        path = saved(tmp_path_factory.getbasetemp() / f"scene.{format_.lower()}", pixels, format_)
        with Scene(path) as scene:
            for x1, y1, x2, y2 in grid(width, height, size, overlap):
                window = scene.window(x1, y1, x2, y2)
                assert window.dtype == np.uint8
                assert np.array_equal(window, pixels[y1:y2, x1:x2])

    @settings(max_examples=30)
    @given(tops=st.lists(st.integers(0, 59), min_size=1, max_size=8).map(sorted), data=st.data())
    def test_windows_of_any_heights_are_right_as_long_as_they_go_down(
        self, tmp_path_factory, tops, data
    ) -> None:
        pixels = noise(40, 60)
        path = saved(tmp_path_factory.getbasetemp() / "heights.png", pixels)
        with Scene(path) as scene:
            for top in tops:
                bottom = data.draw(st.integers(top + 1, 60))
                assert np.array_equal(scene.window(0, top, 40, bottom), pixels[top:bottom])

    @pytest.mark.parametrize("format_", ["PNG", "TIFF", "BMP"])
    def test_a_palette_is_resolved_to_its_colours(self, tmp_path, format_) -> None:
        image = Image.fromarray(noise(70, 50)).quantize(16)
        image.save(tmp_path / "scene", format_)
        with Scene(tmp_path / "scene") as scene:
            assert np.array_equal(scene.window(3, 4, 60, 50), np.asarray(image.convert("RGB"))[4:50, 3:60])

    def test_a_transparent_palette_colour_is_kept_as_a_colour(self, tmp_path) -> None:
        image = Image.fromarray(noise(20, 10)).quantize(8)
        image.save(tmp_path / "scene.png", transparency=0)
        with Scene(tmp_path / "scene.png") as scene:
            assert np.array_equal(scene.window(0, 0, 20, 10), np.asarray(image.convert("RGB")))

    @pytest.mark.parametrize("format_", ["PNG", "TIFF", "BMP"])
    def test_one_bit_pictures_come_out_black_and_white_or_not_at_all(self, tmp_path, format_) -> None:
        image = Image.fromarray(noise(70, 50, 1)).convert("1")
        image.save(tmp_path / "scene", format_)
        try:
            with Scene(tmp_path / "scene") as scene:
                window = scene.window(0, 0, 70, 50)
        except UnreadableImageError:
            return
        assert set(np.unique(window)) == {0, 255}

    def test_colours_of_four_bits_are_refused_and_not_read_as_grey(self, tmp_path) -> None:
        profile = {"driver": "GTiff", "width": 20, "height": 10, "count": 3, "dtype": "uint8", "NBITS": 4}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(tmp_path / "scene.tif", "w", **profile) as file:
                file.write(np.full((3, 10, 20), 7, np.uint8))
        with pytest.raises(UnreadableImageError, match="3 bands of 4 bits"):
            Scene(tmp_path / "scene.tif")

    @pytest.mark.parametrize("mode", ["L", "RGB"])
    def test_a_jpeg_is_what_pillow_decodes_but_for_rounding(self, tmp_path, mode) -> None:
        flat = Image.new(mode, (64, 48), 90 if mode == "L" else (90, 140, 30))
        flat.save(tmp_path / "scene.jpg", quality=95)
        with Scene(tmp_path / "scene.jpg") as scene:
            window = scene.window(8, 0, 40, 48)
        expected = np.asarray(Image.open(tmp_path / "scene.jpg"))[:, 8:40].astype(int)
        assert np.abs(window.astype(int) - expected).max() <= 2

    @pytest.mark.parametrize("bands", [1, 3])
    def test_a_window_stays_as_it_is_when_the_scene_moves_on(self, tmp_path, bands) -> None:
        pixels = noise(40, 60, bands)
        with Scene(saved(tmp_path / "scene.png", pixels)) as scene:
            windows = [scene.window(0, top, 40, top + 20) for top in (0, 10, 20, 40)]
        for top, window in zip((0, 10, 20, 40), windows, strict=True):
            assert np.array_equal(window, pixels[top : top + 20])

    def test_going_up_is_a_mistake_of_the_caller(self, tmp_path) -> None:
        with Scene(saved(tmp_path / "scene.png", noise(40, 60))) as scene:
            scene.window(0, 20, 40, 40)
            scene.window(0, 20, 40, 30)
            scene.window(0, 40, 40, 60)
            with pytest.raises(ValueError, match="20 is above 40"):
                scene.window(0, 20, 40, 60)

    def test_two_scenes_may_be_open_at_once(self, tmp_path) -> None:
        one, two = noise(40, 30, seed=1), noise(40, 30, seed=2)
        with Scene(saved(tmp_path / "1.png", one)) as first:
            with Scene(saved(tmp_path / "2.png", two)) as second:
                assert np.array_equal(second.window(0, 0, 40, 30), two)
            assert np.array_equal(first.window(0, 0, 40, 30), one)


class TestWhatCannotBeRead:
    @pytest.mark.parametrize(
        "data",
        [None, b"", b"text", b"\x89PNG\r\n\x1a\n", b"GIF87a"],
        ids=["missing", "empty", "text", "png", "gif"],
    )
    def test_what_is_no_image_is_refused_when_opened(self, tmp_path, data) -> None:
        path = tmp_path / "scene.png"
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(UnreadableImageError) as caught:
            Scene(path)
        assert caught.value.expected

    @pytest.mark.parametrize("format_", ["PNG", "TIFF"])
    def test_sixteen_bits_are_refused(self, tmp_path, format_) -> None:
        path = saved(tmp_path / "scene", noise(20, 10, 1).astype(np.uint16) * 257, format_)
        with pytest.raises(UnreadableImageError, match="uint16") as caught:
            Scene(path)
        assert "8 bits" in caught.value.expected

    def test_floating_point_is_refused(self, tmp_path) -> None:
        path = saved(tmp_path / "scene.tif", noise(20, 10, 1).astype(np.float32), "TIFF")
        with pytest.raises(UnreadableImageError, match="float32"):
            Scene(path)

    def test_more_than_four_bands_are_refused(self, tmp_path) -> None:
        import rasterio

        path = tmp_path / "scene.tif"
        profile = {"driver": "GTiff", "width": 20, "height": 10, "count": 5, "dtype": "uint8"}
        with (
            pytest.warns(rasterio.errors.NotGeoreferencedWarning),
            rasterio.open(path, "w", **profile) as file,
        ):
            file.write(np.zeros((5, 10, 20), np.uint8))
        with pytest.raises(UnreadableImageError, match="5 bands"):
            Scene(path)

    @pytest.mark.parametrize("format_", ["PNG", "TIFF", "BMP", "JPEG"])
    @pytest.mark.parametrize("rows", [30, 200], ids=["in bands", "in one piece"])
    def test_a_file_that_was_cut_off_is_told(self, tmp_path, format_, rows) -> None:
        path = saved(tmp_path / "scene", noise(150, 200), format_)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(UnreadableImageError), Scene(path) as scene:
            for top in range(0, 200, rows):
                scene.window(0, top, 150, min(top + rows, 200))

    @pytest.mark.parametrize("rows", [30, 200], ids=["in bands", "in one piece"])
    @pytest.mark.parametrize("damage", ["rows are missing", "the stream is cut", "a hole", "a wrong byte"])
    def test_a_png_that_ends_well_but_is_damaged_inside_is_told(self, tmp_path, damage, rows) -> None:
        pixels = noise(150, 200)
        stream = zlib.compress(filtered(pixels), 1)
        match damage:
            case "rows are missing":
                data = png(pixels, zlib.compress(filtered(pixels[:100]), 1))
            case "the stream is cut":
                data = png(pixels, stream[: len(stream) // 2])
            case "a hole":
                data = png(pixels, stream)
                data = data[:40_000] + bytes(500) + data[40_500:]
            case _:
                data = bytearray(png(pixels, stream))
                data[50_000] ^= 255
        path = tmp_path / "scene.png"
        path.write_bytes(data)
        with pytest.raises(UnreadableImageError), Scene(path) as scene:
            for top in range(0, 200, rows):
                scene.window(0, top, 150, min(top + rows, 200))

    def test_the_sound_part_above_the_damage_is_read(self, tmp_path) -> None:
        pixels = noise(150, 200)
        path = tmp_path / "scene.png"
        path.write_bytes(png(pixels, zlib.compress(filtered(pixels[:100]), 1)))
        with Scene(path) as scene:
            assert np.array_equal(scene.window(0, 0, 150, 50), pixels[:50])

    def test_a_refused_scene_leaves_nothing_open(self, tmp_path) -> None:
        import rasterio.env

        path = saved(tmp_path / "scene.png", noise(20, 10, 1).astype(np.uint16))
        for _ in range(3):
            with pytest.raises(UnreadableImageError):
                Scene(path)
        (tmp_path / "text.png").write_bytes(b"text")
        with pytest.raises(UnreadableImageError):
            Scene(tmp_path / "text.png")
        assert not rasterio.env.hasenv()


class TestMemory:
    def test_a_large_scene_is_held_as_one_band(self, tmp_path) -> None:
        side, size, overlap = 6000, 1024, 200
        path = tmp_path / "scene.png"
        pixels = np.zeros((side, side), np.uint8)
        pixels[::7, ::5] = np.arange(side // 5, dtype=np.uint8)
        Image.fromarray(pixels).save(path, compress_level=1)
        tracemalloc.start()
        try:
            with Scene(path) as scene:
                for x1, y1, x2, y2 in grid(side, side, size, overlap):
                    window = scene.window(x1, y1, x2, y2)
                    assert window.shape == (size, size)
                    assert window[0, 0] == pixels[y1, x1]
                    assert scene._rows.shape == (1, size, side)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        band = size * side
        assert peak < 4 * band < side * side

    def test_rows_are_read_once_each(self, tmp_path, monkeypatch) -> None:
        pixels = noise(300, 500)
        with Scene(saved(tmp_path / "scene.png", pixels)) as scene:
            asked: list[tuple[int, int]] = []

            class Spy:
                width = 300

                def read(self, bands, window):
                    asked.append((window.row_off, window.row_off + window.height))
                    return whole.read(bands, window=window)

            whole = scene._file
            monkeypatch.setattr(scene, "_file", Spy())
            for x1, y1, x2, y2 in grid(300, 500, 128, 40):
                scene.window(x1, y1, x2, y2)
            monkeypatch.undo()
        rows = [row for top, bottom in asked for row in range(top, bottom)]
        assert rows == list(range(500))


class TestBands:
    def test_only_the_bands_that_are_asked_for_are_read_in_their_order(self, tmp_path) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
        path = tmp_path / "rgbir.tif"
        Image.fromarray(pixels, "RGBA").save(path)
        with Scene(path, [1, 2, 3]) as scene:
            np.testing.assert_array_equal(scene.window(5, 4, 25, 18), pixels[4:18, 5:25, :3])
        with Scene(path, [4, 1]) as scene:
            np.testing.assert_array_equal(scene.window(0, 0, 30, 20), pixels[..., [3, 0]])

    def test_bands_that_are_not_there_are_told(self, tmp_path) -> None:
        path = saved(tmp_path / "scene.png", noise(30, 20))
        with pytest.raises(UnreadableImageError, match="bands"):
            Scene(path, [1, 2, 9])


class TestEncoding:
    @given(st.integers(1, 60), st.integers(1, 60), st.sampled_from(list(KINDS)), st.integers(0, 9))
    def test_png_keeps_every_pixel(self, width, height, mode, seed) -> None:
        pixels = noise(width, height, KINDS[mode], seed)
        image = Image.open(io.BytesIO(encode(pixels, "png")))
        assert (image.format, image.mode) == ("PNG", mode)
        assert np.array_equal(np.asarray(image), pixels)

    @pytest.mark.parametrize(("mode", "flat"), [("L", "L"), ("LA", "RGB"), ("RGB", "RGB"), ("RGBA", "RGB")])
    def test_jpeg_keeps_the_size_and_drops_transparency(self, mode, flat) -> None:
        pixels = np.full_like(noise(60, 40, KINDS[mode]), 120)
        image = Image.open(io.BytesIO(encode(pixels, "jpeg")))
        assert (image.format, image.mode, image.size) == ("JPEG", flat, (60, 40))
        assert np.abs(np.asarray(image).astype(int) - 120).max() <= 3

    def test_the_same_pixels_give_the_same_bytes(self) -> None:
        pixels = noise(60, 40)
        for format_ in ("png", "jpeg"):
            assert encode(pixels, format_) == encode(pixels.copy(), format_)

    def test_a_window_goes_through_png_and_comes_back(self, tmp_path) -> None:
        pixels = noise(60, 40, 4)
        with Scene(saved(tmp_path / "scene.png", pixels)) as scene:
            tile = encode(scene.window(10, 0, 50, 40), "png")
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(tile))), pixels[:, 10:50])
