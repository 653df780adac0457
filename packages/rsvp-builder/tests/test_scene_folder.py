"""Scene classification releases: folders of classes, their spellings, splits and strays."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsvp_builder.build import build
from rsvp_builder.catalog import candidates
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Drops
from rsvp_builder.readers import index_release, reader_for
from rsvp_builder.readers.splits import SplitRule, drawn
from rsvp_builder.settings import Settings

SCENES = ("NWPU-RESISC45", "OPTIMAL-31", "RSD46-WHU", "WHU-RS19", "AID", "UCMerced")


def jpeg():
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), (90, 120, 80)).save(buffer, "JPEG")
    return buffer.getvalue()


JPEG = jpeg()


def put(root, *paths, content=JPEG):
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def manifest_of(source):
    [manifest] = candidates(source)
    return manifest


def labels(source, root):
    """Label of each image, through index and reader."""
    manifest = manifest_of(source)
    index = index_release(root, manifest)
    drops = Drops()
    objects = reader_for(manifest).read(root, manifest, index.items, drops).objects
    assert drops.entries == []
    assert objects.item.tolist() == list(range(len(index.items)))
    assert not (objects.box == objects.box).any()
    names = list(manifest.classes.values())
    found = {i.image_id: names[c] for i, c in zip(index.items, objects.class_id.tolist(), strict=True)}
    return found, index


class TestClasses:
    @pytest.mark.parametrize(
        ("source", "path", "label"),
        [
            (
                "NWPU-RESISC45",
                "NWPU-RESISC45/thermal_power_station/thermal_power_station_001.jpg",
                "thermal power station",
            ),
            ("OPTIMAL-31", "Images/golf_course/golf_course(33).jpg", "golf course"),
            ("RSD46-WHU", "train/Sewage plant-type-two/ScreenShot02873.jpg", "sewage plant type two"),
            ("RSD46-WHU", "train/Steelsmelter/1.jpg", "steelworks"),
            ("RSD46-WHU", "train/Steelworks/1.jpg", "steelworks"),
            ("RSD46-WHU", "train/Oiltank/1.jpg", "oil tank"),
            ("RSD46-WHU", "train/Oil tank/1.jpg", "oil tank"),
            ("RSD46-WHU", "train/Parting lot/1.jpg", "parking lot"),
            ("RSD46-WHU", "train/Parking_lot/1.jpg", "parking lot"),
            ("RSD46-WHU", "train/Lrregular farmland/1.jpg", "irregular farmland"),
            ("RSD46-WHU", "train/Irregular farmland/1.jpg", "irregular farmland"),
            ("RSD46-WHU", "train/Aritificial dense forest land/1.jpg", "artificial dense forest land"),
            (
                "RSD46-WHU",
                "train/Scattered red root factory building/1.jpg",
                "scattered red roof factory building",
            ),
            ("WHU-RS19", "WHU-RS19/footballField/footballField_01.jpg", "football field"),
            ("WHU-RS19", "WHU-RS19/football_field/footballField_01.jpg", "football field"),
            ("WHU-RS19", "WHU-RS19/Beach/beach-01.jpg", "beach"),
            ("WHU-RS19", "park/Park_04.jpg", "park"),
            ("AID", "AID/DenseResidential/denseresidential_199.jpg", "dense residential"),
            ("UCMerced", "UCMerced_LandUse/Images/agricultural/agricultural00.tif", "agricultural land"),
        ],
    )
    def test_the_folder_tells_the_class_in_any_spelling(self, tmp_path, source, path, label):
        put(tmp_path, path)
        found, index = labels(source, tmp_path)
        assert list(found.values()) == [label]
        [item] = index.items
        assert (item.image, item.label) == (path, path)
        assert index.drops == ()

    def test_pictures_in_a_folder_of_no_class_are_told_with_its_name(self, tmp_path):
        put(
            tmp_path,
            "AID/Airport/airport_1.jpg",
            "AID/Beach/beach_1.jpg",
            "AID/Airports/airport_2.jpg",
            "logo.png",
        )
        found, index = labels("AID", tmp_path)
        assert len(found) == 2
        assert {(d.kind, d.reason.value, d.file, d.value) for d in index.drops} == {
            ("image", "unknown_class", "AID/Airports/airport_2.jpg", "Airports"),
            ("image", "unknown_class", "logo.png", ""),
        }

    def test_a_release_of_other_classes_is_refused_by_their_names(self, tmp_path):
        put(tmp_path, "x/Cat/1.jpg", "x/Dog/1.jpg", "x/beach/1.jpg")
        with pytest.raises(
            RsvpError,
            match=r"2 folders .* none of its 30 classes, and 1 are: Cat, Dog\. `rsvp-build show AID`",
        ):
            index_release(tmp_path, manifest_of("AID"))

    def test_the_set_of_twelve_classes_is_no_resisc45(self, tmp_path):
        put(tmp_path, "airfield/img0000.tif", *(f"{c}/img0001.tif" for c in ("beach", "forest", "river")))
        with pytest.raises(RsvpError, match=r"'airfield' is none of NWPU-RESISC45: .*12 classes"):
            index_release(tmp_path, manifest_of("NWPU-RESISC45"))

    def test_an_archive_that_nobody_unpacked_is_named(self, tmp_path):
        put(tmp_path, "AID.zip", content=b"PK")
        with pytest.raises(RsvpError, match=r"no AID found.* Unpack AID\.zip first"):
            index_release(tmp_path, manifest_of("AID"))


class TestImages:
    def test_names_that_repeat_in_classes_and_parts_of_rsd46_are_told_apart(self, tmp_path):
        put(tmp_path, *(f"{part}/{c}/ScreenShot1.jpg" for part in ("train", "val") for c in ("Ship", "Dock")))
        found, index = labels("RSD46-WHU", tmp_path)
        assert found == {
            "train/Dock/ScreenShot1": "dock",
            "train/Ship/ScreenShot1": "ship",
            "val/Dock/ScreenShot1": "dock",
            "val/Ship/ScreenShot1": "ship",
        }
        assert index.drops == ()

    def test_a_padded_and_a_plain_number_are_two_images(self, tmp_path):
        put(tmp_path, "WHU-RS19/Industrial/industrial_02.jpg", "WHU-RS19/Industrial/industrial_2.jpg")
        assert list(labels("WHU-RS19", tmp_path)[0]) == ["train/industrial_02", "train/industrial_2"]

    def test_files_that_are_no_pictures_are_passed_over_with_a_remark(self, tmp_path):
        put(tmp_path, "train/Ship/1.jpg", "train/Ship/Thumbs.db", "train/Ship/.DS_Store", "readme.txt")
        found, index = labels("RSD46-WHU", tmp_path)
        assert list(found) == ["train/Ship/1"]
        assert index.notices == (
            "files in class folders that are no pictures: 1, such as train/Ship/Thumbs.db",
        )

    def test_a_second_file_of_one_name_is_told(self, tmp_path):
        put(tmp_path, "Church/church_1.jpg", "Church/church_1.png")
        _, index = labels("AID", tmp_path)
        [drop] = index.drops
        assert (drop.reason.value, drop.file) == ("duplicate_stem", "Church/church_1.png")

    @pytest.mark.parametrize(
        ("source", "rows"), [("NWPU-RESISC45", 3), ("OPTIMAL-31", 2), ("WHU-RS19", 3), ("AID", 1)]
    )
    def test_an_image_gives_as_many_rows_as_the_paper_counts(self, tmp_path, read_rows, source, rows):
        put(tmp_path, "raw/airport/airport_1.jpg")
        summary = build(source, tmp_path / "raw", tmp_path / "out", Settings(tile=0), workers=1).summary
        assert summary["rows"]["written"] == rows
        assert summary["objects"] == {"seen": 1, "written": 1, "dropped": {}}
        found = read_rows(tmp_path / "out")
        assert [row["messages"][1]["content"] for row in found] == ["<Region 1>: airport"] * rows
        assert [row["marks"][0]["xyxy"] for row in found] == [[0, 0, 4, 3]] * rows
        assert len({row["messages"][0]["content"] for row in found}) == rows

    def test_a_damaged_picture_costs_itself(self, tmp_path):
        put(tmp_path, "raw/Ship/1.jpg")
        put(tmp_path, "raw/Ship/2.jpg", content=JPEG[:20])
        summary = build("RSD46-WHU", tmp_path / "raw", tmp_path / "o", Settings(tile=0), workers=1).summary
        assert summary["images"] == {"seen": 2, "written": 1, "dropped": {"image_unreadable": 1}}


class TestSplits:
    @pytest.fixture
    def aid(self, tmp_path):
        counts = {"Airport": 36, "Church": 24, "Pond": 3}
        root = tmp_path / "raw"
        for folder, count in counts.items():
            put(root, *(f"AID/{folder}/{folder.lower()}_{n}.jpg" for n in range(1, count + 1)))
        return root

    def test_a_fifth_of_each_class_is_drawn(self, aid):
        found, index = labels("AID", aid)
        by_class = Counter((i.split, found[i.image_id]) for i in index.items)
        assert {k: n for k, n in by_class.items() if k[0] != "train"} == {
            ("test20_seed0", "airport"): 7,
            ("test20_seed0", "church"): 5,
            ("test20_seed0", "pond"): 1,
        }
        assert len(index.items) == 63
        assert "test20_seed0" in manifest_of("AID").evaluation

    def test_the_draw_depends_on_nothing_but_names(self, aid, tmp_path):
        first = {i.image_id for i in index_release(aid, manifest_of("AID")).items}
        (aid / "AID").rename(aid / "ZZ")
        for folder in ("Airport", "Church", "Pond"):
            (aid / "ZZ" / folder).rename(aid / "ZZ" / folder.lower())
        assert {i.image_id for i in index_release(aid, manifest_of("AID")).items} == first

    @pytest.mark.parametrize(
        "lines",
        [
            ["Airport/airport_1.jpg", "Church/church_24.jpg"],
            ["airport_1", "church_24"],
            ["airport_1.png", "demo_images/church_24.png", ""],
            ["a\\b\\airport_1.PNG", "  church_24.tif  "],
            [json.dumps({"question_id": "airport/1", "image": "airport_1.png", "ground_truth": "Airportgt"}),
             json.dumps({"question_id": "church/1", "image": "x/church_24.png"})],
        ],
    )  # fmt: skip
    def test_a_list_of_the_users_takes_the_place_of_the_draw(self, aid, tmp_path, read_rows, lines):
        own = tmp_path / "list.txt"
        own.write_text("\n".join(lines))
        built = build(
            "AID", aid, tmp_path / "out", Settings(tile=0), workers=1, split_lists={"test_list": own}
        )
        assert {row["image_id"] for row in read_rows(tmp_path / "out") if row["split"] == "test_list"} == {
            "test_list/airport_1",
            "test_list/church_24",
        }
        assert {name: split["images"] for name, split in built.summary["splits"].items()} == {
            "test_list": 2,
            "train": 61,
        }
        assert built.summary["images"]["dropped"] == {}

    def test_a_listed_image_that_is_not_there_is_told_by_its_line(self, aid, tmp_path):
        own = tmp_path / "list.txt"
        own.write_text("airport_1.jpg\nairport_999.jpg\n")
        manifest = manifest_of("AID")
        splits = manifest.splits.model_copy(update={"lists": {"test_list": [str(own)]}, "seeded": {}})
        index = index_release(aid, manifest.model_copy(update={"splits": splits}))
        [drop] = index.drops
        assert (drop.reason.value, drop.line, drop.value) == ("image_missing", 2, "airport_999")

    def test_lists_know_images_by_folder_where_stems_repeat(self, tmp_path):
        put(tmp_path, "raw/train/Ship/1.jpg", "raw/train/Dock/1.jpg")
        own = tmp_path / "list.txt"
        own.write_text("Dock/1.jpg")
        manifest = manifest_of("RSD46-WHU")
        splits = manifest.splits.model_copy(update={"lists": {"mine": [str(own)]}})
        index = index_release(tmp_path / "raw", manifest.model_copy(update={"splits": splits}))
        assert [i.image_id for i in index.items] == ["mine/Dock/1", "train/Ship/1"]

    def test_a_line_of_a_list_that_only_looks_like_json_is_a_name(self, tmp_path):
        own = tmp_path / "list.txt"
        own.write_text('{broken\n{"image": 3}\n["x"]\n')
        manifest = manifest_of("AID")
        splits = manifest.splits.model_copy(update={"lists": {"mine": [str(own)]}})
        rule = SplitRule(manifest.model_copy(update={"splits": splits}), tmp_path, [], by_stem=True)
        assert {drop.value for drop in rule.not_met()} == {"{broken", '{"image": 3}', '["x"]'}

    def test_all_of_uc_merced_is_for_evaluation(self, tmp_path):
        put(tmp_path, "Images/beach/beach00.tif", "Images/river/river99.tif")
        assert list(labels("UCMerced", tmp_path)[0]) == ["test/beach00", "test/river99"]
        assert manifest_of("UCMerced").evaluation == ["test"]

    @given(st.sets(st.text("abc", min_size=1, max_size=4), max_size=30), st.integers(1, 19))
    def test_a_draw_is_of_the_share_asked_for(self, names, twentieths):
        chosen = drawn(names, twentieths / 20)
        assert chosen <= names
        assert abs(len(chosen) - Fraction(twentieths, 20) * len(names)) <= Fraction(1, 2)
        assert drawn(sorted(names, reverse=True), twentieths / 20) == chosen


class TestRealNames:
    """Against lists of all official file names and against real pictures."""

    @pytest.mark.parametrize(
        ("source", "folder", "below", "classes", "images"),
        [
            ("NWPU-RESISC45", "RESISC45", "NWPU-RESISC45", 45, 31_500),
            ("OPTIMAL-31", "OPTIMAL-31", "Images", 31, 1_860),
            ("WHU-RS19", "WHU-RS19", "WHU-RS19", 19, 1_005),
            ("UCMerced", "UCMerced", "UCMerced_LandUse/Images", 21, 2_100),
            ("RSD46-WHU", "RSD46-WHU", "val", 46, 17_512),
        ],
    )
    def test_every_official_name_has_its_class(
        self, samples, tmp_path, source, folder, below, classes, images
    ):
        lists = sorted((samples / folder / "filelists_aitlas").glob("*.csv"))
        expected = Counter()
        made = set()
        for path in lists:
            if source == "RSD46-WHU" and not path.stem.endswith("_test"):
                continue  # the official val part is their test list
            for name, label in csv.reader(path.read_text().splitlines()):
                file = tmp_path / below / name
                if file.parent not in made:
                    file.parent.mkdir(parents=True)
                    made.add(file.parent)
                file.touch()
                expected[label] += 1
        found, index = labels(source, tmp_path)
        assert (len(found), index.drops) == (images, ())
        assert sum(expected.values()) == images
        assert len(set(found.values())) == classes
        assert sorted(Counter(found.values()).values()) == sorted(expected.values())
        samples_per_image = manifest_of(source).samples_per_image
        papers = [recipe.paper_samples for recipe in manifest_of(source).recipes]
        if source != "RSD46-WHU":
            assert papers in ([], [images * samples_per_image])

    def test_renamed_copies_of_whu_rs19_are_known_too(self, samples, tmp_path):
        with (samples / "WHU-RS19/VT-RSBS_WHU_RS19.csv").open() as file:
            rows = list(csv.DictReader(file))
        put(tmp_path, *(row["filepath"] for row in rows), content=b"")
        found, index = labels("WHU-RS19", tmp_path)
        assert len(found) == len(rows) > 900
        assert index.drops == ()

    @pytest.mark.parametrize(
        ("source", "folder", "images"), [("AID", "AID", 120), ("NWPU-RESISC45", "RESISC45", 4)]
    )
    def test_real_pictures_build(self, samples, tmp_path, read_rows, source, folder, images):
        summary = build(source, samples / folder, tmp_path, Settings(tile=0), workers=1).summary
        assert summary["images"] == {"seen": images, "written": images, "dropped": {}}
        for row in read_rows(tmp_path):
            token = row["image_id"].rpartition("/")[2].rpartition("_")[0]
            assert row["marks"][0]["label"].replace(" ", "") == token.replace("_", "")
