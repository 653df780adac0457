"""Which rows wait, and that each is found again with its picture wherever it lies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rsvp_builder.captioning.select import Selection, waiting
from rsvp_builder.captioning.shelf import Shelf
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.dataset.planned import planned_rows
from rsvp_builder.errors import RsvpError, UnknownNameError
from rsvp_builder.settings import Settings

DETAILED = ("detailed_caption",)


def planned(out):
    """Every planned row with its picture, by id, as the reader for whole shards gives them."""
    folder = Folder(out)
    return {
        row["id"]: (row, picture) for name in folder.sources() for row, picture in planned_rows(folder, name)
    }


def test_every_planned_row_waits_once_and_is_found_with_its_picture(built):
    expected = planned(built)
    assert len(expected) == 24
    places = list(waiting(built, Selection()))
    assert [place.row_id for place in places] == list(expected)
    shelf = Shelf(built)
    for place in places:
        subject = shelf.subject(place)
        assert (subject.row, subject.picture) == expected[place.row_id]
        row = subject.row
        assert (place.source, place.split, place.task) == (row["source"], row["split"], row["task"])


def test_rows_come_back_in_any_order(built):
    expected, shelf = planned(built), Shelf(built)
    for place in reversed(list(waiting(built, Selection()))):
        subject = shelf.subject(place)
        assert (subject.row, subject.picture) == expected[place.row_id]


@pytest.mark.parametrize("source", ["NWPU-VHR-10", "DIOR-RSVG"])
def test_rows_made_of_built_ones_are_those_that_a_build_would_plan(built, rebuild, tmp_path, source):
    tasks = ("referring_classification_box", "detailed_caption")
    rebuild(tmp_path, source, Settings(marks_per_row=4, tasks=tasks))
    expected = planned(tmp_path)
    places = list(waiting(built, Selection(tasks=DETAILED, sources=(source,))))
    assert {place.row_id for place in places} == set(expected)
    assert len(places) == len(expected) > 5
    shelf = Shelf(built)
    for place in places:
        subject = shelf.subject(place)
        assert (subject.row, subject.picture) == expected[place.row_id]
    # Where a build planned them, they are taken from there.
    again = list(waiting(tmp_path, Selection(tasks=DETAILED)))
    assert {place.row_id for place in again} == set(expected)
    assert all(place.shard.startswith("planned/") for place in again)


def test_a_selection_takes_tasks_sources_and_splits(built):
    rows = [row for row, _ in planned(built).values()]
    for task in ("grounded_caption", "relationship_analysis"):
        found = {place.row_id for place in waiting(built, Selection(tasks=(task,)))}
        assert found == {row["id"] for row in rows if row["task"] == task}
    found = {
        place.row_id for place in waiting(built, Selection(sources=("DIOR-RSVG",), splits=("val", "test")))
    }
    assert found == {r["id"] for r in rows if r["source"] == "DIOR-RSVG" and r["split"] in ("val", "test")}
    assert found


def test_a_limit_takes_the_rows_of_a_smaller_one_too_in_the_order_of_the_data(built):
    everything = [place.row_id for place in waiting(built, Selection())]
    taken = {}
    for limit in (1, 5, 11, 24, 100):
        taken[limit] = [place.row_id for place in waiting(built, Selection(limit=limit))]
        assert len(taken[limit]) == min(limit, 24)
        assert taken[limit] == [row_id for row_id in everything if row_id in set(taken[limit])]
    assert set(taken[1]) < set(taken[5]) < set(taken[11])
    assert taken[5] != [place.row_id for place in waiting(built, Selection(limit=5, seed=1))]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(tasks=("detailed_captions",)), "Did you mean detailed_caption"),
        (Selection(tasks=("region_caption",)), "need no captioner"),
        (Selection(sources=("NWPU",)), "Did you mean NWPU-VHR-10"),
        (Selection(splits=("trian",)), "Did you mean train"),
    ],
)
def test_names_that_are_not_there_are_refused(built, selection, message):
    with pytest.raises(RsvpError, match=message):
        list(waiting(built, selection))


def test_a_build_that_has_not_finished_has_no_rows_that_wait(out):
    (out / "dataset.json").unlink()
    with pytest.raises(RsvpError, match="rerun it, it resumes"):
        list(waiting(out, Selection()))


def test_rows_that_moved_are_found_and_rows_that_are_gone_are_told(built):
    places = list(waiting(built, Selection(sources=("NWPU-VHR-10",))))
    derived = list(waiting(built, Selection(sources=("NWPU-VHR-10",), tasks=DETAILED)))
    shelf = Shelf(built)
    for few in (places, derived):
        for place in few:
            moved = place._replace(row=(place.row + 1) % 100)
            assert shelf.row(moved) == shelf.row(place)
            assert shelf.picture(moved) == shelf.picture(place)
        with pytest.raises(RsvpError, match="is not there any more"):
            shelf.row(few[0]._replace(row_id="0" * 32))


def test_referenced_pictures_are_read_from_their_files(raw, rebuild, tmp_path):
    from rsvp_builder.build import build

    moved = shutil.copytree(raw / "NWPU-VHR-10", tmp_path / "raw")
    settings = Settings(images="reference", tile=0)
    build("NWPU-VHR-10", moved, tmp_path / "out", settings, workers=1)
    places = list(waiting(tmp_path / "out", Selection()))
    shelf = Shelf(tmp_path / "out")
    assert places
    for place in places:
        path = Path(shelf.picture(place).path)
        assert path.is_relative_to(moved.resolve())
        assert shelf.subject(place).picture == path.read_bytes()
    path.unlink()
    with pytest.raises(RsvpError, match="referenced picture"):
        shelf.subject(place)


def test_unknown_name_is_the_kind_of_error_that_lists_what_there_is(built):
    with pytest.raises(UnknownNameError) as told:
        list(waiting(built, Selection(sources=("x",))))
    assert told.value.known == ["DIOR-RSVG", "NWPU-VHR-10"]
