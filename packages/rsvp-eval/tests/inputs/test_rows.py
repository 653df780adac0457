"""Rows and pictures of data sets that rsvp-build made."""

from __future__ import annotations

import io
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from rsvp_eval.errors import EvalError, UnknownNameError
from rsvp_eval.inputs.folder import contents
from rsvp_eval.inputs.pictures import pictures
from rsvp_eval.inputs.rows import read_rows


def published(dataset, kind="data"):
    paths = sorted(dataset.glob(f"{kind}/*/*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def test_every_row_comes_as_it_was_written(dataset):
    written = {row["id"]: row for row in published(dataset)}
    rows = read_rows(dataset)
    assert [row.id for row in rows] == list(written)
    assert {row.task for row in rows} >= {"image_caption", "region_caption", "scene_classification"}
    for row in rows:
        there = written[row.id]
        for name in ("image_id", "source", "split", "task", "granularity", "width", "height"):
            assert getattr(row, name) == there[name]
        assert [list(m) for m in row.messages] == [[m["role"], m["content"]] for m in there["messages"]]
        assert row.answer == there["messages"][-1]["content"]
        assert len(row.marks) == len(there["marks"])
        for mark, own in zip(row.marks, there["marks"], strict=True):
            assert (mark.index, mark.kind, mark.label, mark.caption) == tuple(
                own[name] for name in ("index", "kind", "label", "caption")
            )
            assert mark.xyxy == (None if own["xyxy"] is None else tuple(own["xyxy"]))
            assert mark.xy == (None if own["xy"] is None else tuple(own["xy"]))


def test_windows_and_rows_without_marks(dataset, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(dataset, folder)
    path = next(folder.glob("data/UCMerced/*.parquet"))
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[0]["window"] = [0, 8, 16, 24]
    rows[1]["marks"] = []
    rows[2]["marks"] = rows[2]["marks"] * 2
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    found = read_rows(folder, source="UCMerced")
    assert found[0].window == (0, 8, 16, 24)
    assert [len(row.marks) for row in found[:4]] == [1, 0, 2, 1]
    assert found[3].marks[0].label == rows[3]["marks"][0]["label"]
    assert [row.answer for row in found] == [row["messages"][-1]["content"] for row in rows]


def test_rows_are_chosen_by_name(dataset):
    captions = read_rows(dataset, task="image_caption", split="test")
    assert {(r.task, r.split, r.source) for r in captions} == {("image_caption", "test", "NWPU-Captions")}
    both = read_rows(dataset, task=["image_caption", "region_caption"], source="DIOR-RSVG")
    assert {r.task for r in both} == {"region_caption"}
    points = read_rows(dataset, granularity="point")
    assert {m.kind for r in points for m in r.marks} == {"point"}


def test_planned_rows_come_when_asked_for_and_have_no_answer(dataset):
    planned = published(dataset, "planned")
    every = read_rows(dataset, planned=True)
    assert {r.id for r in every} - {r.id for r in read_rows(dataset)} == {r["id"] for r in planned}
    assert all(r.answer is None for r in read_rows(dataset, task="relationship_analysis", planned=True))
    with pytest.raises(EvalError, match="rows of relationship_analysis are planned"):
        read_rows(dataset, task="relationship_analysis")


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"task": "image_captoin"}, "unknown task 'image_captoin'. Did you mean .*image_caption"),
        ({"split": "tset"}, "unknown split 'tset'. Did you mean test"),
        ({"source": "nwpu_captions"}, "Did you mean NWPU-Captions"),
    ],
)
def test_an_unknown_name_is_answered_with_those_there_are(dataset, wanted, told):
    with pytest.raises(UnknownNameError, match=told):
        read_rows(dataset, **wanted)


def test_names_that_do_not_meet_are_told_with_what_there_is(dataset):
    with pytest.raises(
        EvalError, match=r"no rows of task image_caption, source UCMerced. There are .* UCMerced test"
    ):
        read_rows(dataset, task="image_caption", source="UCMerced")


def test_contents_count_every_row(dataset):
    assert sum(content.rows for content in contents(dataset)) == len(published(dataset))
    assert sum(content.rows for content in contents(dataset, planned=True)) == len(
        published(dataset, "planned")
    )


def test_what_is_no_finished_data_set_is_told(dataset, tmp_path):
    with pytest.raises(EvalError, match="there is no such folder"):
        read_rows(tmp_path / "none")
    with pytest.raises(EvalError, match="rsvp-build --out"):
        read_rows(tmp_path)
    shutil.copytree(dataset, tmp_path / "half")
    (tmp_path / "half" / "dataset.json").unlink()
    with pytest.raises(EvalError, match=r"the build of .*DIOR-RSVG.* has not finished"):
        read_rows(tmp_path / "half")
    (tmp_path / "half" / "dataset.json").write_text("{}")
    with pytest.raises(EvalError, match=r"dataset\.json: damaged"):
        read_rows(tmp_path / "half")


def test_damaged_and_foreign_files_are_told(dataset, tmp_path):
    folder = tmp_path / "copy"
    (folder / "data" / "X").mkdir(parents=True)
    (folder / "dataset.json").write_text(json.dumps({"format": 1, "sources": ["X"]}))
    path = folder / "data" / "X" / "test-00000-of-00001.parquet"
    path.write_bytes(b"PAR1 no PAR1")
    with pytest.raises(EvalError, match="cannot be read"):
        read_rows(folder)
    pq.write_table(pa.table({"id": ["a"], "source": ["X"], "split": ["test"]}), path)
    with pytest.raises(EvalError, match="there is no column"):
        read_rows(folder)


def test_only_complete_sources_are_read(dataset, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(dataset, folder)
    (folder / "dataset.json").write_text(json.dumps({"format": 1, "sources": ["UCMerced"]}))
    assert {row.source for row in read_rows(folder)} == {"UCMerced"}


def test_pictures_are_those_of_the_rows(dataset):
    written = {row["id"]: row for row in published(dataset)}
    ids = list(written)[::7]
    found = pictures(dataset, [*ids, "no such row"])
    assert set(found) == set(ids)
    for key, picture in found.items():
        assert picture.bytes == written[key]["image"]["bytes"]
        assert Image.open(io.BytesIO(picture.bytes)).size == (picture.width, picture.height)
        assert [m.index for m in picture.marks] == [m["index"] for m in written[key]["marks"]]


def test_a_planned_row_shows_the_picture_of_the_row_that_carries_it(dataset):
    planned = {row["id"]: row for row in published(dataset, "planned")}
    by_image = {(r["source"], r["image_id"]): r["image"]["bytes"] for r in published(dataset)}
    found = pictures(dataset, list(planned))
    assert set(found) == set(planned)
    lacking = [key for key, row in planned.items() if row["image"]["bytes"] is None]
    assert lacking
    for key in lacking:
        row = planned[key]
        assert found[key].bytes == by_image[row["source"], row["image_id"]]


def test_a_picture_that_is_referred_to_is_read_from_its_place(dataset, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(dataset, folder)
    path = next(folder.glob("data/UCMerced/*.parquet"))
    table = pq.read_table(path)
    rows = table.to_pylist()
    (tmp_path / "a.png").write_bytes(b"picture")
    rows[0]["image"] = {"bytes": None, "path": str(tmp_path / "a.png")}
    rows[1]["image"] = {"bytes": None, "path": str(tmp_path / "gone.png")}
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    found = pictures(folder, [rows[0]["id"], rows[1]["id"]])
    assert found[rows[0]["id"]].bytes == b"picture"
    assert found[rows[1]["id"]].bytes is None
