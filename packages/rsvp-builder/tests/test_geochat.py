"""Grounded captions of GeoChat_Instruct: its grammar, turned boxes, pictures by name, and broken records."""

from __future__ import annotations

import io
import json
import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsvp_builder.build import build
from rsvp_builder.catalog import candidates
from rsvp_builder.dataset.validate import validate
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Drops
from rsvp_builder.prose import cited
from rsvp_builder.readers import index_release, reader_for
from rsvp_builder.readers.geochat.grammar import parse, to_quad
from rsvp_builder.settings import Settings

JSON = "GeoChat_Instruct.json"
IMAGES = "share/softwares/kartik/GeoChat_finetuning/final_images_llava"
ASK = "<image>\n[grounding] please describe this image in details"
BOX = "{<10><20><30><40>|<0>}"


def png(width=200, height=100):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 80)).save(buffer, "PNG")
    return buffer.getvalue()


def record(answer, image="P0001.png", ask=ASK, *more):
    talk = [{"from": "human", "value": ask}, {"from": "gpt", "value": answer}]
    talk += [{"from": who, "value": text} for who, text in more]
    return {"id": "same for all", "image": image, "conversations": talk}


def release(root, *records, images=("P0001.png",)):
    (root / IMAGES).mkdir(parents=True)
    (root / JSON).write_text(json.dumps(list(records), indent=1))
    for image in images:
        file = root / IMAGES / image
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png())
    return root


class Told:
    def __init__(self, root):
        [manifest] = candidates("GeoChat")
        self.index = index_release(root, manifest)
        drops = Drops()
        self.annotations = reader_for(manifest).read(root, manifest, self.index.items, drops)
        self.objects = self.annotations.objects
        self.drops = [*self.index.drops, *drops.entries]

    @property
    def boxes(self):
        return [tuple(round(v, 6) for v in box) for box in self.objects.box.tolist()]

    def one(self, kind):
        [drop] = [d for d in self.drops if d.kind == kind]
        return drop


def told_of(tmp_path, answer):
    return Told(release(tmp_path, record(answer)))


class TestGrammar:
    @pytest.mark.parametrize(
        ("text", "prose", "phrases"),
        [
            (f"There is <p>a ship</p> {BOX} .", "There is a ship <Region 1> .", ["a ship"]),
            (
                f"There are <p>two gray ships</p> {BOX}<delim>{BOX}  at the right.",
                "There are two gray ships <Region 1><Region 2> at the right.",
                ["two gray ships"] * 2,
            ),
            (f"<p>2 cars</p> {BOX}{BOX}.", "2 cars <Region 1><Region 2>.", ["2 cars"] * 2),
            (f"<p>2 cars</p> {BOX} <delim> {BOX}", "2 cars <Region 1><Region 2>", ["2 cars"] * 2),
            (f"<p> a  car </p>{BOX}", "a car <Region 1>", ["a car"]),
            (f"<p>a car</p>\n{BOX}\nThe end", "a car <Region 1> The end", ["a car"]),
            ("<p>a car</p> {<10><20><30><40>}", "a car <Region 1>", ["a car"]),
            ("nothing here", "nothing here", []),
            ("<p>a phrase</p> alone", "a phrase alone", []),
            (f"<p>two <p>red cars</p> {BOX}", "two red cars <Region 1>", ["red cars"]),
            (f"<p>two cars {BOX} at the top</p> and", "two cars <Region 1> at the top and", ["two cars"]),
            (f"<p>{BOX} two cars</p> and", "<Region 1> two cars and", ["two cars"]),
            (f"<p>a car {BOX}", "a car <Region 1>", ["a car"]),
            (f"a car</p> {BOX}", "a car <Region 1>", [""]),
            (f"<p>a car</p> is {BOX}", "a car is <Region 1>", [""]),
            (f"<unk> <p>a <unk>car</p> {BOX}", "a car <Region 1>", ["a car"]),
            ("a {red} | car", "a {red} | car", []),
            (f"<Region 7> <p>a car</p> {BOX}", "a car <Region 1>", ["a car"]),
        ],
    )
    def test_phrases_and_their_boxes(self, text, prose, phrases):
        caption = parse(text)
        assert caption.prose == prose
        assert [box.phrase for box in caption.boxes] == phrases
        assert {box.numbers for box in caption.boxes} <= {(10, 20, 30, 40, 0)}

    @pytest.mark.parametrize(
        "broken",
        [
            "{<1><2><3>}",
            "{<1><2><3><4><5>|<6>}",
            "{<1><2><3><4>|6}",
            "{<12><3",
            "{<unk><2><3><4>|<1>}",
            "{|}",
            "{<a",
        ],
    )
    def test_what_begins_as_a_box_and_is_none_is_met_once(self, broken):
        caption = parse(f"<p>a car</p> {broken}")
        [box] = caption.boxes
        assert (box.numbers, box.phrase) == (None, "a car")
        assert caption.prose.startswith("a car <Region 1>")

    @pytest.mark.parametrize("text", ["{< 1 >< 2 ><3><4>| <5> }", "{<1><2><3><4>|<5>}"])
    def test_blanks_within_a_box_do_not_matter(self, text):
        assert [box.numbers for box in parse(f"<p>a</p> {text}").boxes] == [(1, 2, 3, 4, 5)]

    def test_negative_numbers_are_read(self):
        assert parse("<p>a</p> {<-3><2><10><4>|<-45>}").boxes[0].numbers == (-3, 2, 10, 4, -45)

    @given(
        st.lists(
            st.sampled_from(
                ["<p>", "</p>", BOX, "<delim>", "{<1><2>", "<unk>", " ", "two ships", ".", "{", "}", "|", "<"]
            ),
            max_size=16,
        )
    )
    def test_any_text_is_read_and_cites_each_box_once_in_order(self, parts):
        text = "".join(parts)
        caption = parse(text)
        assert cited(caption.prose) == list(range(1, len(caption.boxes) + 1))
        assert caption.prose == " ".join(caption.prose.split())
        assert len(caption.boxes) >= parts.count(BOX)
        assert sum(box.numbers is not None for box in caption.boxes) == parts.count(BOX)
        assert caption.prose.count("ships") == parts.count("two ships")
        for tag in ("<p>", "</p>", "<delim>", "<unk>"):
            assert tag not in caption.prose

    @given(
        st.lists(
            st.tuples(st.text("ab c", min_size=1).map(str.strip).filter(bool), st.integers(1, 3)), max_size=5
        )
    )
    def test_what_is_written_is_read_back(self, phrases):
        text = ", ".join(f"<p>{phrase}</p> {'<delim>'.join([BOX] * n)}" for phrase, n in phrases)
        caption = parse(text)
        assert [box.phrase for box in caption.boxes] == [
            " ".join(phrase.split()) for phrase, n in phrases for _ in range(n)
        ]
        plain = re.sub(r"\s*<Region \d+>", "", caption.prose)
        assert plain == " ".join(", ".join(phrase for phrase, _ in phrases).split())


class TestQuad:
    @given(
        st.tuples(*[st.integers(0, 100)] * 4),
        st.integers(-180, 180),
        st.sampled_from([(100, 100), (200, 100), (640, 853)]),
    )
    def test_it_is_the_rectangle_in_pixels_turned_about_its_centre(self, corners, angle, size):
        quad = np.array(to_quad((*corners, angle), *size)).reshape(4, 2)
        x1, y1, x2, y2 = (v / 100 * s for v, s in zip(corners, size * 2, strict=True))
        # A complex number turns by its argument, here clockwise on screen since y points down.
        centre = complex(x1 + x2, y1 + y2) / 2
        upright = [complex(x, y) for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2))]
        turned = [
            (z - centre) * complex(math.cos(math.radians(angle)), math.sin(math.radians(angle))) + centre
            for z in upright
        ]
        for found in quad:
            assert min(abs(complex(*found) - z) for z in turned) < 1e-6
        for z in turned:
            assert min(abs(complex(*found) - z) for found in quad) < 1e-6

    def test_no_angle_is_the_box_itself_in_pixels_of_each_side(self):
        assert to_quad((10, 20, 30, 40, 0), 200, 100) == (20, 20, 60, 20, 60, 40, 20, 40)

    def test_a_quarter_turn_swaps_the_sides_exactly(self):
        assert to_quad((10, 20, 30, 40, 90), 200, 100) == (50, 10, 50, 50, 30, 50, 30, 10)

    def test_a_positive_angle_turns_clockwise_on_screen(self):
        x1, y1, x2, y2, *_ = to_quad((10, 45, 90, 55, 30), 100, 100)
        assert x2 > x1
        assert y2 > y1

    def test_corners_in_any_order_are_the_same_shape(self):
        quads = [to_quad(c, 100, 100) for c in ((10, 20, 30, 40, 30), (30, 40, 10, 20, 30))]
        assert quads[0] == quads[1]


class TestObjects:
    def test_a_box_has_its_quad_its_bounds_and_its_phrase(self, tmp_path):
        told = told_of(tmp_path, f"A <p>silver plane</p> {BOX} and <p>a car</p> {{<50><50><60><60>|<90>}}.")
        assert told.annotations.prose == ["A silver plane <Region 1> and a car <Region 2>."]
        assert told.boxes == [(20, 20, 60, 40), (105, 45, 115, 65)]
        assert told.objects.quad[0].tolist() == [20, 20, 60, 20, 60, 40, 20, 40]
        assert told.objects.text.tolist() == ["silver plane", "a car"]
        assert told.objects.class_id.tolist() == [-1, -1]
        assert told.annotations.numbers.tolist() == [1, 2]
        assert told.drops == []

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            ("{<77><981><83><100>|<29>}", "outside_image"),
            ("{<-50><10><20><30>|<0>}", "outside_image"),
            ("{<10><110><20><130>}", "outside_image"),
            ("{<35><32><35><36>|<67>}", "degenerate"),
            ("{<35><32><38><32>|<67>}", "degenerate"),
            ("{<1><2><3>}", "malformed_line"),
            ("{<1><2><3><4", "malformed_line"),
        ],
    )
    def test_a_box_that_cannot_be_used_is_told_and_costs_no_other(self, tmp_path, raw, reason):
        told = told_of(tmp_path, f"<p>a car</p> {BOX} by <p>two ships</p> {raw}")
        drop = told.one("object")
        assert (drop.reason.value, drop.file, drop.line) == (reason, JSON, 2)
        assert raw in drop.value
        assert "record 1" in drop.value
        assert (told.annotations.seen, told.annotations.numbers.tolist()) == ([2], [1])

    def test_a_box_behind_no_phrase_has_nothing_to_say(self, tmp_path):
        told = told_of(tmp_path, f"<p>a car</p> {BOX} stands there {BOX}")
        assert told.one("object").reason.value == "empty_text"
        assert len(told.objects) == 1

    @pytest.mark.parametrize("raw", ["{<-6><45><14><55>|<90>}", "{<84><40><102><44>|<60>}"])
    def test_corners_may_lie_outside_before_they_are_turned(self, tmp_path, raw):
        told = told_of(tmp_path, f"<p>a ship</p> {raw}")
        assert told.drops == []
        [(x1, y1, x2, y2)] = told.boxes
        assert -1e-9 <= x1 < x2 <= 200
        assert 0 <= y1 < y2 <= 100

    def test_the_build_cites_the_marks_that_are_left_by_their_new_numbers(self, tmp_path, read_rows):
        answer = f"<p>a car</p> {{<1><2><3>}} by <p>two ships</p> {BOX}<delim>{{<9><9><9><20>|<0>}} at sea."
        root = release(tmp_path / "raw", record(answer))
        built = build("GeoChat", root, tmp_path / "out", Settings(tile=0), workers=1)
        [row] = read_rows(tmp_path / "out")
        assert row["messages"][1]["content"] == "a car by two ships <Region 1> at sea."
        assert [(m["caption"], m["xyxy"]) for m in row["marks"]] == [("two ships", [20, 20, 60, 40])]
        assert row["provenance"] == built.manifest.provenance["grounded_caption"]
        assert built.summary["objects"] == {
            "seen": 3,
            "written": 1,
            "dropped": {"degenerate": 1, "malformed_line": 1},
        }
        assert built.summary["planned"]["rows"] == 0
        assert validate(tmp_path / "out").problems == []

    def test_a_caption_of_which_no_box_is_left_gives_no_row(self, tmp_path):
        root = release(
            tmp_path / "raw",
            record("<p>a car</p> {<1><2>}"),
            record("no box at all"),
            record(f"<p>a</p> {BOX}"),
        )
        summary = build("GeoChat", root, tmp_path / "out", Settings(tile=0), workers=1).summary
        assert summary["images"] == {"seen": 3, "written": 1, "dropped": {"no_objects": 2}}


class TestRecords:
    def test_records_of_one_image_and_one_id_are_items_of_their_own(self, tmp_path):
        root = release(tmp_path, *[record(f"<p>a car</p> {BOX}")] * 3)
        told = Told(root)
        assert [item.image_id for item in told.index.items] == [
            "train/1-P0001",
            "train/2-P0001",
            "train/3-P0001",
        ]
        assert {item.image for item in told.index.items} == {f"{IMAGES}/P0001.png"}
        lines = (root / JSON).read_text().splitlines()
        assert [lines[n - 1] for n in told.objects.line] == [" {"] * 3

    def test_the_other_conversations_are_counted_by_kind(self, tmp_path):
        asks = {
            "referring": ["<image>\n[refer] where is <p>silver airplane</p> ?"] * 3,
            "region caption": ["<image>\n[identify] the object in {<35><32><37><36>|<67>} is"],
            "scene classification": [
                "<image>\nClassify the given image in one of the following classes. Classes: a, b. "
                "Answer in one word or a short phrase."
            ],
            "question": ["<image>\nIs it rural?\nAnswer in one word or a short phrase."] * 2,
            "conversation": ["<image>\nWhat can be seen?", "<image>\nDescribe what you refer to."],
        }
        records = [record("yes", "P0001.png", ask) for several in asks.values() for ask in several]
        root = release(tmp_path / "raw", *records, record(f"<p>a car</p> {BOX}"))
        told = Told(root)
        assert {d.value: d.count for d in told.index.drops} == {kind: len(a) for kind, a in asks.items()}
        summary = build("GeoChat", root, tmp_path / "out", Settings(tile=0), workers=1).summary
        assert summary["images"] == {"seen": 10, "written": 1, "dropped": {"not_asked": 9}}

    @pytest.mark.parametrize(
        "ask",
        [
            "<image>\n[grounding] give a thorough description of what you see in this image",
            "<image>\n[grounding]summarize this image in details",
            " <image>\r\n [grounding] describe this image as detailed as possible",
        ],
    )
    def test_the_token_and_not_its_wording_makes_a_grounded_caption(self, tmp_path, ask):
        assert len(Told(release(tmp_path, record(f"<p>a</p> {BOX}", "P0001.png", ask))).index.items) == 1

    def test_later_turns_play_no_part(self, tmp_path):
        later = (("human", "[refer] where?"), ("gpt", f"<p>b</p> {BOX}"))
        told = Told(release(tmp_path, record(f"<p>a</p> {BOX}", "P0001.png", ASK, *later)))
        assert told.objects.text.tolist() == ["a"]

    @pytest.mark.parametrize(
        "broken",
        [
            7,
            None,
            {},
            [],
            {"image": "P0001.png"},
            {"image": "P0001.png", "conversations": []},
            {"image": "P0001.png", "conversations": [{"from": "human", "value": ASK}]},
            {"image": 3, "conversations": record("x")["conversations"]},
            record("x", "  "),
            record(None),
        ],
    )
    def test_a_record_that_is_no_talk_about_an_image_is_told(self, tmp_path, broken):
        told = Told(release(tmp_path, record(f"<p>a</p> {BOX}"), broken))
        drop = told.one("image")
        assert (drop.reason.value, drop.file) == ("malformed_line", JSON)
        assert drop.value.startswith("record 2: ")
        assert len(told.index.items) == 1

    def test_records_before_a_defect_are_read(self, tmp_path):
        root = release(tmp_path / "raw", *[record(f"<p>a</p> {BOX}")] * 3)
        text = (root / JSON).read_text()
        (root / JSON).write_text(text[: text.rindex('"from": "gpt"')])
        told = Told(root)
        assert len(told.index.items) == 2
        assert told.one("image").reason.value == "label_unreadable"
        assert told.one("image").line is not None
        summary = build("GeoChat", root, tmp_path / "out", Settings(tile=0), workers=1).summary
        assert summary["quarantined"] == 1

    def test_a_text_of_another_encoding_costs_its_record(self, tmp_path):
        root = release(tmp_path / "raw", record(f"<p>a caf\u00e9</p> {BOX}"), record(f"<p>b</p> {BOX}"))
        text = json.dumps(json.loads((root / JSON).read_text()), ensure_ascii=False)
        (root / JSON).write_bytes(text.encode("latin-1"))
        summary = build("GeoChat", root, tmp_path / "out", Settings(tile=0), workers=1).summary
        assert summary["images"] == {"seen": 2, "written": 1, "dropped": {"label_unreadable": 1}}

    @pytest.mark.parametrize("content", ["", "[]", "{}", "<html>", "7"])
    def test_a_file_without_a_conversation_is_a_mistake_with_a_message(self, tmp_path, content):
        (tmp_path / JSON).write_text(content)
        with pytest.raises(RsvpError, match=r"GeoChat_Instruct\.json: no conversation in it"):
            Told(tmp_path)


class TestPictures:
    @pytest.mark.parametrize(
        ("image", "file"),
        [
            ("NWPU/beach/beach_001.jpg", "NWPU/beach/beach_001.jpg"),
            (" NWPU/beach/beach_001.jpg\n", "NWPU/beach/beach_001.jpg"),
            ("lrben/12.tif", "lrben/12.png"),
            ("floodnet/7292.png", "floodnet/7292.JPG"),
            ("P0001.png", "P0001.png"),
            ("train_2956_0001.png", "fast/train_2956_0001.png"),
        ],
    )
    def test_a_picture_is_found_as_named_or_by_its_stem(self, tmp_path, image, file):
        told = Told(release(tmp_path, record(f"<p>a</p> {BOX}", image), images=[file]))
        assert [item.image for item in told.index.items] == [f"{IMAGES}/{file}"]

    def test_the_folder_tells_pictures_of_one_name_apart(self, tmp_path):
        names = ["a/1.png", "b/1.jpg", "1.png"]
        records = [record(f"<p>a</p> {BOX}", image) for image in ("b/1.tif", "a/1.png", "1.png", "c/1.png")]
        told = Told(release(tmp_path, *records, images=names))
        found = [item.image and item.image.removeprefix(f"{IMAGES}/") for item in told.index.items]
        assert found == ["b/1.jpg", "a/1.png", "1.png", None]

    def test_a_picture_that_is_not_there_is_missing_with_its_boxes(self, tmp_path):
        root = release(tmp_path / "raw", record(f"<p>a</p> {BOX}"), record(f"<p>a</p> {BOX}{BOX}", "P9.png"))
        summary = build("GeoChat", root, tmp_path / "out", Settings(tile=0), workers=1).summary
        assert summary["images"] == {"seen": 2, "written": 1, "dropped": {"image_missing": 1}}
        assert summary["objects"] == {"seen": 3, "written": 1, "dropped": {"image_missing": 2}}

    def test_pictures_are_used_in_their_own_size(self, tmp_path):
        root = release(tmp_path, record(f"<p>a</p> {BOX}"), record(f"<p>a</p> {BOX}", "wide.png"))
        (root / IMAGES / "wide.png").write_bytes(png(1000, 50))
        assert Told(root).boxes == [(20, 20, 60, 40), (100, 10, 300, 20)]

    def test_the_pictures_of_the_official_demo(self, samples, tmp_path, read_rows):
        root = tmp_path / "raw"
        root.mkdir()
        (root / "images").symlink_to(samples / "GeoChat/demo_images")
        names = sorted(path.name for path in (root / "images").iterdir())
        records = [record(f"<p>a thing</p> {BOX}", name.rpartition(".")[0] + ".tif") for name in names]
        (root / JSON).write_text(json.dumps(records))
        build("GeoChat", root, tmp_path / "out", Settings(tile=0), workers=1)
        rows = read_rows(tmp_path / "out")
        assert Counter(row["image_id"].partition("-")[2] for row in rows) == Counter(
            n.rpartition(".")[0] for n in names
        )
        for row in rows:
            w, h = row["width"], row["height"]
            assert row["marks"][0]["xyxy"] == pytest.approx([0.1 * w, 0.2 * h, 0.3 * w, 0.4 * h])
