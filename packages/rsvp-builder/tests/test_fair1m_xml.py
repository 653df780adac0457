"""FAIR1M: polygons that close, names that are exact, stems that repeat in every part."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

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
from rsvp_builder.record import Annotations, Item
from rsvp_builder.settings import Settings

FAIR1M = shipped()["FAIR1M"]
CORNERS = ((430.0, 210.0), (470.0, 250.0), (440.0, 280.0), (400.0, 240.0))
QUAD = [v for corner in CORNERS for v in corner]


def points(corners: Sequence[tuple[float, float]], *, spaced: bool = False) -> list[str]:
    comma = ", " if spaced else ","
    return [f"{x:.6f}{comma}{y:.6f}" for x, y in (*corners, corners[0])]


def thing(name: str | None = "Liquid Cargo Ship", texts: Sequence[str] | None = None) -> str:
    texts = points(CORNERS) if texts is None else texts
    possible = "" if name is None else f"<possibleresult><name>{escape(name)}</name></possibleresult>"
    return (
        "<object><coordinate>pixel</coordinate><type>rectangle</type><description>None</description>\n"
        f"{possible}<points>{''.join(f'<point>{escape(t)}</point>' for t in texts)}</points></object>\n"
    )


def document(*things: str, size: tuple[object, object] = (1000, 800), origin: str = "GF2/GF3") -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f"<annotation><source><filename>0.tif</filename><origin>{origin}</origin></source>\n"
        f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>\n"
        f"<objects>{''.join(things)}</objects></annotation>"
    ).encode()


def read(*texts: bytes) -> tuple[Annotations, list[Drop]]:
    """Read label files 0.xml, 1.xml, ... as one batch; whatever they are, nothing may get lost."""
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(texts):
            (Path(folder) / f"{number}.xml").write_bytes(text)
        items = [Item(f"train/part1/{n}", "train", None, f"{n}.xml") for n in range(len(texts))]
        drops = Drops()
        annotations = reader_for(FAIR1M).read(Path(folder), FAIR1M, items, drops)
    for position, item in enumerate(items):
        dropped = [d for d in drops.entries if d.image_id == item.image_id and d.kind == "object"]
        assert annotations.seen[position] == (annotations.objects.item == position).sum() + len(dropped)
    return annotations, drops.entries


class TestObjects:
    @pytest.mark.parametrize("spaced", [False, True])
    def test_the_polygon_is_a_quad_in_the_order_of_the_file(self, spaced) -> None:
        annotations, drops = read(document(thing(texts=points(CORNERS, spaced=spaced))))
        assert drops == []
        assert annotations.objects.quad.tolist() == [QUAD]
        assert annotations.objects.box.tolist() == [[400, 210, 470, 280]]
        assert [list(FAIR1M.classes)[i] for i in annotations.objects.class_id] == ["Liquid Cargo Ship"]
        assert annotations.declared == [(1000, 800)]
        assert annotations.image_source == ["GF2/GF3"]

    @given(st.lists(st.tuples(st.sampled_from(list(FAIR1M.classes)), st.integers(0, 3), st.floats(-9, 1e4))))
    def test_whatever_corner_comes_first_it_stays_first(self, drawn) -> None:
        quads = [np.roll(np.array(CORNERS) + shift, -turn, axis=0) for _, turn, shift in drawn]
        things = [thing(n, points([tuple(c) for c in q])) for (n, *_), q in zip(drawn, quads, strict=True)]
        annotations, drops = read(document(*things))
        assert drops == []
        assert [list(FAIR1M.classes)[i] for i in annotations.objects.class_id] == [n for n, *_ in drawn]
        expected = np.array([q.ravel() for q in quads]).reshape(-1, 8)
        assert annotations.objects.quad == pytest.approx(expected, abs=1e-6)
        assert annotations.objects.line.tolist() == [4 + 2 * n for n in range(len(drawn))]

    def test_only_the_first_possible_result_counts(self) -> None:
        second = "</possibleresult><possibleresult><name>Tugboat</name></possibleresult>"
        annotations, drops = read(document(thing("other-ship").replace("</possibleresult>", second, 1)))
        assert drops == []
        assert [list(FAIR1M.classes)[i] for i in annotations.objects.class_id] == ["other-ship"]

    def test_labels_are_words(self) -> None:
        assert FAIR1M.classes["Boeing737"] == "Boeing 737 airplane"
        assert FAIR1M.classes["other-vehicle"] == "vehicle of another type"
        assert len(FAIR1M.classes) == len(set(FAIR1M.classes.values())) == 37

    def test_polygons_over_the_border_are_given_as_they_are(self) -> None:
        annotations, _ = read(document(thing(texts=points([(-5, -5), (9, -5), (9, 9), (-5, 9)]))))
        assert annotations.objects.box.tolist() == [[-5, -5, 9, 9]]


def changed(number: int, text: str) -> list[str]:
    texts = points(CORNERS)
    texts[number] = text
    return texts


class TestBadObjects:
    @pytest.mark.parametrize(
        ("name", "texts", "reason", "value", "expected"),
        [
            ("Boeing 737", None, Reason.UNKNOWN_CLASS, "Boeing 737", "one of Boeing737"),
            ("other-Ship", None, Reason.UNKNOWN_CLASS, "other-Ship", "other-ship"),
            ("", None, Reason.MALFORMED_LINE, "", "possibleresult/name"),
            (None, None, Reason.MALFORMED_LINE, "", "possibleresult/name"),
            ("Bus", points(CORNERS)[:4], Reason.MALFORMED_LINE, "4 points: 430", "5 points"),
            ("Bus", [*points(CORNERS), "1,2"], Reason.MALFORMED_LINE, "6 points", "5 points"),
            ("Bus", [], Reason.MALFORMED_LINE, "0 points", "5 points"),
            ("Bus", changed(4, "430,211"), Reason.MALFORMED_LINE, "430,211", "the last of which repeats"),
            ("Bus", changed(1, "47o,250"), Reason.MALFORMED_LINE, "47o", "to be a number"),
            ("Bus", changed(1, "470"), Reason.MALFORMED_LINE, "470", "a point x,y"),
            ("Bus", changed(1, "470,250,1"), Reason.MALFORMED_LINE, "470,250,1", "a point x,y"),
            ("Bus", changed(1, "470 250"), Reason.MALFORMED_LINE, "470 250", "a point x,y"),
            ("Bus", changed(1, ""), Reason.MALFORMED_LINE, "", "a point x,y"),
            ("Bus", changed(1, "nan,250"), Reason.NOT_FINITE, "nan", "finite"),
            ("Bus", changed(1, "470,-inf"), Reason.NOT_FINITE, "-inf", "finite"),
        ],
    )
    def test_a_bad_object_is_told_and_costs_nothing_else(self, name, texts, reason, value, expected) -> None:
        annotations, drops = read(document(thing(), thing(name, texts), thing()), document(thing()))
        assert annotations.objects.line.tolist() == [4, 8, 4]
        (drop,) = drops
        assert (drop.kind, drop.reason, drop.file, drop.line) == ("object", reason, "0.xml", 6)
        assert value in drop.value
        assert expected in drop.expected

    def test_a_size_that_is_none_is_noted(self) -> None:
        annotations, drops = read(document(thing(), size=("wide", 800)), document(thing(), size=("", "")))
        assert annotations.declared == [None, None]
        assert [(d.kind, d.reason, d.value) for d in drops] == [
            ("metadata", Reason.MALFORMED_LINE, "wide x 800")
        ]

    @pytest.mark.parametrize(
        ("text", "value", "line"),
        [
            (b"", "an empty file", None),
            (document(thing())[:-30], "", 5),
            (document(thing("Bus")).replace(b"Bus", b"B\xfcs"), "invalid token", 5),
            (document(thing()).replace(b"annotation>", b"HRSC_Image>"), "<HRSC_Image>", None),
            (b'<!DOCTYPE a [<!ENTITY b "c">]>' + document(), "<!DOCTYPE", 1),
            (document().decode().encode("utf-16"), "UTF-16", None),
            (document(thing()).replace(b"<objects>", b'<objects xmlns="urn:x">'), "1 <object>", None),
        ],
    )
    def test_a_file_that_cannot_be_read_costs_its_image_only(self, text, value, line) -> None:
        annotations, drops = read(text, document(thing()))
        assert annotations.readable == [False, True]
        assert annotations.seen == [0, 1]
        (drop,) = drops
        assert (drop.kind, drop.reason, drop.line) == ("image", Reason.LABEL_UNREADABLE, line)
        assert value in drop.value
        assert drop.expected

    def test_an_image_without_objects_is_readable(self) -> None:
        annotations, drops = read(document(), b"\xef\xbb\xbf" + document().replace(b"\n", b"\r\n"))
        assert (annotations.readable, annotations.seen, drops) == ([True, True], [0, 0], [])

    @given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 30), st.binary(max_size=6)), max_size=4))
    def test_no_damage_to_a_file_reaches_the_next(self, damage) -> None:
        text = document(thing(), thing("Bus"))
        for place, length, put_in in damage:
            text = text[:place] + put_in + text[place + length :]
        annotations, drops = read(text, document(thing()))
        assert annotations.seen[1] == (annotations.objects.item == 1).sum() == 1
        assert annotations.readable[1]
        assert {drop.image_id for drop in drops} <= {"train/part1/0"}
        assert damage or not drops


def put(root: Path, *paths: str, text: bytes = b"") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".xml"):
            (root / path).write_bytes(text or document(thing()))
        else:
            Image.new("RGB", (1000, 800), (60, 90, 120)).save(root / path, compression="tiff_deflate")


class TestIndex:
    def test_equal_stems_of_parts_and_splits_are_kept_apart(self, tmp_path) -> None:
        for folder, labels in (
            ("train/part1", "labelXml"),
            ("train/part2/part2", "labelXmls"),
            ("validation", "labelXmls/labelXml"),
        ):
            put(tmp_path, f"FAIR1M/{folder}/images/0.tif", f"FAIR1M/{folder}/{labels}/0.xml")
        put(tmp_path, "FAIR1M/test/images0/0.tif", "FAIR1M/test/images/1.tif", "FAIR1M/test/images1/2.tif")
        index = index_release(tmp_path, FAIR1M)
        ids = ["train/part1/0", "train/part2/0", "validation/0"]
        assert [item.image_id for item in index.items] == ids
        assert all(item.image and item.label for item in index.items)
        assert [(d.reason, d.image_id) for d in index.drops] == [
            (Reason.UNLABELLED_SPLIT, f"test/{n}") for n in range(3)
        ]
        assert index.notices == ()

    def test_a_picture_or_a_label_alone_is_kept_for_the_ledger(self, tmp_path) -> None:
        put(tmp_path, "train/part1/images/0.tif", "train/part2/labelXml/0.xml")
        items = index_release(tmp_path, FAIR1M).items
        assert [(i.image is None, i.label is None) for i in items] == [(False, True), (True, False)]

    def test_two_label_files_of_one_image_are_told(self, tmp_path) -> None:
        put(tmp_path, "train/part1/labelXml/0.xml", "train/part1/labelXmls/0.xml")
        index = index_release(tmp_path, FAIR1M)
        assert len(index.items) == 1
        assert [(d.kind, d.reason) for d in index.drops] == [("metadata", Reason.DUPLICATE_STEM)]

    def test_a_folder_without_the_release_says_what_was_looked_for(self, tmp_path) -> None:
        put(tmp_path, "images/0.tif", "xml/0.xml")
        with pytest.raises(RsvpError, match=r"no FAIR1M found: looked for labelXml\*/\*\.xml"):
            index_release(tmp_path, FAIR1M)

    def test_a_layout_that_does_not_fit_is_refused(self, tmp_path) -> None:
        with pytest.raises(ManifestError, match=r"manifest FAIR1M: layout\.part"):
            index_release(tmp_path, FAIR1M.model_copy(update={"layout": {**FAIR1M.layout, "part": []}}))


def test_a_release_is_built_with_quads_and_what_is_degenerate_is_told(tmp_path, read_rows) -> None:
    root, out = tmp_path / "raw", tmp_path / "out"
    flat = points([(10, 10), (20, 10), (20, 10), (10, 10)])
    put(
        root,
        "train/part1/images/0.tif",
        "train/part1/labelXml/0.xml",
        text=document(thing("A321"), thing("Bus", flat), thing("Bus", ["?"] * 5), size=(1000, 900)),
    )
    put(root, "train/part2/images/0.tif", "train/part2/labelXmls/0.xml")
    built = build("FAIR1M", root, out, Settings(tile=0), workers=1)
    assert built.summary["objects"]["written"] == 2
    assert built.summary["objects"]["dropped"] == {"degenerate": 1, "malformed_line": 1}
    rows = {row["image_id"]: row for row in read_rows(out)}
    assert set(rows) == {"train/part1/0", "train/part2/0"}
    (mark,) = rows["train/part1/0"]["marks"]
    assert (mark["label"], mark["quad"], mark["xyxy"]) == (
        "Airbus A321 airplane",
        QUAD,
        [400.0, 210.0, 470.0, 280.0],
    )
    assert validate(out, decode=True).problems == []
