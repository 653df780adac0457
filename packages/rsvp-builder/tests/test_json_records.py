"""Large JSON files are read record by record, and a defect costs what lies behind it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.readers import json_records
from rsvp_builder.readers.json_records import JsonError, records

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(path, **options):
    return [(r.key, r.number, r.value) for r in records(path, **options)]


@pytest.fixture
def write(tmp_path):
    def write_text(text):
        path = tmp_path / "file.json"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_text


@given(items=st.lists(VALUES, max_size=6), chunk=st.integers(1, 40), indent=st.sampled_from([None, 1, "\t"]))
def test_an_array_gives_its_elements_whatever_the_window(items, chunk, indent, tmp_path_factory):
    path = tmp_path_factory.mktemp("json") / "file.json"
    path.write_text(json.dumps(items, indent=indent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "_CHUNK", chunk)
        assert read(path) == [("", number, item) for number, item in enumerate(items, start=1)]


@given(data=st.dictionaries(st.text(), VALUES, max_size=5), chunk=st.integers(1, 40))
def test_an_object_gives_the_elements_of_its_arrays(data, chunk, tmp_path_factory):
    path = tmp_path_factory.mktemp("json") / "file.json"
    path.write_text(json.dumps(data))
    expected = [
        (key, number, item)
        for key, value in data.items()
        if isinstance(value, list)
        for number, item in enumerate(value, start=1)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "_CHUNK", chunk)
        assert read(path) == expected


def test_only_wanted_keys_are_given(write):
    path = write('{"a": [1, 2], "b": {"a": [3]}, "c": [4], "d": 5}')
    assert read(path, wanted=lambda key: key == "c") == [("c", 1, 4)]


def test_lines_are_those_of_the_file(write, monkeypatch):
    monkeypatch.setattr(json_records, "_CHUNK", 7)
    path = write('{\n "x": 1,\n\n "images": [\n  {"id":\n 1},\n  {"id": 2}, {"id": 3}\n ]\n}\n')
    assert [(r.value["id"], r.line) for r in records(path)] == [(1, 5), (2, 7), (3, 7)]


def test_numbers_at_the_end_of_the_window_are_read_whole(write, monkeypatch):
    monkeypatch.setattr(json_records, "_CHUNK", 1)
    assert [value for _, _, value in read(write("[123456, 1.5e10, -7]"))] == [123456, 1.5e10, -7]


@pytest.mark.parametrize(
    ("text", "before", "line"),
    [
        ('[\n{"id": 1},\n{"id": 2},\n{"id": 3', [1, 2], 4),
        ('[\n{"id": 1},\n{"id": oops}]', [1], 3),
        ('[\n{"id": 1}\n{"id": 2}]', [1], 3),
        ('[{"id": 1}] trailing', [1], 1),
        ("", [], 1),
        ('"text"', [], 1),
        ('{"images": [{"id": 1}], 5: []}', [1], 1),
        ("[" * 100_000, [], 1),
    ],
)
def test_what_lies_before_a_defect_is_given_and_the_defect_has_its_line(write, text, before, line):
    found = []
    with pytest.raises(JsonError) as caught:
        for record in records(write(text)):
            found.append(record.value["id"])  # noqa: PERF401 - it ends with an error
    assert found == before
    assert caught.value.line == line
    assert caught.value.expected


def test_a_record_beyond_all_bounds_is_refused(write, monkeypatch):
    monkeypatch.setattr(json_records, "MAX_RECORD", 1000)
    monkeypatch.setattr(json_records, "_CHUNK", 64)
    with pytest.raises(JsonError, match="at most 1000 characters"):
        read(write('["' + "x" * 10_000 + '"'))


def test_bytes_that_are_no_text_cost_their_record(write):
    first, second = records(write(b'\xef\xbb\xbf[{"raw": "caf\xe9"}, {"raw": "caf\xc3\xa9"}]'))
    assert second.value == {"raw": "café"}
    with pytest.raises(UnicodeEncodeError):
        first.value["raw"].encode()


def test_not_a_number_is_a_value(write):
    [(_, _, value)] = read(write('[{"bbox": [NaN, Infinity, 1, 2]}]'))
    assert value["bbox"][0] != value["bbox"][0]


def test_a_missing_file_is_the_callers_to_report(tmp_path):
    with pytest.raises(OSError):
        list(records(tmp_path / "none.json"))
