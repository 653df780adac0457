"""Answers become rows that everybody finds, the ledger balances, and merging again is safe."""

from __future__ import annotations

import json
import math
import shutil
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rsvp_builder.captioning import merge as module
from rsvp_builder.captioning.merge import merge
from rsvp_builder.captioning.select import Selection, waiting
from rsvp_builder.captioning.shelf import Shelf
from rsvp_builder.captioning.store import Store
from rsvp_builder.dataset.coverage import coverage
from rsvp_builder.dataset.layout import Folder, is_captions
from rsvp_builder.dataset.stats import statistics
from rsvp_builder.dataset.status import build_status
from rsvp_builder.dataset.validate import validate
from rsvp_builder.record import ROW_SCHEMA
from rsvp_builder.settings import Settings

ALL = ("relationship_analysis", "grounded_caption", "detailed_caption")
TASKS = Selection(tasks=ALL)


def captions(out: Path) -> list[Path]:
    return [path for path in sorted(out.glob("data/*/*.parquet")) if is_captions(path)]


def rows_of(out: Path) -> list[dict[str, Any]]:
    return [row for path in captions(out) for row in pq.read_table(path).to_pylist()]


def account(out: Path, source: str) -> dict[str, Any]:
    return json.loads(Folder(out).captions(source).read_text())


@pytest.fixture(scope="module")
def merged(captioned, tmp_path_factory):
    """Every row answered and merged; do not write into it."""
    out = shutil.copytree(captioned, tmp_path_factory.mktemp("flow-merged") / "out")
    done = merge(out)
    assert (done.gone, done.unfit, done.problems) == (0, 0, [])
    return out


def test_every_answered_row_is_there_once_with_its_picture_and_its_answer(merged):
    shelf = Shelf(merged)
    expected = {}
    with Store(Folder(merged).store, read_only=True) as store:
        answers = {result.row_id: result for result in store.results("done")}
    for place in waiting(merged, TASKS):
        row, result = shelf.row(place), answers[place.row_id]
        key = (row["source"], row["image_id"], row["task"], str([m["xyxy"] for m in row["marks"]]))
        expected[key] = (row, result, shelf.subject(place).picture)
    found = rows_of(merged)
    assert len(found) == len(expected) == 39
    for row in found:
        image = row.pop("image")
        key = (row["source"], row["image_id"], row["task"], str([m["xyxy"] for m in row["marks"]]))
        asked, result, picture = expected.pop(key)
        assert image["bytes"] == picture
        assert Path(image["path"]).stem in row["image_id"]
        assert row["messages"] == [*asked["messages"], {"role": "assistant", "content": result.text}]
        assert row["provenance"] == f"gpt-4o-fake {row['task']}/1"
        assert [mark["caption"] for mark in row["marks"]] == [
            result.captions.get(mark["index"]) for mark in asked["marks"]
        ]
        same = set(row) - {"id", "messages", "provenance", "marks"}
        assert {name: row[name] for name in same} == {name: asked[name] for name in same}
    assert not expected


def test_ids_are_those_that_the_converter_of_written_answers_gives(merged):
    """Written out here a second time: a change of the formula would give every row a new name."""
    seen: dict[tuple[str, ...], int] = {}
    for row in rows_of(merged):
        window = None if row["window"] is None else tuple(row["window"])
        about = (row["source"], row["image_id"], str(window), row["task"])
        part = seen.get(about, 0)
        seen[about] = part + 1
        ask, text = (message["content"] for message in row["messages"])
        places = np.array([mark["xyxy"] for mark in row["marks"]], np.float64).tobytes()
        said = "\x1f".join([*about, str(part), ask, text, ""]).encode()
        assert row["id"] == blake2b(said + places, digest_size=16).hexdigest()


def test_shards_are_of_the_published_form_and_store_each_picture_once(merged):
    for path in captions(merged):
        metadata = pq.read_metadata(path)
        assert pq.read_schema(path).equals(ROW_SCHEMA)
        rows = pq.read_table(path).to_pylist()
        frames = [row["image_id"] for row in rows]
        assert frames == sorted(frames, key=frames.index)  # rows of a picture lie together
        column = next(
            metadata.row_group(0).column(i)
            for i in range(metadata.num_columns)
            if metadata.row_group(0).column(i).path_in_schema == "image.bytes"
        )
        distinct = {row["image"]["bytes"] for row in rows}
        assert len(distinct) < len(rows)
        assert column.total_uncompressed_size < sum(map(len, distinct)) + 4096


def test_the_whole_set_is_valid_and_the_ledger_balances(merged):
    report = validate(merged, decode=True)
    assert report.problems == []
    assert report.rows == 7 + 24 + 24 + 39
    for source, planned in (("NWPU-VHR-10", 14), ("DIOR-RSVG", 10)):
        told = account(merged, source)
        summary = json.loads((Folder(merged).ledger(source) / "summary.json").read_text())
        assert sum(of["rows"] for of in told["tasks"].values() if of["planned"]) == planned
        for task, of in told["tasks"].items():
            assert of["rows"] == of["captioned"] + of["rejected"] + of["waiting"]
            assert of["planned"] == (task in summary["planned"]["tasks"])
            assert of["waiting"] == 0


def test_statistics_count_captioned_rows_and_no_picture_twice(built, merged):
    before, after = statistics(built), statistics(merged)
    by_task = {(row["source"], row["task"]): row["rows"] for row in after["rows"]}
    total = {}
    for row in after["rows"]:
        total[row["source"], row["task"]] = total.get((row["source"], row["task"]), 0) + row["rows"]
    assert total["NWPU-VHR-10", "relationship_analysis"] == 7
    assert total["DIOR-RSVG", "detailed_caption"] == 8
    assert by_task
    pictures = lambda found: {(f["source"], f["width"], f["height"]): f["pictures"] for f in found["frames"]}  # noqa: E731
    assert pictures(after) == pictures(before)
    rows = lambda found: sum(f["rows"] for f in found["frames"])  # noqa: E731
    assert rows(after) == rows(before) + 39
    told = {(row["source"], row["provenance"]): row["rows"] for row in after["provenance"]}
    assert told["NWPU-VHR-10", "gpt-4o-fake grounded_caption/1"] == 7
    assert {row["task"] for row in after["caption_lengths"]} >= {"grounded_caption", "detailed_caption"}


def test_the_card_tells_who_wrote_the_rows_and_what_became_of_the_others(merged):
    card = (merged / "README.md").read_text()
    assert "94 rows about" not in card  # planned rows are none of the data set
    assert "70 rows about" in card
    section = card.split("## Captioned rows")[1].split("## Columns")[0]
    assert "| NWPU-VHR-10 | relationship_analysis | 7 | 7 | 0 | 0 | 0 |" in section
    assert "| DIOR-RSVG | gpt-4o-fake grounded_caption/1 | 8 | 0 |" in section


def test_status_and_coverage_tell_how_many_are_answered(merged):
    from rsvp_builder.catalog import shipped

    told = {entry["source"]: entry for entry in build_status(merged)}
    assert (told["NWPU-VHR-10"]["planned"], told["NWPU-VHR-10"]["captioned"]) == (14, 21)
    [entry] = [
        c
        for c in coverage(Folder(merged), shipped().values())
        if (c.task, c.built_from) == ("grounded_caption", "DIOR-RSVG")
    ]
    assert (entry.rows, entry.captioned, entry.planned) == (8, 8, True)


def test_the_gallery_shows_them_beside_the_other_rows_of_their_picture(merged, tmp_path):
    from rsvp_builder.gallery import write_gallery

    made = write_gallery(merged, tmp_path / "gallery.html", limit=100)
    assert (made.rows_shown, made.rows_total) == (70, 70)
    page = made.path.read_text()
    assert made.images_shown == len({row["image_id"] for row in rows_of(merged)})
    assert "gpt-4o-fake relationship_analysis/1" in page


def test_merging_twice_changes_no_byte(merged, tmp_path, digest):
    out = shutil.copytree(merged, tmp_path / "out")
    before = digest(out)
    merge(out)
    assert digest(out) == before


def test_the_same_answers_give_the_same_bytes_in_whatever_order_they_came(merged, out, caption, digest):
    caption(out, order=-1)
    merge(out)
    parts = ("data/", "ledger/", "README.md")
    mine, theirs = (
        {name: h for name, h in digest(folder).items() if name.startswith(parts)} for folder in (out, merged)
    )
    assert mine == theirs


def test_answers_that_come_later_join_the_earlier_ones(merged, out, caption, digest):
    caption(out, most=10)
    merge(out)
    report = validate(out)
    assert report.problems == []
    assert len(rows_of(out)) == 10
    waits = sum(
        of["waiting"] for name in Folder(out).sources() for of in account(out, name)["tasks"].values()
    )
    assert waits == 39 - 10
    caption(out)
    merge(out)
    assert {k: v for k, v in digest(out).items() if k.startswith("data/")} == {
        k: v for k, v in digest(merged).items() if k.startswith("data/")
    }


def test_what_checks_or_people_reject_stays_out_and_is_counted(out, caption):
    def stubborn(body, claimed):
        honest = caption.__globals__["honest"]
        if claimed.task == "relationship_analysis":
            return honest.completion(body, "I am sorry, I cannot help with that.")
        return honest.completion(body)

    caption(out, tasks=ALL[:2], reply=stubborn)
    with Store(Folder(out).store) as store:
        keys = [result.key for result in store.results("done") if result.source == "NWPU-VHR-10"]
        store.verdict(keys[0], "reject", "wrong plane")
        store.verdict(keys[1], "accept")
    merge(out)
    assert validate(out).problems == []
    told = account(out, "NWPU-VHR-10")
    assert told["tasks"]["relationship_analysis"] == {
        "planned": True, "rows": 7, "captioned": 0, "rejected": 7, "rejected_in_review": 0, "waiting": 0,
    }  # fmt: skip
    assert told["tasks"]["grounded_caption"] == {
        "planned": True, "rows": 7, "captioned": 6, "rejected": 1, "rejected_in_review": 1, "waiting": 0,
    }  # fmt: skip
    assert told["faults"] == {"refused": 7}
    assert told["provenance"] == {"gpt-4o-fake grounded_caption/1": {"rows": 6, "accepted": 1}}
    assert told["usage"]["asks"] == 7 * 2 + 7
    card = (out / "README.md").read_text()
    assert "| NWPU-VHR-10 | grounded_caption | 7 | 6 | 0 | 1 | 0 |" in card
    assert "| NWPU-VHR-10 | relationship_analysis | 7 | 0 | 7 | 0 | 0 |" in card
    assert "refused 7" in card


def test_marks_that_were_not_drawn_are_not_asked_about_in_the_row(answered):
    """As a drawing of a dense scene leaves some out: here three of four, by hand in the store."""
    import sqlite3

    with sqlite3.connect(Folder(answered).store) as raw:
        query = (
            "SELECT r.id, r.drawing, r.answer FROM requests r WHERE r.task = 'relationship_analysis'"
            " AND json_array_length(r.drawing, '$.shown') = 4"
        )
        [(request, drawing, answer), *_] = raw.execute(query).fetchall()
        drawing = json.loads(drawing) | {"shown": [2, 4]}
        raw.execute("UPDATE requests SET drawing = ? WHERE id = ?", (json.dumps(drawing), request))
        text = "<Region 2><Region 4>: The one <Region 2> lies beside the other <Region 4>."
        raw.execute("UPDATE attempts SET text = ? WHERE id = ?", (text, answer))
    raw.close()
    merge(answered)
    assert validate(answered).problems == []
    [row] = [r for r in rows_of(answered) if "beside the other" in r["messages"][1]["content"]]
    assert row["messages"][1]["content"] == (
        "<Region 1><Region 2>: The one <Region 1> lies beside the other <Region 2>."
    )
    shelf = Shelf(answered)
    [asked] = [
        r
        for r in (shelf.row(place) for place in waiting(answered, Selection(tasks=ALL[:1])))
        if [r["marks"][i]["xyxy"] for i in (1, 3) if len(r["marks"]) == 4]
        == [m["xyxy"] for m in row["marks"]]
        and r["image_id"] == row["image_id"]
    ]
    assert [mark["index"] for mark in row["marks"]] == [1, 2]
    assert [mark["label"] for mark in row["marks"]] == [asked["marks"][i]["label"] for i in (1, 3)]


def test_an_answer_that_makes_no_sound_row_is_kept_out_and_told(answered):
    import sqlite3

    with sqlite3.connect(Folder(answered).store) as raw:
        raw.execute(
            "UPDATE attempts SET text = 'Nothing is cited here.' WHERE id = (SELECT min(id) FROM attempts)"
        )
    raw.close()
    done = merge(answered)
    assert done.unfit == 1
    assert "row" in done.problems[0]
    assert validate(answered).problems == []
    assert len(rows_of(answered)) == 38


def test_an_accepted_answer_wins_over_one_of_another_model(answered, caption, asking):
    from rsvp_builder.captioning.request import ModelSettings

    other = asking.model_copy(update={"model": ModelSettings(model="gpt-4.1")})
    caption(answered, tasks=("grounded_caption",), how=other)
    with Store(Folder(answered).store) as store:
        results = {r.row_id: r for r in store.results("done") if r.model == "gpt-4.1-fake"}
        chosen = sorted(results)[:3]
        for row_id in chosen:
            store.verdict(results[row_id].key, "accept")
    merge(answered)
    told: dict[str, int] = {}
    for name in Folder(answered).sources():
        for provenance, of in account(answered, name)["provenance"].items():
            told[provenance] = told.get(provenance, 0) + of["rows"]
    assert told["gpt-4.1-fake grounded_caption/1"] == 3
    assert told["gpt-4o-fake grounded_caption/1"] == 12
    merge(answered, model="gpt-4.1*")
    assert {row["provenance"] for row in rows_of(answered)} == {"gpt-4.1-fake grounded_caption/1"}
    assert validate(answered).problems == []


@pytest.mark.parametrize("overwrite", [True, False])
def test_building_a_source_again_takes_its_captions_out_and_merging_puts_them_back(
    merged, rebuild, tmp_path, digest, overwrite
):
    out = shutil.copytree(merged, tmp_path / "out")
    if overwrite:
        again = rebuild(out, "NWPU-VHR-10", overwrite=True)
    else:
        marker = Folder(out).marker("NWPU-VHR-10", 0)
        told = json.loads(marker.read_text())
        told["counts"]["images_dropped"] = {"image_unreadable": 1}
        marker.write_text(json.dumps(told))
        again = rebuild(out, "NWPU-VHR-10", retry_failed=True)
    assert any("caption merge" in text for text in again.notices)
    assert {path.parent.name for path in captions(out)} == {"DIOR-RSVG"}
    assert not Folder(out).captions("NWPU-VHR-10").exists()
    assert validate(out).problems == []
    assert "| NWPU-VHR-10 | gpt-4o-fake" not in (out / "README.md").read_text()
    merge(out)
    kept = lambda folder: {k: v for k, v in digest(folder).items() if k.startswith(("data/", "README"))}  # noqa: E731
    assert kept(out) == kept(merged)


def test_building_again_with_nothing_to_do_leaves_the_captions(merged, rebuild, tmp_path, digest):
    out = shutil.copytree(merged, tmp_path / "out")
    before = digest(out)
    assert not rebuild(out, "NWPU-VHR-10").notices
    assert digest(out) == before


def test_answers_about_rows_that_are_gone_are_counted_and_left_out(merged, rebuild, tmp_path):
    out = shutil.copytree(merged, tmp_path / "out")
    rebuild(out, "NWPU-VHR-10", Settings(marks_per_row=3), overwrite=True)
    done = merge(out)
    assert done.gone > 0
    assert validate(out).problems == []
    told = account(out, "NWPU-VHR-10")["tasks"]
    assert sum(of["captioned"] for of in told.values()) + done.gone == 21
    assert all(of["waiting"] > 0 for task, of in told.items() if of["planned"])


def test_a_merge_that_fails_leaves_the_earlier_one(merged, tmp_path, digest, monkeypatch):
    out = shutil.copytree(merged, tmp_path / "out")
    before = digest(out)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.ShardWriter, "commit", full)
    with pytest.raises(OSError, match="No space left"):
        merge(out)
    assert digest(out) == before


def change(path: Path, edit) -> None:
    rows = pq.read_table(path).to_pylist()
    edit(rows)
    table = pa.Table.from_pylist(rows, schema=ROW_SCHEMA)
    pq.write_table(table, path, use_dictionary=["image.bytes"], write_page_checksum=True)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda rows: rows.pop(), "captioned rows"),
        (lambda rows: rows[0]["messages"].pop(), "message"),
        (lambda rows: rows[0].update(source="DOTA"), "source is 'DOTA'"),
        (lambda rows: rows[1].update(id=rows[0]["id"]), "repeats the id"),
        (lambda rows: rows[0]["image"].update(bytes=None, path="gone.png"), "referenced picture"),
    ],
)
def test_validate_finds_damage_in_captioned_rows(merged, tmp_path, edit, problem):
    out = shutil.copytree(merged, tmp_path / "out")
    change(captions(out)[0], edit)
    assert any(problem in told for told in validate(out).problems)


def test_validate_finds_an_account_that_does_not_balance(merged, tmp_path):
    out = shutil.copytree(merged, tmp_path / "out")
    path = Folder(out).captions("DIOR-RSVG")
    told = json.loads(path.read_text())
    told["tasks"]["grounded_caption"]["waiting"] = 1
    path.write_text(json.dumps(told))
    assert any("do not balance" in problem for problem in validate(out).problems)
    told["tasks"]["grounded_caption"].update(waiting=0, captioned=7, rejected=1)
    path.write_text(json.dumps(told))
    assert any("captioned rows by task" in problem for problem in validate(out).problems)
    captions(out)[0].unlink()
    assert any("missing" in problem for problem in validate(out).problems)
    shutil.copy(captions(out)[-1], captions(out)[-1].with_name("train-captions-00007-of-00009.parquet"))
    assert any("not a shard that the ledger knows" in problem for problem in validate(out).problems)


def test_the_money_in_the_account_is_that_of_its_requests(merged):
    with Store(Folder(merged).store, read_only=True) as store:
        spent = store.spent().usd
    told = [account(merged, name)["usage"]["usd"] for name in Folder(merged).sources()]
    assert math.isclose(sum(told), spent, rel_tol=1e-9)
