"""A paired test from two result folders: matching, intervals, p-values, and what is refused."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from scipy import stats

from rsvp_eval.compare import compare
from rsvp_eval.errors import EvalError
from rsvp_eval.metrics.bleu import bleu
from rsvp_eval.report.comparison import table_of_comparison, write_comparison
from rsvp_eval.scores import Scores, mean


def only(comparison):
    (difference,) = comparison.differences
    return difference


def test_a_difference_has_values_interval_and_counts(folder):
    rng = np.random.default_rng(0)
    a = rng.random(400)
    b = np.clip(a + rng.normal(0.02, 0.1, 400), 0, 1)
    b[:50] = a[:50]
    found = only(compare(folder("a", a), folder("b", b)))
    assert found.a == pytest.approx(a.mean())
    assert found.b == pytest.approx(b.mean())
    assert found.difference == pytest.approx(b.mean() - a.mean())
    assert found.interval.low < found.difference < found.interval.high
    assert found.wins == int((b > a).sum())
    assert found.losses == int((b < a).sum())
    assert found.ties == int((b == a).sum())


def test_the_interval_is_that_of_the_paired_differences_by_image(folder):
    rng = np.random.default_rng(1)
    a = rng.random(600)
    gain = np.repeat(rng.normal(0.01, 0.05, 300), 2)
    found = only(compare(folder("a", a), folder("b", a + gain), draws=3000))
    # Both samples of an image gain alike, so there are 300 independent gains, not 600.
    assert found.interval.stderr == pytest.approx(gain.std() / math.sqrt(300), rel=0.06)


def test_the_p_value_is_that_of_the_exact_test(folder):
    rng = np.random.default_rng(2)
    a, b = rng.random(10), rng.random(10) + 0.25
    found = only(compare(folder("a", a, per_image=1), folder("b", b, per_image=1), draws=20000))
    gaps = b - a
    signs = np.array(list(itertools.product((1, -1), repeat=10)))
    exact = (np.abs((signs * gaps).mean(axis=1)) >= abs(gaps.mean()) - 1e-12).mean()
    assert found.p_value == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 20000) + 1e-4)


def test_the_p_value_agrees_with_scipy_by_image(folder):
    rng = np.random.default_rng(3)
    a = rng.random(80)
    b = a + np.repeat(rng.normal(0.02, 0.08, 40), 2)
    found = only(compare(folder("a", a), folder("b", b), draws=10000))
    by_image = (b - a).reshape(40, 2).sum(axis=1)
    reference = stats.permutation_test(
        (by_image, np.zeros(40)),
        lambda x, y, axis: (x - y).mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=10000,
        rng=np.random.default_rng(4),
    )
    assert found.p_value == pytest.approx(reference.pvalue, abs=0.02)


def test_p_values_of_runs_that_do_not_differ_are_uniform(folder):
    rng = np.random.default_rng(5)
    found = []
    for i in range(40):
        a, noise = rng.random(60), rng.normal(0, 0.1, 60)
        found.append(only(compare(folder(f"a{i}", a), folder(f"b{i}", a + noise), draws=400)).p_value)
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_a_run_against_itself_differs_in_nothing(folder):
    a = folder("a", np.random.default_rng(6).random(50))
    found = only(compare(a, a))
    assert (found.difference, found.p_value, found.wins, found.losses, found.ties) == (0.0, 1.0, 0, 0, 50)
    assert (found.interval.low, found.interval.high) == (0.0, 0.0)


def test_exchanging_the_runs_changes_the_sign_alone(folder):
    rng = np.random.default_rng(7)
    a, b = folder("a", rng.random(60)), folder("b", rng.random(60))
    forth, back = only(compare(a, b)), only(compare(b, a))
    assert forth.difference == -back.difference
    assert forth.p_value == back.p_value
    assert (forth.wins, forth.losses) == (back.losses, back.wins)
    assert forth.interval.low == pytest.approx(-back.interval.high)


def test_samples_are_matched_by_id_and_the_others_are_told(folder):
    values = np.random.default_rng(8).random(20)
    ids = [f"s{i}" for i in range(20)]
    order = list(reversed(range(5, 20)))
    a = folder("a", values, ids=ids)
    b = folder("b", [*values[order], 0.5], ids=[*(ids[i] for i in order), "s90"])
    found = compare(a, b)
    assert found.n == 15
    assert list(found.only_a) == ids[:5]
    assert list(found.only_b) == ["s90"]
    assert only(found).difference == 0.0
    assert only(found).a == pytest.approx(values[5:].mean())
    text = table_of_comparison(found).markdown()
    assert "5 samples are only in A and left out: s0, s1, s2, s3, s4" in text
    assert "1 samples are only in B" in text
    assert "values of A are over 15 of its 20 samples" in text


def test_bleu_is_combined_from_counts_and_not_averaged(folder):
    references = [
        ["a ship lies near the long harbor wall"],
        ["two planes on the apron"],
        ["a bridge over it"],
    ]
    first = ["a ship lies near the harbor", "two planes", "a bridge over it"]
    second = ["a ship lies near the long harbor wall", "planes on the apron", "bridge"]
    scores = [bleu(said, references, tokenized=True) for said in (first, second)]
    folders = [
        folder(name, np.zeros(3), per_image=1, scores={"bleu": own})
        for name, own in zip("ab", scores, strict=True)
    ]
    found = compare(*folders)
    assert [d.metric for d in found.differences] == ["bleu_1", "bleu_2", "bleu_3", "bleu_4"]
    for difference in found.differences:
        expected = [own.values()[difference.metric] for own in scores]
        assert [difference.a, difference.b] == pytest.approx(expected, rel=1e-15)
    averaged = [own.samples.mean(axis=0) for own in scores]
    assert found.differences[3].b != pytest.approx(averaged[1][3])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task_name": "scene"}, "the tasks differ"),
        ({"task_sha256": "cd"}, "files of task label differ"),
        ({"protocol": "sphinxv"}, "the protocols differ"),
        ({"spec": "ss protocol=sphinxv"}, "SS was computed in two ways"),
        ({"references": ("other",)}, "other references"),
        ({"per_image": 5}, "another image"),
    ],
)
def test_runs_that_differ_in_what_decides_the_numbers_are_refused_unless_forced(folder, changes, message):
    a, b = folder("a", np.ones(10)), folder("b", np.zeros(10), **changes)
    with pytest.raises(EvalError, match=message):
        compare(a, b)
    found = compare(a, b, force=True)
    assert only(found).difference == -1.0
    assert any(note.startswith("forced: ") and message in note for note in found.notes)


def test_runs_without_a_common_sample_are_refused_even_if_forced(folder):
    a, b = folder("a", np.ones(2)), folder("b", np.ones(2), ids=["s8", "s9"])
    with pytest.raises(EvalError, match="no sample in common"):
        compare(a, b, force=True)


def test_metrics_that_one_side_lacks_are_left_out_and_told(folder):
    ones = np.ones(6)
    both = {
        "ss": Scores.of_means("ss", ones, "ss protocol=osprey"),
        "s_iou": Scores.of_means("s_iou", ones, ""),
    }
    a = folder("a", ones, scores=both, missing={"spice": "no models"})
    found = compare(a, folder("b", ones))
    assert [d.metric for d in found.differences] == ["ss"]
    assert found.left_out == {"s_iou": "B has not computed it", "spice": "it is missing in A: no models"}


def test_a_metric_that_does_not_follow_from_sums_is_left_out(folder):
    own = {"odd": Scores(("odd",), np.ones((6, 1)), np.ones((6, 3)), lambda sums: sums[..., :1], "odd")}
    found = compare(folder("a", np.ones(6), scores=own), folder("b", np.ones(6), scores=own))
    assert found.differences == []
    assert "does not follow" in found.left_out["odd"]


def test_samples_without_weight_leave_the_mean(folder):
    values = np.array([1.0, 1.0, 0.0, 0.0])
    weights = np.array([1.0, 1.0, 0.0, 1.0])
    statistics = np.stack([values * weights, weights], axis=1)
    own = {"ss": Scores(("ss",), values[:, None], statistics, mean, "ss")}
    plain = {"ss": Scores.of_means("ss", values, "ss")}
    a = folder("a", values, scores=own)
    with_statistics = only(compare(a, a))
    assert with_statistics.a == pytest.approx(2 / 3)
    b = folder("b", values, scores=plain)
    assert "store different statistics" in compare(a, b).left_out["ss"]


def test_one_image_has_neither_interval_nor_p_value(folder):
    a = folder("a", [0.0, 1.0, 1.0], per_image=3)
    found = only(compare(a, folder("b", [1.0, 1.0, 1.0], per_image=3)))
    assert found.p_value is None
    assert "one image" in found.interval.reason
    assert found.difference == pytest.approx(1 / 3)


def test_a_score_without_a_value_makes_its_metric_null(folder, tmp_path):
    a, b = folder("a", [0.5, np.nan, 0.5, 1.0]), folder("b", [0.5, 0.5, 0.75, 1.0])
    found = compare(a, b)
    assert math.isnan(only(found).difference)
    assert only(found).p_value is None
    assert (only(found).wins, only(found).ties, only(found).losses) == (1, 3, 0)
    write_comparison(found, tmp_path / "comparison.json")
    assert json.loads((tmp_path / "comparison.json").read_text())["differences"][0]["difference"] is None
    assert table_of_comparison(found).rows[0][2] == "–"


def test_the_written_form_and_the_table_say_the_same(folder, tmp_path):
    rng = np.random.default_rng(9)
    a = rng.random(100)
    found = compare(folder("a", a), folder("b", a + 0.2), draws=500)
    write_comparison(found, tmp_path / "comparison.json")
    written = json.loads((tmp_path / "comparison.json").read_text())
    assert written["schema"] == "rsvp-eval-comparison/1"
    assert written["differences"][0]["difference"] == only(found).difference
    assert written["differences"][0]["p_value"] == only(found).p_value == pytest.approx(1 / 501)
    row = table_of_comparison(found).rows[0]
    assert row[:2] == ("SS", "↑")
    assert row[4] == "+20.00"
    assert row[6] == "≤ 0.002"


def test_partial_runs_and_missing_answers_are_told(folder):
    found = compare(folder("a", np.ones(4), partial=True), folder("b", np.ones(4)))
    assert any(note.startswith("A is partial") for note in found.notes)


def test_the_same_seed_gives_the_same_comparison(folder):
    rng = np.random.default_rng(10)
    a, b = folder("a", rng.random(30)), folder("b", rng.random(30))
    assert compare(a, b, seed=4) == compare(a, b, seed=4)
    assert only(compare(a, b, seed=4)).interval != only(compare(a, b, seed=5)).interval
