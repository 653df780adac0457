"""SAMRS: pickles of model-drawn masks, in three subsets and two vintages."""

from __future__ import annotations

import os
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask

from rsvp_builder.build import build
from rsvp_builder.catalog import candidates
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Drops, Reason
from rsvp_builder.readers import index_release, reader_for
from rsvp_builder.readers.samrs import _object
from rsvp_builder.settings import Settings

SIDE = 48
SUBSETS = {
    "SAMRS-SOTA": ("dotav2_1024/trainval", "hbox_segs_init", "images", ".png", "ship"),
    "SAMRS-SIOR": ("dior", "hbox_segs_trainvaltest_init", "JPEGImages-trainval", ".jpg", "ship"),
    "SAMRS-FAST": ("fair1m_1024/trainval", "rhbox_segs_init", "images", ".png", "Warship"),
}
each = pytest.mark.parametrize("source", SUBSETS)


def code(x1=0, y1=0, x2=0, y2=0, size=(SIDE, SIDE)):
    """The run-length code of a rectangle as the authors store it, and its pixels."""
    pixels = np.zeros(size, np.uint8, order="F")
    pixels[y1:y2, x1:x2] = 1
    found = coco_mask.encode(pixels)
    return {"size": list(found["size"]), "counts": found["counts"].decode()}, pixels.astype(bool)


def record(source, category=None, box=(4, 6, 20, 30), **more):
    """An object of a pickle, of the later vintage."""
    token = category or SUBSETS[source][4]
    mask, pixels = code(*box)
    x1, y1, x2, y2 = map(float, box)
    classes = list(candidates(source)[0].classes)
    found = {
        "mask": mask,
        "category": token,
        "label": classes.index(token) if token in classes else 0,
        "size": np.int64(pixels.sum()),
    }
    if source == "SAMRS-FAST":
        found["rbox"] = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
        found["rhbox"] = np.array([x1, y1, x2, y2])
    else:
        found["bbox"] = np.array([x1, y1, x2, y2])
    return {**found, **more}


def write(root, source, records, *, stem="P0000", split="train", prefix="", side=SIDE, maps=True):
    """Writes a picture, its pickle, its maps, and its line in a list."""
    base, segments, images, suffix, _ = SUBSETS[source]
    folder = root / base
    for path in (folder / f"{prefix}{images}", folder / f"{prefix}{segments}" / "ins"):
        path.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), (80, 90, 60)).save(folder / f"{prefix}{images}" / f"{stem}{suffix}")
    data = records if isinstance(records, bytes) else pickle.dumps(records, protocol=4)
    if records is not None:
        (folder / f"{prefix}{segments}" / "ins" / f"{stem}.pkl").write_bytes(data)
    if maps:
        for kind, mode in (("gray", "L"), ("color", "RGB")):
            path = folder / f"{prefix}{segments}" / kind
            path.mkdir(exist_ok=True)
            Image.new(mode, (side, side), 255 if mode == "L" else (255,) * 3).save(path / f"{stem}.png")
    for name in ("train", "valid"):
        with (folder / f"{name}.txt").open("a") as file:
            file.write(f"{stem}\n" if name == split else "")
    return folder


def read(root, source):
    manifest = candidates(source)[0]
    index = index_release(root, manifest)
    drops = Drops()
    annotations = reader_for(manifest).read(root, manifest, index.items, drops)
    lost = sum(d.kind == "object" for d in drops.entries)
    assert sum(annotations.seen) == len(annotations.objects) + lost
    return index, annotations, drops.entries


def full(mask):
    pixels = np.zeros((SIDE, SIDE), bool)
    crop = mask.crop()
    if crop is not None:
        h, w = crop.pixels.shape
        pixels[crop.y : crop.y + h, crop.x : crop.x + w] = crop.pixels
    return pixels


@each
def test_an_object_has_its_class_its_boxes_and_its_mask(tmp_path, source):
    write(tmp_path, source, [record(source), record(source, box=(30, 30, 40, 47))])
    index, found, drops = read(tmp_path, source)
    [item] = index.items
    assert (item.image_id, item.split) == ("train/P0000", "train")
    assert (index.drops, drops) == ((), [])
    objects = found.objects
    classes = list(candidates(source)[0].classes)
    assert [classes[c] for c in objects.class_id] == [SUBSETS[source][4]] * 2
    assert objects.box.tolist() == [[4, 6, 20, 30], [30, 30, 40, 47]]
    assert objects.line.tolist() == [1, 2]
    assert np.isnan(objects.quad).all() == (source != "SAMRS-FAST")
    if source == "SAMRS-FAST":
        assert objects.quad[0].tolist() == [4, 6, 20, 6, 20, 30, 4, 30]
    for mask, box in zip(objects.mask, ((4, 6, 20, 30), (30, 30, 40, 47)), strict=True):
        np.testing.assert_array_equal(full(mask), code(*box)[1])


@each
def test_the_number_of_early_pickles_is_the_place_in_the_class_table(tmp_path, source):
    classes = list(candidates(source)[0].classes)
    assert len(classes) == {"SAMRS-SOTA": 18, "SAMRS-SIOR": 20, "SAMRS-FAST": 37}[source]
    records = []
    for number in range(len(classes)):
        early = record(source, category=classes[number])
        del early["label"]
        records += [{**early, "category": number}, {**early, "category": np.int64(number)}]
    write(tmp_path, source, records)
    _, found, drops = read(tmp_path, source)
    assert found.objects.class_id.tolist() == [n for n in range(len(classes)) for _ in range(2)]
    assert drops == []


def test_the_class_tables_are_those_of_the_authors():
    known = {"SAMRS-SOTA": (0, "large-vehicle"), "SAMRS-SIOR": (7, "expressway-toll-station")}
    for source, (number, token) in {**known, "SAMRS-FAST": (24, "other-airplane")}.items():
        assert list(candidates(source)[0].classes)[number] == token


@each
def test_an_empty_mask_gives_no_point_and_is_told(tmp_path, source, read_rows):
    empty = record(source, mask=code()[0], size=np.int64(0))
    write(tmp_path / "raw", source, [record(source), empty])
    _, found, drops = read(tmp_path / "raw", source)
    assert (len(found.objects), drops) == (2, [])
    summary = build(source, tmp_path / "raw", tmp_path / "out", Settings(tile=0), workers=1).summary
    assert summary["objects"] == {"seen": 2, "written": 1, "dropped": {"empty_mask": 1}}
    [row] = read_rows(tmp_path / "out")
    [mark] = row["marks"]
    x, y = mark["xy"]
    assert code(4, 6, 20, 30)[1][int(y), int(x)]


class TestFiles:
    @each
    def test_lists_tell_the_split(self, tmp_path, source):
        write(tmp_path, source, [record(source)], stem="train_P1", split="train")
        write(tmp_path, source, [record(source)], stem="train_P2", split="valid")
        index, _, _ = read(tmp_path, source)
        assert [item.image_id for item in index.items] == ["train/train_P1", "valid/train_P2"]

    @each
    def test_folders_may_have_a_prefix(self, tmp_path, source):
        write(tmp_path, source, [record(source)], prefix="samrs_")
        index, found, _ = read(tmp_path, source)
        assert [item.image is not None for item in index.items] == [True]
        assert found.seen == [1]

    def test_pictures_of_sior_lie_in_two_folders(self, tmp_path):
        folder = write(tmp_path, "SAMRS-SIOR", [record("SAMRS-SIOR")], stem="00001")
        write(tmp_path, "SAMRS-SIOR", [record("SAMRS-SIOR")], stem="20001", split="valid")
        (folder / "JPEGImages-test").mkdir()
        (folder / "JPEGImages-trainval/20001.jpg").rename(folder / "JPEGImages-test/20001.jpg")
        index, found, _ = read(tmp_path, "SAMRS-SIOR")
        assert [item.image for item in index.items] == [
            "dior/JPEGImages-trainval/00001.jpg",
            "dior/JPEGImages-test/20001.jpg",
        ]
        assert found.seen == [1, 1]

    @each
    def test_a_picture_without_boxes_has_neither_pickle_nor_maps(self, tmp_path, source):
        write(tmp_path, source, [record(source)])
        write(tmp_path, source, None, stem="P0001", maps=False)
        index, _, _ = read(tmp_path, source)
        [drop] = index.drops
        assert (drop.kind, drop.reason, drop.image_id) == ("image", Reason.NO_OBJECTS, "train/P0001")

    @each
    def test_a_picture_with_maps_lacks_its_pickle(self, tmp_path, source):
        write(tmp_path, source, [record(source)])
        write(tmp_path, source, None, stem="P0001")
        index, _, _ = read(tmp_path, source)
        assert index.drops == ()
        assert [(item.image_id, item.label is None) for item in index.items] == [
            ("train/P0000", False),
            ("train/P0001", True),
        ]

    def test_subsets_in_one_folder_do_not_mix(self, tmp_path):
        for source in SUBSETS:
            write(tmp_path, source, [record(source)], stem=f"only-{source}")
        for source in SUBSETS:
            index, found, drops = read(tmp_path, source)
            assert [item.image_id for item in index.items] == [f"train/only-{source}"]
            assert index.items[0].image
            assert (index.drops, drops, found.seen) == ((), [], [1])

    def test_a_listed_image_that_nobody_has_is_told(self, tmp_path):
        folder = write(tmp_path, "SAMRS-SOTA", [record("SAMRS-SOTA")])
        (folder / "train.txt").write_text("P0000\nP0999\n")
        index, _, _ = read(tmp_path, "SAMRS-SOTA")
        [drop] = index.drops
        assert (drop.reason, drop.file, drop.line, drop.value) == (
            Reason.IMAGE_MISSING,
            "dotav2_1024/trainval/train.txt",
            2,
            "P0999",
        )

    @each
    def test_a_folder_without_pickles_is_a_mistake_with_a_message(self, tmp_path, source):
        folder = write(tmp_path, source, None)
        assert list(folder.rglob("*.png"))
        with pytest.raises(RsvpError, match=rf"no {source} found: .*ins/\*\.pkl"):
            index_release(tmp_path, candidates(source)[0])


class Runs:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


class TestUnusable:
    @pytest.mark.parametrize(
        ("data", "value"),
        [
            (b"", "Ran out of input"),
            (b"not a pickle", ""),
            (pickle.dumps([record("SAMRS-SOTA")])[:-20], ""),
            (pickle.dumps({"mask": 1}), "a dict"),
            (pickle.dumps("text"), "'text'"),
        ],
        ids=["empty", "text", "cut off", "a dict", "a string"],
    )
    def test_a_pickle_that_cannot_be_read_costs_its_image(self, tmp_path, data, value):
        write(tmp_path, "SAMRS-SOTA", [record("SAMRS-SOTA")])
        write(tmp_path, "SAMRS-SOTA", data, stem="P0001")
        _, found, [drop] = read(tmp_path, "SAMRS-SOTA")
        assert (drop.kind, drop.reason, drop.image_id) == ("image", Reason.LABEL_UNREADABLE, "train/P0001")
        assert drop.file == "dotav2_1024/trainval/hbox_segs_init/ins/P0001.pkl"
        assert value in drop.value
        assert drop.value
        assert (found.readable, found.seen) == ([True, False], [1, 0])

    def test_a_pickle_that_runs_something_is_refused_by_name_and_runs_nothing(self, tmp_path):
        made = tmp_path / "made"
        write(tmp_path, "SAMRS-SOTA", pickle.dumps([{**record("SAMRS-SOTA"), "extra": Runs(made)}]))
        _, found, [drop] = read(tmp_path, "SAMRS-SOTA")
        assert (drop.reason, found.readable) == (Reason.LABEL_UNREADABLE, [False])
        assert "mkdir" in drop.value
        assert not made.exists()

    @pytest.mark.parametrize(
        ("change", "reason", "value"),
        [
            ({"category": "submarine"}, Reason.UNKNOWN_CLASS, "'submarine'"),
            ({"category": 18}, Reason.UNKNOWN_CLASS, "18"),
            ({"category": -1}, Reason.UNKNOWN_CLASS, "-1"),
            ({"category": True}, Reason.UNKNOWN_CLASS, "True"),
            ({"category": None}, Reason.UNKNOWN_CLASS, "None"),
            ({"mask": None}, Reason.MALFORMED_LINE, "None"),
            ({"mask": {"counts": "x"}}, Reason.MALFORMED_LINE, "size None"),
            ({"mask": {"size": [SIDE, SIDE], "counts": 5}}, Reason.MALFORMED_LINE, str(SIDE)),
            ({"mask": {"size": [SIDE, SIDE], "counts": "~~"}}, Reason.MALFORMED_LINE, "code"),
            ({"mask": code(1, 1, 5, 5, (30, 40))[0]}, Reason.SIZE_MISMATCH, "40 x 30 px"),
            ({"bbox": np.array([1.0, 2.0, 3.0])}, Reason.MALFORMED_LINE, "1.0"),
            ({"bbox": None}, Reason.MALFORMED_LINE, "None"),
            ({"bbox": np.array([1.0, np.nan, 3.0, 4.0])}, Reason.NOT_FINITE, "nan"),
            ({"bbox": [9, 2, 3, 4]}, Reason.DEGENERATE, "9 2 3 4"),
            ({"rbox": np.zeros((3, 2))}, Reason.MALFORMED_LINE, "rbox"),
            ({"rbox": np.full((4, 2), np.inf)}, Reason.NOT_FINITE, "inf"),
        ],
        ids=str,
    )
    def test_a_bad_object_costs_itself(self, tmp_path, change, reason, value):
        source = "SAMRS-SOTA"
        write(tmp_path, source, [record(source), {**record(source), **change}, record(source)])
        _, found, [drop] = read(tmp_path, source)
        assert found.objects.line.tolist() == [1, 3]
        assert (drop.kind, drop.reason, drop.line) == ("object", reason, 2)
        assert value in drop.value
        assert drop.expected

    @pytest.mark.parametrize("one", [None, 3, "x", [], b"x"])
    def test_what_is_no_object_costs_itself(self, tmp_path, one):
        write(tmp_path, "SAMRS-SOTA", [one, record("SAMRS-SOTA")])
        _, found, [drop] = read(tmp_path, "SAMRS-SOTA")
        assert (drop.reason, drop.line, len(found.objects)) == (Reason.MALFORMED_LINE, 1, 1)

    def test_boxes_may_be_lists(self, tmp_path):
        source = "SAMRS-FAST"
        plain = record(source, rbox=[[4, 6], [20, 6], [20, 30], [4, 30]], rhbox=(4, 6, 20, 30.0))
        write(tmp_path, source, [plain])
        _, found, drops = read(tmp_path, source)
        assert drops == []
        assert found.objects.quad.tolist() == [[4, 6, 20, 6, 20, 30, 4, 30]]
        assert found.objects.box.tolist() == [[4, 6, 20, 30]]

    def test_sizes_come_from_the_picture_not_from_the_folders_name(self, tmp_path):
        write(tmp_path, "SAMRS-FAST", [record("SAMRS-FAST")], side=60)
        _, found, [drop] = read(tmp_path, "SAMRS-FAST")
        assert (drop.reason, found.seen) == (Reason.SIZE_MISMATCH, [1])
        assert "60 x 60 px" in drop.expected


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(
    st.lists(
        values
        | st.fixed_dictionaries({}, optional=dict.fromkeys(("mask", "bbox", "rbox", "category"), values)),
        max_size=6,
    )
)
def test_whatever_a_pickle_holds_the_account_balances(tmp_path_factory, records):
    root = tmp_path_factory.mktemp("samrs")
    write(root, "SAMRS-SOTA", [record("SAMRS-SOTA"), *records], maps=False)
    _, found, drops = read(root, "SAMRS-SOTA")
    assert found.seen == [len(records) + 1]
    assert Counter(d.kind for d in drops) == Counter({"object": len(drops)})
    for drop in drops:
        str(drop).encode("utf-8")


def test_a_value_that_holds_itself_is_told_briefly():
    endless: list = []
    endless += [endless] * 8
    from rsvp_builder.readers.classes import ClassTable
    from rsvp_builder.readers.unusable import UnusableError

    classes = ClassTable(candidates("SAMRS-SOTA")[0])
    for one in (endless, {"category": endless}, {"category": "ship", "mask": endless}):
        with pytest.raises(UnusableError) as caught:
            _object(one, classes, 18, (SIDE, SIDE))
        assert len(caught.value.value) < 200
