"""Fingerprints: equal pixels have equal hashes, damage is told, what is stored comes back."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsvp_builder.audit import decode as decoding
from rsvp_builder.audit import store
from rsvp_builder.audit.decode import UndecodableError, decode
from rsvp_builder.audit.fingerprint import content_hash, fingerprint
from rsvp_builder.audit.survey import survey
from rsvp_builder.audit.transforms import TRANSFORMS
from rsvp_builder.audit.windows import area_average, packed


def test_a_jpeg_and_the_png_of_its_pixels_have_one_hash(scenes, encode):
    jpeg = encode(scenes["port"], "JPEG", quality=80)
    png = encode(Image.open(io.BytesIO(jpeg)))
    one, other = fingerprint(jpeg), fingerprint(png)
    assert one.content == hashlib.sha256(jpeg).digest() != other.content
    assert one.pixels == other.pixels
    assert one.pixels != fingerprint(encode(scenes["port"])).pixels
    assert np.array_equal(one.hashes, other.hashes) and np.array_equal(one.grey, other.grey)


def test_modes_of_the_same_look_have_one_hash(scenes, encode):
    grey = scenes["river"].convert("L")
    few = scenes["river"].quantize(64)
    for alike in (
        [grey, grey.convert("RGB"), grey.convert("LA"), grey.convert("RGBA")],
        [few, few.convert("RGB"), few.convert("RGBA")],
        [grey.convert("1"), grey.convert("1").convert("RGB")],
    ):
        assert len({decode(encode(image)).pixels for image in alike}) == 1
    assert decode(encode(grey)).pixels != decode(encode(few)).pixels


def test_same_pixels_of_another_shape_differ(encode):
    pixels = np.arange(24, dtype=np.uint8)
    shapes = [decode(encode(Image.fromarray(pixels.reshape(shape)))) for shape in ((4, 6), (6, 4))]
    assert shapes[0].pixels != shapes[1].pixels
    assert (shapes[0].width, shapes[0].height) == (6, 4)


def test_deep_pixels_count_as_they_are(encode):
    values = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    one, other = (encode(Image.fromarray(v)) for v in (values, values * 8))
    assert decode(one).pixels != decode(other).pixels
    assert decode(one).grey.std() > 10


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
@pytest.mark.parametrize("from_file", [True, False])
def test_strips_give_what_decoding_at_once_gives(scenes, encode, tmp_path, monkeypatch, mode, from_file):
    image = scenes["town"].resize((1301, 977))
    data = encode(image.quantize(32) if mode == "P" else image.convert(mode))
    whole = decode(data)
    monkeypatch.setattr(decoding, "MAX_AT_ONCE", 1000)
    monkeypatch.setattr(decoding, "_STRIP_PIXELS", 1301 * 100)
    source = data
    if from_file:
        source = tmp_path / "scene.png"
        source.write_bytes(data)
    strips = decode(source)
    assert (strips.width, strips.height, strips.pixels) == (1301, 977, whole.pixels)
    assert np.abs(strips.grey.astype(int) - whole.grey).mean() < 0.5  # Pillow takes whole pixels at the edges


def test_hashes_are_those_of_imagehash_for_every_orientation(scenes, encode):
    import imagehash

    image = scenes["airfield"].crop((10, 20, 310, 220))
    taken = fingerprint(encode(image))
    for transform in TRANSFORMS:
        turned = image if transform == 0 else image.transpose(Image.Transpose[transform.name])
        small = turned.convert("L").resize((64, 64), Image.Resampling.BOX)
        expected = packed(imagehash.phash(small).hash.reshape(1, 64))[0]
        assert int(np.bitwise_count(taken.hashes[transform] ^ expected)) <= 4


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not an image of a known format"),
        (b"hello", "not an image of a known format"),
        (b"\x89PNG\r\n\x1a\n", "cannot be decoded"),
    ],
)
def test_damage_is_told(data, problem):
    taken = fingerprint(data)
    assert problem in taken.problem
    assert taken.content == hashlib.sha256(data).digest()
    with pytest.raises(UndecodableError):
        decode(data)


def test_a_cut_off_file_and_a_missing_one_are_told(scenes, encode, tmp_path):
    jpeg = encode(scenes["port"], "JPEG")
    assert "cannot be decoded" in fingerprint(jpeg[: len(jpeg) // 2]).problem
    assert "cannot be read: No such file" in fingerprint(tmp_path / "none.png").problem
    path = tmp_path / "is.jpg"
    path.write_bytes(jpeg)
    assert content_hash(path) == content_hash(jpeg)
    assert fingerprint(path).pixels == fingerprint(jpeg).pixels


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.floats(0, 0.6),
    st.floats(0.05, 0.4),
)
def test_area_average_is_the_mean_over_each_cell(length, cells, low, extent):
    samples = np.linspace(-3, 5, length) ** 2
    matrix = area_average(np.array([low]), np.array([low + extent]), length, cells)[0]
    assert np.allclose(matrix.sum(axis=1), 1, atol=1e-5)
    # Oracle: the integral of the step function, from its cumulative sums.
    integral = np.concatenate([[0], np.cumsum(samples)])
    edges = np.linspace(low, low + extent, cells + 1) * length
    means = np.diff(np.interp(edges, np.arange(length + 1), integral)) / np.diff(edges)
    assert np.allclose(matrix @ samples, means, atol=1e-2)


def test_a_store_gives_back_what_was_saved(scenes, encode, tmp_path):
    taken = [fingerprint(encode(image)) for image in scenes.values()] + [fingerprint(b"broken")]
    path = tmp_path / ".audit" / "f.parquet"
    store.save(path, taken)
    loaded = list(store.load(path))
    assert len(loaded) == len(taken)
    for one, other in zip(taken, loaded, strict=True):
        assert (one.content, one.problem, one.pixels) == (other.content, other.problem, other.pixels)
        assert (one.width, one.height) == (other.width, other.height)
        assert np.array_equal(one.hashes, other.hashes) and np.array_equal(one.grey, other.grey)
    assert [p.name for p in path.parent.iterdir()] == ["f.parquet"]


def test_a_damaged_or_old_store_is_none(tmp_path, monkeypatch):
    path = tmp_path / "f.parquet"
    assert list(store.load(path)) == []
    path.write_bytes(b"PAR1 nonsense")
    assert list(store.load(path)) == []
    store.save(path, [fingerprint(b"broken")])
    assert len(list(store.load(path))) == 1
    monkeypatch.setattr(store, "VERSION", b"next")
    assert list(store.load(path)) == []


def test_each_content_is_decoded_once_and_never_again(tmp_path, scenes, encode, make_row, write_data_set):
    data = [encode(image) for image in scenes.values()]
    rows = [
        make_row(f"S/{split}", f"{split}/{n}", d) for split in ("test", "train") for n, d in enumerate(data)
    ]
    out = write_data_set(tmp_path / "out", rows)
    first, second = survey([out]), survey([out])
    assert (first.decoded, second.decoded) == (len(data), 0)
    assert len(first.contents) == len(second.contents) == len(data)
    assert first.content.tolist() == list(range(len(data))) * 2
    more = write_data_set(
        tmp_path / "out", [*rows, make_row("S/train", "train/new", encode(Image.new("L", (9, 9))))]
    )
    assert survey([more]).decoded == 1


def test_a_picture_in_two_data_sets_counts_once_and_is_stored_in_both(
    tmp_path, scenes, encode, make_row, write_data_set
):
    boxes = [("ship", 1, 2, 30, 40)], [("plane", 5, 6, 70, 80)]
    outs = [
        write_data_set(tmp_path / str(n), [make_row("S/train", "train/a", encode(scenes["port"]), boxes=b)])
        for n, b in enumerate(boxes)
    ]
    found = survey(outs)
    assert [(p.data_set, p.labels) for p in found.pictures] == [(str(outs[0]), ("plane", "ship"))]
    assert (found.decoded, survey(outs[1:]).decoded, survey(outs).decoded) == (1, 0, 0)


def test_workers_make_no_difference(tmp_path, scenes, encode, make_row, write_data_set):
    rows = [make_row("S/train", f"train/{name}", encode(image)) for name, image in scenes.items()]
    one, two = (write_data_set(tmp_path / name, rows, group=2) for name in ("one", "two"))
    alone, together = survey([one], workers=1), survey([two], workers=2)
    assert alone.contents.keys == together.contents.keys
    assert np.array_equal(alone.contents.greys(), together.contents.greys())
    assert store.store_of(one).read_bytes() == store.store_of(two).read_bytes()


def test_a_folder_that_cannot_be_written_is_no_failure(
    tmp_path, scenes, encode, make_row, write_data_set, monkeypatch
):
    out = write_data_set(tmp_path, [make_row("S/train", "train/a", encode(scenes["port"]))])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "save", full)
    assert "No space left" in survey([out]).notices[0]
