"""Referring expressions: a pickle of Python 2, boxes by id, splits that share images."""

from __future__ import annotations

import io
import json
import pickle
from collections import Counter

import pytest
from PIL import Image

from rsvp_builder.build import build
from rsvp_builder.catalog import candidates
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Drops
from rsvp_builder.readers import index_release, reader_for
from rsvp_builder.settings import Settings

LABEL = "refer/refcoco/refs(unc).p"


def jpeg(width=60, height=40):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 80)).save(buffer, "JPEG")
    return buffer.getvalue()


def name(number):
    return f"COCO_train2014_{number:012d}.jpg"


def ref(ref_id, ann_id, image_id, *sents, split="train", **change):
    sentences = [
        {"tokens": s.split(), "raw": s.upper(), "sent_id": k, "sent": s} for k, s in enumerate(sents)
    ]
    return {
        "sent_ids": list(range(len(sents))),
        "file_name": name(image_id).replace(".jpg", f"_{ref_id}.jpg"),
        "ann_id": ann_id,
        "ref_id": ref_id,
        "image_id": image_id,
        "split": split,
        "sentences": sentences,
        "category_id": 1,
        **change,
    }


def annotation(number, image_id, bbox, category_id=1):
    return {
        "id": number,
        "image_id": image_id,
        "bbox": bbox,
        "category_id": category_id,
        "segmentation": [[1, 2, 3, 4, 5, 6]],
    }


REFS = (
    ref(0, 10, 1, "the lady with the blue shirt", "lady"),
    ref(1, 11, 1, "dog", split="testB"),
    ref(2, 12, 2, "man 2", split="train"),
)
ANNOTATIONS = (
    annotation(10, 1, [1.5, 2.0, 10.0, 20.25]),
    annotation(11, 1, [30.0, 10.0, 5.0, 5.0], 18),
    annotation(12, 2, [0.0, 0.0, 60.0, 40.0]),
    annotation(99, 1, [0.0, 0.0, 1.0, 1.0]),
)


def release(root, refs=REFS, annotations=ANNOTATIONS, *, folder="refcoco", pickled=None, images=(1, 2)):
    """A small release as the toolkit lays it out."""
    top = root / "refer" / folder
    top.mkdir(parents=True)
    (top / "refs(unc).p").write_bytes(pickle.dumps(list(refs), protocol=0) if pickled is None else pickled)
    data = {
        "info": {},
        "images": [{"id": n, "file_name": name(n), "width": 60, "height": 40} for n in images],
        "licenses": [],
        "annotations": list(annotations),
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}, {"id": 19, "name": "unicorn"}],
    }
    (top / "instances.json").write_text(json.dumps(data, indent=1))
    pictures = root / "refer/images/mscoco/images/train2014"
    pictures.mkdir(parents=True)
    for number in images:
        (pictures / name(number)).write_bytes(jpeg())
    return root


class Told:
    def __init__(self, root, source="RefCOCO"):
        [manifest] = candidates(source)
        self.index = index_release(root, manifest)
        drops = Drops()
        self.annotations = reader_for(manifest).read(root, manifest, self.index.items, drops)
        self.drops = [*self.index.drops, *drops.entries]
        objects = self.annotations.objects
        tokens = list(manifest.classes)
        self.said = {item.image_id: [] for item in self.index.items}
        for position, text, class_id, box, line in zip(
            objects.item,
            objects.text,
            objects.class_id,
            objects.box.tolist(),
            objects.line.tolist(),
            strict=True,
        ):
            image_id = self.index.items[position].image_id
            self.said[image_id].append((text, tokens[class_id], tuple(box), line))


def test_each_sentence_is_a_text_at_the_box_of_its_annotation(tmp_path):
    told = Told(release(tmp_path))
    lady = (1.5, 2.0, 11.5, 22.25)
    assert told.said == {
        "testB/COCO_train2014_000000000001": [("dog", "dog", (30.0, 10.0, 35.0, 15.0), 2)],
        "train/COCO_train2014_000000000001": [
            ("the lady with the blue shirt", "person", lady, 1),
            ("lady", "person", lady, 1),
        ],
        "train/COCO_train2014_000000000002": [("man 2", "person", (0.0, 0.0, 60.0, 40.0), 3)],
    }
    assert told.drops == []
    assert {item.image.rpartition("/")[2] for item in told.index.items} == {name(1), name(2)}
    assert told.annotations.declared == [(60, 40)] * 3


def test_a_build_gives_a_line_for_each_sentence_and_asks_for_no_class(tmp_path, read_rows):
    built = build("RefCOCO", release(tmp_path / "raw"), tmp_path / "out", Settings(tile=0), workers=1)
    rows = {row["image_id"]: row for row in read_rows(tmp_path / "out")}
    assert rows["train/COCO_train2014_000000000001"]["messages"][1]["content"] == (
        "<Region 1>: the lady with the blue shirt\n<Region 2>: lady"
    )
    assert {row["task"] for row in rows.values()} == {"region_caption"}
    assert {row["domain"] for row in rows.values()} == {"natural"}
    assert {row["provenance"] for row in rows.values()} == {"human"}
    assert built.summary["objects"] == {"seen": 4, "written": 4, "dropped": {}}


def test_two_references_may_share_an_annotation(tmp_path):
    refs = [ref(0, 10, 1, "lady"), ref(1, 10, 1, "woman")]
    [said] = Told(release(tmp_path, refs)).said.values()
    assert [(text, line) for text, _, _, line in said] == [("lady", 1), ("woman", 2)]
    assert len({box for _, _, box, _ in said}) == 1


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_of_any_protocol_is_read(tmp_path, protocol):
    told = Told(release(tmp_path, pickled=pickle.dumps(list(REFS), protocol=protocol)))
    assert sum(map(len, told.said.values())) == 4


def test_strings_of_python_2_are_read_as_utf8_or_else_byte_by_byte(tmp_path):
    text = pickle.dumps([ref(0, 10, 1, "a cafe")], protocol=0)
    for number, code in enumerate((rb"\xc3\xa9", rb"\xe9")):
        # 'S' is the string of Python 2, of bytes.
        pickled = text.replace(b"Va cafe\n", b"S'a caf" + code + b"'\n")
        assert pickled != text
        [[(said, *_)]] = Told(release(tmp_path / str(number), pickled=pickled)).said.values()
        assert said == "a caf\u00e9"


@pytest.mark.parametrize(
    ("source", "folder"), [("RefCOCO", "refcoco"), ("RefCOCO+", "refcoco+"), ("RefCOCO", "RefCOCO")]
)
def test_the_folder_tells_editions_of_one_file_name_apart(tmp_path, source, folder):
    release(tmp_path, [ref(0, 10, 1, "right")], folder=folder)
    other = tmp_path / "refer" / ("refcoco" if folder == "refcoco+" else "refcoco+")
    other.mkdir()
    (other / "refs(unc).p").write_bytes(pickle.dumps([ref(0, 10, 1, "wrong")], protocol=0))
    [[(said, *_)]] = Told(tmp_path, source).said.values()
    assert said == "right"


def test_another_edition_is_not_taken_for_the_one_that_is_asked_for(tmp_path):
    release(tmp_path, folder="refcoco+")
    with pytest.raises(RsvpError, match=r"no RefCOCO found"):
        Told(tmp_path)


def test_the_folder_may_be_the_root_itself(tmp_path):
    release(tmp_path)
    told = Told(tmp_path / "refer/refcoco")
    assert [item.label for item in told.index.items] == ["refs(unc).p"] * 3
    assert {item.image for item in told.index.items} == {None}  # the pictures lie elsewhere


class TestWrong:
    @pytest.mark.parametrize(
        ("bbox", "category", "reason"),
        [
            ([1, 2, float("nan"), 4], 1, "not_finite"),
            ([1, 2, -3, 4], 1, "degenerate"),
            ([1, 2, 3], 1, "malformed_line"),
            ("1 2 3 4", 1, "malformed_line"),
            (None, 1, "malformed_line"),
            ([1, 2, 3, True], 1, "malformed_line"),
            ([1, 2, 3, 4], 19, "unknown_class"),
            ([1, 2, 3, 4], 77, "unknown_class"),
            ([1, 2, 3, 4], None, "unknown_class"),
        ],
    )
    def test_a_box_that_cannot_be_used_costs_the_sentences_about_it(self, tmp_path, bbox, category, reason):
        annotations = [annotation(10, 1, bbox, category), *ANNOTATIONS[1:]]
        root = release(tmp_path / "raw", annotations=annotations)
        told = Told(root)
        [drop] = told.drops
        assert (drop.reason.value, drop.count, drop.line, drop.file) == (reason, 2, 1, LABEL)
        assert sum(map(len, told.said.values())) == 2
        summary = build("RefCOCO", root, tmp_path / "out", Settings(tile=0), workers=1).summary
        assert summary["objects"] == {"seen": 4, "written": 2, "dropped": {reason: 2}}

    def test_a_box_without_width_is_degenerate(self, tmp_path):
        root = release(tmp_path / "raw", annotations=[annotation(10, 1, [1, 2, 0, 4]), *ANNOTATIONS[1:]])
        summary = build("RefCOCO", root, tmp_path / "out", Settings(tile=0), workers=1).summary
        assert summary["objects"]["dropped"] == {"degenerate": 2}

    @pytest.mark.parametrize(
        ("ann_id", "value"),
        [(4444, "ann_id 4444"), (12, "ann_id 12 of image 2")],
    )
    def test_a_reference_to_no_annotation_of_its_image_is_told(self, tmp_path, ann_id, value):
        told = Told(release(tmp_path, [ref(0, ann_id, 1, "lady"), *REFS[1:]]))
        [drop] = told.drops
        assert (drop.reason.value, drop.value) == ("malformed_line", value)

    @pytest.mark.parametrize(
        "entry",
        [
            7,
            None,
            [],
            {},
            ref(0, "10", 1, "lady"),
            ref(0, 10, 1),
            ref(0, 10, 1, "x", split=None),
            ref(0, 10, 1, "x", split="minival"),
        ],
    )
    def test_an_entry_that_is_no_reference_is_told_by_its_position(self, tmp_path, entry):
        root = release(tmp_path / "raw", [*REFS, entry])
        told = Told(root)
        [drop] = told.drops
        assert (drop.kind, drop.reason.value, drop.line) == ("object", "malformed_line", 4)
        summary = build("RefCOCO", root, tmp_path / "out", Settings(tile=0), workers=1).summary
        assert summary["objects"] == {"seen": 5, "written": 4, "dropped": {"malformed_line": 1}}

    @pytest.mark.parametrize(
        ("sent", "reason"),
        [("", "empty_text"), (" ? ", "empty_text"), (None, "malformed_line"), (b"lady", "malformed_line")],
    )
    def test_a_sentence_that_says_nothing_is_told(self, tmp_path, sent, reason):
        entry = ref(0, 10, 1, "lady", "x")
        entry["sentences"][1]["sent"] = sent
        told = Told(release(tmp_path, pickled=pickle.dumps([entry], protocol=4)))
        assert [text for [(text, *_)] in told.said.values()] == ["lady"]
        assert Counter(d.reason.value for d in told.drops) == {reason: 1}

    def test_a_number_is_an_expression(self, tmp_path):
        [[(said, *_)]] = Told(release(tmp_path, [ref(0, 10, 1, "23")])).said.values()
        assert said == "23"

    def test_an_image_that_nobody_knows_or_has_is_missing(self, tmp_path):
        refs = [*REFS, ref(3, 13, 3, "cat")]
        root = release(tmp_path / "raw", refs, [*ANNOTATIONS, annotation(13, 3, [0, 0, 5, 5])])
        (root / "refer/images/mscoco/images/train2014" / name(2)).unlink()
        summary = build("RefCOCO", root, tmp_path / "out", Settings(tile=0), workers=1).summary
        assert summary["images"] == {"seen": 4, "written": 2, "dropped": {"image_missing": 2}}
        assert summary["objects"] == {"seen": 5, "written": 3, "dropped": {"image_missing": 2}}

    def test_boxes_before_a_defect_are_used(self, tmp_path):
        root = release(tmp_path)
        file = root / "refer/refcoco/instances.json"
        text = file.read_text()
        file.write_text(text[: text.index('"id": 12,') + 5])
        told = Told(root)
        assert told.drops[0].reason.value == "label_unreadable"
        assert told.drops[0].line is not None
        assert [drop.kind for drop in told.drops].count("metadata") == 1


class TestPickle:
    @pytest.mark.parametrize(
        "run", [b"cos\nsystem\n(S'true'\ntR.", b"cbuiltins\neval\n(V1\ntR.", pickle.dumps(print)]
    )
    def test_a_pickle_that_would_run_something_is_refused_by_name(self, tmp_path, run):
        with pytest.raises(RsvpError, match=r"refs\(unc\)\.p: refused: the name (os\.system|.*eval|.*print)"):
            Told(release(tmp_path, pickled=run))

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "refused"),
            (b"<html>", "refused"),
            (pickle.dumps(list(REFS), protocol=0)[:-40], "refused"),
            (pickle.dumps({"a": 1}), "holds a dict, expected a list"),
            (pickle.dumps([]), "no expression in it"),
            (pickle.dumps([3]), "no expression in it"),
        ],
    )
    def test_a_file_without_references_is_a_mistake_with_a_message(self, tmp_path, content, message):
        with pytest.raises(RsvpError, match=rf"refs\(unc\)\.p: {message}"):
            Told(release(tmp_path, pickled=content))

    def test_boxes_that_are_not_there_are_asked_for(self, tmp_path):
        root = release(tmp_path)
        (root / "refer/refcoco/instances.json").unlink()
        with pytest.raises(
            RsvpError, match=r"instances\.json: cannot be read: .*must lie beside the expressions"
        ):
            Told(root)


def test_a_split_by_thing_makes_an_item_of_an_image_in_each(tmp_path):
    root = release(tmp_path, folder="refcocog")
    (root / "refer/refcocog/refs(unc).p").rename(root / "refer/refcocog/refs(google).p")
    refs = [ref(0, 10, 1, "lady"), ref(1, 11, 1, "a dog", split="val")]
    (root / "refer/refcocog/refs(google).p").write_bytes(pickle.dumps(refs, protocol=2))
    said = Told(root, "RefCOCOg-google").said
    assert list(said) == ["train/COCO_train2014_000000000001", "val/COCO_train2014_000000000001"]


def test_a_real_record_is_read_as_its_json_tells_it(samples, tmp_path):
    root = tmp_path / "refcoco"
    root.mkdir()
    (root / "refs(unc).p").symlink_to(samples / "RefCOCO/refs(unc).EXCERPT.p")
    [record] = json.loads((samples / "RefCOCO/refs_unc_first_record.json").read_text())
    ann, image = record["ann_id"], record["image_id"]
    instances = {
        "images": [{"id": image, "file_name": name(image), "width": 640, "height": 480}],
        "annotations": [annotation(ann, image, [1, 2, 3, 4])],
        "categories": [{"id": 1, "name": "person"}],
    }
    (root / "instances.json").write_text(json.dumps(instances))
    told = Told(tmp_path)
    said = told.said[f"{record['split']}/{name(image).removesuffix('.jpg')}"]
    assert [text for text, *_ in said] == [sentence["sent"] for sentence in record["sentences"]]
    assert {(token, box) for _, token, box, _ in said} == {("person", (1.0, 2.0, 4.0, 6.0))}
