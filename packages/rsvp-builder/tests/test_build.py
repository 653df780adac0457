"""A build from end to end: what goes in comes out, and what does not is accounted for."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from rsvp_builder.build import build
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.dataset.validate import validate
from rsvp_builder.demo.dota import write_release
from rsvp_builder.errors import RsvpError, StrictError
from rsvp_builder.ledger import Reason
from rsvp_builder.settings import Settings

WHOLE = Settings(tile=0)
ONE_TASK = Settings(tile=0, tasks=("referring_classification_box",))

# How the fixture writer's kinds of defect appear in the ledger.
REASONS = {
    "field_count": Reason.MALFORMED_LINE,
    "not_a_number": Reason.MALFORMED_LINE,
    "difficult_value": Reason.MALFORMED_LINE,
    "label_encoding": Reason.MALFORMED_LINE,
    "not_finite": Reason.NOT_FINITE,
    "unknown_class": Reason.UNKNOWN_CLASS,
    "degenerate": Reason.DEGENERATE,
    "outside_image": Reason.OUTSIDE_IMAGE,
    "image_missing": Reason.IMAGE_MISSING,
    "label_missing": Reason.LABEL_MISSING,
    "image_truncated": Reason.IMAGE_UNREADABLE,
    "image_empty": Reason.IMAGE_UNREADABLE,
    "image_format": Reason.IMAGE_UNREADABLE,
}


def drops_of(out, source="DOTA-v2.0"):
    return pq.read_table(out / "ledger" / source / "drops.parquet").to_pylist()


@pytest.mark.parametrize("version", ["1.0", "1.5", "2.0"])
def test_every_annotated_object_becomes_a_mark_where_it_was_drawn(tmp_path, read_rows, version):
    release = write_release(tmp_path / "raw", version=version)
    built = build(f"DOTA-v{version}", release.root, tmp_path / "out", ONE_TASK)
    marks: dict[str, Counter] = {}
    for row in read_rows(tmp_path / "out"):
        found = marks.setdefault(row["image_id"], Counter())
        found.update((mark["label"], tuple(mark["quad"])) for mark in row["marks"])
    expected = {
        image_id: Counter((o.category.replace("-", " "), o.quad) for o in objects)
        for image_id, objects in release.images.items()
        if objects
    }
    assert marks == expected
    assert built.summary["objects"]["written"] == sum(c.total() for c in expected.values())
    assert built.summary["images"]["dropped"]["unlabelled_split"] == len(release.unlabelled)


def test_answers_and_instructions_read_as_in_the_paper(release, tmp_path, read_rows):
    build("DOTA", release.root, tmp_path, WHOLE)
    instructions = {
        "referring_classification_box": "Please identify the category of each marked region in the image.",
        "region_caption": "Please provide a brief caption of each marked region in the image.",
    }
    for row in read_rows(tmp_path):
        user, assistant = row["messages"]
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        assert user["content"] == instructions[row["task"]]
        for mark, line in zip(row["marks"], assistant["content"].split("\n"), strict=True):
            if row["task"] == "region_caption":
                assert line == f"<Region {mark['index']}>: {mark['caption']}"
                size = "|small |big "
                assert re.fullmatch(
                    rf"An? ({size}){mark['label']} (on the|at the|in the) "
                    "(top|bottom|left|right|center|top left|top right|bottom left|bottom right)",
                    mark["caption"],
                )
            else:
                assert line == f"<Region {mark['index']}>: {mark['label']}"


def test_pictures_are_the_released_bytes(release, tmp_path, read_rows):
    build("DOTA", release.root, tmp_path, ONE_TASK)
    for row in read_rows(tmp_path, pictures=True):
        split, stem = row["image_id"].split("/")
        raw = release.root / split / "images" / f"{stem}.png"
        assert row["image"] == {"bytes": raw.read_bytes(), "path": f"{stem}.png"}


def test_a_tile_shows_the_pixels_of_its_window_and_marks_move_with_it(release, tmp_path, read_rows):
    import io

    build("DOTA", release.root, tmp_path, Settings(tile=512, overlap=100, tasks=("region_caption",)))
    tiled = [row for row in read_rows(tmp_path, pictures=True) if row["window"]]
    assert len({tuple(row["window"]) for row in tiled}) > 4
    scenes = {}
    for row in tiled:
        split, stem = row["image_id"].split("/")
        if row["image_id"] not in scenes:
            scenes[row["image_id"]] = np.asarray(Image.open(release.root / split / "images" / f"{stem}.png"))
        x1, y1, x2, y2 = row["window"]
        tile = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))
        np.testing.assert_array_equal(tile, scenes[row["image_id"]][y1:y2, x1:x2])
        assert (row["width"], row["height"]) == (x2 - x1, y2 - y1)
        quads = {o.quad for o in release.images[row["image_id"]]}
        for mark in row["marks"]:
            moved = np.array(mark["quad"]) + np.tile([x1, y1], 4)
            assert tuple(moved.round(6).tolist()) in quads


def test_each_defect_costs_itself_alone_and_is_named_with_file_and_line(defective, tmp_path, read_rows):
    built = build("DOTA", defective.root, tmp_path, ONE_TASK)
    expected = Counter((d.file, d.line, REASONS[d.kind].value) for d in defective.defects)
    found = Counter(
        (d["file"], d["line"], d["reason"])
        for d in drops_of(tmp_path)
        if d["expected"] != "its image" and d["reason"] not in ("no_objects", "unlabelled_split")
    )
    assert found == expected
    marked = Counter()
    for row in read_rows(tmp_path):
        marked[row["image_id"]] += len(row["marks"])
    whole = Counter({i: len(objects) for i, objects in defective.images.items() if objects})
    half_text = next(d.file for d in defective.defects if d.kind == "label_encoding")
    assert marked == whole + Counter({f"train/{half_text.rpartition('/')[2].removesuffix('.txt')}": 1})
    assert built.summary["quarantined"] == sum(
        REASONS[d.kind] == Reason.IMAGE_UNREADABLE for d in defective.defects
    )
    assert validate(tmp_path).problems == []


def test_the_drop_of_a_line_shows_what_was_read_and_what_was_expected(defective, tmp_path):
    build("DOTA", defective.root, tmp_path)
    by_place = {(d["file"], d["line"]): d for d in drops_of(tmp_path)}
    for defect in defective.defects:
        entry = by_place[defect.file, defect.line]
        assert entry["expected"]
        if defect.line is not None:
            assert defect.value in entry["value"]


def test_the_ledger_lists_every_image_once(defective, tmp_path):
    build("DOTA", defective.root, tmp_path)
    images = pq.read_table(tmp_path / "ledger/DOTA-v2.0/images.parquet").to_pylist()
    ids = [entry["image_id"] for entry in images]
    assert len(ids) == len(set(ids))
    pictures = {f"{p.parts[-3]}/{p.stem}" for p in defective.root.rglob("*.png")}
    assert set(ids) >= {p.replace("test-dev", "test_dev") for p in pictures}
    assert all((entry["reason"] is None) == (entry["status"] == "written") for entry in images)


def test_strict_stops_at_the_first_defect_and_names_it(defective, release, tmp_path):
    with pytest.raises(StrictError, match=r"--strict: train/.+"):
        build("DOTA", defective.root, tmp_path / "a", strict=True, workers=1)
    assert build("DOTA", release.root, tmp_path / "b", strict=True).summary["rows"]["written"]


def test_difficult_objects_are_kept_or_dropped_by_policy(release, tmp_path, read_rows):
    kept = build("DOTA", release.root, tmp_path / "keep", ONE_TASK)
    dropped = build(
        "DOTA", release.root, tmp_path / "drop", ONE_TASK.model_copy(update={"difficult": "drop"})
    )
    difficult = sum(o.difficult for objects in release.images.values() for o in objects)
    flagged = [m for row in read_rows(tmp_path / "keep") for m in row["marks"] if "difficult" in m["flags"]]
    assert difficult == len(flagged) == dropped.summary["objects"]["dropped"]["difficult"]
    assert dropped.summary["objects"]["written"] == kept.summary["objects"]["written"] - difficult


def test_official_gsd_and_origin_are_kept(tmp_path, read_rows):
    release = write_release(tmp_path / "raw", version="1.0")
    build("DOTA", release.root, tmp_path / "out", ONE_TASK)
    rows = {row["image_id"]: row for row in read_rows(tmp_path / "out")}
    assert rows["train/P0000"]["gsd"] == 0.3
    assert rows["train/P0000"]["image_source"] == "GoogleEarth"
    assert rows["train/P0002"]["image_source"] == "GF"
    assert rows["train/P0004"]["gsd"] is None


def test_no_row_holds_more_marks_than_asked_and_none_is_lost(release, tmp_path, read_rows):
    build("DOTA", release.root, tmp_path / "20", ONE_TASK)
    build("DOTA", release.root, tmp_path / "3", ONE_TASK.model_copy(update={"marks_per_row": 3}))
    few = read_rows(tmp_path / "3")
    assert max(len(row["marks"]) for row in few) == 3
    quads = [[tuple(m["quad"]) for row in read_rows(tmp_path / n) for m in row["marks"]] for n in ("20", "3")]
    assert quads[0] == quads[1]


def test_referenced_pictures_are_named_by_absolute_path(release, tmp_path, read_rows):
    build("DOTA", release.root, tmp_path, Settings(images="reference", tile=0))
    for row in read_rows(tmp_path, pictures=True):
        assert row["image"]["bytes"] is None
        with Image.open(row["image"]["path"]) as image:
            assert image.size == (row["width"], row["height"])


@pytest.mark.parametrize("settings", [Settings(), Settings(tile=400, overlap=80, paraphrases=True, seed=7)])
def test_one_and_two_workers_write_the_same_bytes(defective, tmp_path, digest, monkeypatch, settings):
    # Small units, so that there is something to share out.
    monkeypatch.setattr("rsvp_builder.engine.plan.UNIT_ITEMS", 2)
    build("DOTA", defective.root, tmp_path / "1", settings, workers=1)
    build("DOTA", defective.root, tmp_path / "2", settings, workers=2)
    assert digest(tmp_path / "1") == digest(tmp_path / "2")


def test_the_seed_changes_paraphrases_and_nothing_else(release, tmp_path, read_rows):
    seeds = [Settings(paraphrases=True, seed=seed) for seed in (1, 2)]
    one, two = (
        build("DOTA", release.root, tmp_path / str(s.seed), s) and read_rows(tmp_path / str(s.seed))
        for s in seeds
    )
    assert [r["messages"][0] for r in one] != [r["messages"][0] for r in two]
    assert [r["marks"] for r in one] == [r["marks"] for r in two]
    assert len({r["messages"][0]["content"] for r in one}) > 2


def test_an_image_damaged_in_the_middle_leaves_no_half_of_itself(tmp_path, read_rows):
    release = write_release(tmp_path / "raw")
    big = release.root / "train/images/P10001.png"  # the one that is tiled
    data = bytearray(big.read_bytes())
    middle = len(data) * 3 // 4
    data[middle : middle + 64] = bytes(64)
    big.write_bytes(data)
    built = build("DOTA", release.root, tmp_path / "out")
    assert built.summary["images"]["dropped"]["image_unreadable"] == 1
    assert built.summary["objects"]["dropped"] == {"image_unreadable": len(release.images["train/P10001"])}
    assert "train/P10001" not in {row["image_id"] for row in read_rows(tmp_path / "out")}


def test_another_setting_is_refused_in_the_same_folder_until_overwrite(release, tmp_path):
    build("DOTA", release.root, tmp_path)
    with pytest.raises(RsvpError, match=r"marks_per_row was 20, now 5.*--overwrite"):
        build("DOTA", release.root, tmp_path, Settings(marks_per_row=5))
    build("DOTA", release.root, tmp_path, Settings(marks_per_row=5), overwrite=True)
    assert validate(tmp_path).problems == []


@pytest.mark.parametrize("again", [{"overwrite": True}, {"retry_failed": True}])
def test_a_source_that_is_built_again_is_not_complete_until_it_is(defective, tmp_path, monkeypatch, again):
    build("DOTA", defective.root, tmp_path)
    assert Folder(tmp_path).sources() == ["DOTA-v2.0"]

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("rsvp_builder.build.run_units", killed)
        build("DOTA", defective.root, tmp_path, **again)
    with pytest.raises(RsvpError, match="has not finished"):
        Folder(tmp_path).sources()
    build("DOTA", defective.root, tmp_path)
    assert validate(tmp_path).problems == []


def test_a_task_asked_for_twice_is_built_once(release, tmp_path):
    twice = Settings(tasks=("region_caption", "region_caption"))
    assert list(build("DOTA", release.root, tmp_path, twice).summary["tasks"]) == ["region_caption"]
    assert validate(tmp_path).problems == []


def test_a_release_that_changed_is_refused(tmp_path):
    release = write_release(tmp_path / "raw")
    build("DOTA", release.root, tmp_path / "out")
    with (release.root / "train/labelTxt-v2.0/DOTA-v2.0_train/P0000.txt").open("ab") as file:
        file.write(b"1 1 9 1 9 9 1 9 plane 0\r\n")
    with pytest.raises(RsvpError, match="the files of the raw release changed"):
        build("DOTA", release.root, tmp_path / "out")


def test_two_sources_share_a_folder_and_a_card(tmp_path, read_rows):
    for version in ("1.0", "2.0"):
        release = write_release(tmp_path / version, version=version)
        build(f"DOTA-v{version}", release.root, tmp_path / "out")
    assert {row["source"] for row in read_rows(tmp_path / "out")} == {"DOTA-v1.0", "DOTA-v2.0"}
    card = (tmp_path / "out/README.md").read_text()
    assert "config_name: DOTA-v1.0" in card
    assert "config_name: DOTA-v2.0" in card
    assert validate(tmp_path / "out").problems == []


def test_a_finished_build_is_not_built_again(release, tmp_path, digest):
    build("DOTA", release.root, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    again = build("DOTA", release.root, tmp_path)
    assert again.resumed > 0
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}


def test_retry_failed_builds_mended_files(tmp_path, read_rows):
    release = write_release(tmp_path / "raw")
    image = release.root / "train/images/P0000.png"
    whole, times = image.read_bytes(), image.stat()
    image.write_bytes(bytes(len(whole)))
    os.utime(image, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert build("DOTA", release.root, tmp_path / "out").summary["quarantined"] == 1
    # Same size and time, as after an error of the disk that has passed: nothing tells that it reads now.
    image.write_bytes(whole)
    os.utime(image, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert build("DOTA", release.root, tmp_path / "out").summary["quarantined"] == 1
    assert build("DOTA", release.root, tmp_path / "out", retry_failed=True).summary["quarantined"] == 0
    assert "train/P0000" in {row["image_id"] for row in read_rows(tmp_path / "out")}


def test_a_users_own_manifest_builds(release, tmp_path, read_rows):
    from rsvp_builder.catalog import manifests_folder

    text = (manifests_folder() / "DOTA-v2.0.toml").read_text()
    mine = tmp_path / "mine.toml"
    mine.write_text(
        text.replace('name = "DOTA-v2.0"', 'name = "mine"').replace('plane = "plane"', 'plane = "airplane"')
    )
    build(str(mine), release.root, tmp_path / "out", ONE_TASK)
    rows = read_rows(tmp_path / "out")
    assert {row["source"] for row in rows} == {"mine"}
    assert "airplane" in {mark["label"] for row in rows for mark in row["marks"]}


def test_a_release_without_any_usable_image_still_ends_in_a_ledger(tmp_path):
    release = write_release(tmp_path / "raw")
    shutil.rmtree(release.root / "train/images")
    shutil.rmtree(release.root / "val/images")
    built = build("DOTA", release.root, tmp_path / "out")
    assert built.summary["rows"]["written"] == 0
    assert built.summary["images"]["dropped"]["image_missing"] == 9
    assert validate(tmp_path / "out").problems == []
