"""Which rows are found, and what is said of a data set that is not whole."""

import json
import shutil

import pytest

from earthmarker.data import RowIndex
from earthmarker.errors import EarthMarkerError


def read(*folders, **choice):
    return RowIndex.read(folders[0] if len(folders) == 1 else folders, **choice)


def test_rows_are_those_of_the_files_in_their_order(dataset, records):
    index = read(dataset)
    assert index.ids == tuple(r["id"] for r in records)
    kinds = [index.kinds[k] for k in index.kind]
    assert kinds == [(r["source"], r["task"]) for r in records]
    assert index.length.tolist() == [sum(len(m["content"]) for m in r["messages"]) for r in records]


def test_rows_of_one_picture_have_one_number(dataset, records):
    index = read(dataset)
    pictures = [(r["source"], r["image_id"], tuple(r["window"] or ())) for r in records]
    assert (
        len(set(pictures))
        == len(set(index.image.tolist()))
        == len(set(zip(pictures, index.image.tolist(), strict=True)))
    )


@pytest.mark.parametrize(
    "choice",
    [
        {"tasks": ["region_caption"]},
        {"sources": ["UCM-Captions"]},
        {"splits": ["train", "val"]},
        {
            "tasks": ["scene_classification", "region_caption"],
            "splits": ["test"],
            "sources": ["UCM-Captions"],
        },
    ],
    ids=str,
)
def test_a_choice_keeps_the_rows_that_fit(dataset, records, choice):
    fits = [
        r["id"]
        for r in records
        if r["task"] in choice.get("tasks", [r["task"]])
        and r["source"] in choice.get("sources", [r["source"]])
        and r["split"] in choice.get("splits", [r["split"]])
    ]
    assert fits
    assert read(dataset, **choice).ids == tuple(fits)


@pytest.fixture
def halves(dataset, tmp_path):
    """The data set as two of one source each."""
    folders = []
    for source in ("DIOR-RSVG", "UCM-Captions"):
        folder = tmp_path / source
        shutil.copytree(dataset / "data" / source, folder / "data" / source)
        (folder / "dataset.json").write_text(json.dumps({"sources": {source: {}}}))
        folders.append(folder)
    return folders


def test_several_folders_are_one_data_set(dataset, halves):
    whole, parts = read(dataset), read(*halves)
    assert parts.ids == whole.ids
    assert parts.image.tolist() == whole.image.tolist()
    assert parts.kinds == whole.kinds


def test_a_source_may_be_in_one_of_several_folders(halves):
    assert read(*halves, sources=["UCM-Captions"]).kinds == read(halves[1]).kinds
    with pytest.raises(EarthMarkerError, match="no source 'DOTA'; there are DIOR-RSVG, UCM-Captions"):
        read(*halves, sources=["DOTA"])


def test_the_same_row_in_two_folders_is_refused(dataset, halves):
    with pytest.raises(EarthMarkerError, match="leave one of the data sets out"):
        read(dataset, halves[0])


def test_a_folder_without_a_finished_data_set(tmp_path):
    with pytest.raises(EarthMarkerError, match=r"no dataset\.json"):
        read(tmp_path)


def test_a_damaged_list_of_sources(tmp_path):
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(EarthMarkerError, match=r"dataset\.json: damaged"):
        read(tmp_path)


def test_nothing_fits(dataset):
    with pytest.raises(
        EarthMarkerError, match=r"no row fits: tasks grounded_caption; sources .any.; splits train"
    ):
        read(dataset, tasks=["grounded_caption"], splits=["train"])


def test_a_damaged_shard_is_named(dataset, halves):
    shard = next((halves[0] / "data").rglob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-20])
    with pytest.raises(EarthMarkerError, match=str(shard)):
        read(halves[0])


def test_a_parquet_file_of_something_else(halves):
    import pyarrow as pa
    import pyarrow.parquet as pq

    shard = next((halves[0] / "data").rglob("*.parquet"))
    pq.write_table(pa.table({"text": ["a"]}), shard)
    with pytest.raises(EarthMarkerError, match="not a shard of rsvp-build"):
        read(halves[0])
