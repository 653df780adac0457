"""A table of document frequencies says what was counted, comes back from its file, and is checked."""

from __future__ import annotations

import json
import pickle
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.captions import Captions
from rsvp_eval.errors import EvalError
from rsvp_eval.metrics.cider import cider
from rsvp_eval.metrics.document_frequency import (
    DocumentFrequency,
    count_documents,
    read_document_frequency,
    write_document_frequency,
)

PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
CAPTION = st.lists(st.sampled_from(["a", "b", "é", '"', "\\", "\ud800"]), max_size=6).map(" ".join)
SAMPLES = st.lists(st.lists(CAPTION, min_size=1, max_size=3), min_size=1, max_size=6)


def by_definition(references):
    counts = Counter()
    for own in references:
        seen = set()
        for text in own:
            words = text.split()
            seen |= {" ".join(words[i : i + n]) for n in range(1, 5) for i in range(len(words) - n + 1)}
        counts.update(seen)
    return counts


@PROPERTY
@given(SAMPLES)
def test_each_sample_counts_once_for_an_n_gram_and_its_prediction_does_not(references):
    captions = Captions(None)
    captions.update(["a prediction of its own"] * len(references), references)
    table = count_documents(captions)
    assert table.documents == len(references)
    assert table.counts == by_definition(references)


@PROPERTY
@given(SAMPLES)
def test_a_table_comes_back_from_its_file(tmp_path_factory, references):
    captions = Captions(None)
    captions.update(["x"] * len(references), references)
    path = tmp_path_factory.mktemp("df") / "df.json"
    written = write_document_frequency(path, captions)
    assert read_document_frequency(path) == written
    assert dict(written.counts) == by_definition(references)
    assert [child.name for child in path.parent.iterdir()] == ["df.json"]


def test_a_file_of_the_same_references_scores_as_they_do(tmp_path, generated, captions_of):
    write_document_frequency(tmp_path / "df.json", captions_of(*generated))
    table = read_document_frequency(tmp_path / "df.json")
    with_file = cider(*generated, document_frequency=table, tokenized=True)
    assert (with_file.samples == cider(*generated, tokenized=True).samples).all()
    assert "idf=file:df.json idf_sha256=" in with_file.spec
    assert "documents=1200" in with_file.spec


def test_hand_written_table(tmp_path):
    path = tmp_path / "df.json"
    path.write_text('{"df": {"a plane": 3, "plane": 10}, "documents": 10}')
    table = read_document_frequency(path)
    assert (table.documents, table.counts) == (10, {"a plane": 3, "plane": 10})


BAD = {
    "not JSON": ('{"documents": 3,\n "df": {"a": }}', r"line 2: not JSON"),
    "empty file": ("", "line 1: not JSON"),
    "list": ("[1]", "read list"),
    "keys": ('{"documents": 3}', "read the keys"),
    "another key": ('{"documents": 3, "df": {}, "ref_len": 2}', "ref_len"),
    "no documents": ('{"documents": 0, "df": {}}', "'documents' is 0"),
    "part of a document": ('{"documents": 3.5, "df": {}}', "'documents' is 3.5"),
    "true": ('{"documents": true, "df": {}}', "'documents' is True"),
    "list of counts": ('{"documents": 3, "df": ["a"]}', "'df' is"),
    "count of text": ('{"documents": 3, "df": {\n"a": "2"}}', "line 2: 'a' is in '2' documents"),
    "count of 0": ('{"documents": 3, "df": {"a": 0}}', "'a' is in 0 documents"),
    "more than there are": ('{"documents": 3, "df": {"a": 4}}', "from 1 to the 3 documents"),
    "NaN": ('{"documents": 3, "df": {"a": NaN}}', "'a' is in nan documents"),
    "five words": ('{"documents": 3, "df": {\n\n"a b c d e": 1}}', "line 3: read the n-gram 'a b c d e'"),
    "two spaces": ('{"documents": 3, "df": {"a  b": 1}}', "one to 4 words"),
    "no word": ('{"documents": 3, "df": {"": 1}}', "one to 4 words"),
    "tab": ('{"documents": 3, "df": {"a\\tb": 1}}', "one to 4 words"),
    "twice": ('{"documents": 3, "df": {"a": 1,\n"a": 2}}', "line 2: 'a' is there twice"),
    "huge number": ('{"documents": 1' + "0" * 5000 + ', "df": {}}', "not such JSON"),
    "deep": ("[" * 100_000, "not such JSON"),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_is_wrong_with_a_file_is_said(bad, tmp_path):
    content, message = BAD[bad]
    path = tmp_path / "df.json"
    path.write_text(content)
    with pytest.raises(EvalError, match=message) as caught:
        read_document_frequency(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < 600


def test_files_that_are_no_text(tmp_path):
    path = tmp_path / "df.p"
    path.write_bytes(pickle.dumps({("a",): 1.0}))
    with pytest.raises(EvalError, match="is a pickle, which is not read"):
        read_document_frequency(path)
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(EvalError, match="not UTF-8 at byte 0"):
        read_document_frequency(path)
    with pytest.raises(EvalError, match="cannot be read"):
        read_document_frequency(tmp_path / "missing.json")
    with pytest.raises(EvalError, match="cannot be read"):
        read_document_frequency(tmp_path)


def test_files_that_cannot_be_written(tmp_path, captions_of):
    with pytest.raises(EvalError, match="cannot be written"):
        write_document_frequency(tmp_path / "missing" / "df.json", captions_of(["a"], [["a"]]))
    with pytest.raises(EvalError, match="no samples to count"):
        write_document_frequency(tmp_path / "df.json", Captions(None))
    assert list(tmp_path.iterdir()) == []


def test_an_n_gram_that_is_listed_weighs_less(captions_of):
    references = [["a b"], ["c d"]]
    light = DocumentFrequency(100, {"a": 100, "b": 1, "a b": 1})
    scores = cider(["a", "c"], references, document_frequency=light, tokenized=True)
    assert scores.samples[0, 0] == 0  # ln(100) - ln(100)
    assert scores.samples[1, 0] > 0  # not listed: in no document


def test_the_file_has_a_line_for_each_n_gram(tmp_path, captions_of):
    path = tmp_path / "df.json"
    write_document_frequency(path, captions_of(["x"], [["a b a"]]))
    assert path.read_text().splitlines() == [
        '{"documents": 1, "df": {', '"a": 1,', '"b": 1,', '"a b": 1,', '"b a": 1,', '"a b a": 1', "}}"
    ]  # fmt: skip
    assert json.loads(path.read_text())["documents"] == 1
