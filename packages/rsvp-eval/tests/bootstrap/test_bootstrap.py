"""Intervals: closed forms, clusters, one set of draws for all metrics, the same on every machine."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rsvp_eval import bootstrap
from rsvp_eval.bootstrap import Bootstrap, clusters_of, interval, intervals
from rsvp_eval.errors import UsageError
from rsvp_eval.sample import Sample
from rsvp_eval.scores import Scores


def alone(n, draws=1000, seed=0):
    return Bootstrap(np.arange(n), draws, seed)


def ratio(sums):
    """Like BLEU in kind: a quotient of sums, not a mean of quotients."""
    return sums[..., :1] / sums[..., 1:2]


def test_the_standard_error_of_a_mean_is_the_closed_form():
    values = np.random.default_rng(0).normal(size=4000)
    found = intervals({"m": Scores.of_means("m", values, "")}, alone(4000, draws=4000))["m"]
    # A standard deviation from 4,000 draws is itself uncertain by 1 / sqrt(2 * 4000), about 1.1 %.
    assert found.stderr == pytest.approx(values.std() / math.sqrt(4000), rel=0.05)
    assert found.low == pytest.approx(values.mean() - 1.96 * found.stderr, abs=0.15 * found.stderr)
    assert found.high == pytest.approx(values.mean() + 1.96 * found.stderr, abs=0.15 * found.stderr)


def test_the_interval_of_a_mean_is_that_of_scipy():
    values = np.random.default_rng(1).beta(0.5, 0.3, size=300)
    found = intervals({"m": Scores.of_means("m", values, "")}, alone(300, draws=5000))["m"]
    reference = stats.bootstrap(
        (values,), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(2)
    )
    assert found.stderr == pytest.approx(reference.standard_error, rel=0.05)
    low, high = reference.confidence_interval
    assert found.low == pytest.approx(low, abs=0.15 * found.stderr)
    assert found.high == pytest.approx(high, abs=0.15 * found.stderr)


def test_clusters_of_equal_samples_count_as_one_each():
    means = np.random.default_rng(3).normal(size=500)
    each = np.repeat(means, 8)
    clustered = Bootstrap(np.repeat(np.arange(500), 8))
    scores = {"m": Scores.of_means("m", each, "")}
    found = intervals(scores, clustered)["m"]
    assert found.stderr == pytest.approx(means.std() / math.sqrt(500), rel=0.1)
    careless = intervals(scores, alone(4000))["m"]
    assert careless.stderr == pytest.approx(found.stderr / math.sqrt(8), rel=0.15)


def test_clusters_of_unequal_size_weigh_by_their_samples():
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 12, size=400)
    clusters = np.repeat(np.arange(400), sizes)
    values = np.repeat(rng.normal(size=400), sizes) + rng.normal(size=sizes.sum())
    found = intervals({"m": Scores.of_means("m", values, "")}, Bootstrap(clusters, draws=4000))["m"]
    # The linearised variance of a ratio estimator, sum over clusters / samples.
    residuals = np.bincount(clusters, weights=values - values.mean())
    expected = math.sqrt((residuals**2).sum()) / sizes.sum()
    assert found.stderr == pytest.approx(expected, rel=0.06)


def test_a_value_that_is_no_mean_is_combined_from_sums():
    rng = np.random.default_rng(5)
    statistics = rng.integers(1, 9, size=(60, 2)).astype(float)
    scores = Scores(("r",), statistics[:, :1], statistics, ratio, "")
    boot = alone(60, draws=50)
    counts = boot.sums(np.eye(60))
    by_hand = np.array([statistics[np.repeat(np.arange(60), row.astype(int))].sum(axis=0) for row in counts])
    np.testing.assert_allclose(boot.sums(statistics), by_hand)
    found = intervals({"r": scores}, boot)["r"]
    values = by_hand[:, 0] / by_hand[:, 1]
    assert found.stderr == pytest.approx(values.std(ddof=1))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))


def test_all_metrics_of_a_run_see_the_same_draws():
    values = np.random.default_rng(6).random(200)
    scores = {
        "a": Scores.of_means("a", values, ""),
        "b": Scores.of_means("b", 1 - values, ""),
        "c": Scores.of_means("c", values, ""),
    }
    found = intervals(scores, alone(200))
    assert found["a"] == found["c"]
    assert found["b"].low == pytest.approx(1 - found["a"].high)
    assert intervals({"c": scores["c"]}, alone(200))["c"].low == pytest.approx(found["c"].low, rel=1e-12)


def test_draws_are_those_of_philox_whatever_numpy_makes_of_them():
    """The published algorithm, by hand: a changed draw would change every interval that was ever reported."""
    raw = np.random.Philox(key=7).random_raw(3).tolist()
    halves = [word & 0xFFFFFFFF for word in raw] + [word >> 32 for word in raw]
    expected = np.bincount([(half * 5) >> 32 for half in halves[:5]], minlength=5)
    drawn = Bootstrap(np.arange(5), draws=1, seed=7).sums(np.eye(5))[0]
    np.testing.assert_array_equal(drawn, expected)
    # First block of Philox 4x64-10 with counter 1 and key 7, from an implementation of the paper's rounds.
    assert raw == philox(counter=1, key=7)[:3]


def philox(counter, key):
    """Salmon et al. 2011, Philox 4x64 with ten rounds."""
    mask = (1 << 64) - 1
    c, k = [counter, 0, 0, 0], [key, 0]
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [(second >> 64) ^ c[1] ^ k[0], second & mask, (first >> 64) ^ c[3] ^ k[1], first & mask]
        k = [(k[0] + 0x9E3779B97F4A7C15) & mask, (k[1] + 0xBB67AE8584CAA73B) & mask]
    return c


def test_draws_do_not_depend_on_how_many_are_held_at_once(monkeypatch):
    whole = alone(97, draws=40).sums(np.eye(97))
    flips = np.concatenate(list(alone(97, draws=40).flips()))
    monkeypatch.setattr(bootstrap, "_CHUNK", 97 * 3)
    np.testing.assert_array_equal(alone(97, draws=40).sums(np.eye(97)), whole)
    np.testing.assert_array_equal(np.concatenate(list(alone(97, draws=40).flips())), flips)


def test_exchanges_are_fair_and_independent():
    flips = np.concatenate(list(alone(130, draws=3000).flips()))
    assert set(np.unique(flips)) == {0.0, 1.0}
    assert abs(flips.mean() - 0.5) < 0.005
    assert np.abs(flips.mean(axis=0) - 0.5).max() < 0.05
    correlation = np.corrcoef(flips.T) - np.eye(130)
    assert np.abs(correlation).max() < 0.12


def test_one_image_has_no_interval_and_says_why():
    found = intervals({"m": Scores.of_means("m", np.ones(5), "")}, Bootstrap(np.zeros(5, dtype=np.intp)))
    assert found["m"].low is None
    assert found["m"].stderr is None
    assert "one image" in found["m"].reason


def test_no_sample_and_no_draws_have_no_interval():
    empty = intervals({"m": Scores.of_means("m", np.zeros(0), "")}, Bootstrap(np.zeros(0, dtype=np.intp)))
    assert empty["m"].reason == "there is no sample"
    none = intervals({"m": Scores.of_means("m", np.ones(5), "")}, alone(5, draws=0))
    assert none["m"].reason == "no bootstrap was asked for"


def test_a_score_that_is_nan_takes_only_its_own_interval():
    values = np.random.default_rng(7).random(50)
    broken = values.copy()
    broken[3] = np.nan
    found = intervals(
        {"good": Scores.of_means("good", values, ""), "bad": Scores.of_means("bad", broken, "")}, alone(50)
    )
    assert found["bad"].low is None
    assert "have no value" in found["bad"].reason
    assert found["good"].low < values.mean() < found["good"].high


def test_negative_draws_or_seeds_are_refused():
    with pytest.raises(UsageError, match="negative"):
        alone(3, seed=-1)
    with pytest.raises(UsageError, match="negative"):
        alone(3, draws=-5)


def test_samples_are_clustered_by_image_and_alone_without_one():
    images = ["b", None, "a", "b", None, "a", "c"]
    samples = [Sample(str(i), str(i), "", ("",), image=image) for i, image in enumerate(images)]
    assert clusters_of(samples).tolist() == [0, 1, 2, 0, 3, 2, 4]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 30), st.integers(0, 2**40))
def test_every_draw_has_as_many_clusters_as_there_are(raw, draws, seed):
    numbers = {}
    clusters = np.array([numbers.setdefault(r, len(numbers)) for r in raw])
    boot = Bootstrap(clusters, draws, seed)
    sizes = boot.within(np.ones((len(raw), 1)))[:, 0]
    assert sizes.sum() == len(raw)
    counts = np.concatenate(list(boot._counts()))
    assert counts.shape == (draws, boot.size)
    assert (counts.sum(axis=1) == boot.size).all()
    np.testing.assert_allclose(boot.sums(np.ones((len(raw), 1)))[:, 0], counts @ sizes)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_an_interval_lies_within_the_draws(values):
    found = interval(np.array(values))
    assert min(values) <= found.low <= found.high <= max(values)
    assert found.stderr >= 0
