import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from earthmarker.data import RowIndex


@pytest.fixture(scope="session")
def processor(tiny_folder):
    from earthmarker import EarthMarkerProcessor

    return EarthMarkerProcessor.from_pretrained(tiny_folder)


@pytest.fixture(scope="session")
def records(dataset):
    """Rows as plain pyarrow reads them, in the order of the files: the reference."""
    tables = [pq.read_table(path) for path in sorted(dataset.glob("data/*/*.parquet"))]
    return pa.concat_tables(tables).to_pylist()


@pytest.fixture
def made_up():
    """An index of rows that are in no file."""

    def make(lengths, images, kinds=(("A", "t"),), kind=None):
        rows = len(lengths)
        zeros = np.zeros(rows, dtype=np.int32)
        return RowIndex(
            shards=(),
            shard=zeros,
            group=zeros,
            offset=zeros,
            image=np.asarray(images, dtype=np.int64),
            length=np.asarray(lengths, dtype=np.int32),
            ids=tuple(map(str, range(rows))),
            kind=zeros if kind is None else np.asarray(kind, dtype=np.int32),
            kinds=tuple(kinds),
        )

    return make
