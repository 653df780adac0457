"""Files of predictions, sound and not."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.errors import EvalError
from rsvp_eval.inputs.predictions import Predictions, read_predictions

SHIP = {"id": "a", "prediction": "ship"}
CAR = {"id": "b", "prediction": "car"}


def test_predictions_come_by_id_in_order(lines):
    path = lines(CAR, SHIP)
    found = read_predictions(path)
    assert list(found.by_id.items()) == [("b", "car"), ("a", "ship")]
    assert found.lines == 2
    assert found.path == path
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["p.jsonl", "p.jsonl.gz"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n"])
def test_any_line_ends_and_gzip(lines, name, end):
    path = lines(SHIP, CAR, name=name, end=end)
    found = read_predictions(path)
    assert found.by_id == {"a": "ship", "b": "car"}
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_no_line_break_at_the_end(lines):
    assert read_predictions(lines(SHIP, CAR, end=b"\n")).by_id == {"a": "ship", "b": "car"}
    assert read_predictions(lines(json.dumps(SHIP), end=b"")).by_id == {"a": "ship"}


@pytest.mark.parametrize("name", ["p.jsonl", "p.jsonl.gz"])
def test_a_byte_order_mark_is_tolerated(lines, name):
    path = lines(b"\xef\xbb\xbf" + json.dumps(SHIP).encode(), CAR, name=name)
    assert read_predictions(path).by_id == {"a": "ship", "b": "car"}


def test_other_keys_whole_numbers_and_captions(lines):
    path = lines({"id": 7, "caption": "x", "model": "m", "latency_s": 0.5}, {"id": "7b", "prediction": "y"})
    assert read_predictions(path).by_id == {"7": "x", "7b": "y"}
    both = lines({"id": 1, "caption": "no", "prediction": "yes"})
    assert read_predictions(both).by_id == {"1": "yes"}


def test_turns_of_a_conversation_are_one_answer(lines):
    turns = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": "<Region 1>: a"},
        "<Region 2>: b",
    ]
    found = read_predictions(lines({"id": "a", "prediction": turns}))
    assert found.by_id == {"a": "<Region 1>: a\n\n<Region 2>: b"}


def test_null_and_blank_predictions_are_told_apart(lines):
    found = read_predictions(
        lines(
            {"id": "a", "prediction": None},
            {"id": "b", "prediction": " \t"},
            {"id": "c", "prediction": ""},
            SHIP | {"id": "d"},
        )
    )
    assert found.null == ("a",)
    assert found.empty == ("b", "c")
    assert list(found.by_id) == ["b", "c", "d"]


def test_the_same_line_again_is_counted_and_taken_once(lines):
    found = read_predictions(lines(SHIP, CAR, SHIP, SHIP))
    assert found.by_id == {"a": "ship", "b": "car"}
    assert found.repeated == ("a", "a")
    assert found.duplicates == 2
    assert found.lines == 4


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ('{"id": "b", "prediction": "x"', "not JSON at column 30"),
        ("ship", "not JSON at column 1"),
        ('["b", "x"]', "expected a JSON object, read"),
        ("12", "expected a JSON object, read 12"),
        ({"prediction": "x"}, "no 'id'; keys read: prediction"),
        ({"id": None, "prediction": "x"}, "'id' is null"),
        ({"id": "", "prediction": "x"}, "'id' is \"\""),
        ({"id": 1.5, "prediction": "x"}, "'id' is 1.5"),
        ({"id": True, "prediction": "x"}, "'id' is true"),
        ({"id": ["b"], "prediction": "x"}, "'id' is [\"b\"]"),
        ({"id": "b", "prediction": 3}, "'prediction' is 3; expected a string"),
        ({"id": "b", "prediction": {"text": "x"}}, "'prediction' is {"),
        ({"id": "b", "prediction": [1]}, "'prediction' holds 1"),
        ('{"id": "b", "prediction": NaN}', "NaN is not JSON"),
        ('{"id": "b", "prediction": "x", "score": Infinity}', "Infinity is not JSON"),
        ('{"id": "b", "prediction": "x", "id": "c"}', "'id' stands twice"),
        ('{"id": "b", "prediction": "x", "prediction": "y"}', "'prediction' stands twice"),
        ({"id": "b"}, "no 'prediction'; keys read: id"),
        ({"id": "b", "answer": "x"}, "it has 'answer' instead. `rsvp-eval convert`"),
        (b'{"id": "b", "prediction": "caf\xe9"}', "not UTF-8: byte 0xe9 at column 31"),
        ('{"id": "b", "prediction": "a\\ud800"}', "half of a surrogate pair, \\ud800, at character 2"),
        ({"id": "a", "prediction": "boat"}, 'id "a" has another prediction already: "ship", and here "boat"'),
        ({"id": "a", "prediction": None}, 'id "a" has another prediction already: "ship", and here null'),
        ({"id": "b", "prediction": "x" * 100_001}, "100,001 characters, more than the limit of 100,000"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
    ],
)
def test_a_bad_line_is_named_with_what_was_read(lines, bad, told):
    path = lines(SHIP, bad, {"id": "z", "prediction": "z"})
    with pytest.raises(EvalError, match=re.escape(told)) as caught:
        read_predictions(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert caught.value.exit_code == 1
    assert len(str(caught.value)) < 600


def test_ten_megabytes_in_one_caption_are_refused_or_taken_as_asked(lines):
    path = lines({"id": "a", "prediction": "word " * 2_000_000})
    with pytest.raises(EvalError, match="10,000,000 characters"):
        read_predictions(path)
    assert len(read_predictions(path, limit=20_000_000).by_id["a"]) == 10_000_000


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file_is_an_error(lines, content):
    with pytest.raises(EvalError, match="no predictions in it"):
        read_predictions(lines(content, end=b""))


@pytest.mark.parametrize("indent", [None, 1])
def test_coco_results_are_pointed_to_the_converter(lines, indent):
    results = json.dumps([{"image_id": 1, "caption": "x"}], indent=indent)
    with pytest.raises(EvalError, match="rsvp-eval convert"):
        read_predictions(lines(results))


def test_a_missing_file_a_folder_and_a_damaged_archive(tmp_path, lines):
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(EvalError, match="cannot be read"):
            read_predictions(path)
    damaged = tmp_path / "d.jsonl.gz"
    damaged.write_bytes(gzip.compress(json.dumps(SHIP).encode() * 100)[:-20])
    with pytest.raises(EvalError, match="damaged gzip"):
        read_predictions(damaged)
    damaged.write_bytes(b"plain")
    with pytest.raises(EvalError, match="damaged gzip"):
        read_predictions(damaged)


def test_predictions_of_python(lines):
    found = Predictions.of({"a": "ship", "b": None, "c": " "})
    assert (found.by_id, found.null, found.empty) == ({"a": "ship", "c": " "}, ("b",), ("c",))
    with pytest.raises(EvalError, match="expected a string or None"):
        Predictions.of({"a": 3})
    with pytest.raises(EvalError, match="no predictions"):
        Predictions.of({})


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.dictionaries(st.text(min_size=1), st.text(max_size=50), min_size=1), st.booleans())
def test_what_is_written_is_read(tmp_path_factory, said, ascii_only):
    path = tmp_path_factory.mktemp("written") / "p.jsonl"
    written = [json.dumps({"id": k, "prediction": v}, ensure_ascii=ascii_only) for k, v in said.items()]
    path.write_text("\n".join(written), encoding="utf-8")
    assert read_predictions(path).by_id == said


@pytest.mark.slow
def test_two_hundred_thousand_lines_in_two_seconds(lines):
    path = lines(*({"id": f"{n:032x}", "prediction": f"<Region 1>: ship number {n}"} for n in range(200_000)))
    started = time.process_time()
    assert read_predictions(path).lines == 200_000
    assert time.process_time() - started < 2
