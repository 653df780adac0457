"""What the reader of VOC-like XML makes of the releases' quirks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsvp_builder.build import build
from rsvp_builder.ledger import Reason
from rsvp_builder.readers import reader_for
from rsvp_builder.record import ObjectFlag
from rsvp_builder.settings import Settings

from .folder import MANIFESTS, SIDES, Folder, Read, label, thing


@pytest.fixture
def hrrsd(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "OPT2017", "HRRSD")
    for split, stems in (("train", "00001\n00002\n"), ("val", "00003\n"), ("test", "00004\n")):
        folder.put(f"ImageSets/Main/{split}.txt", stems)
    for number in range(1, 5):
        folder.put(f"JPEGImages/0000{number}.jpg")
        folder.put(f"Annotations/0000{number}.xml", label(thing("ship", (11, 21, 30, 40))))
    return folder


class TestHrrsd:
    def test_boxes_from_1_become_half_open_from_0(self, hrrsd) -> None:
        hrrsd.put("Annotations/00001.xml", label(thing("ship", (1, 1, 64, 48)), thing("ship", (5, 6, 5, 6))))
        read = hrrsd.read()
        assert read.boxes("train/00001") == [[0, 0, 64, 48], [4, 5, 5, 6]]
        assert read.drops == []

    def test_a_0_in_a_box_from_1_reaches_out_by_a_pixel_and_is_left_to_clipping(self, hrrsd) -> None:
        hrrsd.put("Annotations/00001.xml", label(thing("ship", (0, 0, 20, 20))))
        assert hrrsd.read().boxes("train/00001") == [[-1, -1, 20, 20]]

    def test_junk_among_the_labels_is_no_image(self, hrrsd) -> None:
        for junk in ("~00001.xml", "._00002.xml", "00001 (copy).xml", "Thumbs.xml", "1.xml"):
            hrrsd.put(f"Annotations/{junk}", "<html>")
        read = hrrsd.read()
        assert read.ids == ["test/00004", "train/00001", "train/00002", "val/00003"]
        assert read.drops == []
        [notice] = reader_for(hrrsd.manifest).index(hrrsd.root, hrrsd.manifest).notices
        assert "3, the first is Annotations/00001 (copy).xml" in notice

    def test_lists_of_classes_and_trainval_are_no_splits(self, hrrsd) -> None:
        hrrsd.put("ImageSets/Main/trainval.txt", "00001\n00002\n00003\n")
        hrrsd.put("ImageSets/Main/T junction_train.txt", "00004  1\n00003 -1\n")
        assert hrrsd.read().ids == ["test/00004", "train/00001", "train/00002", "val/00003"]

    def test_the_t_junction_has_a_capital_and_others_are_unknown(self, hrrsd) -> None:
        objects = (thing("T junction", (1, 1, 9, 9)), thing("t junction", (2, 2, 9, 9)))
        hrrsd.put("Annotations/00003.xml", label(*objects))
        read = hrrsd.read()
        first = read.annotations.objects.take(read.annotations.objects.item == read.ids.index("val/00003"))
        assert [list(hrrsd.manifest.classes)[n] for n in first.class_id] == ["T junction"]
        [drop] = read.drops
        assert (drop.reason, drop.line, drop.value) == (Reason.UNKNOWN_CLASS, 14, "t junction")

    def test_a_picture_of_94_megapixels_is_read_by_its_header_alone(self, hrrsd, tmp_path, read_rows) -> None:
        picture = tmp_path / "large.png"
        Image.new("1", (10569, 8935)).save(picture, compress_level=1)
        for number in range(1, 5):
            (hrrsd.root / f"JPEGImages/0000{number}.jpg").unlink()
            (hrrsd.root / f"JPEGImages/0000{number}.PNG").hardlink_to(picture)
            object_ = thing("ship", (10001, 8001, 10569, 8935))
            hrrsd.put(f"Annotations/0000{number}.xml", label(object_, size=(10569, 8935)))
        out = tmp_path / "out"
        settings = Settings(tile=0, tasks=("referring_classification_box",), images="reference")
        built = build("HRRSD", hrrsd.root, out, settings, workers=1)
        assert built.summary["images"] == {"seen": 4, "written": 4, "dropped": {}}
        assert {(row["width"], row["height"]) for row in read_rows(out)} == {(10569, 8935)}
        assert [m["xyxy"] for row in read_rows(out) for m in row["marks"]] == [[10000, 8000, 10569, 8935]] * 4


@pytest.fixture
def rsod(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "RSOD", "RSOD")


class TestRsod:
    def test_sides_come_in_another_order_and_truncated_means_nothing(self, rsod) -> None:
        more = "<difficult>0</difficult><pose>Left</pose><truncated>1</truncated>"
        box = thing("aircraft", (690, 618, 678, 748), more, ("xmin", "ymin", "ymax", "xmax"))
        rsod.put("aircraft/JPEGImages/aircraft_1.jpg")
        rsod.put("aircraft/Annotation/xml/aircraft_1.xml", label(box, size=(1044, 915)))
        read = rsod.read()
        assert read.boxes("train/aircraft/aircraft_1") == [[689, 617, 748, 678]]
        assert read.annotations.objects.flags.tolist() == [0]
        assert read.annotations.declared == [(1044, 915)]
        assert read.drops == []

    def test_the_class_folder_is_a_part_of_the_name(self, rsod) -> None:
        for kind in ("aircraft", "oiltank"):
            rsod.put(f"{kind}/JPEGImages/7.jpg")
            rsod.put(f"{kind}/Annotation/xml/7.xml", label(thing(kind, (1, 1, 9, 9))))
        read = rsod.read()
        assert read.ids == ["train/aircraft/7", "train/oiltank/7"]
        assert [list(rsod.manifest.classes)[n] for n in read.annotations.objects.class_id] == read_kinds(read)
        assert read.drops == []

    def test_a_difficult_object_is_flagged(self, rsod) -> None:
        values = ["1", "0", " 1 ", "", "true", "maybe"]
        things = [thing("aircraft", (1, 1, 9, 9), f"<difficult>{v}</difficult>") for v in values]
        rsod.put("aircraft/Annotation/xml/aircraft_1.xml", label(*things, size=None))
        read = rsod.read()
        assert read.annotations.objects.flags.tolist() == [ObjectFlag.DIFFICULT, 0, 1, 0, 1, 0]
        [drop] = read.drops
        assert (drop.kind, drop.reason, drop.value) == ("metadata", Reason.MALFORMED_LINE, "difficult maybe")


def read_kinds(read: Read) -> list[str]:
    return [image_id.split("/")[1] for image_id in read.ids]


@pytest.fixture
def dosr(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "DOSR", "DOSR")
    for split in ("train", "val", "test"):
        folder.put(f"ImageSets/{split}.txt", "000001\n" if split == "train" else "")
    folder.put("Images/000001.png")
    return folder


EIGHT = (*SIDES, *(f"{axis}{n}" for n in range(1, 5) for axis in "xy"))
SHIP = (6, 24, 111, 253, 6, 36, 51, 24, 111, 241, 66, 253)


class TestDosr:
    def test_quad_and_box_stand_in_one_element_and_count_from_0(self, dosr) -> None:
        box = (0, 24, *SHIP[2:4], 0, *SHIP[5:])
        things = [thing("transpot", box, tags=EIGHT), thing(" military_ship ", SHIP, tags=EIGHT)]
        dosr.put("Annotations_8_parameters_version/000001.xml", label(*things, size=None))
        dosr.put("Annotations_5_parameters_version/000001.xml", label(size=None))
        read = dosr.read()
        assert read.ids == ["train/000001"]
        assert read.boxes("train/000001") == [list(box[:4]), list(SHIP[:4])]
        assert read.annotations.objects.quad.tolist() == [list(box[4:]), list(SHIP[4:])]
        assert read.annotations.declared == [None]
        assert read.drops == []

    def test_names_are_taken_as_the_readme_spells_them_too(self, dosr) -> None:
        names = ["Military Ship", "Bulk Cargo Vessel", "transpot", "Transport", "destroyer"]
        things = [thing(name, SHIP, tags=EIGHT) for name in names]
        dosr.put("Annotations_8_parameters_version/000001.xml", label(*things))
        read = dosr.read()
        classes = list(dosr.manifest.classes.values())
        found = [classes[n] for n in read.annotations.objects.class_id]
        assert found == ["military ship", "bulk cargo vessel", "transport ship", "transport ship"]
        assert [(d.reason, d.value) for d in read.drops] == [(Reason.UNKNOWN_CLASS, "destroyer")]

    @pytest.mark.parametrize(
        ("position", "value", "reason"),
        [(5, "nan", Reason.NOT_FINITE), (11, "", Reason.MALFORMED_LINE), (8, "2_0", Reason.MALFORMED_LINE)],
    )
    def test_a_bad_corner_costs_its_object_only(self, dosr, position, value, reason) -> None:
        bad = [*SHIP[:position], value, *SHIP[position + 1 :]]
        things = [thing("tug", bad, tags=EIGHT), thing("yacht", SHIP, tags=EIGHT)]
        dosr.put("Annotations_8_parameters_version/000001.xml", label(*things, size=None))
        read = dosr.read()
        assert read.boxes("train/000001") == [list(SHIP[:4])]
        [drop] = read.drops
        assert (drop.kind, drop.reason, drop.line) == ("object", reason, 2)
        assert (value or "-") in drop.value


NUMBERS = st.integers(-50, 3000) | st.floats(-50, 3000, allow_nan=False).map(lambda v: round(v, 3))


class TestAnyObjects:
    @given(
        things=st.lists(
            st.tuples(st.sampled_from(sorted(MANIFESTS()["HRRSD"].classes)), st.tuples(*[NUMBERS] * 4)),
            max_size=12,
        ),
        gap=st.sampled_from(["", "\n", "<!-- <object> -->\n", "\n\n\t"]),
    )
    def test_come_out_as_they_were_written_or_are_named(self, tmp_path_factory, things, gap) -> None:
        folder = Folder(tmp_path_factory.mktemp("any"), "HRRSD")
        written = [gap + thing(name, box) for name, box in things]
        text = label(*written, size=None)
        folder.put("Annotations/00001.xml", text)
        read = folder.read()
        sound = [(name, box) for name, box in things if box[0] <= box[2] and box[1] <= box[3]]
        objects = read.annotations.objects
        assert [list(folder.manifest.classes)[n] for n in objects.class_id] == [name for name, _ in sound]
        assert objects.box.tolist() == [[x1 - 1, y1 - 1, x2, y2] for _, (x1, y1, x2, y2) in sound]
        lines = [n for n, line in enumerate(text.split(b"\n"), 1) if line.strip() == b"<object>"]
        lost = [drop for drop in read.drops if drop.kind == "object"]
        assert sorted([*objects.line.tolist(), *(drop.line for drop in lost)]) == lines
        assert {drop.reason for drop in lost} <= {Reason.DEGENERATE}
