"""The JSON of other trainers, read back and held against the rows."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from PIL import Image
from pycocotools.coco import COCO

from rsvp_builder.errors import RsvpError
from rsvp_builder.export.files import _safe
from rsvp_builder.export.json_forms import export_json
from rsvp_builder.export.shards import Chosen
from rsvp_builder.record import ROW_SCHEMA

FORMS = ("llava", "earthmarker", "coco")


@pytest.fixture(scope="module")
def exported(dataset, tmp_path_factory):
    to = tmp_path_factory.mktemp("json")
    for form in FORMS:
        export_json(dataset, to / form, form)
    return to


def items(folder):
    return [
        item | {"split": path.stem}
        for path in sorted(folder.glob("*.json"))
        if path.name != "index.json"
        for item in json.loads(path.read_text())
    ]


@pytest.mark.parametrize("form", ["llava", "earthmarker"])
def test_every_row_is_an_item_with_its_picture_and_its_turns(exported, rows, form):
    by_id = {row["id"]: row for row in rows}
    made = items(exported / form)
    assert sorted(item["id"] for item in made) == sorted(by_id)
    for item in made:
        row = by_id[item["id"]]
        assert item["split"] == row["split"]
        assert (exported / form / item["image"]).read_bytes() == row["image"]["bytes"]
        turns = [(turn["from"], turn["value"]) for turn in item["conversations"]]
        assert [speaker for speaker, _ in turns] == ["human", "gpt"] * (len(row["messages"]) // 2)
        assert turns[-1][1] == row["messages"][-1]["content"]
        assert turns[0][1].endswith(row["messages"][0]["content"])


def test_rows_of_one_picture_share_its_file(exported, rows):
    frames = {(row["source"], row["image_id"], str(row["window"])) for row in rows}
    assert len({item["image"] for item in items(exported / "llava")}) == len(frames) < len(rows)
    assert sum(path.is_file() for path in (exported / "llava" / "images").rglob("*")) == len(frames)


def test_llava_is_told_the_places_of_marks_as_shares_of_the_picture(exported, rows):
    by_id = {row["id"]: row for row in rows}
    told = 0
    for item in items(exported / "llava"):
        row = by_id[item["id"]]
        value = item["conversations"][0]["value"]
        assert value.startswith("<image>\n")
        assert value.count("<image>") == 1
        lines = re.findall(r"^<(Region|Mark) (\d+)>: \[(.*)\]$", value, re.MULTILINE)
        if row["granularity"] == "image":
            assert lines == []
            continue
        assert len(lines) == len(row["marks"])
        for (name, number, shares), mark in zip(lines, row["marks"], strict=True):
            assert (name == "Region") == (mark["kind"] == "box")
            assert int(number) == mark["index"]
            place = np.array(mark["xyxy"] or mark["xy"]).reshape(-1, 2)
            read = np.array(shares.split(", "), float).reshape(-1, 2) * (row["width"], row["height"])
            assert np.abs(read - place).max() <= 0.0005 * max(row["width"], row["height"]) + 1e-9
            told += 1
    assert told > 100


def test_earthmarker_has_boxes_as_corner_and_size_and_points_in_pixels(exported, rows):
    by_id = {row["id"]: row for row in rows}
    kinds = set()
    for item in items(exported / "earthmarker"):
        row = by_id[item["id"]]
        assert item["conversations"][0]["value"] == row["messages"][0]["content"]
        assert ("bbox" in item) != ("points" in item)
        if "points" in item:
            assert item["points"] == [mark["xy"] for mark in row["marks"]]
        else:
            back = [[x, y, x + w, y + h] for x, y, w, h in item["bbox"]]
            assert np.allclose(back, [mark["xyxy"] for mark in row["marks"]], rtol=0, atol=1e-9)
        if row["granularity"] == "image":
            assert item["bbox"] == [[0, 0, row["width"], row["height"]]]
        kinds.add((row["granularity"], "points" in item))
    assert kinds == {("image", False), ("region", False), ("point", True)}


def coco(path):
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(path)


def test_pycocotools_reads_every_marked_place_once(exported, rows):
    read, pictures = [], set()
    for path in sorted((exported / "coco").glob("instances_*.json")):
        data = coco(path)
        names = {of["id"]: of["name"] for of in data.loadCats(data.getCatIds())}
        for of in data.loadAnns(data.getAnnIds()):
            [image] = data.loadImgs(of["image_id"])
            x, y, w, h = of["bbox"]
            point = of["num_keypoints"] == 1
            outline = of["segmentation"][0] if of["segmentation"] else None
            corners = [x, y, x + w, y, x + w, y + h, x, y + h]
            box = None if point else [x, y, x + w, y + h]
            quad = None if point or np.allclose(outline, corners) else outline
            name = names[of["category_id"]]
            read.append(
                (
                    (image["source"], image["image_id"], str(image["window"])),
                    (name, box, of["keypoints"][:2] if point else None, quad, tuple(of["flags"])),
                )
            )
        for image in data.loadImgs(data.getImgIds()):
            with Image.open(exported / "coco" / image["file_name"]) as picture:
                assert picture.size == (image["width"], image["height"])
            pictures.add((image["source"], image["image_id"], str(image["window"])))
    assert pictures == {(row["source"], row["image_id"], str(row["window"])) for row in rows}

    def rounded(numbers):
        return None if numbers is None else tuple(round(number, 6) for number in numbers)

    expected = set()
    for row in rows:
        for mark in row["marks"]:
            if row["granularity"] == "image" or mark["label"] is None:
                continue
            quad = mark["quad"]
            if quad:
                x1, y1, x2, y2 = mark["xyxy"]
                quad = None if np.allclose(quad, [x1, y1, x2, y1, x2, y2, x1, y2]) else quad
            frame = (row["source"], row["image_id"], str(row["window"]))
            numbers = (rounded(mark["xyxy"]), rounded(mark["xy"]), rounded(quad))
            expected.add((frame, mark["label"], *numbers, tuple(mark["flags"])))
    got = {
        (frame, name, rounded(box), rounded(point), rounded(quad), flags)
        for frame, (name, box, point, quad, flags) in read
    }
    assert got == expected
    assert len(read) == len(expected) > 50
    assert {point is None for _, (_, _, point, _, _) in read} == {True, False}
    assert any(quad for _, (_, _, _, quad, _) in read)


def test_areas_are_those_of_the_outlines(exported):
    checked = 0
    for path in (exported / "coco").glob("instances_*.json"):
        for of in json.loads(path.read_text())["annotations"]:
            if of["segmentation"]:
                outline = np.array(of["segmentation"][0]).reshape(-1, 2)
                assert of["area"] == pytest.approx(shapely.Polygon(outline).area, rel=1e-9, abs=1e-6)
                checked += 1
            else:
                assert of["area"] == 0
    assert checked > 50


def test_classes_have_the_same_number_in_every_file(exported):
    lists = [
        [(of["id"], of["name"]) for of in told["categories"]]
        for path in sorted((exported / "coco").glob("*.json"))
        for told in [json.loads(path.read_text())]
        if "categories" in told
    ]
    assert len(lists) > 3
    assert all(of == lists[0] for of in lists)
    assert [number for number, _ in lists[0]] == list(range(1, len(lists[0]) + 1))
    assert len({name for _, name in lists[0]}) == len(lists[0])


def test_captions_and_scenes_have_files_of_their_own(exported, rows):
    captions, scenes = set(), set()
    for path in sorted((exported / "coco").glob("captions_*.json")):
        data = coco(path)
        for of in data.loadAnns(data.getAnnIds()):
            [image] = data.loadImgs(of["image_id"])
            captions.add((image["source"], image["image_id"], of["caption"], "bbox" in of))
    for path in sorted((exported / "coco").glob("scenes_*.json")):
        data = coco(path)
        for of in data.loadAnns(data.getAnnIds()):
            [image] = data.loadImgs(of["image_id"])
            scenes.add((image["source"], image["image_id"], data.loadCats(of["category_id"])[0]["name"]))
    of_marks = [(row, mark) for row in rows for mark in row["marks"]]
    assert captions == {
        (row["source"], row["image_id"], mark["caption"], row["granularity"] != "image")
        for row, mark in of_marks
        if mark["caption"] is not None
    }
    assert scenes == {
        (row["source"], row["image_id"], mark["label"])
        for row, mark in of_marks
        if row["granularity"] == "image" and mark["label"] is not None
    }
    assert captions and scenes


def test_prose_is_a_caption_of_its_image(dataset, tmp_path):
    out = shutil.copytree(dataset, tmp_path / "out")
    shard = out / "data" / "DIOR-RSVG" / "train-00000-of-00001.parquet"
    rows = pq.read_table(shard).to_pylist()
    text = "An airplane <Region 1> stands on the apron."
    rows[0]["task"] = "relationship_analysis"
    rows[0]["messages"][1]["content"] = text
    pq.write_table(pa.Table.from_pylist(rows, schema=ROW_SCHEMA), shard)
    export_json(out, tmp_path / "coco", "coco", chosen=Chosen(["DIOR-RSVG"], ["train"]))
    told = json.loads((tmp_path / "coco" / "captions_train.json").read_text())
    [of] = [of for of in told["annotations"] if of["caption"] == text]
    assert "bbox" not in of


@pytest.mark.parametrize("form", FORMS)
def test_an_export_gives_the_same_bytes_again_and_ends_what_was_cut_short(
    exported, dataset, tmp_path, digest, form
):
    to = shutil.copytree(exported / form, tmp_path / form)
    (to / "index.json").unlink()
    pictures = sorted(path for path in (to / "images").rglob("*") if path.is_file())
    picture, kept = pictures[0], pictures[-1]
    picture.write_bytes(picture.read_bytes()[:10])
    (picture.parent / ".half.png.7.tmp").write_bytes(b"half")
    before = kept.stat().st_mtime_ns
    export_json(dataset, to, form)
    assert digest(to) == digest(exported / form)
    assert kept.stat().st_mtime_ns == before


def test_a_folder_of_another_form_is_not_mixed_in(exported, dataset, tmp_path):
    to = shutil.copytree(exported / "llava", tmp_path / "llava")
    with pytest.raises(RsvpError, match="holds an export of another form"):
        export_json(dataset, to, "coco")


def test_referenced_pictures_stay_where_they_are(dataset, tmp_path):
    out = shutil.copytree(dataset, tmp_path / "out")
    place = tmp_path / "raw.png"
    for shard in out.glob("data/UAVid/*.parquet"):
        rows = pq.read_table(shard).to_pylist()
        place.write_bytes(rows[0]["image"]["bytes"])
        for row in rows:
            row["image"] = {"bytes": None, "path": str(place)}
        pq.write_table(pa.Table.from_pylist(rows, schema=ROW_SCHEMA), shard)
    chosen = Chosen(["UAVid"])
    export_json(out, tmp_path / "json", "llava", chosen=chosen)
    assert {item["image"] for item in items(tmp_path / "json")} == {str(place)}
    assert not (tmp_path / "json" / "images").exists()
    place.unlink()
    with pytest.raises(RsvpError, match=r"raw\.png: the data set names this picture, and it is not there"):
        export_json(out, tmp_path / "json", "llava", chosen=chosen)


@pytest.mark.parametrize("part", ["", ".", "..", "a/b", "a\nb", "a b", "ü", "x" * 300, "con:", "-", ".a"])
def test_names_of_files_cannot_climb_and_stay_apart(part):
    safe = _safe(part)
    assert re.fullmatch(r"[A-Za-z0-9._+-]{1,180}", safe)
    assert safe not in (".", "..")
    assert _safe(part + "!") != safe
    assert _safe("P0001") == "P0001"
