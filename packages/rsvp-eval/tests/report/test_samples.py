"""samples.jsonl: a line a sample, exact, whole or not there, enough to combine values anew."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_eval.errors import EvalError
from rsvp_eval.report import families, samples
from rsvp_eval.report.build import results_of
from rsvp_eval.report.samples import read_samples, statistics_of, write_samples
from rsvp_eval.scores import Scores


def lines(folder):
    return [json.loads(line) for line in (folder / "samples.jsonl").read_text("utf-8").split("\n") if line]


def test_a_line_says_everything_about_its_sample(captions, tmp_path):
    write_samples(captions, tmp_path, tokens=["a b"] * 4)
    first = lines(tmp_path)[0]
    assert list(first) == ["id", "image_id", "class", "hyp", "refs", "hyp_tok", "scores", "stats"]
    assert first["id"] == "0"
    assert first["image_id"] == "image0"
    assert first["refs"] == ["a large ship is near the harbor", "a ship lies in the harbor"]
    assert first["stats"]["bleu"] == captions.scores["bleu"].statistics[0].tolist()
    assert first["scores"]["bleu_4"] == captions.scores["bleu"].samples[0, 3]
    assert "rouge_l" not in first["stats"]


def test_marks_name_their_row_and_missing_answers_are_null(evaluation, tmp_path):
    write_samples(evaluation(), tmp_path)
    first = lines(tmp_path)[0]
    assert (first["id"], first["row"], first["class"], first["hyp"]) == ("row0#1", "row0", "bridge", None)
    assert "stats" not in first


def test_values_follow_from_the_two_files_alone(captions, tmp_path):
    write_samples(captions, tmp_path)
    found = list(read_samples(tmp_path))
    for name, family in results_of(captions).families.items():
        statistics = statistics_of(found, name, family)
        np.testing.assert_array_equal(statistics, captions.scores[name].statistics)
        values = families.combine_by(family.combine)(statistics.sum(axis=0))
        expected = captions.scores[name].values()
        assert dict(zip(family.metrics, values.tolist(), strict=True)) == expected


@pytest.mark.parametrize("family", ["bleu", "meteor"])
def test_families_that_are_no_means_have_named_columns_and_a_way_to_combine(family):
    combine = families.combine_by(family)
    (width,) = [w for w in range(1, 40) if "statistic_1" not in named(family, w, combine)]
    values = combine(np.full((3, width), 4.0))
    assert values.shape[0] == 3
    assert np.isfinite(values).all()
    assert families.rule_of(family, combine) == family
    assert len(set(named(family, width, combine))) == width


def named(family, width, combine):
    return families.columns_of(family, Scores((), np.zeros((1, 0)), np.zeros((1, width)), combine, ""))


def test_a_score_that_is_nan_is_null_and_reads_back(evaluation, tmp_path):
    values = np.ones(30)
    values[2] = math.nan
    made = evaluation(scores={"ss": Scores.of_means("ss", values, "")})
    write_samples(made, tmp_path)
    assert lines(tmp_path)[2]["scores"] == {"ss": None}
    found = list(read_samples(tmp_path))
    assert math.isnan(found[2].scores["ss"])
    family = results_of(made, draws=0).families["ss"]
    np.testing.assert_array_equal(statistics_of(found, "ss", family), made.scores["ss"].statistics)


def test_an_interrupted_run_leaves_the_earlier_file(evaluation, tmp_path, monkeypatch):
    write_samples(evaluation(), tmp_path)
    before = (tmp_path / "samples.jsonl").read_bytes()
    written = iter([1.0])
    monkeypatch.setattr(samples, "_number", lambda _: next(written))
    with pytest.raises((StopIteration, RuntimeError)):
        write_samples(evaluation(), tmp_path)
    assert (tmp_path / "samples.jsonl").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["samples.jsonl"]


def test_a_folder_that_cannot_be_written_is_told(evaluation, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EvalError, match="cannot be written"):
        write_samples(evaluation(), tmp_path / "file" / "out")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "a", "hyp": null, "refs": []}', "no 'scores'"),
        ('{"id": "a", "hyp": null, "refs": [], "scores": {"ss": "x"}}', "'x' is no number"),
        ('{"id": 3, "hyp": null, "refs": [], "scores": {}}', "3 is no string"),
        ('{"id": "a", "hyp": null, "refs": [], "scores": [1]}', "not a line of samples"),
        ("[1]", "expected a JSON object"),
    ],
)
def test_a_line_that_is_not_ours_is_told_by_number(tmp_path, line, message):
    path = tmp_path / "samples.jsonl"
    path.write_text('{"id": "0", "hyp": "", "refs": [""], "scores": {}}\n' + line + "\n")
    with pytest.raises(EvalError, match=message) as caught:
        list(read_samples(tmp_path))
    assert f"{path}:2:" in str(caught.value)


def test_statistics_of_another_width_are_refused(captions, tmp_path):
    write_samples(captions, tmp_path)
    found = list(read_samples(tmp_path))
    found[1].stats["bleu"].pop()
    with pytest.raises(EvalError, match="sample 1: 9 statistics of bleu, expected 10"):
        statistics_of(found, "bleu", results_of(captions).families["bleu"])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back_to_the_bit(value):
    back = float(json.loads(json.dumps(samples._number(value))))
    assert back == value
