"""Which split an image falls into, and what is said where the release leaves it open."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.catalog import shipped
from rsvp_builder.ledger import Reason
from rsvp_builder.readers.pairing import folder_and_stem, pair
from rsvp_builder.readers.scan import Found, walk
from rsvp_builder.readers.splits import SplitRule, drawn, matches

DOTA = shipped()["DOTA-v2.0"]


def manifest(**splits):
    base = {"labelled": {"train": ["train"], "val": ["val"]}, "default": "train"}
    return DOTA.model_copy(
        update={"splits": type(DOTA.splits).model_validate({**base, **splits}), "evaluation": []}
    )


def found(path, size=1):
    path = PurePosixPath(path)
    return Found(path.parent if path.parent.parts else PurePosixPath(), path.name, size)


def rule(root, **splits):
    return SplitRule(manifest(**splits), root, list(walk(root)))


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("a/b/c.txt", "c.txt", True),
        ("a/b/c.txt", "b/*.txt", True),
        ("a/b/x/c.txt", "b/*.txt", False),
        ("a/b/x/c.txt", "b/**/*.txt", True),
        ("a/b/c.txt", "b/**/*.txt", True),
        ("a/xb/c.txt", "b/*.txt", False),
        ("A/B/C.TXT", "b/c.txt", True),
        ("x/airplane(3).jpg", "airplane(?).jpg", True),
        ("x/airplane(33).jpg", "airplane(?).jpg", False),
        ("x/[1].jpg", "[1].jpg", True),
        ("x/1.jpg", "[1].jpg", False),
        ("c.txt.bak", "c.txt", False),
        ("c.txt\n", "c.txt", False),
    ],
)
def test_patterns_match_the_end_of_a_path(path, pattern, expected):
    assert matches(path, pattern) is expected


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        ("train", "train"),
        ("images/val", "val"),
        ("VisDrone2019-DET-val/images", "val"),
        ("DOTA-v1.5_train_hbb", None),
        ("uavid_val/seq16/Images", "val"),
        ("train_images", "train"),
        ("val/train/images", "train"),
        ("TRAIN", "train"),
        ("training", None),
        ("", None),
    ],
)
def test_folders_mean_splits_by_whole_words_the_nearest_first(folder, split, tmp_path):
    assert rule(tmp_path).by_folder(PurePosixPath(folder)) == split


def test_lists_go_before_folders_and_name_images_with_or_without_suffix(tmp_path):
    (tmp_path / "ImageSets").mkdir()
    (tmp_path / "ImageSets/train.txt").write_bytes(b"\xef\xbb\xbf0001\r\n0002.jpg\r\n\r\n")
    (tmp_path / "ImageSets/val.txt").write_text("class/0003.png\nsome\\0004\n")
    lists = {"train": ["ImageSets/train.txt"], "val": ["ImageSets/val.txt"]}
    made = rule(tmp_path, lists=lists)
    assert made.of(found("val/0001.jpg")) == "train"
    assert made.of(found("0002.jpg")) == "train"
    assert made.of(found("class/0003.jpg")) == "val"
    assert made.of(found("other/0003.jpg")) == "train"
    assert made.of(found("some/0004.xml")) == "val"
    assert made.not_met() == []


def test_a_missing_list_a_repeated_name_and_a_missing_image_are_told_with_file_and_line(tmp_path):
    (tmp_path / "train.txt").write_text("0001\n0002\n")
    (tmp_path / "val.txt").write_text("0003\n0002\n")
    made = rule(tmp_path, lists={"train": ["train.txt"], "val": ["val.txt"], "test": ["test.txt"]})
    assert [(d.reason, d.file, d.line) for d in made.drops] == [
        (Reason.DUPLICATE_ID, "val.txt", 2),
        (Reason.SPLIT_MISSING, "test.txt", None),
    ]
    assert made.of(found("0002.jpg")) == "train"
    assert [(d.reason, d.file, d.line, d.value) for d in made.not_met()] == [
        (Reason.IMAGE_MISSING, "train.txt", 1, "0001"),
        (Reason.IMAGE_MISSING, "val.txt", 1, "0003"),
    ]


def test_a_list_of_the_users_own_lies_anywhere(tmp_path):
    own = tmp_path / "elsewhere.txt"
    own.write_text("Airport/airport_1.png\nchurch_183\n")
    root = tmp_path / "root"
    root.mkdir()
    made = rule(root, lists={"test_list": [str(own)]})
    assert made.drops == []
    assert made.of(found("AID/Airport/airport_1.jpg")) == "test_list"
    assert made.of(found("AID/Church/church_183.jpg")) == "test_list"
    assert made.of(found("AID/Church/church_1.jpg")) == "train"


def test_pictures_without_labels_are_dropped_by_design_only_where_none_were_released(tmp_path):
    made = rule(tmp_path, unlabelled={"test": ["test"]})
    images = [found("test/images/1.jpg"), found("train/images/1.jpg"), found("train/images/2.jpg")]
    index = pair(made, images, [found("train/labels/1.xml"), found("val/labels/9.xml")])
    assert [(i.image_id, bool(i.image), bool(i.label)) for i in index.items] == [
        ("train/1", True, True),
        ("train/2", True, False),
        ("val/9", False, True),
    ]
    assert [(d.reason, d.image_id) for d in index.drops] == [(Reason.UNLABELLED_SPLIT, "test/1")]


def test_the_second_file_of_one_name_is_told_beside_the_first(tmp_path):
    images = [found("train/a/1.jpg"), found("train/b/1.png")]
    index = pair(rule(tmp_path), images, [found("train/1.xml")])
    assert [item.image for item in index.items] == ["train/a/1.jpg"]
    [drop] = index.drops
    assert (drop.reason, drop.file) == (Reason.DUPLICATE_STEM, "train/b/1.png")
    assert "train/a/1.jpg" in drop.expected


def test_names_may_hold_the_folder_where_stems_repeat(tmp_path):
    files = [found("CAR/P0001.png"), found("PLANE/P0001.png")]
    index = pair(rule(tmp_path), files, [], image_name=folder_and_stem)
    assert [item.image_id for item in index.items] == ["train/CAR/P0001", "train/PLANE/P0001"]


NAMES = st.sets(st.text("abcdef", min_size=1), max_size=30)


@given(names=NAMES, share=st.floats(0.01, 0.99), seed=st.integers(0, 5))
def test_a_draw_is_a_share_whatever_the_order(names, share, seed):
    one, two = drawn(sorted(names), share, seed), drawn(sorted(names, reverse=True), share, seed)
    assert one == two <= names
    assert len(one) == round(share * len(names))


def test_a_draw_is_the_same_for_ever():
    assert sorted(drawn([f"airport_{n}" for n in range(10)], 0.2)) == ["airport_2", "airport_7"]
