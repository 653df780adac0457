"""Rows as they are read: picture, marks and conversation."""

import hashlib
import pickle
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from earthmarker.data import RowDataset, RowIndex
from earthmarker.errors import EarthMarkerError
from earthmarker.prompts import Box, Point


def test_every_row_is_what_plain_pyarrow_reads(dataset, records):
    rows = RowDataset(RowIndex.read(dataset))
    assert len(rows) == len(records)
    kinds = set()
    for i, record in enumerate(records):
        row = rows[i]
        assert (row.id, row.task, row.source) == (record["id"], record["task"], record["source"])
        assert (row.width, row.height) == (record["width"], record["height"])
        assert row.picture == record["image"]["bytes"]
        assert row.picture_sha256 == hashlib.sha256(row.picture).hexdigest()
        assert list(row.messages) == record["messages"]
        for mark, given in zip(row.marks, record["marks"], strict=True):
            kinds.add(type(mark))
            expected = Point(*given["xy"]) if given["kind"] == "point" else Box(*given["xyxy"])
            assert mark == expected
    assert kinds == {Box, Point}


def test_the_order_of_reading_does_not_matter(dataset):
    index = RowIndex.read(dataset)
    forward, small = RowDataset(index), RowDataset(index, groups=1)
    ids = [forward[i].id for i in range(len(index))]
    assert [small[i].id for i in reversed(range(len(index)))] == ids[::-1]


def test_neighbouring_rows_cost_one_read(dataset, monkeypatch):
    index = RowIndex.read(dataset)
    rows, reads = RowDataset(index), []
    real = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda self, *a, **k: (reads.append(1), real(self, *a, **k))[1]
    )
    for i in range(len(index)):
        rows[i]
    assert len(reads) == len(set(zip(index.shard.tolist(), index.group.tolist(), strict=True)))


def test_workers_begin_with_nothing_held(dataset):
    rows = RowDataset(RowIndex.read(dataset))
    rows[0]
    other = pickle.loads(pickle.dumps(rows))
    assert not other._held
    assert other[0] == rows[0]


def test_a_shard_that_is_damaged_after_it_was_indexed(dataset, tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(dataset, copy)
    index = RowIndex.read(copy)
    for shard in index.shards:
        data = bytearray(shard.read_bytes())
        data[4 : len(data) // 2] = bytes(len(data) // 2 - 4)
        shard.write_bytes(data)
    with pytest.raises(EarthMarkerError, match=rf"{index.shards[0]}: row group 0 cannot be read"):
        RowDataset(index)[0]


def test_a_picture_that_lies_elsewhere(dataset, tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(dataset, copy)
    shard = RowIndex.read(copy).shards[0]
    table = pq.read_table(shard)
    path = tmp_path / "picture.png"
    image = [{"bytes": None, "path": str(path)}] * len(table)
    place = table.column_names.index("image")
    pq.write_table(table.set_column(place, "image", pa.array(image, table.schema.field("image").type)), shard)
    rows = RowDataset(RowIndex.read(copy))
    with pytest.raises(EarthMarkerError, match=r"picture\.png cannot be read.*--images embed"):
        rows[0]
    path.write_bytes(b"bytes of a picture")
    assert rows[0].picture == b"bytes of a picture"
