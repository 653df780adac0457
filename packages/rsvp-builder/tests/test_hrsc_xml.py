"""HRSC2016: two boxes a ship, an angle in radians, a tree of classes, copies of everything."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsvp_builder.build import build
from rsvp_builder.catalog import shipped
from rsvp_builder.dataset.validate import validate
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import ManifestError
from rsvp_builder.readers import index_release, reader_for
from rsvp_builder.readers.hrsc_xml.labels import quad_of
from rsvp_builder.record import Annotations, Item, ObjectFlag
from rsvp_builder.settings import Settings

HRSC = shipped()["HRSC2016"]
SHIP = {
    "Object_ID": "100000006",
    "Class_ID": "100000013",
    "truncated": "0",
    "difficult": "0",
    "box_xmin": "119",
    "box_ymin": "75",
    "box_xmax": "587",
    "box_ymax": "789",
    "mbox_cx": "341.2143",
    "mbox_cy": "443.3325",
    "mbox_w": "778.4297",
    "mbox_h": "178.2595",
    "mbox_ang": "-1.122944",
    "header_x": "143",
    "header_y": "776",
}
CORNERS = [92.3, 755.6, 429.4, 53.9, 590.1, 131.1, 253.0, 832.8]
"""Of that ship, worked out by hand in the specification."""


def ship(**changes: str | None) -> str:
    tags = {**SHIP, **changes}
    told = "".join(f"      <{tag}>{text}</{tag}>\n" for tag, text in tags.items() if text is not None)
    return f"    <HRSC_Object>\n{told}    </HRSC_Object>\n"


def document(*ships: str, size: tuple[object, object] = (1172, 816), resolution: str = "1.07") -> bytes:
    objects = f"<HRSC_Objects>\n{''.join(ships)}  </HRSC_Objects>" if ships else "<HRSC_Objects />"
    return (
        "<HRSC_Image>\n  <Img_ID>100000006</Img_ID>\n  <Img_FileName>100000006</Img_FileName>\n"
        f"  <Img_SizeWidth>{size[0]}</Img_SizeWidth>\n  <Img_SizeHeight>{size[1]}</Img_SizeHeight>\n"
        f"  <Img_Resolution>{resolution}</Img_Resolution>\n  <Annotated>1</Annotated>\n"
        f"  {objects}\n</HRSC_Image>\n"
    ).encode()


def read(*texts: bytes) -> tuple[Annotations, list[Drop]]:
    """Read label files 0.xml, 1.xml, ... as one batch; whatever they are, nothing may get lost."""
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(texts):
            (Path(folder) / f"{number}.xml").write_bytes(text)
        items = [Item(f"train/{n}", "train", None, f"{n}.xml") for n in range(len(texts))]
        drops = Drops()
        annotations = reader_for(HRSC).read(Path(folder), HRSC, items, drops)
    for position, item in enumerate(items):
        dropped = [d for d in drops.entries if d.image_id == item.image_id and d.kind == "object"]
        assert annotations.seen[position] == (annotations.objects.item == position).sum() + len(dropped)
    return annotations, drops.entries


class TestObjects:
    def test_box_and_quad_are_read_each_for_itself(self) -> None:
        annotations, drops = read(document(ship()))
        assert drops == []
        objects = annotations.objects
        assert objects.box.tolist() == [[119, 75, 587, 789]]
        assert objects.quad[0] == pytest.approx(CORNERS, abs=0.06)
        assert objects.line.tolist() == [9]
        assert list(HRSC.classes.values())[objects.class_id[0]] == "Admiral Kuznetsov aircraft carrier"
        assert annotations.declared == [(1172, 816)]
        assert annotations.gsd == [1.07]

    _size = st.floats(1, 2000)

    @given(st.floats(-100, 2000), st.floats(-100, 2000), _size, _size, st.floats(-math.pi, math.pi))
    def test_corners_are_those_of_the_turned_rectangle(self, cx, cy, w, h, angle) -> None:
        # By complex numbers: with y down, turning clockwise on screen is a product with exp(i angle).
        upright = np.array([complex(-w, -h), complex(w, -h), complex(w, h), complex(-w, h)]) / 2
        turned = upright * np.exp(1j * angle) + complex(cx, cy)
        expected = np.stack([turned.real, turned.imag], axis=1).ravel()
        assert quad_of(cx, cy, w, h, angle) == pytest.approx(expected, abs=1e-6)

    def test_a_positive_angle_turns_clockwise_on_screen(self) -> None:
        x1, y1, x2, y2, *_ = quad_of(0, 0, 10, 2, math.pi / 2 - 0.1)
        assert y2 > y1  # the right end of the long side has gone down
        assert abs(x2 - x1) < abs(y2 - y1)

    def test_flags_come_from_truncated_and_difficult(self) -> None:
        texts = ship(truncated="1"), ship(difficult="1"), ship(truncated=None, difficult="")
        annotations, drops = read(document(*texts))
        assert drops == []
        flags = [ObjectFlag.TRUNCATED, ObjectFlag.DIFFICULT, 0]
        assert annotations.objects.flags.tolist() == flags

    @pytest.mark.parametrize(
        ("number", "label"),
        [
            ("01", "ship"),
            ("03", "warcraft"),
            ("16", "Tarawa class amphibious assault ship"),
            ("19", "warcraft"),
            ("20", "car carrier"),
            ("25", "container ship"),
            ("28", "warcraft"),
            ("29", "medical ship"),
            ("30", "car carrier"),
            ("27", "submarine"),
        ],
    )
    def test_every_level_of_the_class_tree_has_a_label(self, number, label) -> None:
        annotations, drops = read(
            document(ship(Class_ID=f"1000000{number}"), ship(Class_ID=f" 1000000{number} "))
        )
        assert drops == []
        assert [list(HRSC.classes.values())[i] for i in annotations.objects.class_id] == [label] * 2

    def test_the_two_numbers_that_the_tree_leaves_out_are_unknown(self) -> None:
        assert len(HRSC.classes) == 31
        _, drops = read(document(ship(Class_ID="100000021"), ship(Class_ID="100000023")))
        assert [d.reason for d in drops] == [Reason.UNKNOWN_CLASS] * 2

    @pytest.mark.parametrize(("told", "gsd"), [("0.62", 0.62), ("0", None), ("0.0", None), ("", None)])
    def test_a_resolution_above_zero_is_the_gsd(self, told, gsd) -> None:
        annotations, drops = read(document(ship(), resolution=told))
        assert (annotations.gsd, drops) == ([gsd], [])

    def test_an_image_whose_ships_nobody_drew_is_readable_and_empty(self) -> None:
        annotations, drops = read(document(), b"\xef\xbb\xbf" + document(ship()).replace(b"\n", b"\r\n"))
        assert (annotations.readable, annotations.seen, drops) == ([True, True], [0, 1], [])


class TestBadObjects:
    @pytest.mark.parametrize(
        ("changes", "reason", "value", "expected"),
        [
            ({"mbox_ang": "-64.34"}, Reason.MALFORMED_LINE, "-64.34", "looks like degrees"),
            ({"mbox_ang": "90"}, Reason.MALFORMED_LINE, "90", "radians"),
            ({"mbox_ang": "nan"}, Reason.NOT_FINITE, "nan", "mbox_ang to be finite"),
            ({"mbox_cx": "inf"}, Reason.NOT_FINITE, "inf", "mbox_cx to be finite"),
            ({"mbox_w": "0"}, Reason.DEGENERATE, "443.3325 0 178", "mbox_w and mbox_h above 0"),
            ({"mbox_h": "-4"}, Reason.DEGENERATE, "-4", "above 0"),
            ({"mbox_h": "x4"}, Reason.MALFORMED_LINE, "x4", "mbox_h to be a number"),
            ({"mbox_h": None}, Reason.MALFORMED_LINE, "", "mbox_h to be a number"),
            ({"box_xmax": "119"}, Reason.DEGENERATE, "119 75 119 789", "box_xmin < box_xmax"),
            ({"box_ymin": "790"}, Reason.DEGENERATE, "119 790 587 789", "box_ymin < box_ymax"),
            ({"box_ymin": "7_5"}, Reason.MALFORMED_LINE, "7_5", "box_ymin to be a number"),
            ({"Class_ID": "13"}, Reason.UNKNOWN_CLASS, "13", "100000013"),
            ({"Class_ID": None}, Reason.MALFORMED_LINE, "", "Class_ID"),
            ({"difficult": "2"}, Reason.MALFORMED_LINE, "2", "difficult to be 0 or 1"),
        ],
    )
    def test_a_bad_object_is_told_and_costs_nothing_else(self, changes, reason, value, expected) -> None:
        annotations, drops = read(document(ship(), ship(**changes), ship()), document(ship()))
        assert len(annotations.objects) == 3
        (drop,) = drops
        assert (drop.kind, drop.reason, drop.file, drop.line) == (
            "object",
            reason,
            "0.xml",
            9 + len(SHIP) + 2,
        )
        assert value in drop.value
        assert expected in drop.expected

    @pytest.mark.parametrize("resolution", ["-1", "nan", "1 m", "1_0"])
    def test_a_resolution_that_is_no_length_is_noted(self, resolution) -> None:
        annotations, drops = read(document(ship(), resolution=resolution))
        assert annotations.gsd == [None]
        assert [(d.kind, d.reason, d.value) for d in drops] == [
            ("metadata", Reason.MALFORMED_LINE, resolution)
        ]

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            (b" \n", "an empty file"),
            (document(ship())[:-20], ""),
            (document(ship()).replace(b"100000013", b"\xff\xfe"), "invalid token"),
            (b"<annotation/>", "<annotation>"),
            (b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'><HRSC_Image/>", "<!DOCTYPE"),
        ],
    )
    def test_a_file_that_cannot_be_read_costs_its_image_only(self, text, value) -> None:
        annotations, drops = read(text, document(ship()))
        assert (annotations.readable, annotations.seen) == ([False, True], [0, 1])
        (drop,) = drops
        assert (drop.kind, drop.reason) == ("image", Reason.LABEL_UNREADABLE)
        assert value in drop.value

    @given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 30), st.binary(max_size=6)), max_size=4))
    def test_no_damage_to_a_file_reaches_the_next(self, damage) -> None:
        text = document(ship(), ship())
        for place, length, put_in in damage:
            text = text[:place] + put_in + text[place + length :]
        annotations, drops = read(text, document(ship()))
        assert annotations.seen[1] == (annotations.objects.item == 1).sum() == 1
        assert annotations.readable[1]
        assert {drop.image_id for drop in drops} <= {"train/0"}
        assert damage or not drops


def put(root: Path, *paths: str, size: tuple[int, int] = (60, 40)) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".xml"):
            (root / path).write_bytes(document(ship(), size=size))
        elif path.endswith(".bmp"):
            Image.new("RGB", size, (40, 70, 110)).save(root / path)


def lists(root: Path, **splits: str) -> None:
    (root / "ImageSets").mkdir(parents=True, exist_ok=True)
    for name in ("train", "val", "test"):
        (root / f"ImageSets/{name}.txt").write_text(splits.get(name, "").replace(" ", "\n") + "\n")


def pair(folder: str, stem: str) -> tuple[str, str]:
    return f"{folder}/AllImages/{stem}.bmp", f"{folder}/Annotations/{stem}.xml"


class TestIndex:
    @pytest.mark.parametrize("top", [".", "HRSC2016", "HRSC2016/HRSC2016"])
    def test_copies_in_train_and_test_are_read_once_from_the_full_data_set(self, tmp_path, top) -> None:
        root = tmp_path / top
        put(root, *pair("FullDataSet", "100000001"), *pair("FullDataSet", "100000002"))
        put(root, *pair("Train", "100000001"), *pair("Test", "100000002"))
        lists(root, train="100000001", test="100000002")
        (root / "ImageSets/test.txt~").write_text("100000001\n")
        index = index_release(tmp_path, HRSC)
        assert [item.image_id for item in index.items] == ["test/100000002", "train/100000001"]
        assert all("FullDataSet" in f"{i.image}" and "FullDataSet" in f"{i.label}" for i in index.items)
        assert index.drops == ()
        assert index.notices == ("files that are there more than once, and read once: 4 copies",)

    def test_without_the_full_data_set_the_copies_are_the_release(self, tmp_path) -> None:
        put(tmp_path, *pair("Train", "100000001"), *pair("Test", "100000002"))
        index = index_release(tmp_path, HRSC)
        assert [(i.image_id, i.image) for i in index.items] == [
            ("test/100000002", "Test/AllImages/100000002.bmp"),
            ("train/100000001", "Train/AllImages/100000001.bmp"),
        ]
        assert [d.reason for d in index.drops] == [Reason.SPLIT_MISSING] * 3

    def test_what_the_full_data_set_lacks_is_taken_from_a_copy(self, tmp_path) -> None:
        put(tmp_path, pair("FullDataSet", "100000001")[1], pair("Train", "100000001")[0])
        lists(tmp_path, val="100000001")
        (item,) = index_release(tmp_path, HRSC).items
        assert (item.image_id, item.image) == ("val/100000001", "Train/AllImages/100000001.bmp")
        assert item.label == "FullDataSet/Annotations/100000001.xml"

    def test_images_that_no_list_names_need_no_label_but_listed_ones_do(self, tmp_path) -> None:
        for number in (1, 2, 3):
            put(tmp_path, pair("FullDataSet", f"10000000{number}")[0])
        put(tmp_path, pair("FullDataSet", "100000003")[1], "FullDataSet/LandMask/100000003.bmp")
        lists(tmp_path, train="100000001 100000009")
        index = index_release(tmp_path, HRSC)
        assert [(i.image_id, i.label is None) for i in index.items] == [
            ("train/100000001", True),
            ("unlisted/100000003", False),
        ]
        assert {(d.reason, d.image_id, d.file, d.line) for d in index.drops} == {
            (Reason.NO_OBJECTS, "unlisted/100000002", "FullDataSet/AllImages/100000002.bmp", None),
            (Reason.IMAGE_MISSING, "train/100000009", "ImageSets/train.txt", 2),
        }

    def test_without_lists_a_picture_without_a_label_is_a_defect(self, tmp_path) -> None:
        put(tmp_path, *pair("FullDataSet", "100000001"), pair("FullDataSet", "100000002")[0])
        index = index_release(tmp_path, HRSC)
        assert [(i.image_id, i.label is None) for i in index.items] == [
            ("unlisted/100000001", False),
            ("unlisted/100000002", True),
        ]
        assert {d.reason for d in index.drops} == {Reason.SPLIT_MISSING}

    def test_a_folder_without_the_release_says_what_was_looked_for(self, tmp_path) -> None:
        put(tmp_path, "FullDataSet/sysdata.xml", "FullDataSet/AllImages/100000001.bmp")
        with pytest.raises(RsvpError, match=r"no HRSC2016 found: .* 2 files, 1 of them images"):
            index_release(tmp_path, HRSC)

    def test_a_layout_that_does_not_fit_is_refused(self, tmp_path) -> None:
        with pytest.raises(ManifestError, match=r"manifest HRSC2016: layout\.labels"):
            index_release(tmp_path, HRSC.model_copy(update={"layout": {"images": ["AllImages"]}}))


def test_a_release_is_built_from_bitmaps_and_a_wrong_size_is_noted(tmp_path, read_rows) -> None:
    root, out = tmp_path / "raw", tmp_path / "out"
    for number, size in ((1, (600, 800)), (2, (600, 790)), (3, (600, 800))):
        put(root, *pair("FullDataSet", f"10000000{number}"), size=size)
    (root / "FullDataSet/Annotations/100000002.xml").write_bytes(document(ship(), size=(600, 800)))
    (root / "FullDataSet/Annotations/100000003.xml").write_bytes(document(size=(600, 800)))
    lists(root, train="100000001", test="100000002 100000003")
    built = build("HRSC2016", root, out, Settings(tile=0), workers=1)
    assert built.summary["objects"] == {"seen": 2, "written": 2, "dropped": {}}
    assert built.summary["images"]["dropped"] == {"no_objects": 1}
    rows = {row["image_id"]: row for row in read_rows(out)}
    assert set(rows) == {"train/100000001", "test/100000002"}
    (mark,) = rows["train/100000001"]["marks"]
    assert (mark["xyxy"], mark["flags"]) == ([119, 75, 587, 789], [])
    assert mark["quad"] == pytest.approx(CORNERS, abs=0.06)
    assert rows["train/100000001"]["gsd"] == 1.07
    assert validate(out, decode=True).problems == []


def test_the_real_file_has_the_corners_of_the_specification(samples) -> None:
    drops = Drops()
    path = "FullDataSet/Annotations/100000006.xml"
    items = [Item("train/100000006", "train", None, path)]
    annotations = reader_for(HRSC).read(samples / "HRSC2016", HRSC, items, drops)
    assert drops.entries == []
    assert annotations.objects.quad[0] == pytest.approx(CORNERS, abs=0.06)
    assert annotations.objects.box.tolist() == [[119, 75, 587, 789]]
    told = (samples / "HRSC2016" / path).read_text().splitlines()
    assert "<HRSC_Object>" in told[annotations.objects.line[0] - 1]
    assert (annotations.gsd, annotations.declared) == ([1.07], [(1172, 816)])
