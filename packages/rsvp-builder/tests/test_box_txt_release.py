"""Where the files of text-file sources are found, and what whole builds of them give."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from rsvp_builder.build import build
from rsvp_builder.catalog import shipped
from rsvp_builder.dataset.validate import validate
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Drops, Reason
from rsvp_builder.manifest import Manifest, ManifestError
from rsvp_builder.readers import index_release, reader_for
from rsvp_builder.readers.box_txt.form import parse_form
from rsvp_builder.readers.box_txt.layout import BoxTxtLayout
from rsvp_builder.readers.layouts import layout_of
from rsvp_builder.record import Item
from rsvp_builder.settings import Settings

SOURCES = ("NWPU-VHR-10", "UCAS-AOD", "VisDrone", "LEVIR")
MANIFESTS = shipped()
VHR, UCAS, VISDRONE, LEVIR = (MANIFESTS[name] for name in SOURCES)
CAR = (
    b"2.763971e+02\t9.125021e+01\t2.911375e+02\t3.823406e+01\t3.308891e+02\t4.928647e+01\t3.161486e+02\t"
    b"1.023026e+02\t1.055379e+02\t2.787673e+02\t3.876027e+01\t4.975157e+01\t6.301615e+01\t\n"
)
QUAD = [276.3971, 91.25021, 291.1375, 38.23406, 330.8891, 49.28647, 316.1486, 102.3026]
BOX = [278.7673, 38.76027, 278.7673 + 49.75157, 38.76027 + 63.01615]
by_source = pytest.mark.parametrize("source", SOURCES)


def checked(manifest: Manifest, **changes: Any) -> BoxTxtLayout:
    changed = manifest.model_copy(update={"layout": {**manifest.layout, **changes}})
    return layout_of(changed, BoxTxtLayout)


class TestLayout:
    @pytest.mark.parametrize(
        ("template", "match"),
        [
            ("class x1 y1 x2", "must have x1 y1 x2 y2"),
            ("class", "must have x1 y1 x2 y2"),
            ("x1 y1 x2 y2 left top width height", "must have x1 y1 x2 y2"),
            ("x1 y1 x2 y2 x3 y3 class", "must have x1 y1 x2 y2"),
            ("x1 y1 x2 y2 y2 class", "names 'y2' twice"),
            ("x1,,y1,x2,y2", "'' is no name"),
        ],
    )
    def test_a_template_that_makes_no_box_is_refused_with_the_reason(self, template, match) -> None:
        with pytest.raises(ValueError, match=match):
            parse_form(template)

    def test_flags_must_name_a_field_and_known_flags(self) -> None:
        for flags in ({"colour": {"0": ""}}, {"left": {"0": ""}}, {"score": {"0": "red"}}):
            with pytest.raises(ManifestError, match=r"manifest VisDrone: layout"):
                checked(VISDRONE, flags=flags)

    def test_unknown_keys_and_missing_folders_are_refused(self) -> None:
        with pytest.raises(ManifestError, match=r"layout\.colour"):
            checked(LEVIR, colour=1)
        with pytest.raises(ManifestError, match=r"layout\.images"):
            checked(LEVIR, images=[])


def put(root: Path, *paths: str, size: tuple[int, int] = (90, 70)) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".txt"):
            (root / path).write_bytes(b"")
        else:
            Image.new("RGB", size, (90, 120, 80)).save(root / path)


class TestIndex:
    def test_vhr_10_keeps_equal_stems_of_its_two_sets_apart(self, tmp_path) -> None:
        top = "NWPU VHR-10 dataset"
        put(tmp_path, f"{top}/ground truth/001.txt", f"{top}/positive image set/001.jpg")
        put(tmp_path, f"{top}/negative image set/001.jpg", f"{top}/negative image set/002.jpg")
        (tmp_path / top / "readme.txt").write_text("This is a dataset")
        index = index_release(tmp_path, VHR)
        (item,) = index.items
        assert item.image_id == "train/positive image set/001"
        assert (item.image, item.label) == (
            f"{top}/positive image set/001.jpg",
            f"{top}/ground truth/001.txt",
        )
        assert [(d.kind, d.reason, d.image_id) for d in index.drops] == [
            ("image", Reason.NO_OBJECTS, f"train/negative image set/{n}") for n in ("001", "002")
        ]
        assert index.notices == ()

    def test_ucas_aod_finds_pictures_beside_their_labels_and_the_negative_ones(self, tmp_path) -> None:
        put(tmp_path, "UCAS_AOD/CAR/P0001.png", "UCAS_AOD/CAR/P0001.txt", "UCAS_AOD/PLANE/P0001.png")
        put(tmp_path, "UCAS_AOD/PLANE/P0001.txt", "UCAS_AOD/NEG/N0001.png")
        index = index_release(tmp_path, UCAS)
        assert [(i.image_id, i.image) for i in index.items] == [
            (f"train/{name}/P0001", f"UCAS_AOD/{name}/P0001.png") for name in ("CAR", "PLANE")
        ]
        assert [(d.reason, d.image_id) for d in index.drops] == [(Reason.NO_OBJECTS, "train/Neg/N0001")]

    def test_visdrone_takes_splits_from_folders_however_they_nest(self, tmp_path) -> None:
        for split in ("train", "val", "test-dev"):
            folder = f"a/VisDrone2019-DET-{split}/VisDrone2019-DET-{split}"
            put(tmp_path, f"{folder}/images/0_d_1.jpg", f"{folder}/annotations/0_d_1.txt")
        put(tmp_path, "VisDrone2019-DET-test-challenge/images/7_d_1.jpg")
        index = index_release(tmp_path, VISDRONE)
        assert [i.image_id for i in index.items] == [f"{s}/0_d_1" for s in ("test_dev", "train", "val")]
        assert all(item.image and item.label for item in index.items)
        assert [(d.reason, d.image_id) for d in index.drops] == [
            (Reason.UNLABELLED_SPLIT, "test_challenge/7_d_1")
        ]

    def test_levir_tells_background_from_pictures_whose_label_is_lost(self, tmp_path) -> None:
        put(tmp_path, "imageWithLabel/1.jpg", "imageWithLabel/1.txt", "imageWithLabel/2.jpg")
        put(tmp_path, "imageWithLabel/3.txt", "imageWithoutLabel/9.jpg")
        index = index_release(tmp_path, LEVIR)
        assert [(i.image is None, i.label is None) for i in index.items] == [
            (False, False),
            (False, True),
            (True, False),
        ]
        assert [(d.reason, d.image_id) for d in index.drops] == [(Reason.NO_OBJECTS, "train/9")]

    @by_source
    def test_two_pictures_of_one_name_are_told(self, source, tmp_path) -> None:
        manifest = MANIFESTS[source]
        images, labels = manifest.layout["images"][0], manifest.layout["labels"][0]
        put(tmp_path, f"{labels}/1.txt", f"{images}/1.jpg", f"{images}/1.png", f"copy/{labels}/1.txt")
        index = index_release(tmp_path, manifest)
        assert len(index.items) == 1
        assert sorted((d.kind, d.reason.value) for d in index.drops) == [
            ("image", "duplicate_stem"),
            ("metadata", "duplicate_stem"),
        ]

    @by_source
    def test_a_folder_without_the_release_says_what_was_looked_for(self, source, tmp_path) -> None:
        put(tmp_path, "elsewhere/1.jpg", "elsewhere/1.txt")
        (tmp_path / f"{source}.zip").write_bytes(b"PK")
        with pytest.raises(RsvpError, match=rf"no {source} found: looked for .*Unpack {source}\.zip first"):
            index_release(tmp_path, MANIFESTS[source])


class TestBuild:
    def test_a_release_with_every_kind_of_trouble_balances(self, tmp_path, read_rows) -> None:
        root, out = tmp_path / "raw", tmp_path / "out"
        put(root, "CAR/P0001.png", "CAR/P0002.png", "CAR/P0003.png", "CAR/P0005.png", size=(400, 300))
        put(root, "PLANE/P0001.png", "PLANE/P0001.txt", "Neg/N0001.png", "CAR/P0005.txt")
        whole = (root / "CAR/P0003.png").read_bytes()
        (root / "CAR/P0003.png").write_bytes(whole[: len(whole) // 2])
        outside = b"\t".join(b"%d" % v for v in (900, 900, 910, 900, 910, 910, 900, 910, 0, 900, 900, 10, 10))
        for stem in ("P0001", "P0003", "P0004"):
            (root / f"CAR/{stem}.txt").write_bytes(CAR + outside + b"\noops\n")
        built = build(
            "UCAS-AOD", root, out, Settings(tile=0, tasks=("referring_classification_box",)), workers=1
        )
        assert built.summary["images"]["written"] == 1
        assert built.summary["images"]["dropped"] == {
            "image_missing": 1,
            "image_unreadable": 1,
            "label_missing": 1,
            "no_objects": 3,
        }
        assert built.summary["objects"]["written"] == 1
        assert built.summary["objects"]["dropped"] == {
            "image_missing": 2,
            "image_unreadable": 2,
            "malformed_line": 3,
            "outside_image": 1,
        }
        (row,) = read_rows(out)
        assert row["image_id"] == "train/CAR/P0001"
        (mark,) = row["marks"]
        assert (mark["label"], mark["quad"]) == ("car", pytest.approx(QUAD))
        assert mark["xyxy"] == pytest.approx(BOX)
        assert validate(out, decode=True).problems == []


class TestSamples:
    def test_80_real_images_of_vhr_10_hold_the_objects_of_their_files(
        self, samples, tmp_path, read_rows
    ) -> None:
        root = samples / "nwpu_vhr10"
        expected: Counter[str] = Counter()
        for path in (root / "NWPU VHR-10 dataset/ground truth").iterdir():
            for line in path.read_text().splitlines():
                numbers = re.findall(r"-?\d+", line)
                expected.update([VHR.classes[numbers[4]]] if numbers else [])
        assert sum(expected.values()) == 710
        settings = Settings(tile=0, tasks=("referring_classification_box",))
        built = build("NWPU-VHR-10", root, tmp_path, settings, workers=1)
        assert built.summary["objects"] == {"seen": 710, "written": 710, "dropped": {}}
        assert built.summary["images"] == {"seen": 80, "written": 80, "dropped": {}}
        rows = read_rows(tmp_path)
        assert Counter(m["label"] for row in rows for m in row["marks"]) == expected
        first = next(row for row in rows if row["image_id"] == "train/positive image set/001")
        assert first["marks"][0]["xyxy"] == [563, 478, 630, 573]
        assert validate(tmp_path, decode=True).problems == []

    def test_3_real_images_of_visdrone_account_for_every_line(self, samples, tmp_path, read_rows) -> None:
        root = samples / "VisDrone2019-DET"
        lines = [row for path in root.rglob("*.txt") for row in csv.reader(path.read_text().splitlines())]
        counts = Counter(row[5] for row in lines)
        ignored = counts.pop("0") + counts.pop("11")
        assert (len(lines), ignored) == (214, 30)
        built = build("VisDrone", root, tmp_path, Settings(tile=0), workers=1)
        assert built.summary["objects"] == {
            "seen": 214,
            "written": 184,
            "dropped": {"ignored_region": 30},
        }
        marks = [mark for row in read_rows(tmp_path) for mark in row["marks"]]
        assert Counter(m["label"] for m in marks) == {VISDRONE.classes[c]: n for c, n in counts.items()}
        hidden = sum(row[7] in "12" for row in lines if row[5] not in ("0", "11"))
        assert sum("occluded" in (mark["flags"] or []) for mark in marks) == hidden > 0
        drops = pq.read_table(tmp_path / "ledger/VisDrone/drops.parquet").to_pylist()
        assert {drop["value"].split(",")[5] for drop in drops} == {"0", "11"}

    def test_two_real_lines_of_ucas_aod_have_a_quad_about_the_centre_of_their_box(
        self, samples, tmp_path
    ) -> None:
        (tmp_path / "CAR").symlink_to(samples / "UCAS-AOD", target_is_directory=True)
        drops = Drops()
        items = [Item("train/CAR/P0001", "train", None, "CAR/two_real_CAR_lines.txt")]
        objects = reader_for(UCAS).read(tmp_path, UCAS, items, drops).objects
        assert drops.entries == []
        assert len(objects) == 2
        for box, quad in zip(objects.box, objects.quad, strict=True):
            centre = [quad[0::2].mean(), quad[1::2].mean()]
            assert centre == pytest.approx([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], abs=0.01)
