"""The builder on real files of the release; skipped where RSVP_SAMPLES does not name them."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

from rsvp_builder.build import build
from rsvp_builder.dataset.validate import validate
from rsvp_builder.settings import Settings

# Counted from the label files with other means than the reader: lines of ten fields.
OBJECTS = {"P0706": 536, "P0770": 22, "P1234": 144, "P2598": 26}


@pytest.fixture(scope="module")
def dota(samples):
    return samples / "DOTA"


def test_the_label_files_hold_what_is_expected_of_them(dota):
    lines = {path.stem: path.read_bytes().split(b"\r\n") for path in dota.rglob("labelTxt/*.txt")}
    assert {stem: sum(line.count(b" ") == 9 for line in of) for stem, of in lines.items()} == OBJECTS


def test_real_dota_builds_with_the_object_counts_of_the_label_files(dota, tmp_path, read_rows):
    settings = Settings(tile=0, tasks=("referring_classification_box",))
    built = build("DOTA", dota, tmp_path, settings)
    assert built.manifest.name == "DOTA-v1.0"
    assert built.summary["objects"] == {
        "seen": sum(OBJECTS.values()),
        "written": OBJECTS["P0706"],
        "dropped": {"image_missing": sum(OBJECTS.values()) - OBJECTS["P0706"]},
    }
    rows = read_rows(tmp_path)
    assert sum(len(row["marks"]) for row in rows) == OBJECTS["P0706"]
    assert Counter(m["label"] for row in rows for m in row["marks"]) == {"ship": 531, "harbor": 5}
    assert {row["gsd"] for row in rows} == {0.255589285596}
    assert {row["image_source"] for row in rows} == {"GoogleEarth"}
    assert (rows[0]["width"], rows[0]["height"]) == (1111, 1182)
    assert validate(tmp_path, decode=True).problems == []


def test_the_three_labels_without_an_image_are_reported_by_name(dota, tmp_path):
    build("DOTA", dota, tmp_path)
    drops = pq.read_table(tmp_path / "ledger/DOTA-v1.0/drops.parquet").to_pylist()
    images = [d for d in drops if d["kind"] == "image"]
    assert {d["file"].rpartition("/")[2] for d in images} == {"P0770.txt", "P1234.txt", "P2598.txt"}
    assert {d["reason"] for d in images} == {"image_missing"}


def test_a_vertex_beyond_the_border_is_clipped_and_its_quad_kept(dota, tmp_path, read_rows):
    build("DOTA", dota, tmp_path, Settings(tile=0, tasks=("referring_classification_box",)))
    [first] = [
        mark
        for row in read_rows(tmp_path)
        for mark in row["marks"]
        if mark["quad"] == [1054, 1028, 1063, 1011, 1111, 1040, 1112, 1062]
    ]
    assert first["flags"] == ["difficult", "clipped"]
    assert first["xyxy"][:2] == [1054, 1011]
    assert first["xyxy"][2] == 1111
    assert 1061 < first["xyxy"][3] < 1062


def test_tiles_hold_every_object_of_the_real_scene(dota, tmp_path, read_rows):
    built = build("DOTA", dota, tmp_path, Settings(tasks=("referring_classification_box",)))
    assert built.summary["objects"]["written"] == OBJECTS["P0706"]
    quads = {
        tuple((np.array(mark["quad"]) + np.tile(row["window"][:2], 4)).tolist())
        for row in read_rows(tmp_path)
        for mark in row["marks"]
    }
    label = dota / "v1.0_devkit_example/labelTxt/P0706.txt"
    told = {tuple(map(float, line.split()[:8])) for line in label.read_text().splitlines()[2:]}
    assert quads == told


def test_marks_lie_on_the_ships(dota, tmp_path, read_rows):
    """Ships are brighter than the water: any shift of all marks by a few pixels catches more water."""
    build("DOTA", dota, tmp_path, Settings(tile=0, tasks=("referring_classification_box",)))
    rows = read_rows(tmp_path, pictures=True)
    with Image.open(io.BytesIO(rows[0]["image"]["bytes"])) as image:
        grey = np.asarray(image.convert("L"), float)
    mask = Image.new("1", (grey.shape[1], grey.shape[0]))
    for row in rows:
        for mark in row["marks"]:
            if mark["label"] == "ship":
                ImageDraw.Draw(mask).polygon(mark["quad"], fill=1)
    on_ships = np.asarray(mask)
    here = grey[on_ships].mean()
    for pixels in (2, 4, 6, 10):
        for across, down in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)):
            moved = np.roll(on_ships, (pixels * down, pixels * across), (0, 1))
            assert grey[moved].mean() < here
