"""Files of other formats become predictions and references that the package reads."""

from __future__ import annotations

import gzip
import json
import re

import pytest

from rsvp_eval.convert import FORMATS, convert, detect, read
from rsvp_eval.errors import EvalError, UnknownNameError, UsageError
from rsvp_eval.inputs.predictions import read_predictions
from rsvp_eval.inputs.references import read_references

COCO = [{"image_id": 42, "caption": "a ship"}, {"image_id": 7, "caption": "a café"}]
LLAVA = [
    {"question_id": 0, "prompt": "?", "text": "a ship", "answer_id": "x", "model_id": "m", "metadata": {}},
    {"question_id": 1, "prompt": "?", "text": "a café", "answer_id": "y", "model_id": "m", "metadata": {}},
]
GEOCHAT = [
    {"question_id": "Airport/a_1.jpg", "image_id": "a_1.jpg", "answer": "airport", "ground_truth": "Airport"},
    {
        "question_id": "Beach/b_1.jpg",
        "image_id": "b_1.jpg",
        "answer": "sea",
        "ground_truth": ["Beach", "Shore"],
    },
]
SPHINXV = [
    {
        "image_name": "a.jpg",
        "question_id": 3,
        "question": "?",
        "prediction": "Region 1: ship\nRegion 2: car",
        "answer": "Region 1: boat\nRegion 2: car",
    },
    {"image_name": "b.jpg", "question_id": 4, "question": "?", "prediction": "x", "answer": "Region 1: y"},
]
LMMS = [
    {"doc_id": 0, "target": "a boat", "filtered_resps": ["a ship"], "doc_hash": "h", "coco_CIDEr": {}},
    {"doc_id": 1, "target": "['a quay', \"it's\"]", "filtered_resps": [["a café"]], "resps": [["no"]]},
    {"doc_id": 2, "target": "[unlisted]", "resps": [["third"]], "doc": {"image_id": "i2"}},
]
ANNOTATIONS = {
    "images": [{"id": 1, "file_name": "one.jpg"}, {"id": 2, "file_name": "two.jpg"}],
    "annotations": [
        {"image_id": 1, "id": 10, "caption": "a ship"},
        {"image_id": 2, "id": 11, "caption": "a car"},
        {"image_id": 1, "id": 12, "caption": "a boat"},
    ],
}

PREDICTED = {
    "coco": (COCO, {"42": "a ship", "7": "a café"}),
    "llava": (LLAVA, {"0": "a ship", "1": "a café"}),
    "geochat": (GEOCHAT, {"Airport/a_1.jpg": "airport", "Beach/b_1.jpg": "sea"}),
    "sphinxv": (SPHINXV, {"3": "Region 1: ship\nRegion 2: car", "4": "x"}),
    "lmms_eval": (LMMS, {"0": "a ship", "1": "a café", "2": "third"}),
}
REFERENCED = {
    "geochat": (GEOCHAT, {"Airport/a_1.jpg": ("Airport",), "Beach/b_1.jpg": ("Beach", "Shore")}),
    "sphinxv": (SPHINXV, {"3": ("Region 1: boat\nRegion 2: car",), "4": ("Region 1: y",)}),
    "lmms_eval": (LMMS, {"0": ("a boat",), "1": ("a quay", "it's"), "2": ("[unlisted]",)}),
    "coco_annotations": (ANNOTATIONS, {"1": ("a ship", "a boat"), "2": ("a car",)}),
}
FORMAT = {name: name for name in FORMATS} | {"geochat": "llava"}


@pytest.fixture
def given(tmp_path):
    """Writes a value as a JSON document, or records as JSON Lines."""

    def write(value, *, form="json", name=None):
        path = tmp_path / (name or f"given.{form}")
        if form == "jsonl":
            content = "".join(json.dumps(v, ensure_ascii=False) + "\n" for v in value)
        else:
            content = json.dumps(value, indent=None if form == "json" else 2)
        encoded = content.encode()
        path.write_bytes(gzip.compress(encoded) if path.suffix == ".gz" else encoded)
        return path

    return write


@pytest.mark.parametrize("form", ["json", "pretty", "jsonl"])
@pytest.mark.parametrize("asked", ["auto", "named"])
@pytest.mark.parametrize("example", PREDICTED)
def test_predictions_come_out_by_id(given, tmp_path, example, asked, form):
    records, expected = PREDICTED[example]
    path, out = given(records, form=form), tmp_path / "new" / "p.jsonl"
    done = convert("auto" if asked == "auto" else FORMAT[example], path, out)
    assert done.format == FORMAT[example]
    assert (done.records, done.written, done.null, done.duplicates) == (len(records), len(expected), 0, 0)
    assert read_predictions(out).by_id == expected
    assert list(read(path)) == list(expected.items())
    assert [p.name for p in out.parent.iterdir()] == ["p.jsonl"]


@pytest.mark.parametrize("form", ["json", "pretty"])
@pytest.mark.parametrize("example", REFERENCED)
def test_references_come_out_by_id(given, tmp_path, example, form):
    records, expected = REFERENCED[example]
    path, out = given(records, form=form), tmp_path / "r.jsonl"
    done = convert("auto", path, out, references=True)
    assert done.format == FORMAT[example]
    assert {key: own.texts for key, own in read_references(out).by_id.items()} == expected
    assert done.written == len(expected)


def test_gzip_in_and_out(given, tmp_path):
    for form, name in (("json", "given.json.gz"), ("jsonl", "given.jsonl.gz")):
        out = tmp_path / "p.jsonl.gz"
        convert("auto", given(COCO, form=form, name=name), out)
        assert read_predictions(out).by_id == PREDICTED["coco"][1]


def test_the_same_input_gives_the_same_bytes(given, tmp_path):
    path = given(COCO)
    for name in ("p.jsonl", "p.jsonl.gz"):
        convert("coco", path, tmp_path / name)
        first = (tmp_path / name).read_bytes()
        convert("coco", path, tmp_path / name)
        assert (tmp_path / name).read_bytes() == first


def test_the_id_may_stand_elsewhere(given, tmp_path):
    out = tmp_path / "p.jsonl"
    convert("sphinxv", given(SPHINXV), out, id_field="image_name")
    assert list(read_predictions(out).by_id) == ["a.jpg", "b.jpg"]
    convert("lmms-eval", given(LMMS[2:], form="jsonl"), out, id_field="doc.image_id")
    assert list(read_predictions(out).by_id) == ["i2"]
    convert("coco_annotations", given(ANNOTATIONS), out, references=True, id_field="file_name")
    assert list(read_references(out).by_id) == ["one.jpg", "two.jpg"]


def test_null_is_no_answer_and_a_repeated_record_is_written_once(given, tmp_path):
    out = tmp_path / "p.jsonl"
    done = convert("coco", given([*COCO, COCO[0], {"image_id": 1, "caption": None}]), out)
    assert (done.records, done.written, done.null, done.duplicates) == (4, 3, 1, 1)
    assert read_predictions(out).null == ("1",)


BAD = [
    ("coco", [COCO[0], {"image_id": 1}], "record 2: no 'caption'; keys read: image_id"),
    ("coco", [COCO[0], 3], "record 2: expected an object, read 3"),
    ("coco", [COCO[0], {"image_id": None, "caption": "x"}], "record 2: 'image_id' is null"),
    ("coco", [COCO[0], {"image_id": 1, "caption": ["x"]}], "record 2: 'caption' is [\"x\"]"),
    ("coco", [COCO[0], {"image_id": 42, "caption": "x"}], 'record 2: id "42" has another prediction already'),
    ("coco", [], "no records in it"),
    ("llava", [GEOCHAT[0], {"question_id": 1}], "record 2: no 'text'"),
    ("llava", [{"question_id": 1, "answer": "a", "text": "b"}], "both 'answer' and 'text'"),
    ("llava", [{"question_id": 1, "image": "a.jpg", "text": "What is it?"}], "this is a question"),
    ("sphinxv", [SPHINXV[0], {"question_id": 1, "answer": "x"}], "record 2: no 'prediction'"),
    ("sphinxv", [SPHINXV[0], SPHINXV[1] | {"question_id": 3}], "--id-field"),
    ("lmms_eval", [{"doc_id": 1, "resps": [["a", "b"]]}], "'resps' has 2 responses"),
    ("lmms_eval", [{"doc_id": 1, "resps": [[-1.5, True]]}], "expected one text"),
    ("lmms_eval", [{"doc_id": 1, "filtered_resps": []}], "expected one text"),
    ("lmms_eval", [{"doc_id": 1}], "no 'resps'"),
]


@pytest.mark.parametrize(("name", "records", "told"), BAD)
def test_a_bad_record_is_named_and_nothing_is_written(given, tmp_path, name, records, told):
    path, out = given(records), tmp_path / "p.jsonl"
    out.write_text("earlier\n")
    with pytest.raises(EvalError, match=re.escape(told)) as caught:
        convert(name, path, out)
    assert str(caught.value).startswith(str(path))
    assert out.read_text() == "earlier\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([path.name, "p.jsonl"])


def test_a_line_is_named_where_there_are_lines(given, tmp_path):
    path = given([*LLAVA, {"question_id": 2}], form="jsonl")
    with pytest.raises(EvalError, match=re.escape(f"{path}:3: no 'text'")):
        convert("llava", path, tmp_path / "p.jsonl")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([1], "expected an object with 'annotations'"),
        ({"annotations": [{"image_id": 1}]}, "annotation 1: no 'caption'"),
        ({"annotations": [3]}, "annotation 1: expected an object"),
        ({"annotations": []}, "no records in it"),
    ],
)
def test_bad_annotations_are_named(given, tmp_path, value, told):
    with pytest.raises(EvalError, match=re.escape(told)):
        convert("coco_annotations", given(value), tmp_path / "r.jsonl", references=True)


def test_annotations_of_an_image_that_is_not_there(given, tmp_path):
    path = given(ANNOTATIONS | {"images": ANNOTATIONS["images"][:1]})
    with pytest.raises(EvalError, match="annotation 2: image 2 is not among 'images'"):
        convert("coco_annotations", path, tmp_path / "r.jsonl", references=True, id_field="file_name")
    with pytest.raises(EvalError, match="no list 'images'"):
        convert("coco_annotations", given({"annotations": []}), tmp_path / "r", references=True, id_field="a")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "nothing in it"),
        (b"[]", "nothing in it"),
        (b'[{"image_id": 1, "capt', "not JSON at column"),
        (b"[NaN]", "NaN is no JSON value"),
        (b"[" * 100_000, "not JSON"),
        (b'["\xff"]', "not UTF-8 at byte 3"),
        (b'[{"a": 1}]', "of no known format (coco: "),
        (b'{"id": "a", "prediction": "x"}\n', "the format of rsvp-eval already"),
        (b'{"id": "a", "references": ["x"]}\n', "the format of rsvp-eval already"),
        (
            b'{"question_id": 1, "text": "a", "doc_id": 2, "resps": ["b"]}',
            "may be llava or lmms_eval: say which",
        ),
    ],
)
def test_a_file_of_no_known_format_is_told(tmp_path, content, told):
    path = tmp_path / "given"
    path.write_bytes(content)
    with pytest.raises(EvalError, match=re.escape(told)) as caught:
        detect(path)
    assert str(caught.value).startswith(str(path))


def test_files_that_cannot_be_read_or_written(given, tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(EvalError, match="cannot be read"):
            convert("auto", path, tmp_path / "p.jsonl")
        with pytest.raises(EvalError, match="cannot be read"):
            convert("coco_annotations", path, tmp_path / "p.jsonl", references=True)
    packed = tmp_path / "broken.json.gz"
    packed.write_bytes(b"no gzip")
    with pytest.raises(EvalError, match="damaged gzip"):
        convert("auto", packed, tmp_path / "p.jsonl")
    path = given(COCO)
    (tmp_path / "file").write_text("")
    with pytest.raises(EvalError, match="cannot be written"):
        convert("coco", path, tmp_path / "file" / "p.jsonl")
    with pytest.raises(UsageError, match="is the file to convert"):
        convert("coco", path, path)


def test_half_a_surrogate_pair_is_not_written(tmp_path):
    path, out = tmp_path / "given.json", tmp_path / "p.jsonl"
    path.write_text('[{"image_id": 1, "caption": "a\\ud800"}]')
    with pytest.raises(EvalError, match=re.escape("\\ud800, stands in the line of id '1'")):
        convert("coco", path, out)
    assert not out.exists()


def test_a_format_without_predictions_or_references_says_so(given, tmp_path):
    with pytest.raises(UsageError, match="coco_annotations hold no predictions; give --references"):
        convert("auto", given(ANNOTATIONS), tmp_path / "p.jsonl")
    with pytest.raises(UsageError, match="hold no predictions"):
        read(given(ANNOTATIONS))
    with pytest.raises(UsageError, match="coco hold no references; drop --references"):
        convert("coco", given(COCO), tmp_path / "p.jsonl", references=True)
    with pytest.raises(UnknownNameError, match="Did you mean coco"):
        convert("cocoo", given(COCO), tmp_path / "p.jsonl")
    with pytest.raises(EvalError, match="record 1: no 'ground_truth'"):
        convert("llava", given(LLAVA), tmp_path / "r.jsonl", references=True)
