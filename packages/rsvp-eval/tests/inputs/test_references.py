"""Files of references, sound and not."""

from __future__ import annotations

import hashlib
import re

import pytest

from rsvp_eval.errors import EvalError
from rsvp_eval.inputs.references import Reference, References, read_references

SHIP = {"id": "a", "references": ["ship", "boat"]}


def test_references_come_by_id_with_image_and_class(lines):
    path = lines(SHIP, {"id": 2, "reference": "car", "image_id": 17, "class": "vehicle"})
    found = read_references(path)
    assert found.by_id == {
        "a": Reference(("ship", "boat")),
        "2": Reference(("car",), "17", "vehicle"),
    }
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.blank == ()


def test_blank_references_are_told(lines):
    found = read_references(lines(SHIP, {"id": "b", "references": ["x", " "]}, {"id": "c", "reference": ""}))
    assert found.blank == ("b", "c")
    assert found.by_id["b"].texts == ("x", " ")


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"id": "b"}, "no 'references'; keys read: id"),
        ({"id": "b", "references": []}, "'references' is empty"),
        ({"id": "b", "references": "ship"}, "'references' is \"ship\"; expected a list"),
        ({"id": "b", "references": None}, "'references' is null"),
        ({"id": "b", "references": ["x", None]}, "'references' is null; expected a string"),
        ({"id": "b", "references": [["x"]]}, "'references' is [\"x\"]"),
        ({"id": "b", "reference": 4}, "'reference' is 4"),
        ({"id": "b", "reference": "x", "class": ["y"]}, "'class' is [\"y\"]"),
        ({"id": "b", "reference": "x", "image_id": 1.5}, "'image_id' is 1.5"),
        ({"references": ["x"]}, "no 'id'"),
        ({"id": "a", "references": ["ship"]}, 'id "a" came before; all references of an id go in one line'),
        ({"id": "b", "references": ["y" * 100_001]}, "100,001 characters"),
        ('{"id": "b", "references": [NaN]}', "NaN is not JSON"),
    ],
)
def test_a_bad_line_is_named_with_what_was_read(lines, bad, told):
    path = lines(SHIP, bad)
    with pytest.raises(EvalError, match=re.escape(told)) as caught:
        read_references(path)
    assert str(caught.value).startswith(f"{path}:2: ")


def test_an_empty_file_is_an_error(lines):
    with pytest.raises(EvalError, match="no references in it"):
        read_references(lines(""))


def test_references_of_python():
    assert References.of({"a": "ship", "b": ["x", ""]}).by_id == {
        "a": Reference(("ship",)),
        "b": Reference(("x", "")),
    }
    for wrong in ({}, {"a": []}, {"a": [3]}):
        with pytest.raises(EvalError):
            References.of(wrong)
