"""Request lines and result lines, without a server."""

from __future__ import annotations

import json

import pytest
from batch_doubles import key_of
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.captioning.batch.files import RequestFile, custom_id, request_line
from rsvp_builder.captioning.batch.results import Answered, Malformed, Unanswered, parse, read
from rsvp_builder.captioning.batch.settings import BatchSettings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)

STRANGE = [b"x", b"", b"\r", b'{"custom_id":"k"}', "\u2028".encode(), b"\x0b"]


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 50), st.integers(0, 50))
def test_names_are_short_and_tell_attempts_and_keys_apart(one, other, row, another):
    first, second = custom_id(key_of(row), one), custom_id(key_of(another), other)
    assert len(first) == 64
    assert (first == second) == ((row, one) == (another, other))
    assert custom_id(key_of(row), 1) == key_of(row)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_a_request_is_one_line_of_ascii_that_says_what_was_given(body):
    line = request_line("a" * 64, body)
    assert line.isascii() and line.endswith(b"\n") and len(line.decode().splitlines()) == 1
    assert json.loads(line) == {
        "custom_id": "a" * 64,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": body,
    }


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "batches" / "one.jsonl"
    with RequestFile(path, 2, 8) as file:
        assert (file.room, file.takes(b"123456789", "m"), file.takes(b"12345678", "m")) == (2, False, True)
        file.write(b"1234", "m")
        assert not file.takes(b"1234", "another model")
        assert file.takes(b"5678", "m") and not file.takes(b"56789", "m")
        file.write(b"5678", "m")
        assert file.room == 0 and not file.takes(b"", "m")
        assert not path.exists()
        file.complete()
    assert path.read_bytes() == b"12345678"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_not_completed_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), RequestFile(tmp_path / "one.jsonl", 2, 8) as file:
        file.write(b"1234", "m")
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            {"custom_id": "k", "response": {"status_code": 200, "body": {"a": 1}}, "error": None},
            Answered(7, "k", {"a": 1}),
        ),
        (
            {
                "custom_id": "k",
                "response": {"status_code": 400, "body": {"error": {"code": "c", "message": "m"}}},
            },
            Unanswered(7, "k", 400, "c", "m"),
        ),
        (
            {"custom_id": "k", "response": {"status_code": 502, "body": "<html>"}, "error": None},
            Unanswered(7, "k", 502, "", "<html>"),
        ),
        (
            {"custom_id": "k", "response": None, "error": {"code": "batch_expired", "message": "late"}},
            Unanswered(7, "k", None, "batch_expired", "late"),
        ),
        (
            {"custom_id": "k", "response": {"status_code": 500, "body": {}}, "error": {"code": "x"}},
            Unanswered(7, "k", 500, "", "None"),
        ),
    ],
)
def test_lines_of_the_forms_that_the_api_has(line, expected):
    assert parse(json.dumps(line).encode(), 7) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[1]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"custom_id": 3, "response": {"status_code": 200, "body": {}}}',
        b'{"custom_id": "k"}',
        b'{"custom_id": "k", "response": null, "error": null}',
        b'{"custom_id": "k", "response": {"status_code": 200, "body": "text"}}',
        b'{"custom_id": "k", "response": {"status_code": "200", "body": {}}}',
        b"9" * 5000,
    ],
)
def test_other_lines_are_malformed(line):
    told = parse(line, 3)
    assert isinstance(told, Malformed) and told.line == 3
    assert len(told.told) < 400


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_line_is_too_strange(line):
    assert isinstance(parse(line, 1), Answered | Unanswered | Malformed)


@given(
    st.lists(st.sampled_from([b"x", b"", b"\r", b'{"custom_id":"k"}', "\u2028".encode(), b"\x0b"])),
    st.booleans(),
)
def test_lines_are_numbered_as_in_an_editor(tmp_path_factory, lines, ended):
    path = tmp_path_factory.mktemp("results") / "output.jsonl"
    path.write_bytes(b"\n".join(lines) + (b"\n" if ended else b""))
    expected = [number for number, line in enumerate(lines, 1) if line.strip()]
    assert [line.line for line in read(path)] == expected


def test_bounds_can_only_be_lowered(tmp_path):
    for bounds in ({"max_requests": 50_001}, {"max_bytes": 200_000_001}, {"max_requests": 0}):
        with pytest.raises(ValueError, match="max_"):
            BatchSettings(folder=tmp_path, **bounds)
    assert BatchSettings(folder=tmp_path).max_requests == 50_000
