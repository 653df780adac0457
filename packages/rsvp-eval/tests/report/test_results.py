"""results.json: its form, what it says of values that are not there, and what is refused as such."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_eval.errors import EvalError
from rsvp_eval.report.build import results_of
from rsvp_eval.report.results import LISTED, read_results
from rsvp_eval.sample import Sample
from rsvp_eval.scores import Scores


def written(evaluation, folder, **options):
    results_of(evaluation, **options).write(folder)
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_the_form_is_the_published_one(evaluation, tmp_path):
    found = written(evaluation(), tmp_path, started=datetime(2026, 11, 24, 8, 30, tzinfo=UTC))
    assert found["schema"] == "rsvp-eval/1"
    assert {"name": "dior_rsvg_box", "version": 1, "sha256": "ab" * 32}.items() <= found["task"].items()
    accuracy = found["metrics"]["accuracy"]
    assert accuracy["value"] == pytest.approx(0.8)
    assert accuracy["display"] == 80.0
    assert accuracy["scale"] == 1.0
    assert accuracy["n"] == 30
    assert accuracy["higher_is_better"] is True
    assert accuracy["spec"] == "accuracy normalization=geochat"
    low, high = accuracy["ci95"]
    assert low < 0.8 < high
    assert 0 < accuracy["stderr"] < 0.2
    assert found["metrics"]["spice"] == {"value": None, "reason": "no CoreNLP here"}
    assert found["groups"]["class"]["bridge"]["accuracy"] == {"value": 0.8, "n": 10}
    assert found["counts"] == {"samples": 30, "missing": 3, "unknown": 0}
    assert found["lists"] == {"missing": {"total": 3, "ids": ["row0#1", "row5#1", "row10#1"]}}
    assert found["inputs"] == {"predictions": {"path": "preds.jsonl", "sha256": "cd" * 32}}
    assert {"rsvp_eval", "python", "numpy"} <= found["env"].keys()
    assert found["partial"] is False
    assert found["started"] == "2026-11-24T08:30:00+00:00"
    assert found["seconds"] == {"ss": 0.25}
    assert found["cautions"] == ["mind the protocol"]
    assert found["confusion"]["classes"] == ["bridge", "ship", "storage tank"]
    assert sum(map(sum, found["confusion"]["matrix"])) == 30


def test_what_was_written_reads_back(evaluation, tmp_path):
    results = results_of(evaluation())
    results.write(tmp_path)
    assert read_results(tmp_path) == results
    assert read_results(tmp_path / "results.json") == results


def test_a_value_over_a_corpus_is_not_the_mean_of_its_samples(captions, tmp_path):
    found = written(captions, tmp_path)
    bleu = captions.scores["bleu"]
    assert found["metrics"]["bleu_1"]["value"] == bleu.values()["bleu_1"]
    assert found["metrics"]["bleu_1"]["value"] != pytest.approx(bleu.samples[:, 0].mean())
    assert found["families"]["bleu"]["combine"] == "bleu"
    assert found["families"]["bleu"]["statistics"] == "stats"
    assert found["families"]["bleu"]["columns"][-2:] == ["length", "closest_length"]
    assert found["families"]["rouge_l"] == {
        "metrics": ["rouge_l"],
        "combine": "mean",
        "statistics": "scores",
        "columns": ["rouge_l", "samples"],
    }


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_never_get_in(evaluation, tmp_path, bad):
    values = np.ones(30)
    values[4] = bad
    found = written(evaluation(scores={"ss": Scores.of_means("ss", values, "spec")}), tmp_path)
    assert found["metrics"]["ss"]["value"] is None
    assert "1 of 30 samples have no finite score" in found["metrics"]["ss"]["reason"]
    assert found["metrics"]["ss"]["ci95"] is None
    assert found["groups"]["class"]["ship"]["ss"]["value"] is None
    text = (tmp_path / "results.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text


def test_one_image_has_no_interval_and_the_file_says_why(evaluation, tmp_path):
    samples = [Sample(str(i), str(i), "ship", ("ship",), image="one", label="ship") for i in range(4)]
    found = written(evaluation(samples=samples), tmp_path)["metrics"]["accuracy"]
    assert found["value"] == 1.0
    assert found["ci95"] is None
    assert found["stderr"] is None
    assert "one image" in found["interval_reason"]


def test_without_images_the_clusters_are_the_samples(evaluation, tmp_path):
    samples = [Sample(str(i), str(i), "ship", ("ship",)) for i in range(4)]
    assert written(evaluation(samples=samples), tmp_path)["bootstrap"] == {
        "draws": 1000, "seed": 0, "clusters": 4, "cluster": "sample",
    }  # fmt: skip
    assert written(evaluation(), tmp_path)["bootstrap"]["cluster"] == "image"


def test_n_is_that_of_samples_with_a_weight(evaluation):
    statistics = np.ones((30, 2))
    statistics[:10] = 0.0
    from rsvp_eval.scores import mean

    scores = {"ss": Scores(("ss",), np.ones((30, 1)), statistics, mean, "protocol=sphinxv")}
    found = results_of(evaluation(scores=scores)).metrics["ss"]
    assert (found.n, found.value) == (20, 1.0)


def test_long_lists_are_cut_and_the_total_is_told(evaluation):
    found = results_of(evaluation(lists={"unknown": [str(i) for i in range(LISTED + 5)]}))
    assert found.lists["unknown"].total == LISTED + 5
    assert len(found.lists["unknown"].ids) == LISTED


def test_scores_of_another_number_of_samples_are_refused(evaluation):
    with pytest.raises(ValueError, match="29 rows of scores for 30 samples"):
        results_of(evaluation(scores={"ss": Scores.of_means("ss", np.ones(29), "")}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "names no schema"),
        ('{"results": {}}', "names no schema"),
        ('{"schema": "rsvp-eval/9"}', "its schema is 'rsvp-eval/9'"),
        ('{"schema": "rsvp-eval/1", "n": 3}', "task: Field required"),
        (b"\xff\xfe", "not JSON"),
    ],
)
def test_files_that_are_not_ours_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / "results.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(EvalError, match=message) as caught:
        read_results(tmp_path)
    assert str(path) in str(caught.value)


def test_a_folder_without_results_says_what_to_give(tmp_path):
    with pytest.raises(EvalError, match="rsvp-eval score -o"):
        read_results(tmp_path)
    with pytest.raises(EvalError, match="rsvp-eval score -o"):
        read_results(tmp_path / "nowhere")


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20))
def test_values_come_back_to_the_bit(values):
    import tempfile
    from pathlib import Path

    from rsvp_eval.evaluation import Evaluation

    samples = [Sample(str(i), str(i), "", ("",)) for i in range(len(values))]
    scores = Scores.of_means("cider", np.array(values), "idf=corpus", 10.0)
    made = Evaluation(
        "caption", 1, "", "", "caption", None, samples, {"cider": scores}, {}, {}, {}, [], {}, {}, False,
        None, None, None,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        results_of(made, draws=10).write(Path(folder))
        assert read_results(Path(folder)).metrics["cider"].value == scores.values()["cider"]
