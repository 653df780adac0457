"""Every picture of a data set is met once, with the boxes of all its rows."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rsvp_builder.audit.pictures import read_pictures, row_groups
from rsvp_builder.build import build
from rsvp_builder.errors import RsvpError
from rsvp_builder.settings import Settings


def met(*outs):
    return [found for group in row_groups(outs) for found in read_pictures(group)]


def test_rows_of_a_picture_are_one_with_all_their_boxes(tmp_path, make_row, write_data_set):
    one, two = ("ship", 1, 2, 3, 4), ("ship", 5, 6, 7, 8)
    plane = ("plane", 1, 2, 3, 4)
    rows = [
        make_row("S/train", "train/a", b"A", boxes=[one, two]),
        make_row("S/train", "train/a", b"A", boxes=[one, plane], task="region_caption"),
        make_row("S/train", "train/a", b"A", boxes=[], task="region_caption"),
        make_row("S/train", "train/b", b"B", (7, 5), window=[0, 0, 7, 5]),
        make_row("S/train", "train/b", b"C", (7, 5), window=[3, 0, 10, 5], boxes=[two]),
    ]
    found = met(write_data_set(tmp_path, rows))
    assert [(p.image_id, p.window, data) for p, data in found] == [
        ("train/a", None, b"A"),
        ("train/b", (0, 0, 7, 5), b"B"),
        ("train/b", (3, 0, 10, 5), b"C"),
    ]
    first = found[0][0]
    assert {(label, *box) for label, box in zip(first.labels, first.boxes.tolist(), strict=True)} == {
        one,
        two,
        plane,
    }
    assert (found[1][0].width, found[1][0].height, len(found[1][0].boxes)) == (7, 5, 0)
    assert found[2][0].place.row == 4 and found[2][0].boxes.tolist() == [[5, 6, 7, 8]]


def test_points_and_marks_for_the_whole_image_are_no_layout(tmp_path, make_row, write_data_set):
    point = {"index": 1, "kind": "point", "xy": [3.0, 4.0], "label": "ship", "flags": []}
    whole = ("airport", 0, 0, 320, 320)
    rows = [
        make_row("S/train", "train/a", b"A", marks=[point], granularity="point"),
        make_row("S/train", "train/b", b"B", boxes=[whole], granularity="image"),
        make_row("S/train", "train/c", b"C", boxes=[("ship", 1, 1, float("nan"), 4)]),
        make_row("S/train", "train/d", b"D", marks=None),
    ]
    found = met(write_data_set(tmp_path, rows))
    assert [p.image_id for p, _ in found] == ["train/a", "train/b", "train/c", "train/d"]
    assert all(len(p.boxes) == len(p.labels) == 0 for p, _ in found)


def test_referenced_pictures_are_paths(tmp_path, make_row, write_data_set):
    rows = [make_row("S/train", "train/a", tmp_path / "raw" / "a.png")]
    [(_, where)] = met(write_data_set(tmp_path / "out", rows))
    assert where == tmp_path / "raw" / "a.png"


def test_a_real_build_gives_each_frame_once(release, tmp_path, read_rows):
    build("DOTA", release.root, tmp_path, Settings(tile=256, overlap=64), workers=1)
    rows = read_rows(tmp_path, pictures=True)
    frames = {(r["image_id"], tuple(r["window"] or ())): r for r in rows}
    found = met(tmp_path)
    assert len(frames) < len(rows)
    assert [(p.image_id, p.window or ()) for p, _ in found] == list(frames)
    for picture, data in found:
        first = frames[picture.image_id, picture.window or ()]
        assert data == first["image"]["bytes"]
        marks = [
            m
            for r in rows
            if (r["image_id"], tuple(r["window"] or ())) == (picture.image_id, picture.window or ())
            for m in r["marks"]
        ]
        assert {tuple(m["xyxy"]) for m in marks} == set(map(tuple, picture.boxes.tolist()))
        assert {m["label"] for m in marks} == set(picture.labels)


def test_what_is_no_finished_data_set_is_said(tmp_path, make_row, write_data_set):
    with pytest.raises(RsvpError, match="not a finished data set"):
        row_groups([tmp_path])
    out = write_data_set(tmp_path / "out", [make_row("S/train", "train/a", b"A")])
    shard = next(out.glob("data/*/*.parquet"))
    pq.write_table(pa.table({"id": ["1"]}), shard)
    with pytest.raises(RsvpError, match=r"column\(s\) granularity, height, image, .* missing"):
        row_groups([out])
    shard.write_bytes(b"PAR1 cut short")
    with pytest.raises(RsvpError, match="cannot be read as Parquet"):
        row_groups([out])


def test_nothing_is_no_picture(tmp_path, make_row, write_data_set):
    assert met(write_data_set(tmp_path / "a", [], sources=["S"])) == []
    out = write_data_set(tmp_path / "b", [make_row("S/train", "train/a", b"A")])
    shard = next(out.glob("data/*/*.parquet"))
    pq.write_table(pq.read_table(shard).slice(0, 0), shard)
    assert met(out) == []
    assert json.loads((out / "dataset.json").read_text())["sources"] == ["S"]


def test_boxes_are_of_their_own_picture_in_many_row_groups(tmp_path, make_row, write_data_set):
    rows = [
        make_row(
            "S/train", f"train/{n:02d}", b"x", boxes=[("a", n, n, n + 1 + k, n + 2) for k in range(n % 3)]
        )
        for n in range(40)
        for _ in range(2)
    ]
    found = met(write_data_set(tmp_path, rows, group=8))
    assert len(found) == 40
    for n, (picture, _) in enumerate(found):
        assert len(picture.boxes) == n % 3
        assert np.all(picture.boxes[:, 0] == n)
