"""What the parser of ``labelTxt`` makes of good, odd and broken files."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rsvp_builder.catalog import shipped
from rsvp_builder.demo.dota import DrawnObject, label_text, meta_text
from rsvp_builder.errors import StrictError
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.readers.dota import labels
from rsvp_builder.record import Annotations, Item, ObjectFlag

V2 = shipped()["DOTA-v2.0"]
CLASSES = list(V2.classes)
SHIP = DrawnObject((1054.0, 1028.0, 1063.4, 1011.0, 1111.0, 1040.0, 1112.0, 1062.0), "ship", 1)
PLANE = DrawnObject((5.0, 60.0, 50.0, 61.0, 51.0, 90.0, 4.0, 91.0), "plane", 0)
GOOD = b"1 2 30 2 30 40 1 40 ship 0"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What reading gave, with the drops."""

    annotations: Annotations
    drops: list[Drop]

    @property
    def lines(self) -> list[int]:
        return self.annotations.objects.line.tolist()

    @property
    def quads(self) -> list[list[float]]:
        return self.annotations.objects.quad.tolist()

    @property
    def names(self) -> list[str]:
        return [CLASSES[number] for number in self.annotations.objects.class_id]

    @property
    def reasons(self) -> list[tuple[int | None, Reason]]:
        return [(drop.line, drop.reason) for drop in self.drops]

    def of(self, image_id: str, position: int) -> tuple[object, ...]:
        """All that was read of one item, for comparison with another reading of it."""
        mine = self.annotations.objects.take(self.annotations.objects.item == position)
        return (
            mine.line.tolist(),
            mine.class_id.tolist(),
            mine.quad.tobytes(),
            mine.box.tobytes(),
            mine.flags.tolist(),
            self.annotations.seen[position],
            self.annotations.gsd[position],
            self.annotations.image_source[position],
            self.annotations.readable[position],
            sorted(map(str, (drop for drop in self.drops if drop.image_id == image_id))),
        )


def read(*texts: bytes, metas: Sequence[bytes] = (), strict: bool = False) -> Outcome:
    """Read label files 0.txt, 1.txt, ... as one batch; whatever they are, nothing may get lost."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        items = []
        for number, text in enumerate(texts):
            (root / f"{number}.txt").write_bytes(text)
            items.append(Item(f"train/{number}", "train", None, f"{number}.txt", label_bytes=len(text)))
        for number, text in enumerate(metas):
            (root / f"meta{number}.txt").write_bytes(text)
            item = items[number]
            items[number] = Item(item.image_id, item.split, None, item.label, f"meta{number}.txt")
        return read_items(root, items, strict=strict)


def read_items(root: Path, items: Sequence[Item], *, strict: bool = False) -> Outcome:
    drops = Drops(strict)
    annotations = labels.read_labels(root, V2, items, drops)
    objects = annotations.objects
    for position, item in enumerate(items):
        dropped = [drop for drop in drops.entries if drop.image_id == item.image_id and drop.kind == "object"]
        assert annotations.seen[position] == (objects.item == position).sum() + len(dropped)
    order = list(zip(objects.item.tolist(), objects.line.tolist(), strict=True))
    assert order == sorted(set(order))
    assert np.isfinite(objects.quad).all()
    return Outcome(annotations, drops.entries)


def lines(*texts: bytes, newline: bytes = b"\r\n") -> bytes:
    return b"".join(text + newline for text in texts)


class TestHeaders:
    @pytest.mark.parametrize(
        ("header", "source", "gsd"),
        [
            ([], None, None),
            ([b"imagesource:GoogleEarth"], "GoogleEarth", None),
            ([b"gsd:0.146343590398"], None, 0.146343590398),
            ([b"imagesource:GoogleEarth", b"gsd:0.5"], "GoogleEarth", 0.5),
            ([b"gsd:0.5", b"imagesource:GF"], "GF", 0.5),
            ([b"IMAGESOURCE:JL", b"GSD:2"], "JL", 2.0),
            ([b"imagesource: GoogleEarth ", b"gsd: 0.25\t"], "GoogleEarth", 0.25),
            ([b"imagesource:", b"gsd:"], None, None),
            ([b"imagesource:null", b"gsd:null"], None, None),
            ([b"imagesource:None", b"gsd:None"], None, None),
        ],
    )
    @pytest.mark.parametrize("newline", [b"\r\n", b"\n", b"\r"])
    def test_headers_are_told_by_their_content_and_objects_follow(self, header, source, gsd, newline) -> None:
        outcome = read(lines(*header, GOOD, newline=newline))
        assert outcome.annotations.image_source == [source]
        assert outcome.annotations.gsd == [gsd]
        assert outcome.lines == [len(header) + 1]
        assert outcome.drops == []

    @pytest.mark.parametrize("value", [b"abc", b"0.1m", b"nan", b"inf", b"0", b"-0.5", b"1_0", b"\xff"])
    def test_a_gsd_that_is_no_length_is_noted_with_its_line_and_costs_no_object(self, value) -> None:
        outcome = read(lines(b"imagesource:GF", b"gsd:" + value, GOOD))
        assert outcome.annotations.gsd == [None]
        assert outcome.annotations.image_source == ["GF"]
        assert outcome.lines == [3]
        (drop,) = outcome.drops
        assert (drop.kind, drop.reason, drop.file, drop.line) == (
            "metadata",
            Reason.MALFORMED_LINE,
            "0.txt",
            2,
        )
        assert drop.value.startswith("gsd:")
        assert "metres per pixel" in drop.expected

    @pytest.mark.parametrize(
        ("header", "line"),
        [
            ([b"gsd:bad"], 1),
            ([b"", b"gsd:bad"], 2),
            ([b"", b"", b"gsd:bad"], 3),
            ([b"imagesource:GF", b"imagesource:GF", b"gsd:bad"], 3),
        ],
    )
    def test_the_line_of_a_bad_gsd_is_right_after_blank_and_repeated_lines(self, header, line) -> None:
        outcome = read(lines(*header, GOOD, b"bad"))
        assert outcome.lines == [len(header) + 1]
        assert sorted(drop.line for drop in outcome.drops) == [line, len(header) + 2]

    def test_a_header_line_after_the_objects_is_an_object_line_that_is_malformed(self) -> None:
        outcome = read(lines(GOOD, b"gsd:0.5", GOOD))
        assert outcome.lines == [1, 3]
        assert outcome.reasons == [(2, Reason.MALFORMED_LINE)]
        assert outcome.annotations.gsd == [None]

    def test_header_bytes_that_are_no_text_cost_nothing(self) -> None:
        outcome = read(lines(b"imagesource:\xffGF", b"gsd:0.5", GOOD))
        assert outcome.lines == [3]
        assert outcome.annotations.gsd == [0.5]
        assert outcome.drops == []

    def test_two_files_of_a_batch_keep_their_own_headers(self) -> None:
        outcome = read(lines(b"gsd:1", GOOD), lines(GOOD), lines(b"imagesource:GF", b"gsd:3", GOOD, GOOD))
        assert outcome.annotations.gsd == [1.0, None, 3.0]
        assert outcome.annotations.image_source == [None, None, "GF"]
        assert outcome.annotations.objects.item.tolist() == [0, 1, 2, 2]
        assert outcome.lines == [2, 1, 3, 4]


class TestMetadataOfVersion2:
    def test_gsd_and_source_come_from_the_meta_file(self) -> None:
        meta = meta_text(acquisition_dates="2013-05-17", image_source="GoogleEarth", gsd=0.146343590398)
        outcome = read(lines(GOOD), metas=[meta])
        assert outcome.annotations.gsd == [0.146343590398]
        assert outcome.annotations.image_source == ["GoogleEarth"]
        assert outcome.drops == []

    def test_none_in_a_meta_file_is_unknown(self) -> None:
        outcome = read(lines(GOOD), metas=[meta_text(acquisition_dates=None, image_source=None, gsd=None)])
        assert (outcome.annotations.gsd, outcome.annotations.image_source) == ([None], [None])
        assert outcome.drops == []

    def test_the_header_of_the_label_file_goes_before_the_meta_file(self) -> None:
        meta = meta_text(acquisition_dates=None, image_source="GF", gsd=1.0)
        assert read(lines(b"gsd:2", GOOD), metas=[meta]).annotations.gsd == [2.0]

    def test_a_bad_gsd_is_told_of_the_meta_file(self) -> None:
        (drop,) = read(lines(GOOD), metas=[b"acquisition dates:None\r\nimagesource:GF\r\ngsd:x\r\n"]).drops
        assert (drop.kind, drop.file, drop.line, drop.value) == ("metadata", "meta0.txt", 3, "gsd:x")

    @pytest.mark.parametrize("meta", [b"", b"something else\r\n", b"\r\n"])
    def test_a_meta_file_without_the_keys_says_nothing(self, meta) -> None:
        outcome = read(lines(GOOD), metas=[meta])
        assert (outcome.annotations.gsd, outcome.drops) == ([None], [])

    def test_a_meta_file_that_cannot_be_read_costs_the_metadata_only(self, tmp_path) -> None:
        (tmp_path / "P0.txt").write_bytes(lines(GOOD))
        outcome = read_items(tmp_path, [Item("train/P0", "train", None, "P0.txt", "gone.txt")])
        assert outcome.lines == [1]
        assert outcome.annotations.readable == [True]
        (drop,) = outcome.drops
        assert (drop.kind, drop.reason, drop.file) == ("metadata", Reason.LABEL_UNREADABLE, "gone.txt")


class TestLines:
    @pytest.mark.parametrize("newline", ["\r\n", "\n", "\r"])
    @pytest.mark.parametrize("bom", [False, True])
    @pytest.mark.parametrize("header", [False, True])
    @pytest.mark.parametrize("floats", [False, True])
    @pytest.mark.parametrize("difficult_field", [False, True])
    def test_files_as_the_specification_has_them_are_read(
        self, newline, bom, header, floats, difficult_field
    ) -> None:
        text = label_text(
            [SHIP, PLANE],
            image_source="GoogleEarth",
            gsd=0.5,
            header=header,
            newline=newline,
            bom=bom,
            difficult_field=difficult_field,
            float_coordinates=floats,
        )
        outcome = read(text)
        digits = 1 if floats else 0
        assert outcome.quads == [[round(v, digits) for v in item.quad] for item in (SHIP, PLANE)]
        assert outcome.names == ["ship", "plane"]
        assert outcome.annotations.objects.flags.tolist() == [1 if difficult_field else 0, 0]
        assert outcome.lines == [1 + 2 * header, 2 + 2 * header]
        assert outcome.annotations.gsd == [0.5 if header else None]
        assert outcome.drops == []

    @pytest.mark.parametrize("newline", [b"\r\n", b"\n", b"\r"])
    def test_a_missing_final_newline_loses_nothing(self, newline) -> None:
        assert read(lines(GOOD, GOOD, newline=newline).rstrip()).lines == [1, 2]

    def test_a_missing_final_newline_does_not_join_two_files(self) -> None:
        outcome = read(GOOD, GOOD, b"", GOOD)
        assert outcome.annotations.objects.item.tolist() == [0, 1, 3]
        assert outcome.lines == [1, 1, 1]

    @pytest.mark.parametrize("newline", [b"\r\n", b"\n", b"\r"])
    @pytest.mark.parametrize("blank", [b"", b"   ", b"\t"])
    def test_blank_lines_are_no_objects_but_are_counted(self, newline, blank) -> None:
        text = lines(b"gsd:1", GOOD, blank, blank, GOOD, blank, b"1 2 3", blank, GOOD, blank, newline=newline)
        outcome = read(text)
        assert outcome.lines == [2, 5, 9]
        assert outcome.reasons == [(7, Reason.MALFORMED_LINE)]
        assert outcome.drops[0].value == "1 2 3"
        assert outcome.annotations.seen == [4]

    @pytest.mark.parametrize(
        "odd",
        [
            GOOD + b" ",
            GOOD + b"   ",
            GOOD + b"\t",
            GOOD + b" \t ",
            b"  " + GOOD,
            b"\t" + GOOD,
            GOOD.replace(b" ", b"  "),
            GOOD.replace(b" ", b"\t"),
            GOOD.replace(b" ship", b"  ship"),
            GOOD.replace(b" ship", b"\tship"),
            GOOD.replace(b" ship", b"\t ship"),
            GOOD.replace(b"ship ", b"ship  "),
            GOOD.replace(b"ship ", b"ship\t"),
            GOOD.replace(b"ship ", b"ship\t "),
            GOOD.replace(b"ship ", b"ship\x0c "),
            GOOD.removesuffix(b" 0"),
            GOOD.removesuffix(b" 0") + b" ",
            GOOD.removesuffix(b" 0") + b"\t",
            GOOD.removesuffix(b" ship 0") + b"  ship",
            GOOD.removesuffix(b" ship 0") + b"  ship ",
        ],
    )
    @pytest.mark.parametrize("neighbour", [GOOD, GOOD.removesuffix(b" 0"), b""])
    def test_any_run_of_blanks_separates_fields_whatever_stands_beside(self, odd, neighbour) -> None:
        for text in (lines(odd, neighbour), lines(neighbour, odd)):
            outcome = read(text)
            assert outcome.drops == []
            assert outcome.quads == [[1, 2, 30, 2, 30, 40, 1, 40]] * (2 if neighbour else 1)
            assert set(outcome.names) == {"ship"}

    def test_nine_fields_are_read_as_not_difficult(self) -> None:
        outcome = read(lines(b"1 2 30 2 30 40 1 40 ship", b"1 2 30 2 30 40 1 40 plane"))
        assert outcome.annotations.objects.flags.tolist() == [0, 0]
        assert outcome.names == ["ship", "plane"]

    def test_nine_and_ten_fields_may_be_mixed(self) -> None:
        mixed = lines(
            b"1 2 30 2 30 40 1 40 ship", b"1 2 30 2 30 40 1 40 plane 1", b"1 2 30 2 30 40 1 40 harbor"
        )
        for outcome in (read(mixed), read(lines(GOOD), mixed)):
            assert outcome.names[-3:] == ["ship", "plane", "harbor"]
            assert outcome.annotations.objects.flags.tolist()[-3:] == [0, 1, 0]
            assert outcome.drops == []

    def test_difficult_is_kept_and_two_means_cut_by_the_devkit(self) -> None:
        body = b"1 2 30 2 30 40 1 40 ship "
        flags = read(lines(body + b"0", body + b"1", body + b"2")).annotations.objects.flags
        assert flags.tolist() == [0, ObjectFlag.DIFFICULT, ObjectFlag.TRUNCATED]

    @pytest.mark.parametrize("value", [b"3", b"-1", b"yes", b"1.0", b"01", b"null"])
    def test_another_value_of_difficult_drops_the_line(self, value) -> None:
        outcome = read(lines(GOOD, b"1 2 30 2 30 40 1 40 ship " + value))
        assert outcome.lines == [1]
        (drop,) = outcome.drops
        assert (drop.reason, drop.line) == (Reason.MALFORMED_LINE, 2)
        assert drop.value.endswith(value.decode())
        assert "difficult" in drop.expected

    def test_an_unknown_class_is_told_with_its_line_and_the_known_ones(self) -> None:
        outcome = read(lines(b"gsd:1", GOOD, b"1 2 30 2 30 40 1 40 small-vehicel 0"))
        (drop,) = outcome.drops
        assert (drop.kind, drop.reason) == ("object", Reason.UNKNOWN_CLASS)
        assert (drop.image_id, drop.file, drop.line) == ("train/0", "0.txt", 3)
        assert "small-vehicel" in drop.value
        assert all(name in drop.expected for name in CLASSES)

    @pytest.mark.parametrize("name", [b"Ship", b"SHIP", b"storage tank", b"storage_tank", b"ships", b"0"])
    def test_class_names_are_exact(self, name) -> None:
        outcome = read(lines(GOOD, b"1 2 30 2 30 40 1 40 " + name))
        assert outcome.lines == [1]
        assert len(outcome.drops) == 1

    @pytest.mark.parametrize("value", [b"nan", b"NaN", b"-nan", b"inf", b"-inf", b"Infinity", b"1e400"])
    @pytest.mark.parametrize("position", [0, 3, 7])
    def test_coordinates_that_are_not_finite_drop_the_line(self, value, position) -> None:
        fields = GOOD.split(b" ")
        fields[position] = value
        outcome = read(lines(GOOD, b" ".join(fields), GOOD))
        assert outcome.lines == [1, 3]
        assert outcome.reasons == [(2, Reason.NOT_FINITE)]
        assert value.decode() in outcome.drops[0].value

    @pytest.mark.parametrize(
        "bad",
        [
            b"1 2 30 2 30 40 ship",
            b"1 2 30 2 30 40 1 40",
            b"1 2 30 2 30 40 1 40 ",
            b"1 2 30 2 30 40 1 40  ",
            b"1 2 30 2 30 40 1 40 ship 0 0 1",
            b"1 2 30 2 30 40 1 40 storage tank 0",
            b"x",
            b",",
        ],
    )
    @pytest.mark.parametrize("neighbour", [GOOD, GOOD.removesuffix(b" 0")])
    def test_a_wrong_number_of_fields_drops_the_line(self, bad, neighbour) -> None:
        outcome = read(lines(bad, neighbour))
        assert outcome.lines == [2]
        (drop,) = outcome.drops
        assert (drop.reason, drop.file, drop.line) == (Reason.MALFORMED_LINE, "0.txt", 1)
        assert drop.value == bad.decode().strip()
        assert f"found {len(bad.split())}" in drop.expected

    @pytest.mark.parametrize("alone", [False, True])
    @pytest.mark.parametrize("value", [b"1o0", b"1,5", b"0x10", b"1_0", b"--1", b"nan(1)", b"NULL", b'"1"'])
    def test_a_coordinate_that_is_no_number_drops_the_line(self, value, alone) -> None:
        bad = GOOD.replace(b"40", value, 1)
        outcome = read(lines(bad)) if alone else read(lines(GOOD, bad, GOOD))
        assert outcome.lines == ([] if alone else [1, 3])
        (drop,) = outcome.drops
        assert drop.reason == Reason.MALFORMED_LINE
        assert value.decode() in drop.value

    @pytest.mark.parametrize(
        "value", ["0", "-3", "+7", "12.5", "1e3", "1.", ".5", "007", "1054.123456789012345"]
    )
    def test_integers_and_decimals_are_read_as_python_reads_them(self, value) -> None:
        outcome = read(lines(GOOD.replace(b"30 40", f"30 {value}".encode())))
        assert outcome.quads == [[1, 2, 30, 2, 30, float(value), 1, 40]]

    def test_vertices_keep_their_order_and_the_box_is_their_bounds(self) -> None:
        outcome = read(lines(b"30 40 1 40 1 2 30 2.5 ship 0"))
        assert outcome.quads == [[30, 40, 1, 40, 1, 2, 30, 2.5]]
        assert outcome.annotations.objects.box.tolist() == [[1, 2, 30, 40]]

    def test_vertices_outside_the_image_are_kept_as_they_are(self) -> None:
        assert read(lines(b"-5 -6 99999 -6 99999 7 -5 7 ship 0")).quads == [
            [-5, -6, 99999, -6, 99999, 7, -5, 7]
        ]

    @pytest.mark.parametrize(
        "bad",
        [
            b"1 2 30 2 30 40 1 40 h\xe9liport 0",
            b"1 2 30 2 30 4\xff 1 40 ship 0",
            b"1 2 30 2 30 40 1 40 ship \xb2",
            b"\x80\x81",
        ],
    )
    def test_bytes_that_are_no_text_cost_their_line_only(self, bad) -> None:
        outcome = read(lines(GOOD), lines(GOOD, bad, GOOD), lines(GOOD))
        assert outcome.annotations.objects.item.tolist() == [0, 1, 1, 2]
        assert outcome.lines == [1, 1, 3, 1]
        (drop,) = outcome.drops
        assert (drop.file, drop.line) == ("1.txt", 2)
        assert "\\x" in drop.value
        drop.value.encode()

    def test_a_long_bad_line_is_shown_shortened(self) -> None:
        (drop,) = read(lines(b"x" * 5000)).drops
        assert len(drop.value) < 200
        assert drop.value.endswith("…")

    def test_drops_come_in_the_order_of_files_and_lines(self) -> None:
        bad = lines(b"1 2 30 2 30 40 1 40 boat 0", b"1 2 3", b"nan 2 30 2 30 40 1 40 ship 0", b"4 5")
        outcome = read(bad, bad)
        assert [(drop.file, drop.line) for drop in outcome.drops] == [
            (f"{file}.txt", line) for file in range(2) for line in range(1, 5)
        ]


class TestFiles:
    @pytest.mark.parametrize(
        "text", [b"", b"\r\n", b"\n\n", b"  ", b"\xef\xbb\xbf", b"imagesource:GF\r\ngsd:1\r\n", b"gsd:1"]
    )
    def test_a_file_without_objects_is_readable_and_has_none(self, text) -> None:
        for outcome in (read(text), read(lines(GOOD), text)):
            assert outcome.annotations.readable[-1]
            assert outcome.annotations.seen[-1] == 0
            assert outcome.drops == []

    def test_no_files_at_all_give_no_objects(self, tmp_path) -> None:
        outcome = read_items(tmp_path, [])
        assert len(outcome.annotations.objects) == 0
        assert outcome.annotations.objects.quad.shape == (0, 8)
        assert outcome.annotations.objects.box.shape == (0, 4)

    def test_an_item_without_a_label_file_has_no_objects_and_nothing_to_report(self, tmp_path) -> None:
        (tmp_path / "a.txt").write_bytes(lines(GOOD))
        items = [Item("train/x", "train", "x.png", None), Item("train/a", "train", None, "a.txt")]
        outcome = read_items(tmp_path, items)
        assert outcome.annotations.objects.item.tolist() == [1]
        assert outcome.annotations.seen == [0, 1]
        assert outcome.annotations.readable == [True, True]
        assert outcome.drops == []

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
    def test_a_utf16_file_gives_no_object_and_says_so(self, encoding) -> None:
        mark = b"" if encoding == "utf-16" else {"utf-16-be": b"\xfe\xff", "utf-16-le": b"\xff\xfe"}[encoding]
        outcome = read(mark + lines(GOOD).decode().encode(encoding), lines(GOOD))
        assert outcome.annotations.readable == [False, True]
        assert outcome.annotations.seen == [0, 1]
        (drop,) = outcome.drops
        assert (drop.kind, drop.reason, drop.file) == ("image", Reason.LABEL_UNREADABLE, "0.txt")
        assert drop.line is None
        assert "UTF-16" in drop.value

    def test_a_file_above_the_size_limit_is_refused(self, monkeypatch) -> None:
        monkeypatch.setattr(labels, "MAX_LABEL_BYTES", len(lines(GOOD)))
        outcome = read(lines(GOOD), lines(GOOD, GOOD))
        assert outcome.annotations.readable == [True, False]
        assert outcome.lines == [1]
        (drop,) = outcome.drops
        assert (drop.reason, drop.file) == (Reason.LABEL_UNREADABLE, "1.txt")
        assert str(len(lines(GOOD))) in drop.expected

    @pytest.mark.parametrize("trouble", ["a folder", "gone"])
    def test_a_file_that_cannot_be_opened_is_quarantined(self, trouble, tmp_path) -> None:
        if trouble == "a folder":
            (tmp_path / "b.txt").mkdir()
        (tmp_path / "a.txt").write_bytes(lines(GOOD))
        (tmp_path / "c.txt").write_bytes(lines(GOOD))
        items = [Item(f"train/{name}", "train", None, f"{name}.txt") for name in "abc"]
        outcome = read_items(tmp_path, items)
        assert outcome.annotations.objects.item.tolist() == [0, 2]
        assert outcome.annotations.readable == [True, False, True]
        (drop,) = outcome.drops
        assert (drop.kind, drop.reason) == ("image", Reason.LABEL_UNREADABLE)
        assert (drop.image_id, drop.file) == ("train/b", "b.txt")
        assert drop.value


class TestStrict:
    @pytest.mark.parametrize(
        "bad",
        [
            b"1 2 3",
            b"nan 2 30 2 30 40 1 40 ship 0",
            b"1 2 30 2 30 40 1 40 boat 0",
            b"1 2 30 2 30 40 1 40 ship 7",
        ],
    )
    def test_the_first_bad_line_stops_it_and_is_named(self, bad) -> None:
        with pytest.raises(StrictError, match=re.escape("1.txt:3: ")):
            read(lines(GOOD), lines(b"gsd:1", GOOD, bad, bad), strict=True)

    def test_the_first_bad_line_is_named_whatever_is_wrong_with_later_ones(self) -> None:
        with pytest.raises(StrictError, match=re.escape("0.txt:1: ")):
            read(lines(b"1 2 30 2 30 40 1 40 boat 0", b"1 2 3"), strict=True)

    def test_a_bad_gsd_stops_it(self) -> None:
        with pytest.raises(StrictError, match=re.escape("0.txt:1: ")):
            read(lines(b"gsd:x", GOOD), strict=True)

    def test_an_unreadable_file_stops_it(self, tmp_path) -> None:
        with pytest.raises(StrictError, match=re.escape("gone.txt: label_unreadable")):
            read_items(tmp_path, [Item("train/a", "train", None, "gone.txt")], strict=True)

    def test_sound_files_pass(self) -> None:
        assert read(lines(b"gsd:1", GOOD, b"", GOOD), strict=True).lines == [2, 4]


# Real files are plain almost everywhere; an odd line in a plain file is where two ways of parsing part.
NUMBERS = st.one_of(
    st.integers(-50, 30000).map(str),
    st.floats(-50, 30000).map(repr),
    st.floats(-50, 30000).map("{:.1f}".format),
)
PLAIN = st.tuples(st.lists(NUMBERS, min_size=8, max_size=8), st.sampled_from(CLASSES)).map(
    lambda parts: " ".join([*parts[0], parts[1]])
)
TEN = st.tuples(PLAIN, st.sampled_from("0011102")).map(" ".join)
ODD_FIELDS = st.sampled_from(
    [
        "nan",
        "inf",
        "-inf",
        "nan(1)",
        "1_0",
        "+1",
        "1e400",
        "1e-400",
        "0x1",
        "",
        "null",
        '"',
        "\t",
        "boat",
        "7",
    ]
)


@st.composite
def odd_line(draw: st.DrawFn) -> bytes:
    """A plain line with something done to it, or something else altogether."""
    fields = draw(st.one_of(TEN, PLAIN)).split(" ")
    for _ in range(draw(st.integers(0, 2))):
        position = draw(st.integers(0, len(fields) - 1))
        match draw(st.sampled_from(["replace", "append", "delete", "insert"])):
            case "replace":
                fields[position] = draw(ODD_FIELDS)
            case "append":
                fields[position] += draw(
                    st.sampled_from(["\t", " ", "\x0b", "\x0c", "\0", "\xa0", "\ufeff", "x"])
                )
            case "delete" if len(fields) > 1:
                del fields[position]
            case _:
                fields.insert(position, draw(ODD_FIELDS))
    text = draw(st.sampled_from([" ", " ", " ", "  ", "\t"])).join(fields)
    text = (
        draw(st.sampled_from(["", "", " ", "\t"])) + text + draw(st.sampled_from(["", "", " ", "\t", "  "]))
    )
    line = text.encode()
    return line + draw(st.sampled_from([b"", b"", b"", b"\xff"]))


@st.composite
def label_files(draw: st.DrawFn) -> tuple[bytes, int]:
    """A label file and the number of its lines that are not blank."""
    plain = draw(st.sampled_from([TEN, TEN, PLAIN])).map(str.encode)
    body = draw(st.lists(plain, max_size=5))
    for line in draw(st.lists(st.one_of(odd_line(), odd_line(), st.just(b"")), max_size=2)):
        body.insert(draw(st.integers(0, len(body))), line)
    newline = draw(st.sampled_from([b"\r\n", b"\r\n", b"\n", b"\r"]))
    head = draw(st.sampled_from([[], [b"gsd:0.5"], [b"imagesource:GF", b"gsd:null"]]))
    text = lines(*head, *body, newline=newline)
    if draw(st.booleans()):
        text = text.removesuffix(newline)
    mark = draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"]))
    return mark + text, sum(bool(line.split()) for line in body)


class TestTwoWaysOfParsing:
    @settings(max_examples=150)
    @given(st.lists(label_files(), min_size=1, max_size=4))
    @example([(lines(GOOD, GOOD + b"\t"), 2)])
    @example([(lines(GOOD.removesuffix(b" 0") + b" ", GOOD), 2)])
    @example([(lines(GOOD, b"1 2 30 2 30 40 1 40  ship"), 2)])
    @example([(lines(b"1 2 30 2 30 40 1 40 "), 1)])
    @example([(lines(b"nan(1) 2 30 2 30 40 1 40 ship 0"), 1)])
    @example([(b"\xef\xbb\xbf\xef\xbb\xbf" + lines(GOOD), 1)])
    @example([(lines(b"gsd:1", GOOD, newline=b"\r"), 1)])
    def test_columns_and_lines_agree_and_no_line_gets_lost(self, files) -> None:
        texts = [text for text, _ in files]
        fast = read(*texts)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(labels, "_parse_columns", lambda *_: None)
            slow = read(*texts)
        assert fast.annotations.seen == [count for _, count in files]
        for position in range(len(texts)):
            name = f"train/{position}"
            assert fast.of(name, position) == slow.of(name, position)

    @settings(max_examples=60)
    @given(st.lists(label_files(), min_size=1, max_size=3), label_files(), st.data())
    def test_a_file_reads_the_same_whatever_stands_beside_it(self, files, other, data) -> None:
        texts = [text for text, _ in files]
        position = data.draw(st.integers(0, len(texts)))
        together = read(*texts[:position], other[0], *texts[position:])
        for number, text in enumerate(texts):
            alone = read(text).of("train/0", 0)
            place = number + (number >= position)
            beside = together.of(f"train/{place}", place)
            assert beside[:-1] == alone[:-1]
            assert [drop.split(":", 1)[1] for drop in beside[-1]] == [d.split(":", 1)[1] for d in alone[-1]]

    def test_a_sound_batch_is_parsed_in_columns(self, monkeypatch) -> None:
        def never(*_: object) -> None:
            raise AssertionError("parsed line by line")

        monkeypatch.setattr(labels, "_parse_lines", never)
        with_header = label_text([SHIP, PLANE], image_source="GF", gsd=1.0, header=True)
        without = label_text([SHIP, PLANE], image_source=None, gsd=None, header=False, float_coordinates=True)
        assert read(with_header, b"", without, with_header.rstrip()).lines == [3, 4, 1, 2, 3, 4]


OBJECTS = st.builds(
    DrawnObject,
    st.lists(st.floats(-100, 30000).map(lambda v: round(v, 1)), min_size=8, max_size=8).map(tuple),
    st.sampled_from(CLASSES),
    st.sampled_from([0, 1]),
)


@given(
    objects=st.lists(OBJECTS, max_size=6),
    newline=st.sampled_from(["\r\n", "\n", "\r"]),
    header=st.booleans(),
    bom=st.booleans(),
    floats=st.booleans(),
)
def test_what_is_written_is_read_back_bit_for_bit(objects, newline, header, bom, floats) -> None:
    text = label_text(
        objects,
        image_source="GoogleEarth",
        gsd=0.5,
        header=header,
        newline=newline,
        bom=bom,
        float_coordinates=floats,
    )
    outcome = read(text)
    written = [item.quad if floats else tuple(map(float, map(round, item.quad))) for item in objects]
    assert outcome.quads == [list(quad) for quad in written]
    assert outcome.names == [item.category for item in objects]
    assert outcome.annotations.objects.flags.tolist() == [item.difficult for item in objects]
    assert outcome.drops == []
