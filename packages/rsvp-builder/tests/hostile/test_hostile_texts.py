"""Annotation files that are written to harm: each costs itself, with a reason, in bounded time and memory."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest
from hostile_trees import laughs

from rsvp_builder.build import build
from rsvp_builder.catalog import shipped
from rsvp_builder.demo import write
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import MOST_ALIKE, Counts, Drop, Drops, Reason
from rsvp_builder.masks import MOST_PIXELS, PolygonMask, RleMask
from rsvp_builder.readers import index_release, json_records, pickles, reader_for, texts
from rsvp_builder.readers.json_records import DEEPEST, JsonError, records
from rsvp_builder.readers.pickles import PickleError, load
from rsvp_builder.readers.splits import _name_in
from rsvp_builder.readers.texts import called, list_lines
from rsvp_builder.readers.xml import count_of
from rsvp_builder.settings import Settings
from rsvp_builder.visible import acts, visible

pytestmark = pytest.mark.usefixtures("prompt")


def released(source, folder):
    """A sound release in ``folder / "raw"``."""
    (folder / "raw").mkdir()
    write(source, folder / "raw")


def drops_of(out, source):
    return pq.read_table(out / "ledger" / source / "drops.parquet").to_pylist()


def built(source, root, out):
    """A data set of a spoiled release; the drops that it is missing something for."""
    summary = build(source, root, out, Settings(), workers=1).summary
    return summary, drops_of(out, source)


def changed_json(path, change):
    tree = json.loads(path.read_text())
    change(tree)
    path.write_text(json.dumps(tree))


def _text(file, reading):
    """The window on a file, and in ``reading`` how many characters it asked for."""

    def read(size):
        reading.append(size)
        return file.read(size)

    return json_records._Text(read)


class TestJson:
    @pytest.mark.parametrize("opening", ["[", '{"a":'])
    @pytest.mark.parametrize("depth", [DEEPEST + 1, 900, 940, 960, 970, 980, 985, 990, 995, 1000, 100_000])
    def test_no_depth_is_too_much_for_who_handles_a_record(self, tmp_path, opening, depth):
        path = tmp_path / "deep.json"
        closing = {"[": "]", "{": "}"}[opening[0]]
        path.write_text(f"[[1], {opening * depth}1{closing * depth}]")
        given = records(path)
        assert next(given).value == [1]
        with pytest.raises(JsonError, match="too deep"):
            next(given)

    def test_sensible_depth_is_read(self, tmp_path):
        path = tmp_path / "deep.json"
        deep = json.loads("[" * DEEPEST + "]" * DEEPEST)
        path.write_text(json.dumps([deep, [[1]] * 500]))
        assert [record.value for record in records(path)] == [deep, [[1]] * 500]

    @pytest.mark.parametrize("digits", [4300, 4301, 50_000])
    @pytest.mark.parametrize("sign", ["", "-"])
    def test_a_number_of_too_many_digits_costs_its_record(self, tmp_path, digits, sign):
        path = tmp_path / "long.json"
        path.write_text(f'[{{"id": 1}}, {{"id": {sign}{"9" * digits}}}, {{"id": 3}}]')
        first, second, third = (record.value["id"] for record in records(path))
        assert (first, third) == (1, 3)
        assert second == (int(sign + "9" * digits) if digits <= 4300 else float(f"{sign}inf"))

    @pytest.mark.parametrize("endless", ["9", "0.", "1.", '"x', "1e", "  [", "-"])
    def test_a_record_without_an_end_is_given_up(self, tmp_path, endless, monkeypatch):
        monkeypatch.setattr(json_records, "MAX_RECORD", 1000)
        monkeypatch.setattr(json_records, "_CHUNK", 64)
        path = tmp_path / "endless.json"
        path.write_text("[" + endless + endless[-1].replace(".", "0") * 500_000)
        reading = []
        with path.open() as file, pytest.raises(JsonError):
            for record in _text(file, reading).array(""):
                pytest.fail(f"a record {record.value!r:.50}")
        assert sum(reading) < 10_000

    def test_an_annotation_with_such_a_number_costs_itself(self, tmp_path):
        source = "NWPU-VHR-10-instances"
        released(source, tmp_path)
        before, _ = built(source, tmp_path / "raw", tmp_path / "before")
        [file] = (tmp_path / "raw").rglob("*.json")
        text = re.sub(r'("bbox": \[)[\d.]+', lambda found: found[1] + "9" * 5000, file.read_text(), count=1)
        file.write_text(text)
        after, drops = built(source, tmp_path / "raw", tmp_path / "after")
        assert after["objects"]["written"] == before["objects"]["written"] - 1
        assert after["objects"]["dropped"] == {**before["objects"]["dropped"], "not_finite": 1}
        [told] = [d for d in drops if d["reason"] == "not_finite"]
        assert told["file"].endswith(file.name)

    def test_a_line_of_a_list_may_be_json_of_any_depth(self):
        line = '{"image": ' + "[" * 100_000
        assert _name_in(line) == line
        assert _name_in('{"image": "P0001.png"}') == "P0001.png"

    @pytest.mark.parametrize("name", ["x" * 100_000, "a\nb", "\x1b[31mred", "\u202egnp", "\ud800"])
    def test_a_name_that_nobody_would_give_is_told_short_and_harmless(self, tmp_path, name):
        source = "NWPU-VHR-10-instances"
        released(source, tmp_path)
        [file] = (tmp_path / "raw").rglob("*.json")
        changed_json(file, lambda tree: tree["images"][0].update(file_name=f"{name}.jpg"))
        _, drops = built(source, tmp_path / "raw", tmp_path / "out")
        missing = [d for d in drops if d["reason"] == "image_missing" and d["kind"] == "image"]
        assert len(missing) == 1
        assert len(missing[0]["image_id"]) < 1100
        assert not acts(missing[0]["image_id"] + missing[0]["value"])


class TestOneImageTwice:
    def test_two_numbers_of_one_picture_are_one_image(self, tmp_path):
        source = "RefCOCO"
        released(source, tmp_path)
        [file] = (tmp_path / "raw").rglob("instances.json")

        def change(tree):
            for image in tree["images"]:
                image["file_name"] = tree["images"][0]["file_name"]

        changed_json(file, change)
        summary, drops = built(source, tmp_path / "raw", tmp_path / "out")
        assert summary["images"]["written"] >= 1
        twice = [d["image_id"] for d in drops if d["reason"] == "duplicate_id"]
        assert len(twice) == summary["images"]["dropped"]["duplicate_id"] >= 1

    def test_captions_of_long_names_that_begin_alike_are_two_images(self, tmp_path):
        source = "RSICD"
        released(source, tmp_path)
        [file] = (tmp_path / "raw").rglob("*.json")

        def change(tree):
            for number, image in enumerate(tree["images"][:2]):
                image["filename"] = "x" * 200 + f"{number}.jpg"

        changed_json(file, change)
        summary, drops = built(source, tmp_path / "raw", tmp_path / "out")
        missing = [d["image_id"] for d in drops if d["reason"] == "image_missing"]
        assert len(set(missing)) == 2
        assert summary["images"]["dropped"]["image_missing"] == 2


class TestXml:
    def test_comments_without_an_end_are_passed_over_at_once(self):
        for opening in (b"<!--", b"<![CDATA[", b"<?"):
            assert count_of(b"<annotation><object>" + opening * 500_000 + b"<object>", "object") == 1

    @pytest.mark.parametrize(
        ("spoil", "reason"),
        [
            (lambda text: text.replace("<width>", f"<width>{'9' * 5000}"), "malformed_line"),
            (lambda text: laughs() + text, "label_unreadable"),
            (lambda text: f'<?xml version="1.0" encoding="{"x" * 90_000}"?>{text}', "label_unreadable"),
            (lambda text: text.replace("<object>", "<object>" + "<a>" * 100_000), "label_unreadable"),
            (lambda text: text.replace("</annotation>", "<!--" * 300_000), "label_unreadable"),
        ],
    )
    @pytest.mark.parametrize("source", ["MAR20", "DIOR-RSVG", "FAIR1M"])
    def test_it_costs_its_image_and_is_told(self, tmp_path, source, spoil, reason):
        released(source, tmp_path)
        file = sorted((tmp_path / "raw").rglob("*.xml"))[0]
        file.write_text(spoil(re.sub(r"^\s*<\?xml.*?\?>", "", file.read_text())))
        _, drops = built(source, tmp_path / "raw", tmp_path / "out")
        told = [d for d in drops if d["reason"] == reason and file.name in d["file"]]
        assert told
        assert max(len(d["value"]) for d in told) < 400

    def test_an_origin_of_any_length_and_kind_is_published_short_and_harmless(self, tmp_path, read_rows):
        released("FAIR1M", tmp_path)
        for file in (tmp_path / "raw").rglob("*.xml"):
            text = re.sub(
                "<origin>.*?</origin>", f"<origin>GF2\x9b31m{'x' * 9999}</origin>", file.read_text()
            )
            file.write_text(text)
        built("FAIR1M", tmp_path / "raw", tmp_path / "out")
        origins = {row["image_source"] for row in read_rows(tmp_path / "out")}
        assert all(len(origin) < 1100 and not acts(origin) for origin in origins if origin)
        assert any(origin and origin.startswith("GF2\\x9b") for origin in origins)


class TestPickles:
    def test_a_list_that_is_endless_when_it_is_printed_is_told_short(self, tmp_path):
        inner = ["ha"] * 10
        for _ in range(40):
            inner = [inner] * 10
        released("RefCOCO", tmp_path)
        [file] = (tmp_path / "raw").rglob("*.p")
        refs = pickle.loads(file.read_bytes())
        wrong = [{"ann_id": inner}, {"sentences": inner, "split": "val"}, inner, {"ann_id": 10**5000}]
        huge = dict(refs[0], image_id=10**5000)
        file.write_bytes(pickle.dumps([*refs, *wrong, huge], protocol=2))
        summary, drops = built("RefCOCO", tmp_path / "raw", tmp_path / "out")
        told = [d for d in drops if d["reason"] == "malformed_line"]
        assert len(told) == summary["objects"]["dropped"]["malformed_line"] == 5
        assert all(len(d["value"]) < 400 for d in told)

    @pytest.mark.parametrize("data", [b"\x80\x04\x8f.", b"\x80\x04(\x91."])
    def test_a_set_is_refused(self, data):
        with pytest.raises(PickleError, match="a set"):
            load(data, frozenset())

    def test_more_values_than_any_release_has_are_refused_before_they_are_made(self, monkeypatch):
        monkeypatch.setattr(pickles, "MOST_STEPS", 1000)
        assert load(pickle.dumps([[]] * 300, protocol=2), frozenset()) == [[]] * 300
        with pytest.raises(PickleError, match="steps"):
            load(b"(" + b"]" * 1000 + b"l.", frozenset())


class TestMasks:
    @pytest.mark.parametrize("side", [8192, 8193, 30_000])
    def test_a_mask_of_a_few_bytes_may_not_fill_the_memory(self, side):
        size, counts = (side, side), [0, side * side]
        rings = (np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float64),)
        if side * side <= MOST_PIXELS:
            RleMask(size, counts)
            PolygonMask(rings, side, side)
            return
        for make in (lambda: RleMask(size, counts), lambda: PolygonMask(rings, side, side)):
            with pytest.raises(ValueError, match="spans"):
                make()

    def test_a_small_mask_of_a_large_image_is_drawn(self):
        side = 30_000
        counts = [side * 17 + 5, 3, side - 3, 3]
        counts.append(side * side - sum(counts))
        crop = RleMask((side, side), counts).crop()
        assert (crop.x, crop.y, crop.pixels.shape) == (17, 5, (3, 2))
        rings = (np.array([[20_000, 10], [20_009, 10], [20_009, 14]], np.float64),)
        assert PolygonMask(rings, side, side).crop().pixels.size < 100

    def test_a_polygon_of_a_million_vertices_at_one_place(self):
        assert PolygonMask((np.full((1_000_000, 2), 5.5),), 20, 20).crop().pixels.sum() == 1


class TestLists:
    def test_lines_come_with_their_numbers_whatever_ends_them(self, tmp_path):
        path = tmp_path / "train.txt"
        path.write_bytes("\ufeffa\r\nb\rc\n\nd\u2028e\x85f".encode() + b"\xff")
        assert list(list_lines(path)) == [(1, "a"), (2, "b"), (3, "c"), (4, ""), (5, "d\u2028e\x85f\\xff")]

    def test_what_is_too_long_ends_the_list_and_not_the_build(self, tmp_path, monkeypatch):
        monkeypatch.setattr(texts, "MAX_LIST_LINE", 100)
        path = tmp_path / "train.txt"
        path.write_text("P1\n" + "x" * 101 + "\nP2\n")
        given = list_lines(path)
        assert next(given) == (1, "P1")
        with pytest.raises(OSError, match="line 2 has more than 100"):
            next(given)
        path.write_text("P1\n" * 50)
        with pytest.raises(OSError, match="more than 30"):
            list(list_lines(path, most=30))

    def test_a_list_of_a_gigabyte_is_told(self, tmp_path):
        released("HRSC2016", tmp_path)
        file = sorted((tmp_path / "raw").rglob("train*.txt"))[0]
        with file.open("ab") as opened:
            opened.truncate(1 << 30)
        _, drops = built("HRSC2016", tmp_path / "raw", tmp_path / "out")
        [told] = [d for d in drops if d["reason"] == "split_missing"]
        assert told["file"].endswith(file.name)


@pytest.mark.parametrize(
    ("source", "ending"),
    [
        ("VisDrone", ".txt"),
        ("FAIR1M", ".xml"),
        ("MAR20", ".xml"),
        ("SAMRS-SOTA", ".pkl"),
        ("DIOR-RSVG", ".xml"),
    ],
)
def test_a_label_file_of_a_gigabyte_is_refused_unread(tmp_path, source, ending):
    released(source, tmp_path)
    file = sorted((tmp_path / "raw").rglob(f"*{ending}"))[-1]
    with file.open("ab") as opened:
        opened.truncate(1 << 30)
    _, drops = built(source, tmp_path / "raw", tmp_path / "out")
    told = {d["reason"] for d in drops if d["file"].endswith(file.name)}
    assert "label_unreadable" in told


@pytest.mark.parametrize("source", ["NWPU-VHR-10-instances", "RSICD", "GeoChat", "RefCOCO"])
def test_a_shared_file_of_a_gigabyte_is_read_up_to_where_it_makes_no_sense(tmp_path, source):
    released(source, tmp_path)
    [file] = (tmp_path / "raw").rglob("*.json")
    with file.open("ab") as opened:
        opened.truncate(1 << 30)
    _, drops = built(source, tmp_path / "raw", tmp_path / "out")
    assert any(d["reason"] == "label_unreadable" and d["file"].endswith(file.name) for d in drops)


BOUNDED = """
import resource, sys
from pathlib import Path
from rsvp_builder.readers.json_records import JsonError, records
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
try:
    print(len(list(records(Path(sys.argv[1])))))
except JsonError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("opening", "filling"),
    [
        ('["', "x"),
        ('["', "\u00e9"),
        ("[", "[1,"),
        ("[", '{"a":'),
        ("[", "9"),
        ("[[", "1,"),
        ("[", " "),
        ("[", "0."),
    ],
)
def test_a_line_of_a_gigabyte_is_given_up_within_a_gigabyte(tmp_path, opening, filling):
    path = tmp_path / "line.json"
    piece = filling.encode() * (1 << 18)
    with path.open("wb") as file:
        file.write(opening.encode())
        for _ in range((1 << 30) // len(piece)):
            file.write(piece)
    arguments = [sys.executable, "-c", BOUNDED, str(path)]
    told = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=300)
    path.unlink()
    assert "line 1: " in told.stdout
    assert len(told.stdout) < 400


@pytest.mark.parametrize("source", ["VisDrone", "UCAS-AOD", "NWPU-VHR-10", "DOTA-v1.0"])
def test_a_text_of_which_nearly_no_line_is_an_object_is_no_label_file(tmp_path, source):
    released(source, tmp_path)
    manifest = shipped()[source]
    items = index_release(tmp_path / "raw", manifest).items
    labelled = [item for item in items if item.label]
    file = tmp_path / "raw" / labelled[0].label
    sound = file.read_bytes()
    for bad, readable in ((texts.MOST_BAD_LINES, True), (texts.MOST_BAD_LINES + 1, False)):
        file.write_bytes(sound + b"\n" + b"a\n" * bad)
        drops = Drops()
        told = reader_for(manifest).read(tmp_path / "raw", manifest, labelled, drops)
        assert told.readable == [readable, *[True] * (len(labelled) - 1)]
        lost = sum(drop.count for drop in drops.entries if drop.kind == "object")
        assert sum(told.seen) == len(told.objects) + lost
        assert (lost >= bad) is readable
        assert len(drops.entries) <= MOST_ALIKE + 10


class TestLedger:
    def test_many_alike_are_counted_in_one_entry(self):
        drops = Drops()
        for line in range(MOST_ALIKE + 500):
            drops.add(Drop("object", Reason.MALFORMED_LINE, "train/P1", "P1.txt", line + 1, "x", "y"))
            if line % 100 == 0:
                drops.add(Drop("object", Reason.NOT_FINITE, "train/P1", "P1.txt", line + 1, "x", "y", 2))
        malformed = [drop for drop in drops.entries if drop.reason == Reason.MALFORMED_LINE]
        assert len(malformed) == MOST_ALIKE
        assert sum(drop.count for drop in malformed) == MOST_ALIKE + 500
        assert malformed[-1].count == 501
        assert all(before.line < after.line for before, after in pairwise(malformed))
        counts = Counts()
        counts.drop(drops.entries)
        assert counts.objects_dropped == {"malformed_line": MOST_ALIKE + 500, "not_finite": 210}

    def test_an_image_always_has_an_entry(self):
        drops = Drops()
        for _ in range(MOST_ALIKE + 5):
            drops.add(Drop("image", Reason.IMAGE_MISSING, "", "instances.json", None, "", ""))
        assert len(drops.entries) == MOST_ALIKE + 5

    def test_a_drop_is_told_without_what_acts_on_a_terminal(self):
        drop = Drop("object", Reason.MALFORMED_LINE, "a", "b\x1b.txt", 1, "\x1b[31m", "like \x9b31m\u202e")
        assert not acts(str(drop))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("P0001", "P0001"),
        ("机场 １\u3000é\xa0😀", "机场 １\u3000é\xa0😀"),
        ("a\nb\t\x1b\x7f\x9b", "a\\x0ab\\x09\\x1b\\x7f\\x9b"),
        ("\u202egnp\u2069\u2028", "\\u202egnp\\u2069\\u2028"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_acts_is_escaped_and_all_else_is_as_it_was(text, shown):
    assert visible(text) == shown == called(text)
    assert acts(text) == (text != shown)


def test_an_error_of_a_hostile_release_is_one_line_for_people(tmp_path):
    released("RefCOCO", tmp_path)
    [file] = (tmp_path / "raw").rglob("instances.json")
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(RsvpError, match="pipe"):
        built("RefCOCO", tmp_path / "raw", tmp_path / "out")
