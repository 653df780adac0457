"""Which rows of a data set a task scores."""

from __future__ import annotations

import json
import shutil
from collections import Counter

import pytest

from rsvp_eval.errors import EvalError, UnknownNameError, UsageError
from rsvp_eval.tasks import load, select


def kinds(rows):
    return Counter((row.source, row.split, row.task) for row in rows)


@pytest.mark.parametrize(
    ("name", "source", "split", "task", "rows"),
    [
        ("aid", "AID", "test20_seed0", "scene_classification", 30),
        ("ucmerced", "UCMerced", "test", "scene_classification", 42),
        ("nwpu_captions", "NWPU-Captions", "test", "image_caption", 15),
        ("dior_rsvg_box", "DIOR-RSVG", "test", "referring_classification_box", 3),
        ("dior_rsvg_point", "DIOR-RSVG", "test", "referring_classification_point", 3),
        ("dior_rsvg_caption_box", "DIOR-RSVG", "test", "region_caption", 3),
    ],
)
def test_a_task_takes_its_source_and_split(dataset, name, source, split, task, rows):
    assert kinds(select(load(name), dataset)) == {(source, split, task): rows}


def test_a_task_of_any_source_takes_the_preferred_split_of_each(dataset):
    found = kinds(select(load("scene"), dataset))
    assert set(found) == {
        ("AID", "test20_seed0", "scene_classification"),
        ("NWPU-Captions", "test", "scene_classification"),
        ("UCMerced", "test", "scene_classification"),
    }


def test_a_list_of_the_users_precedes_the_seeded_draw(dataset, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(dataset, folder)
    import polars as pl

    path = next(folder.glob("data/AID/train*.parquet"))
    pl.read_parquet(path).with_columns(split=pl.lit("test_list")).write_parquet(path)
    assert {row.split for row in select(load("aid"), folder)} == {"test_list"}


def test_source_and_split_can_be_named(dataset):
    found = kinds(select(load("referring_box"), dataset, source="DIOR-RSVG", split="val"))
    assert set(found) == {("DIOR-RSVG", "val", "referring_classification_box")}
    everywhere = kinds(select(load("scene"), dataset, split="train"))
    assert {source for source, _, _ in everywhere} == {"AID", "NWPU-Captions"}


def test_several_tasks_of_a_data_set_are_scored_together(dataset):
    found = kinds(select(load("label"), dataset, source="DIOR-RSVG"))
    assert {task for _, _, task in found} == {
        "referring_classification_box",
        "referring_classification_point",
    }


def test_a_split_that_is_not_for_evaluation_must_be_asked_for(dataset):
    with pytest.raises(
        UsageError, match=r"splits of RSOD: train; none of them is test_list or test.* --split"
    ):
        select(load("referring_box"), dataset)
    assert select(load("referring_box"), dataset, source="RSOD", split="train")


def test_a_task_of_several_splits_and_no_preference_asks(dataset, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\nversion = 1\ntitle = "t"\nkind = "label"\nmetrics = ["ss"]\n'
        '[data]\ntasks = ["scene_classification"]\n'
    )
    task = load(path)
    assert kinds(select(task, dataset, source="UCMerced")) == {
        ("UCMerced", "test", "scene_classification"): 42
    }
    with pytest.raises(UsageError, match=r"splits of AID: test20_seed0, train; it has several. Say which"):
        select(task, dataset, source="AID")


def test_what_does_not_fit_is_told(dataset, tmp_path):
    with pytest.raises(UsageError, match="task aid scores AID, not UCMerced"):
        select(load("aid"), dataset, source="UCMerced")
    with pytest.raises(UnknownNameError, match=r"unknown source .* 'AIDS'. Did you mean AID"):
        select(load("scene"), dataset, source="AIDS")
    with pytest.raises(UnknownNameError, match=r"unknown split 'tset'. Did you mean test"):
        select(load("scene"), dataset, split="tset")
    with pytest.raises(EvalError, match="rows of relationship_analysis are planned"):
        select(load("relationship"), dataset)
    folder = tmp_path / "copy"
    shutil.copytree(dataset, folder)
    (folder / "dataset.json").write_text(json.dumps({"format": 1, "sources": ["UCMerced"]}))
    with pytest.raises(
        EvalError, match=r"no rows of scene_classification of AID, which task aid scores. There are"
    ):
        select(load("aid"), folder)
