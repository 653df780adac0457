"""Pictures that promise too much, and files beside them: refused with a reason, before they cost much."""

from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
import pyarrow.parquet as pq
import pytest
from hostile_pictures import big_tiff, chunk, png_bomb, tiff, tiff_bomb
from PIL import Image

from rsvp_builder.build import build
from rsvp_builder.demo import write
from rsvp_builder.images import gathered
from rsvp_builder.images.gathered import Gathered
from rsvp_builder.images.label_map import LabelMap
from rsvp_builder.images.probe import ImageInfo, UnreadableImageError, probe
from rsvp_builder.images.raster import Raster
from rsvp_builder.images.scene import Scene
from rsvp_builder.readers.id_map import instances
from rsvp_builder.settings import Settings

pytestmark = pytest.mark.usefixtures("prompt")

LOOP = [(256, 4, 1, 64), (257, 4, 1, 64), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]

BOMBS = {
    "png": png_bomb(30_000, 30_000),
    "png of one bit": png_bomb(30_000, 30_000, depth=1, colour=0),
    "png with a palette": png_bomb(20_000, 20_000, colour=3),
    "png with a few rows": png_bomb(30_000, 30_000, rows=20),
    "sparse tiff": tiff_bomb(31_000, 31_000),
    "sparse tiff of one strip": tiff_bomb(31_000, 31_000, 31_000, bands=4),
    "bmp": b"BM" + bytes(12) + struct.pack("<IiiHHIIiiII", 40, 30_000, 30_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "tiff that is its own second page": tiff(LOOP, following=8),
    "bigtiff beyond its end": big_tiff([*LOOP, (273, 16, 1 << 61, 1 << 62)]),
    "bigtiff that begins nowhere": big_tiff([], first=(1 << 63) + 5),
    "bigtiff of endless entries": b"II+\x00" + struct.pack("<HHQQ", 8, 0, 16, 1 << 62),
}


@pytest.fixture(params=sorted(BOMBS))
def bomb(request, tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(BOMBS[request.param])
    return path


def test_a_header_that_promises_more_than_the_file_can_hold_is_not_believed(bomb):
    try:
        info = probe(bomb)
    except UnreadableImageError as error:
        assert error.value
    else:
        assert info.width * info.height < 1 << 20  # a small picture that may yet be damaged


def test_to_decode_one_is_refused_or_cheap(bomb):
    for opener in (Scene, LabelMap):
        try:
            with opener(bomb) as opened:
                if opener is Scene:
                    opened.window(0, 0, 64, 64)
                else:
                    opened.rows(0, 64)
        except UnreadableImageError as error:
            assert error.value


def test_a_release_of_bombs_is_built_without_them(tmp_path):
    (tmp_path / "raw").mkdir()
    write("RSICD", tmp_path / "raw")
    before = build("RSICD", tmp_path / "raw", tmp_path / "before", Settings(), workers=1).summary
    pictures = sorted((tmp_path / "raw").rglob("*.jpg"))[:3]
    for picture, name in zip(pictures, ("png", "sparse tiff", "bmp"), strict=True):
        picture.write_bytes(BOMBS[name])
    after = build("RSICD", tmp_path / "raw", tmp_path / "after", Settings(), workers=1).summary
    assert after["images"]["dropped"].get("image_unreadable") == 3
    assert after["images"]["written"] == before["images"]["written"] - 3
    drops = pq.read_table(tmp_path / "after/ledger/RSICD/drops.parquet").to_pylist()
    told = {
        d["file"]: d["value"] for d in drops if d["reason"] == "image_unreadable" and d["kind"] == "image"
    }
    assert set(told) == {str(p.relative_to(tmp_path / "raw")) for p in pictures}
    assert all("bytes" in value for value in told.values())


@pytest.mark.parametrize("shade", [0, 255])
@pytest.mark.parametrize(
    ("format_", "mode", "options"),
    [
        ("PNG", "1", {"compress_level": 9}),
        ("PNG", "L", {"compress_level": 9}),
        ("PNG", "RGB", {"compress_level": 9}),
        ("JPEG", "L", {"quality": 1}),
        ("JPEG", "RGB", {"quality": 1, "progressive": True}),
        ("TIFF", "1", {"compression": "group4"}),
        ("TIFF", "L", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", "L", {"compression": "tiff_lzw"}),
        ("TIFF", "RGB", {"compression": "packbits"}),
        ("BMP", "1", {}),
    ],
)
def test_a_blank_picture_is_believed_however_well_it_is_packed(tmp_path, format_, mode, options, shade):
    path = tmp_path / "blank"
    Image.new(mode, (6000, 6000), {"1": shade and 1, "L": shade}.get(mode, (shade,) * 3)).save(
        path, format_, **options
    )
    assert probe(path) == ImageInfo(format_.lower(), 6000, 6000)


def test_a_block_that_would_have_to_be_decoded_whole_is_refused(tmp_path):
    path = tmp_path / "strip.tif"
    # A single strip is read by rows, two are not.
    path.write_bytes(tiff_bomb(31_000, 31_000, 20_000))
    with pytest.raises(UnreadableImageError, match="blocks of 591 MB"):
        Raster(path, "a picture")


class TestFilesBeside:
    """GDAL looks for files of other suffixes beside a picture; they are not the release's to use."""

    @pytest.fixture
    def scene(self, tmp_path):
        path = tmp_path / "P1.tif"
        Image.fromarray(np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)).save(path)
        return path

    @pytest.mark.parametrize(
        "suffix", [".tfw", ".tif.aux.xml", ".tif.ovr", ".tif.msk", ".wld", ".aux", ".rpb", ".imd"]
    )
    def test_a_pipe_beside_a_picture_is_not_waited_for(self, scene, suffix):
        os.mkfifo(scene.with_name(f"P1{suffix}"))
        with Scene(scene) as opened:
            assert opened.window(0, 0, 64, 64).shape == (64, 64)
        with LabelMap(scene) as opened:
            assert opened.rows(0, 64).shape == (64, 64)

    def test_an_auxiliary_file_does_not_change_what_is_read(self, scene):
        with Scene(scene) as opened:
            before = opened.window(0, 0, 64, 64).copy()
        entries = "".join(f"<Entry c1='{255 - n}' c2='0' c3='0' c4='255'/>" for n in range(256))
        scene.with_name("P1.tif.aux.xml").write_text(
            "<PAMDataset><PAMRasterBand band='1'><ColorInterp>Palette</ColorInterp>"
            f"<ColorTable>{entries}</ColorTable><Metadata domain='IMAGE_STRUCTURE'><MDI key='NBITS'>abc</MDI>"
            "</Metadata></PAMRasterBand></PAMDataset>"
        )
        with Scene(scene) as opened:
            assert np.array_equal(opened.window(0, 0, 64, 64), before)
        with LabelMap(scene) as opened:
            assert opened.palette is None

    @pytest.mark.parametrize(
        "content",
        [
            b"<VRTDataset rasterXSize='4' rasterYSize='4'><VRTRasterBand dataType='Byte' band='1'>"
            b"<SimpleSource><SourceFilename>P1.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>",
            b"P5 4 4 255\n" + bytes(16),
        ],
    )
    def test_only_the_formats_of_pictures_are_opened(self, scene, content):
        other = scene.with_name("P2.png")
        other.write_bytes(content)
        for opener in (Scene, LabelMap):
            with pytest.raises(UnreadableImageError):
                opener(other)


def test_a_file_too_large_to_be_held_costs_its_image(tmp_path, monkeypatch):
    (tmp_path / "raw").mkdir()
    write("UCAS-AOD", tmp_path / "raw")
    before = build("UCAS-AOD", tmp_path / "raw", tmp_path / "before", Settings(), workers=1).summary
    monkeypatch.setattr(gathered, "MOST_BYTES", 100)
    after = build("UCAS-AOD", tmp_path / "raw", tmp_path / "after", Settings(), workers=1).summary
    assert after["images"]["written"] == 0
    assert after["images"]["dropped"]["image_unreadable"] == before["images"]["written"] >= 1


def test_a_sparse_picture_of_ten_gigabytes_is_not_read(tmp_path):
    path = tmp_path / "P1.png"
    with path.open("wb") as file:
        file.truncate(10 << 30)
    with pytest.raises(OSError, match="more than"):
        Gathered().add(path)


def test_an_id_map_too_large_to_be_held_costs_its_image(tmp_path, monkeypatch):
    (tmp_path / "raw").mkdir()
    write("iSAID", tmp_path / "raw")
    monkeypatch.setattr(instances, "MOST_PIXELS", 100)
    summary = build("iSAID", tmp_path / "raw", tmp_path / "out", Settings(), workers=1).summary
    assert summary["images"]["written"] == 0
    assert summary["images"]["dropped"]["label_unreadable"] >= 1


def test_text_in_a_picture_is_not_inflated(tmp_path):
    """A compressed text chunk of 64 MB in a PNG of some kilobytes is passed over."""
    image = io.BytesIO()
    Image.new("RGB", (8, 8)).save(image, "PNG")
    data = image.getvalue()
    text = chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(64 << 20), 9))
    path = tmp_path / "P1.png"
    path.write_bytes(data[:33] + text + data[33:])
    assert probe(path) == ImageInfo("png", 8, 8)
    with Scene(path) as opened:
        assert opened.window(0, 0, 8, 8).shape == (8, 8, 3)
