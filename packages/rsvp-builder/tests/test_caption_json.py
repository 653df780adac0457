"""Captions of whole images: three shapes of JSON, their splits, classes and pictures, and what is odd."""

from __future__ import annotations

import io
import json
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsvp_builder.build import build
from rsvp_builder.catalog import candidates
from rsvp_builder.dataset.validate import validate
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Drops
from rsvp_builder.readers import index_release, reader_for
from rsvp_builder.readers.caption_json.wording import caption, has_word
from rsvp_builder.settings import Settings


def png(width=3, height=2):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 80)).save(buffer, "PNG")
    return buffer.getvalue()


PNG = png()


def put(root, path, content=PNG):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content, indent=1).encode())
    return file


def manifest_of(source, **layout):
    [manifest] = candidates(source)
    return manifest.model_copy(update={"layout": {**manifest.layout, **layout}}) if layout else manifest


class Told:
    """What the reader says of a folder."""

    def __init__(self, source, root):
        manifest = source if not isinstance(source, str) else manifest_of(source)
        self.index = index_release(root, manifest)
        drops = Drops()
        self.annotations = reader_for(manifest).read(root, manifest, self.index.items, drops)
        self.drops = [*self.index.drops, *drops.entries]
        self.labels = list(manifest.classes.values())

    @property
    def captions(self):
        return {i: [text for text, _ in said if text is not None] for i, said in self.said.items()}

    @property
    def classes(self):
        return {
            i: [self.labels[c] for text, c in said if text is None]
            for i, said in self.said.items()
            if any(text is None for text, _ in said)
        }

    @property
    def said(self):
        objects = self.annotations.objects
        found = {item.image_id: [] for item in self.index.items}
        for position, text, class_id in zip(objects.item, objects.text, objects.class_id, strict=True):
            found[self.index.items[position].image_id].append((text, int(class_id)))
        return found

    def reasons(self, kind):
        return Counter(d.reason.value for d in self.drops if d.kind == kind for _ in range(d.count))

    def one(self, reason):
        [drop] = [d for d in self.drops if d.reason.value == reason]
        return drop


def karpathy(filename, *raws, split="train", **more):
    sentences = [{"tokens": raw.split(), "raw": raw, "imgid": 0, "sentid": k} for k, raw in enumerate(raws)]
    return {"filename": filename, "imgid": 0, "split": split, "sentences": sentences, **more}


def nwpu(filename, *raws, split="train"):
    keys = ["raw", *(f"raw_{k}" for k in range(1, len(raws)))]
    return {"filename": filename, "imgid": 1, "split": split, **dict(zip(keys, raws, strict=True))}


def coco(images, annotations, **more):
    return {"info": {}, "licenses": [{"id": 1}], "images": images, "annotations": annotations, **more}


class TestKarpathy:
    def test_each_sentence_is_a_caption_of_the_whole_image_and_the_prefix_its_class(self, tmp_path):
        records = [
            karpathy("boat_0.tif", "A boat .", "Two boats."),
            karpathy("plane_1.tif", "a plane", split="test"),
        ]
        put(tmp_path, "dataset_RSITMD.json", {"images": records, "dataset": "RSITMD"})
        for name in ("boat_0", "plane_1"):
            put(tmp_path, f"images/{name}.tif")
        told = Told("RSITMD", tmp_path)
        assert told.captions == {"test/plane_1": ["a plane"], "train/boat_0": ["A boat .", "Two boats."]}
        assert told.classes == {"test/plane_1": ["plane"], "train/boat_0": ["boat"]}
        objects = told.annotations.objects
        assert len(objects) == sum(told.annotations.seen) == 5
        assert not (objects.box == objects.box).any()
        assert told.drops == []
        lines = (tmp_path / "dataset_RSITMD.json").read_text().splitlines()
        assert {int(n) for n in objects.line} == {n for n, x in enumerate(lines, 1) if x == "  {"}

    def test_raw_counts_where_tokens_disagree(self, tmp_path):
        record = karpathy("1.tif", "a piece of farmland .")
        record["sentences"][0]["tokens"] = ["a", "piece", "of", "formland"]
        put(tmp_path, "dataset.json", {"images": [record]})
        assert Told("UCM-Captions", tmp_path).captions == {"train/1": ["a piece of farmland ."]}

    @pytest.mark.parametrize(
        ("number", "label"),
        [(1, "agricultural land"), (100, "agricultural land"), (101, "airplane"), (2100, "tennis court")],
    )
    def test_the_number_tells_the_class_of_uc_merced(self, tmp_path, number, label):
        put(tmp_path, "dataset.json", {"images": [karpathy(f"{number}.tif", "some words .")]})
        assert Told("UCM-Captions", tmp_path).classes == {f"train/{number}": [label]}

    def test_a_number_beyond_all_classes_is_told_and_costs_no_caption(self, tmp_path):
        put(tmp_path, "dataset.json", {"images": [karpathy("2101.tif", "some words .")]})
        told = Told("UCM-Captions", tmp_path)
        assert told.captions == {"train/2101": ["some words ."]}
        assert (told.one("unknown_class").value, told.one("unknown_class").line) == ("2101", 3)

    def test_sydney_has_no_class(self, tmp_path):
        put(tmp_path, "dataset.json", {"images": [karpathy("1.tif", "houses .")]})
        told = Told("Sydney-Captions", tmp_path)
        assert told.classes == {}
        assert told.drops == []

    def test_lists_tell_the_class_of_numbered_images(self, tmp_path):
        records = [
            karpathy("00001.jpg", "a field ."),
            karpathy("00002.jpg", "a field ."),
            karpathy("airport_1.jpg", "an airport ."),
        ]
        put(tmp_path, "dataset_rsicd.json", {"images": records})
        assert Told("RSICD", tmp_path).classes == {"train/airport_1": ["airport"]}
        put(tmp_path, "txtclasses_rsicd/playfields.txt", b"00001.jpg\r\n\r\n")
        put(tmp_path, "txtclasses_rsicd/bare_land.txt", b"00002.jpg")
        assert Told("RSICD", tmp_path).classes == {
            "train/00001": ["play fields"],
            "train/00002": ["bare land"],
            "train/airport_1": ["airport"],
        }

    def test_one_of_several_releases_under_a_folder_is_read_with_its_own_pictures(self, tmp_path):
        for name, words in (("UCM_captions", "a farm ."), ("Sydney_captions", "a house .")):
            put(tmp_path, f"{name}/dataset.json", {"images": [karpathy("1.tif", words)]})
            put(tmp_path, f"{name}/imgs/1.tif")
        told = Told("Sydney-Captions", tmp_path)
        assert told.captions == {"train/1": ["a house ."]}
        assert [item.image for item in told.index.items] == ["Sydney_captions/imgs/1.tif"]
        assert told.drops == []


class TestNwpu:
    def test_sentences_have_keys_of_their_own_and_the_class_is_the_key_of_the_list(self, tmp_path):
        words = [f"sentence {k} has words ." for k in "abcde"]
        data = {
            "sea_ice": [nwpu("sea_ice_001.jpg", *words, split="val")],
            "ship": [nwpu("ship_700.jpg", "x y")],
        }
        put(tmp_path, "dataset_nwpu.json", data)
        put(tmp_path, "NWPU_images/sea_ice/sea_ice_001.jpg")
        put(tmp_path, "NWPU_images/ship/ship_700.jpg")
        told = Told("NWPU-Captions", tmp_path)
        assert told.captions == {"train/ship_700": ["x y"], "val/sea_ice_001": words}
        assert told.classes == {"train/ship_700": ["ship"], "val/sea_ice_001": ["sea ice"]}
        assert told.drops == []

    def test_an_image_that_no_archive_holds_is_missing_with_its_captions(self, tmp_path):
        data = {"airplane": [nwpu(f"airplane_{n}.jpg", "a plane .", "planes .") for n in (110, 111)]}
        put(tmp_path, "dataset_nwpu.json", data)
        put(tmp_path, "NWPU_images/airplane/airplane_110.jpg")
        summary = build("NWPU-Captions", tmp_path, tmp_path / "out", Settings(tile=0), workers=1).summary
        assert summary["images"] == {"seen": 2, "written": 1, "dropped": {"image_missing": 1}}
        assert summary["objects"] == {"seen": 6, "written": 3, "dropped": {"image_missing": 3}}

    def test_the_chinese_file_has_the_other_shape_and_keeps_its_punctuation(self, tmp_path):
        record = karpathy("ship_001.jpg", "一艘船，停在海上。", filepath="ship")
        put(tmp_path, "dataset_nwpu_zh.json", {"images": [record]})
        put(tmp_path, "NWPU_images/ship/ship_001.jpg")
        told = Told(manifest_of("NWPU-Captions", annotations=["dataset_nwpu_zh.json"]), tmp_path)
        assert told.captions == {"train/ship_001": ["一艘船，停在海上。"]}
        assert told.classes == {"train/ship_001": ["ship"]}

    def test_full_width_punctuation_and_odd_blanks_become_ascii(self, tmp_path):
        raw = "Planes\uff0c trees\u00a0 and \u3000cars\uff01 caf\u00e9 5\u00bd m\u00b2 \u2019s\t."
        put(tmp_path, "dataset_nwpu.json", {"ship": [nwpu("ship_001.jpg", raw)]})
        assert Told("NWPU-Captions", tmp_path).captions == {
            "train/ship_001": ["Planes, trees and cars! caf\u00e9 5\u00bd m\u00b2 \u2019s ."]
        }


class TestCoco:
    IMAGE = {"id": 7, "file_name": "COCO_train2014_000000000007.jpg", "width": 3, "height": 2}  # noqa: RUF012

    @pytest.mark.parametrize("first", ["images", "annotations"])
    def test_captions_find_their_image_by_id_whichever_list_comes_first(self, tmp_path, first):
        data = coco([self.IMAGE], [{"image_id": 7, "id": k, "caption": f"a man {k} \n"} for k in (1, 2)])
        if first == "annotations":
            data = dict(reversed(data.items()))
        put(tmp_path, "annotations/captions_train2014.json", data)
        put(tmp_path, "train2014/COCO_train2014_000000000007.jpg")
        told = Told("COCO-Captions-2014", tmp_path)
        assert told.captions == {"train/COCO_train2014_000000000007": ["a man 1", "a man 2"]}
        assert told.annotations.declared == [(3, 2)]
        assert told.drops == []
        text = (tmp_path / "annotations/captions_train2014.json").read_text().splitlines()
        assert ["caption" in "".join(text[n - 1 : n + 4]) for n in told.annotations.objects.line] == [
            True,
            True,
        ]

    def test_the_name_of_the_file_tells_the_split(self, tmp_path):
        for split in ("train", "val"):
            data = coco(
                [{"id": 1, "file_name": f"{split}.jpg"}], [{"image_id": 1, "id": 1, "caption": "words"}]
            )
            put(tmp_path, f"annotations/captions_{split}2017.json", data)
            put(tmp_path, f"{split}2017/{split}.jpg")
        put(tmp_path, "test2017/000000000001.jpg")
        told = Told("COCO-Captions-2017", tmp_path)
        assert [item.image_id for item in told.index.items] == ["train/train", "val/val"]
        assert told.reasons("image") == {"unlabelled_split": 1}

    def test_images_and_captions_without_each_other_are_told(self, tmp_path):
        data = coco([self.IMAGE], [{"image_id": 8, "id": 1, "caption": "nobody's words"}])
        put(tmp_path, "annotations/captions_train2014.json", data)
        put(tmp_path, "train2014/COCO_train2014_000000000007.jpg")
        summary = build("COCO-Captions-2014", tmp_path, tmp_path / "o", Settings(tile=0), workers=1).summary
        assert summary["images"]["dropped"] == {"image_missing": 1, "no_objects": 1}
        assert summary["objects"]["dropped"] == {"image_missing": 1}

    def test_karpathys_splits_serve_where_his_file_is_the_only_one(self, tmp_path):
        records = [
            karpathy("COCO_val2014_1.jpg", "a man", split="restval", filepath="val2014", cocoid=1),
            karpathy("COCO_val2014_2.jpg", "a cat", split="test", filepath="val2014", cocoid=2),
        ]
        put(tmp_path, "dataset_coco.json", {"images": records, "dataset": "coco"})
        for n in (1, 2):
            put(tmp_path, f"val2014/COCO_val2014_{n}.jpg")
        told = Told("COCO-Captions-2014", tmp_path)
        assert told.captions == {"test/COCO_val2014_2": ["a cat"], "train/COCO_val2014_1": ["a man"]}
        assert told.drops == []

    def test_karpathys_file_is_left_alone_beside_the_official_ones(self, tmp_path):
        put(tmp_path, "dataset_coco.json", {"images": [karpathy("COCO_train2014_000000000007.jpg", "a")]})
        data = coco([self.IMAGE], [{"image_id": 7, "id": 1, "caption": "official"}])
        put(tmp_path, "annotations/captions_train2014.json", data)
        told = Told("COCO-Captions-2014", tmp_path)
        assert list(told.captions.values()) == [["official"]]
        assert told.index.notices == (
            "dataset_coco.json is not read, because annotations/captions_train2014.json has the captions",
        )


class TestTexts:
    @pytest.mark.parametrize("raw", ["", " ", " .", "1 .", "...", "\u00a0", "2 3", "\uff0e"])
    def test_a_caption_without_a_word_is_told_with_its_place(self, tmp_path, raw):
        put(tmp_path, "dataset_rsicd.json", {"images": [karpathy("bridge_218.jpg", "a bridge .", raw)]})
        told = Told("RSICD", tmp_path)
        assert told.captions == {"train/bridge_218": ["a bridge ."]}
        drop = told.one("empty_text")
        assert (drop.kind, drop.file, drop.line) == ("object", "dataset_rsicd.json", 3)
        assert drop.value.startswith("caption 2 of bridge_218:")

    def test_an_image_of_five_empty_sentences_keeps_its_class(self, tmp_path):
        put(tmp_path, "dataset_RSITMD.json", {"images": [karpathy("viaduct_4635.tif", *[""] * 5)]})
        put(tmp_path, "images/viaduct_4635.tif")
        summary = build("RSITMD", tmp_path, tmp_path / "out", Settings(tile=0), workers=1).summary
        assert summary["objects"] == {"seen": 6, "written": 1, "dropped": {"empty_text": 5}}
        assert summary["tasks"] == {"image_caption": 0, "scene_classification": 1}

    def test_a_sentence_said_twice_is_built_once_unless_all_are_asked_for(self, tmp_path, read_rows):
        record = karpathy("viaduct_4635.tif", *["One road ."] * 5)
        put(tmp_path, "dataset_RSITMD.json", {"images": [record]})
        put(tmp_path, "images/viaduct_4635.tif")
        for captions, rows, dropped in (("unique", 1, {"duplicate_text": 4}), ("all", 5, {})):
            out = tmp_path / captions
            settings = Settings(tile=0, tasks=("image_caption",), captions=captions)
            summary = build("RSITMD", tmp_path, out, settings, workers=1).summary
            assert summary["objects"]["dropped"] == {**dropped, "not_asked": 1}
            assert {row["messages"][1]["content"] for row in read_rows(out)} == {"<Region 1>: One road ."}
            assert summary["rows"]["written"] == rows

    @pytest.mark.parametrize("raw", [None, 7, ["a"], {"raw": "a"}])
    def test_a_caption_that_is_no_string_is_told_and_costs_nothing_else(self, tmp_path, raw):
        record = karpathy("bridge_1.jpg", "a bridge .")
        record["sentences"].insert(0, {"raw": raw})
        put(tmp_path, "dataset_rsicd.json", {"images": [record]})
        told = Told("RSICD", tmp_path)
        assert told.captions == {"train/bridge_1": ["a bridge ."]}
        assert told.one("malformed_line").expected == "a caption, which is a string"

    def test_bytes_of_another_encoding_cost_their_caption(self, tmp_path):
        text = json.dumps(
            {"images": [karpathy("bridge_1.jpg", "a bridge .", "a caf\u00e9 .")]}, ensure_ascii=False
        )
        put(tmp_path, "dataset_rsicd.json", text.encode("latin-1"))
        told = Told("RSICD", tmp_path)
        assert told.captions == {"train/bridge_1": ["a bridge ."]}
        assert told.one("malformed_line").expected == "text in UTF-8"
        assert told.one("malformed_line").value.isascii()

    def test_a_byte_order_mark_is_no_part_of_the_file(self, tmp_path):
        text = json.dumps({"images": [karpathy("bridge_1.jpg", "a bridge .")]})
        put(tmp_path, "dataset_rsicd.json", b"\xef\xbb\xbf" + text.encode())
        assert Told("RSICD", tmp_path).captions == {"train/bridge_1": ["a bridge ."]}

    @given(
        st.text(
            st.one_of(
                st.characters(max_codepoint=126),
                st.characters(codec="utf-8", min_codepoint=0xFF01, max_codepoint=0xFF5E),
                st.just("\u00a0"),
            )
        )
    )
    def test_full_width_forms_are_folded_as_compatibility_normalisation_does(self, text):
        plain = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFKD", text))
        assert caption(text) == " ".join(plain.split())

    @given(st.text())
    def test_a_caption_keeps_its_words_and_has_single_blanks(self, text):
        told = caption(text)
        assert told == " ".join(told.split())
        assert told.isprintable()
        assert caption(told) == told
        letters = [c for c in text if c.isalpha() and c.isprintable() and not 0xFF01 <= ord(c) <= 0xFF5E]
        assert [c for c in told if c in letters and not c.isascii()] == [
            c for c in letters if not c.isascii()
        ]
        assert has_word(told) or not letters


class TestPictures:
    @pytest.mark.parametrize("path", ["images/1.tif", "imgs/1.tif", "1.tif", "imgs/imgs/1.TIF", "imgs/1.jpg"])
    def test_a_picture_is_found_in_any_folder_and_by_its_stem(self, tmp_path, path):
        put(tmp_path, "Sydney/dataset.json", {"images": [karpathy("1.tif", "a house .")]})
        put(tmp_path, path)
        told = Told("Sydney-Captions", tmp_path)
        assert [item.image for item in told.index.items] == [path]
        assert told.drops == []

    def test_the_suffix_of_the_record_goes_before_others_and_the_rest_is_told(self, tmp_path):
        put(tmp_path, "dataset.json", {"images": [karpathy("1.tif", "a house .")]})
        for path in ("imgs/1.jpg", "imgs/1.tif", "imgs/2.tif"):
            put(tmp_path, path)
        told = Told("Sydney-Captions", tmp_path)
        assert [item.image for item in told.index.items] == ["imgs/1.tif"]
        assert {d.file: d.reason.value for d in told.drops} == {
            "imgs/1.jpg": "duplicate_stem",
            "imgs/2.tif": "label_missing",
        }

    def test_no_name_reaches_a_file_outside_the_root(self, tmp_path):
        put(tmp_path, "secret.png")
        record = karpathy("../secret.png", "a house .")
        put(
            tmp_path, "root/dataset.json", {"images": [record, karpathy(str(tmp_path / "secret.png"), "b c")]}
        )
        told = Told("Sydney-Captions", tmp_path / "root")
        assert [item.image for item in told.index.items] == [None]
        assert told.reasons("image") == {"duplicate_id": 1}


class TestRecords:
    @pytest.mark.parametrize("second", ["train", "test"])
    @pytest.mark.parametrize("indent", [None, 1])
    def test_the_first_record_of_an_image_counts_whatever_its_split(self, tmp_path, second, indent):
        records = [karpathy("1.tif", "first ."), karpathy("1.tif", "second .", split=second)]
        put(tmp_path, "dataset.json", json.dumps({"images": records}, indent=indent).encode())
        told = Told("Sydney-Captions", tmp_path)
        assert told.captions == {"train/1": ["first ."]}
        assert told.one("duplicate_id").image_id == f"{second}/1"

    @pytest.mark.parametrize("split", ["validation", "tets", ""])
    def test_an_image_of_an_unknown_split_goes_to_none(self, tmp_path, split):
        records = [karpathy("1.tif", "a ."), karpathy("2.tif", "b .", split=split)]
        put(tmp_path, "dataset.json", {"images": records})
        told = Told("Sydney-Captions", tmp_path)
        assert list(told.captions) == ["train/1"]
        assert told.one("malformed_line").expected == "a split: one of train, val, test"

    @pytest.mark.parametrize("split", [None, "absent"])
    def test_an_image_without_a_split_goes_to_the_default_and_that_is_said(self, tmp_path, split):
        record = karpathy("1.tif", "a .", split=None)
        if split:
            del record["split"]
        put(tmp_path, "dataset.json", {"images": [record]})
        told = Told("Sydney-Captions", tmp_path)
        assert list(told.captions) == ["train/1"]
        assert "name no split" in told.index.notices[0]

    @pytest.mark.parametrize(
        "record", [7, None, [], "x", {}, {"filename": 3}, {"filename": " ", "sentences": []}]
    )
    def test_a_record_without_an_image_is_told_with_its_place(self, tmp_path, record):
        put(tmp_path, "dataset.json", {"images": [karpathy("1.tif", "a b"), record]})
        told = Told("Sydney-Captions", tmp_path)
        assert list(told.captions) == ["train/1"]
        drop = told.one("malformed_line")
        assert (drop.kind, drop.file) == ("image", "dataset.json")
        assert drop.value.startswith("images[1] ")
        lines = (tmp_path / "dataset.json").read_text().splitlines()
        assert not lines[drop.line - 1].startswith("   ")

    def test_what_lies_before_a_defect_is_read_and_the_rest_is_unreadable(self, tmp_path):
        text = json.dumps({"images": [karpathy(f"{n}.tif", f"image {n} .") for n in (1, 2, 3)]}, indent=1)
        at = text.index('"filename": "3.tif"')
        put(tmp_path, "dataset.json", text[:at].encode())
        for n in (1, 2, 3):
            put(tmp_path, f"imgs/{n}.tif")
        told = Told("Sydney-Captions", tmp_path)
        assert list(told.captions) == ["train/1", "train/2"]
        file, picture = [d for d in told.drops if d.reason.value == "label_unreadable"]
        assert (file.kind, file.file, picture.kind, picture.file) == (
            "metadata",
            "dataset.json",
            "image",
            "imgs/3.tif",
        )
        assert file.line is not None
        assert picture.value.startswith(f"dataset.json:{file.line}: ")
        summary = build("Sydney-Captions", tmp_path, tmp_path / "out", Settings(tile=0), workers=1).summary
        assert (summary["images"]["written"], summary["quarantined"]) == (2, 1)

    @pytest.mark.parametrize("content", [b"", b"{", b"<html>", b"[]", b'{"images": []}', b'{"images": 3}'])
    def test_a_file_without_a_caption_is_a_mistake_with_a_message(self, tmp_path, content):
        put(tmp_path, "dataset.json", content)
        with pytest.raises(RsvpError, match=r"dataset\.json: no image with captions in it"):
            index_release(tmp_path, manifest_of("Sydney-Captions"))

    def test_a_list_of_the_users_goes_before_the_split_of_the_record(self, tmp_path):
        put(tmp_path, "dataset.json", {"images": [karpathy(f"{n}.tif", "a b") for n in (1, 2)]})
        for n in (1, 2):
            put(tmp_path, f"imgs/{n}.tif")
        own = put(tmp_path, "mine.txt", b"2\n9\n")
        built = build(
            "Sydney-Captions",
            tmp_path,
            tmp_path / "o",
            Settings(tile=0),
            workers=1,
            split_lists={"held": own},
        )
        assert {name: split["images"] for name, split in built.summary["splits"].items()} == {
            "held": 1,
            "train": 1,
        }
        assert built.summary["images"]["dropped"] == {"image_missing": 1}


class TestRealCaptions:
    """Against the official files; counts are published, or were counted with other means."""

    def linked(self, tmp_path, file, name):
        (tmp_path / name).symlink_to(file)
        return tmp_path

    def test_uc_merced(self, samples):
        told = Told("UCM-Captions", samples / "UCM_captions")
        assert Counter(item.split for item in told.index.items) == {"train": 1680, "val": 210, "test": 210}
        assert sum(map(len, told.captions.values())) == 10_500
        assert sum(len(set(texts)) for texts in told.captions.values()) == 9_978
        assert set(Counter(label for [label] in told.classes.values()).values()) == {100}
        assert told.drops == []

    def test_rsitmd_builds_as_many_rows_as_the_paper_has_samples(self, samples, tmp_path):
        root = tmp_path / "raw"
        root.mkdir()
        file = samples / "RSITMD/dataset_RSITMD.RECONSTRUCTED.json"
        self.linked(root, file, "dataset_RSITMD.json")
        (root / "images").mkdir()
        for record in json.loads(file.read_bytes())["images"]:
            (root / "images" / record["filename"]).with_suffix(".png").write_bytes(PNG)
        built = build("RSITMD", root, tmp_path / "out", Settings(tile=0), workers=1)
        [recipe] = built.manifest.recipes
        train = built.summary["splits"]["train"]
        assert train["images"] == 4291
        assert train["rows"] == 20_096 + 4_291 == recipe.paper_samples
        assert built.summary["images"] == {"seen": 4743, "written": 4743, "dropped": {}}
        assert validate(tmp_path / "out").problems == []

    def test_sydney_has_as_many_unique_captions_as_the_paper_has_samples(self, samples, tmp_path):
        file = samples / "Sydney_captions/dataset.RECONSTRUCTED.json"
        told = Told("Sydney-Captions", self.linked(tmp_path, file, "dataset.json"))
        unique = {image_id: len(set(texts)) for image_id, texts in told.captions.items()}
        by_split = Counter()
        for image_id, count in unique.items():
            by_split[image_id.partition("/")[0]] += count
        assert by_split == {"train": 2294, "val": 274, "test": 269}
        assert sum(unique.values()) == manifest_of("Sydney-Captions").recipes[0].paper_samples

    def test_the_first_record_of_nwpu(self, samples, tmp_path):
        file = samples / "NWPU-Captions/dataset_nwpu.EXCERPT_1_record.json"
        told = Told("NWPU-Captions", self.linked(tmp_path, file, "dataset_nwpu.json"))
        [texts] = told.captions.values()
        assert (len(texts), texts[0], texts[4]) == (
            5,
            "Two larger planes and a smaller plane parked on the open area .",
            "There are three planes on the ground .",
        )
        assert told.classes == {"train/airplane_001": ["airplane"]}

    def test_a_part_of_coco(self, samples, tmp_path):
        (tmp_path / "annotations").mkdir()
        file = samples / "COCO/annotations/croissant_mini_captions_train2014.json"
        self.linked(tmp_path / "annotations", file, "captions_train2014.json")
        told = Told("COCO-Captions-2014", tmp_path)
        data = json.loads(file.read_bytes())
        assert sum(map(len, told.captions.values())) == len(data["annotations"]) > 0
        assert {item.split for item in told.index.items} == {"train"}
        assert all(" ".join(t.split()) == t for texts in told.captions.values() for t in texts)
