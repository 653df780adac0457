"""Shards as others read them: datasets, polars and plain Arrow."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import datasets
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from rsvp_builder.dataset.shard import ShardWriter
from rsvp_builder.record import IMAGE_TYPE, ROW_SCHEMA, features, huggingface_metadata

WITHOUT_IMAGE = pa.schema([field for field in ROW_SCHEMA if field.name != "image"])


def picture(seed, size=(40, 30), mode="RGB"):
    """A PNG of noise, which nothing compresses further."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def row(number, **changes):
    mark = {
        "index": 1,
        "kind": "box",
        "xyxy": [1.5, 2.0, 10.25, 20.0],
        "xy": None,
        "quad": [1.5, 2, 10.25, 2, 10.25, 20, 1.5, 20],
        "label": "large vehicle",
        "caption": None,
        "flags": ["difficult", "clipped"],
    }
    point = {**mark, "index": 2, "kind": "point", "xyxy": None, "xy": [3.0, 4.0], "quad": None, "flags": []}
    return {
        "id": f"{number:032x}",
        "image_id": f"train/P{number:04d}",
        "width": 40,
        "height": 30,
        "window": [0, 0, 40, 30] if number % 2 else None,
        "gsd": None if number % 2 else 0.3,
        "image_source": None,
        "source": "made-up",
        "source_version": "1",
        "split": "train",
        "task": "region_caption",
        "granularity": "region",
        "domain": "rs",
        "marks": [mark, point],
        "messages": [
            {"role": "user", "content": "Wo? 池塘"},
            {"role": "assistant", "content": "<Region 1>: x\n<Region 2>: y"},
        ],
        "provenance": "derived",
        "license": "free",
        "builder_version": "0",
        **changes,
    }


def table(rows):
    return pa.Table.from_pylist(rows, schema=WITHOUT_IMAGE)


def frames(*numbers):
    return np.array(numbers, np.int64)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "made-up" / "train-00000-of-00001.parquet"


def stored(*pictures):
    return pa.array(pictures, pa.binary())


@pytest.fixture
def shard(path):
    """Two row groups: three rows over two pictures, and one row of a grey one."""
    with ShardWriter(path) as writer:
        writer.write(
            [table([row(0), row(1)]), table([row(2)])],
            [frames(0, 1), frames(0)],
            stored(picture(0), picture(1)),
            ["P0.png", "P1.png"],
        )
        writer.write([table([row(3)])], [frames(0)], stored(picture(2, mode="L")), ["P2.png"])
        writer.commit()
    return path


EXPECTED_PICTURES = [(0, "RGB"), (1, "RGB"), (0, "RGB"), (2, "L")]
EXPECTED_NAMES = ["P0.png", "P1.png", "P0.png", "P2.png"]


# The schema


def test_features_are_the_published_schema():
    assert features().arrow_schema.remove_metadata().equals(ROW_SCHEMA)
    assert isinstance(features()["image"], datasets.Image)


def test_the_metadata_is_what_datasets_itself_writes(tmp_path):
    written = features().arrow_schema.metadata[b"huggingface"]
    assert json.loads(huggingface_metadata()) == json.loads(written)
    rows = [{**row(0), "image": {"bytes": picture(0), "path": "a.png"}}]
    datasets.Dataset.from_list(rows, features=features()).to_parquet(tmp_path / "theirs.parquet")
    theirs = pq.read_schema(tmp_path / "theirs.parquet").metadata[b"huggingface"]
    assert json.loads(huggingface_metadata()) == json.loads(theirs)


def test_a_shard_states_the_published_schema_and_its_features(shard):
    schema = pq.read_schema(shard)
    assert schema.remove_metadata().equals(ROW_SCHEMA)
    assert schema.metadata[b"huggingface"] == huggingface_metadata()


# What is written is read


def test_rows_come_back_as_they_went_in_and_in_order(shard):
    rows = pq.read_table(shard).to_pylist()
    pictures = [picture(seed, mode=mode) for seed, mode in EXPECTED_PICTURES]
    assert rows == [
        {**row(number), "image": {"bytes": data, "path": name}}
        for number, (data, name) in enumerate(zip(pictures, EXPECTED_NAMES, strict=True))
    ]


def test_the_writer_counts_rows_and_returns_the_size(path):
    with ShardWriter(path) as writer:
        writer.write(
            [table([row(0)]), table([row(1), row(2)])], [frames(0), frames(0, 0)], stored(b"x"), ["x"]
        )
        writer.write([table([row(3)])], [frames(0)], stored(b"x"), ["x"])
        assert writer.rows == 4
        assert writer.commit() == path.stat().st_size


def test_a_picture_of_many_rows_is_stored_once_and_read_for_each(path):
    big = picture(5, size=(600, 400))
    assert len(big) > 700_000
    rows = [row(number) for number in range(50)]
    with ShardWriter(path) as writer:
        writer.write(
            [table(rows[:25]), table(rows[25:])],
            [frames(*[0] * 25), frames(*[0] * 25)],
            stored(big),
            ["big.png"],
        )
        size = writer.commit()
    assert len(big) < size < len(big) + 50_000
    file = pq.ParquetFile(path)
    assert file.num_row_groups == 1
    assert file.read()["image"].combine_chunks().field("bytes").unique().to_pylist() == [big]
    assert {value["bytes"] == big for value in file.read()["image"].to_pylist()} == {True}


def test_each_call_makes_one_row_group(shard):
    metadata = pq.read_metadata(shard)
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [3, 1]


def test_referenced_pictures_have_a_path_and_no_bytes(path):
    with ShardWriter(path) as writer:
        writer.write([table([row(0), row(1)])], [frames(1, 0)], None, ["/raw/a.png", "/raw/b.png"])
        writer.commit()
    assert pq.read_table(path)["image"].to_pylist() == [
        {"bytes": None, "path": "/raw/b.png"},
        {"bytes": None, "path": "/raw/a.png"},
    ]
    assert pq.read_schema(path).field("image").type.equals(IMAGE_TYPE)


@pytest.mark.parametrize("calls", [0, 1], ids=["nothing written", "a table without rows"])
def test_an_empty_shard_can_be_read(path, calls):
    with ShardWriter(path) as writer:
        for _ in range(calls):
            writer.write([table([])], [frames()], stored(), [])
        writer.commit()
    assert pq.read_schema(path).remove_metadata().equals(ROW_SCHEMA)
    assert pq.read_table(path).num_rows == 0
    assert pl.read_parquet(path).height == 0


def test_pages_carry_checksums(shard):
    data = bytearray(shard.read_bytes())
    start = data.find(picture(1)[100:200])
    assert start > 0
    data[start] ^= 1
    shard.write_bytes(data)
    with pytest.raises(OSError, match=r"(?i)crc|checksum"):
        pq.ParquetFile(shard, page_checksum_verification=True).read()


def test_the_same_rows_make_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        with ShardWriter(tmp_path / name) as writer:
            writer.write(
                [table([row(0), row(1)])], [frames(0, 1)], stored(picture(0), picture(1)), ["a", "b"]
            )
            writer.commit()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# Nothing half done is left


def test_until_it_is_committed_a_shard_has_not_its_name(path):
    with ShardWriter(path) as writer:
        writer.write([table([row(0)])], [frames(0)], stored(b"x"), ["x"])
        assert not path.exists()
        assert list(path.parent.glob("*.parquet")) == []
        writer.commit()
        assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert path.exists()


def test_a_writer_left_by_an_exception_leaves_no_file(path):
    with pytest.raises(ZeroDivisionError), ShardWriter(path) as writer:
        writer.write([table([row(0)])], [frames(0)], stored(b"x"), ["x"])
        _ = 1 / 0
    assert list(path.parent.iterdir()) == []


def test_a_writer_left_by_an_exception_leaves_an_earlier_shard_alone(shard):
    before = shard.read_bytes()
    with pytest.raises(ZeroDivisionError), ShardWriter(shard):
        _ = 1 / 0
    assert [p.name for p in shard.parent.iterdir()] == [shard.name]
    assert shard.read_bytes() == before


def test_a_writer_never_committed_leaves_no_file(path):
    with ShardWriter(path) as writer:
        writer.write([table([row(0)])], [frames(0)], stored(b"x"), ["x"])
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("limit", [1_000, 4_000, 9_000, 100_000])
def test_a_full_disk_is_told_and_leaves_no_file(path, limit):
    program = """
import resource, sys
from pathlib import Path
import numpy as np
import pyarrow as pa
from rsvp_builder.dataset.shard import ShardWriter
from rsvp_builder.record import ROW_SCHEMA
fields = [field for field in ROW_SCHEMA if field.name != "image"]
table = pa.table([pa.nulls(1, field.type) for field in fields], schema=pa.schema(fields))
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
with ShardWriter(Path(sys.argv[1])) as writer:
    for number in range(5):
        writer.write([table], [np.array([0])], pa.array([bytes([number]) * (limit // 4)], pa.binary()), ["x"])
    writer.commit()
"""
    arguments = [sys.executable, "-c", program, str(path), str(limit)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert "OSError: [Errno 27]" in done.stderr
    assert "File too large" in done.stderr
    assert list(path.parent.iterdir()) == []


# Other readers


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Keep datasets off the network and inside tmp_path."""
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets.disable_progress_bars()
    yield str(tmp_path / "cache")
    datasets.enable_progress_bars()


def assert_decoded(rows):
    assert len(rows) == 4
    for number, (found, (seed, mode)) in enumerate(zip(rows, EXPECTED_PICTURES, strict=True)):
        assert isinstance(found["image"], Image.Image)
        with Image.open(io.BytesIO(picture(seed, mode=mode))) as expected:
            assert found["image"].mode == mode
            np.testing.assert_array_equal(np.asarray(found["image"]), np.asarray(expected))
        assert {**found, "image": 0} == {**row(number), "image": 0}


def test_datasets_loads_it_with_decoded_pictures(shard, offline):
    loaded = datasets.load_dataset("parquet", data_files=str(shard), split="train", cache_dir=offline)
    assert loaded.features == features()
    assert_decoded(list(loaded))


def test_datasets_streams_it_with_decoded_pictures(shard, offline):
    streamed = datasets.load_dataset(
        "parquet", data_files=str(shard), split="train", streaming=True, cache_dir=offline
    )
    assert streamed.features == features()
    assert_decoded(list(streamed))


def test_datasets_opens_referenced_pictures(tmp_path, path, offline):
    raw = tmp_path / "P0.png"
    raw.write_bytes(picture(0))
    with ShardWriter(path) as writer:
        writer.write([table([row(0)])], [frames(0)], None, [str(raw)])
        writer.commit()
    loaded = datasets.load_dataset("parquet", data_files=str(path), split="train", cache_dir=offline)
    with Image.open(raw) as expected:
        np.testing.assert_array_equal(np.asarray(loaded[0]["image"]), np.asarray(expected))


def test_datasets_reads_an_empty_shard_beside_others(shard, offline):
    empty = shard.with_name("train-00001-of-00002.parquet")
    with ShardWriter(empty) as writer:
        writer.commit()
    files = [str(shard), str(empty)]
    loaded = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=offline)
    assert_decoded(list(loaded))


def test_polars_reads_it(shard):
    frame = pl.read_parquet(shard)
    assert frame["image"].struct.field("bytes").to_list() == [
        picture(s, mode=m) for s, m in EXPECTED_PICTURES
    ]
    assert frame.drop("image").to_dicts() == [row(number) for number in range(4)]
    lazy = pl.scan_parquet(shard).select(pl.col("marks").list.len()).collect()
    assert lazy["marks"].to_list() == [2] * 4


def test_arrow_reads_single_columns_and_row_groups(shard):
    file = pq.ParquetFile(shard, page_checksum_verification=True)
    assert file.read_row_group(1, columns=["id"])["id"].to_pylist() == [row(3)["id"]]
    assert pq.read_table(shard, columns=["marks"])["marks"].to_pylist() == [row(0)["marks"]] * 4


def test_equal_pictures_are_stored_once_and_the_bytes_are_the_same_every_time(tmp_path):
    rows = table([row(number) for number in range(6)])
    pictures = pa.array([b"A" * 30_000, b"B" * 30_000, b"B" * 30_000])
    files = []
    for number in range(3):
        path = tmp_path / f"{number}.parquet"
        with ShardWriter(path) as writer:
            writer.write([rows], [np.array([0, 0, 1, 1, 2, 2])], pictures, ["a", "b", "c"])
            writer.commit()
        files.append(path.read_bytes())
    assert files[0] == files[1] == files[2]
    assert len(files[0]) < 75_000
    images = pq.read_table(tmp_path / "0.parquet")["image"].to_pylist()
    assert [(image["bytes"][:1], image["path"]) for image in images] == [
        (b"A", "a"), (b"A", "a"), (b"B", "b"), (b"B", "b"), (b"B", "c"), (b"B", "c")
    ]  # fmt: skip


def test_a_picture_that_no_row_shows_is_not_stored(tmp_path):
    path = tmp_path / "shard.parquet"
    pictures = pa.array([b"A" * 30_000, b"B" * 30_000])
    with ShardWriter(path) as writer:
        shown = np.array([False, True])
        writer.write(
            [table([row(number) for number in range(2)])],
            [np.array([0, 1])],
            pictures,
            ["a", "b"],
            shown=shown,
        )
        writer.commit()
    assert b"AAAA" not in path.read_bytes()
    images = pq.read_table(path)["image"].to_pylist()
    assert [image["bytes"] and image["bytes"][:1] for image in images] == [None, b"B"]
