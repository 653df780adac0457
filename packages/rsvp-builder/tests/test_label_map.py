"""Semantic maps: the right rows and the right classes from every way of storing them."""

from __future__ import annotations

import struct
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from rsvp_builder.images import label_map
from rsvp_builder.images.label_map import LabelCoding, LabelMap
from rsvp_builder.images.probe import UnreadableImageError

ISPRS = {
    (255, 255, 255): 0,
    (0, 0, 255): 1,
    (0, 255, 255): 2,
    (0, 255, 0): 3,
    (255, 255, 0): 4,
    (255, 0, 0): 5,
}
EXACT = LabelCoding(colours=ISPRS)
BENT = LabelCoding(colours=ISPRS, threshold=127)
BUILDING = LabelCoding(values={0: 0, 1: 1, 255: 1})
COLOURS = np.array([*ISPRS, (0, 0, 0)], np.uint8)


def blocks(width: int, height: int, classes: int = 7, side: int = 16, seed: int = 0) -> np.ndarray:
    """A map of square blobs, (height, width)."""
    coarse = np.random.default_rng(seed).integers(
        0, classes, (-(-height // side), -(-width // side)), np.uint8
    )
    return np.kron(coarse, np.ones((side, side), np.uint8))[:height, :width]


def raster(path: Path, samples: np.ndarray, **profile: object) -> Path:
    """A TIFF written by GDAL: (height, width[, bands])."""
    planes = samples[None] if samples.ndim == 2 else samples.transpose(2, 0, 1)
    count, height, width = planes.shape
    palette = profile.pop("palette", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver="GTiff", width=width, height=height, count=count, dtype=samples.dtype, **profile
        ) as file:
            file.write(planes)
            if palette is not None:
                file.write_colormap(1, {index: tuple(colour) for index, colour in enumerate(palette)})
    return path


def indexed(path: Path, samples: np.ndarray, palette: np.ndarray) -> Path:
    picture = Image.fromarray(samples)
    picture.putpalette(palette.ravel().tolist())
    picture.save(path)
    return path


def read(path: Path, step: int = 1 << 30) -> np.ndarray:
    with LabelMap(path) as opened:
        starts = range(0, opened.height, step)
        bands = [opened.rows(y, min(y + step, opened.height)).copy() for y in starts]
    return np.concatenate(bands)


def classes(path: Path, coding: LabelCoding) -> np.ndarray:
    """Class of every pixel, (height, width)."""
    with LabelMap(path) as opened:
        samples = opened.rows(0, opened.height)
        flat = samples.reshape(-1, *samples.shape[2:])
        return coding.decode(flat, opened.palette).reshape(samples.shape[:2])


def _planar(path: Path, colour: np.ndarray) -> Path:
    return raster(path, colour, interleave="band", compress="lzw")


STORED = {
    "png": lambda path, a: Image.fromarray(a).save(path.with_suffix(".png")),
    "tiff": lambda path, a: Image.fromarray(a).save(path),
    "lzw strips": lambda path, a: Image.fromarray(a).save(path, compression="tiff_lzw"),
    "deflate": lambda path, a: Image.fromarray(a).save(path, compression="tiff_adobe_deflate"),
    "packbits": lambda path, a: Image.fromarray(a).save(path, compression="packbits"),
    "tiled": lambda path, a: raster(path, a, tiled=True, blockxsize=32, blockysize=48, compress="lzw"),
    "one strip": lambda path, a: raster(path, a, blockysize=a.shape[0], compress="lzw"),
    "planar": _planar,
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> dict[str, tuple[Path, np.ndarray]]:
    """The same map of 3 bands and of 4, and one of 1 band, in every way of storing."""
    folder = tmp_path_factory.mktemp("stored")
    one = blocks(75, 131, seed=1)
    three = COLOURS[one]
    four = np.dstack([three, np.full(one.shape, 255, np.uint8)])
    found = {}
    for bands, samples in ((1, one), (3, three), (4, four)):
        for kind, save in STORED.items():
            path = folder / f"{kind} {bands}.tif"
            save(path, samples)
            found[f"{kind}, {bands} bands"] = (next(folder.glob(f"{path.stem}.*")), samples)
    return found


class TestRows:
    @settings(max_examples=80)
    @given(data=st.data())
    def test_any_descent_gives_the_rows_of_the_file(self, stored, data) -> None:
        path, samples = stored[data.draw(st.sampled_from(sorted(stored)))]
        with LabelMap(path) as opened:
            assert (opened.width, opened.height) == samples.shape[1::-1]
            assert opened.palette is None
            top = 0
            for _ in range(data.draw(st.integers(1, 6))):
                top = data.draw(st.integers(top, opened.height))
                bottom = data.draw(st.integers(top, opened.height))
                rows = opened.rows(top, bottom)
                assert rows.shape == samples[top:bottom].shape
                assert np.array_equal(rows, samples[top:bottom])

    @pytest.mark.parametrize("step", [1, 32, 47, 131])
    def test_all_bands_of_a_descent_make_the_map(self, stored, step) -> None:
        for path, samples in stored.values():
            assert np.array_equal(read(path, step), samples)

    def test_blocks_too_large_to_believe_are_read_by_row(self, tmp_path, monkeypatch) -> None:
        samples = blocks(64, 2048)
        path = raster(tmp_path / "high.tif", samples, tiled=True, blockxsize=64, blockysize=2048)
        peaks = []
        for largest in (1 << 20, 1 << 10):
            monkeypatch.setattr(label_map, "_LARGEST_BLOCKS", largest)
            assert np.array_equal(read(path, 20), samples)
            with LabelMap(path) as opened:
                tracemalloc.start()
                opened.rows(0, 20)
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
        assert peaks[0] > 64 * 2048 > peaks[1]

    def test_a_map_of_one_pixel(self, tmp_path) -> None:
        path = tmp_path / "one.png"
        Image.fromarray(np.array([[(0, 0, 255)]], np.uint8)).save(path)
        assert classes(path, EXACT).tolist() == [[1]]

    def test_sixteen_bits(self, tmp_path) -> None:
        samples = blocks(40, 30).astype(np.uint16) * 9000
        assert np.array_equal(read(raster(tmp_path / "deep.tif", samples)), samples)

    def test_rows_go_down_and_stay_inside(self, stored) -> None:
        path, _ = stored["png, 1 bands"]
        with LabelMap(path) as opened:
            opened.rows(10, 20)
            opened.rows(10, 12)
            for y1, y2 in ((9, 20), (12, 11), (10, 132)):
                with pytest.raises(ValueError, match="rows go down"):
                    opened.rows(y1, y2)

    def test_memory_does_not_grow_with_the_map(self, tmp_path) -> None:
        peaks = []
        for height in (1024, 8192):
            flat = np.zeros((height, 512), np.uint8)
            path = raster(tmp_path / f"{height}.tif", flat, tiled=True, blockxsize=256, blockysize=256)
            with LabelMap(path) as opened:
                tracemalloc.start()
                for y in range(0, height, 96):
                    opened.rows(y, min(y + 96, height))
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
        assert peaks[1] < 1.1 * peaks[0]
        assert peaks[1] < 600 * 512  # two blocks and a band


class TestEncodings:
    def test_exact_colours(self, stored) -> None:
        truth = blocks(75, 131, seed=1).astype(int)
        for bands in (3, 4):
            for kind in STORED:
                decoded = classes(stored[f"{kind}, {bands} bands"][0], BENT)
                assert np.array_equal(decoded, np.where(truth == 6, -1, truth))

    @pytest.mark.parametrize("quality", [50, 90])
    def test_colours_bent_by_jpeg(self, tmp_path, quality) -> None:
        truth = blocks(128, 96)
        # Chroma of full size: at half size it runs over the edges of blobs, which no table can mend.
        Image.fromarray(COLOURS[truth]).save(tmp_path / "lossy.jpg", quality=quality, subsampling=0)
        with Image.open(tmp_path / "lossy.jpg") as picture:
            picture.save(tmp_path / "label.tif", compression="tiff_lzw")
        decoded = classes(tmp_path / "label.tif", BENT)
        assert np.array_equal(decoded, np.where(truth == 6, -1, truth.astype(int)))
        assert (classes(tmp_path / "label.tif", EXACT) == -2).mean() > 0.2

    @pytest.mark.parametrize("suffix", ["png", "tif"])
    def test_an_indexed_map_by_colour_and_by_index(self, tmp_path, suffix) -> None:
        truth = blocks(70, 50)
        shuffled = np.array([3, 0, 6, 1, 5, 2, 4])  # the order of the colour table is the writer's
        palette = np.zeros_like(COLOURS)
        palette[shuffled] = COLOURS
        path = indexed(tmp_path / f"label.{suffix}", shuffled[truth].astype(np.uint8), palette)
        expected = np.where(truth == 6, -1, truth.astype(int))
        assert np.array_equal(classes(path, BENT), expected)
        assert np.array_equal(classes(path, LabelCoding(colours={**ISPRS, (0, 0, 0): -1})), expected)
        by_index = LabelCoding(values={i: int(i) for i in range(7)})
        assert np.array_equal(classes(path, by_index), shuffled[truth])

    def test_an_indexed_map_with_few_colours_and_bits(self, tmp_path) -> None:
        truth = blocks(50, 40, classes=2)
        path = indexed(tmp_path / "label.png", truth, np.array([(255, 0, 0), (0, 0, 255)], np.uint8))
        assert np.array_equal(classes(path, EXACT), np.where(truth, 1, 5))

    def test_an_indexed_map_in_tiles(self, tmp_path) -> None:
        truth = blocks(70, 50, classes=6)
        path = raster(
            tmp_path / "label.tif", truth, tiled=True, blockxsize=16, blockysize=16, palette=COLOURS
        )
        assert np.array_equal(classes(path, EXACT), truth)

    def test_class_numbers_in_channels(self, tmp_path) -> None:
        first, second = blocks(64, 64, classes=10, seed=1), blocks(64, 64, classes=10, seed=2)
        change = np.where(first == second, 1, 2).astype(np.uint8)
        Image.fromarray(np.dstack([first, second, change])).save(tmp_path / "0.png")
        table = {0: -1} | {n: n - 1 for n in range(1, 10)}
        for band, truth in enumerate((first, second)):
            decoded = classes(tmp_path / "0.png", LabelCoding(values=table, band=band))
            assert np.array_equal(decoded, truth.astype(int) - 1)


class TestWhiteIsZero:
    @pytest.mark.parametrize(
        ("mode", "options"),
        [
            ("1", {"compression": "tiff_ccitt", "tiffinfo": {262: 0}}),
            ("1", {"compression": "group4", "tiffinfo": {262: 0}}),
            ("1", {"tiffinfo": {262: 0}}),
            ("1", {"compression": "tiff_ccitt"}),
            ("1", {}),
            ("L", {"tiffinfo": {262: 0}}),
            ("L", {"compression": "tiff_lzw", "tiffinfo": {262: 0}}),
            ("L", {}),
        ],
    )
    def test_white_is_building_however_it_is_stored(self, tmp_path, mode, options) -> None:
        truth = blocks(61, 47, classes=2, side=5)
        path = tmp_path / "label.tif"
        Image.fromarray(truth * 255).convert(mode).save(path, **options)
        with Image.open(path) as picture:
            by_pillow = np.asarray(picture.convert("L")) > 127
            assert picture.tag_v2[262] == options.get("tiffinfo", {262: 1})[262]
        assert np.array_equal(by_pillow, truth == 1)
        assert np.array_equal(classes(path, BUILDING), truth)
        assert np.array_equal(read(path, 7) > 0, truth == 1)

    @pytest.mark.parametrize("high", [1, 255])
    def test_repacks_of_eight_bits(self, tmp_path, high) -> None:
        truth = blocks(61, 47, classes=2, side=5)
        Image.fromarray(truth * np.uint8(high)).save(tmp_path / "label.png")
        assert np.array_equal(classes(tmp_path / "label.png", BUILDING), truth)

    def test_the_colours_of_one_bit_are_black_and_white(self, tmp_path) -> None:
        truth = blocks(61, 47, classes=2, side=5)
        bits = Image.fromarray(truth * 255).convert("1")
        coding = LabelCoding(colours={(0, 0, 0): 0, (255, 255, 255): 1})
        for photometric in (0, 1):
            bits.save(tmp_path / "label.tif", compression="tiff_ccitt", tiffinfo={262: photometric})
            assert np.array_equal(classes(tmp_path / "label.tif", coding), truth)

    def test_real_labels_read_as_pillow_reads_them(self, samples) -> None:
        labels = sorted((samples / "whu_building_aerial").rglob("label/*.tif"))
        shares = []
        for path in labels:
            with Image.open(path) as picture:
                white = np.asarray(picture.convert("L")) > 127
            decoded = classes(path, BUILDING)
            assert np.array_equal(decoded, white)
            shares.append(decoded.mean())
        assert len(shares) == 2
        assert min(shares) == 0 < max(shares) < 0.05


class TestDamage:
    @pytest.mark.parametrize(
        "kind", ["png, 3 bands", "tiff, 3 bands", "lzw strips, 1 bands", "tiled, 3 bands"]
    )
    @pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
    def test_a_cut_off_map_says_what_was_read(self, stored, tmp_path, kind, share) -> None:
        whole = stored[kind][0].read_bytes()
        path = tmp_path / stored[kind][0].name
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UnreadableImageError) as caught:
            read(path, 16)
        assert caught.value.value
        assert caught.value.expected
        assert str(tmp_path) not in str(caught.value)

    def test_a_damaged_row_is_told_by_its_place(self, stored, tmp_path) -> None:
        whole = bytearray(stored["tiled, 3 bands"][0].read_bytes())
        whole[-400:] = bytes(400)
        path = tmp_path / "label.tif"
        path.write_bytes(whole)
        with pytest.raises(UnreadableImageError, match=r"rows 96 to 131 of 131: label\.tif.*expected a map"):
            read(path, 16)

    def test_no_map_at_all(self, tmp_path) -> None:
        (tmp_path / "text.png").write_text("0 0 0\n")
        (tmp_path / "empty.tif").write_bytes(b"")
        (tmp_path / "head.tif").write_bytes(b"II*\x00\x08\x00\x00\x00")
        cut_off = b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 10, 10, 1, 24) + bytes(24)
        (tmp_path / "cut off.bmp").write_bytes(cut_off)
        for name in ("text.png", "empty.tif", "head.tif", "missing.tif", "cut off.bmp"):
            with pytest.raises(UnreadableImageError) as caught:
                LabelMap(tmp_path / name)
            assert str(tmp_path) not in str(caught.value)

    def test_samples_that_are_no_class_numbers(self, tmp_path) -> None:
        floats = raster(tmp_path / "floats.tif", np.zeros((4, 4), np.float32))
        five = raster(tmp_path / "five.tif", np.zeros((4, 4, 5), np.uint8))
        for path, told in ((floats, r"1 band\(s\) of float32"), (five, r"5 band\(s\) of uint8")):
            with pytest.raises(UnreadableImageError, match=told + ", expected 1 to 4 bands"):
                LabelMap(path)
