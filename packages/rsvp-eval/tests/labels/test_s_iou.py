"""S-IoU: words shared, however many samples, in whatever order and parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.metrics.labels import Labels
from rsvp_eval.metrics.protocols import PROTOCOLS
from rsvp_eval.metrics.s_iou import SIoUScorer, s_iou

PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
LABEL = st.text(st.sampled_from("aAb _.:,"), max_size=8)
SAMPLES = st.lists(st.tuples(st.none() | LABEL, LABEL | st.lists(LABEL, min_size=1, max_size=3)), max_size=12)
NAMES = sorted(PROTOCOLS)


def naive(prediction, targets, protocol):
    """The reference's two lines, a sample at a time; None where it would divide by zero."""
    if prediction is None:
        return None
    values = []
    for target in [targets] if isinstance(targets, str) else targets:
        p = set(protocol.prediction(prediction).lower().split())
        t = set(protocol.target(target).lower().split())
        values.append(len(p & t) / len(p | t) if p | t else None)
    known = [value for value in values if value is not None]
    return max(known) if known else None


def scored(samples, protocol="osprey"):
    return s_iou([p for p, _ in samples], [t for _, t in samples], protocol=protocol)


@pytest.mark.parametrize(
    ("protocol", "value"), [("osprey", 1.0), ("sphinxv", 0.0), ("videorefer", 1.0), ("strict", 1.0)]
)
def test_a_full_stop_costs_everything_under_sphinxv(protocol, value):
    assert s_iou(["airplane."], ["airplane"], protocol=protocol).values() == {"s_iou": value}


@pytest.mark.parametrize(
    ("prediction", "target", "value"),
    [
        ("ship", "ship", 1.0),
        ("Ship", "sHIP", 1.0),
        ("large ship", "ship", 0.5),
        ("ship ship", "ship", 1.0),
        ("storage tanks", "storage_tank", 1 / 3),
        ("", "ship", 0.0),
        ("tennis-court", "tennis court", 0.0),
    ],
)
def test_osprey(prediction, target, value):
    assert s_iou([prediction], [target]).values()["s_iou"] == pytest.approx(value, abs=1e-15)


@PROPERTY
@given(SAMPLES, st.sampled_from(NAMES))
def test_equals_the_reference_a_sample_at_a_time(samples, name):
    expected = [naive(p, t, PROTOCOLS[name]) for p, t in samples]
    scores = scored(samples, name)
    np.testing.assert_array_equal(scores.samples[:, 0], [value or 0.0 for value in expected])
    counted = [
        value or 0.0
        for value, (prediction, _) in zip(expected, samples, strict=True)
        if name != "sphinxv" or prediction is not None
    ]
    if counted:
        assert scores.values()["s_iou"] == pytest.approx(sum(counted) / len(counted), abs=1e-12)
    else:
        assert np.isnan(scores.values()["s_iou"])


@PROPERTY
@given(SAMPLES, SAMPLES, st.sampled_from(NAMES))
def test_parts_merge_into_the_whole(first, second, name):
    one, other = SIoUScorer(protocol=name), SIoUScorer(protocol=name)
    for scorer, part in ((one, first), (other, second)):
        scorer.update([p for p, _ in part], [t for _, t in part])
        scorer.score()
    one.merge(other)
    whole = scored([*first, *second], name)
    np.testing.assert_array_equal(one.score().samples, whole.samples)
    np.testing.assert_array_equal(one.score().statistics, whole.statistics)


@PROPERTY
@given(SAMPLES.flatmap(lambda s: st.tuples(st.just(s), st.permutations(range(len(s))))))
def test_order_does_not_matter(drawn):
    samples, order = drawn
    permuted = scored([samples[i] for i in order])
    np.testing.assert_array_equal(permuted.samples, scored(samples).samples[list(order)])


@PROPERTY
@given(LABEL, LABEL)
def test_is_symmetric_where_the_cleaning_is(a, b):
    for name in ("videorefer", "strict"):
        assert s_iou([a], [b], protocol=name).values() == s_iou([b], [a], protocol=name).values()


def test_a_missing_answer_scores_zero_and_sphinxv_does_not_count_it():
    predictions, targets = ["ship", None], ["ship", "car"]
    for name in ("osprey", "videorefer", "strict"):
        scores = s_iou(predictions, targets, protocol=name)
        assert scores.samples[:, 0].tolist() == [1.0, 0.0]
        assert scores.values() == {"s_iou": 0.5}
    scores = s_iou(predictions, targets, protocol="sphinxv")
    assert scores.samples[:, 0].tolist() == [1.0, 0.0]
    assert scores.values() == {"s_iou": 1.0}


def test_two_labels_without_words_score_zero_and_are_told():
    scorer = SIoUScorer()
    scorer.update(["...", "", None, "ship", ""], ["_", ["ship", ":"], "", "", "ship"])
    assert scorer.compute() == {"s_iou": 0.0}
    assert scorer.undefined.tolist() == [True, False, False, False, False]
    assert scorer.pairs.missing.tolist() == [False, False, True, False, False]
    assert scorer.pairs.empty.tolist() == [False, True, False, False, True]


def test_several_targets_give_the_best():
    assert s_iou(["ship"], [["car", "large ship", "big white ship"]]).values() == {"s_iou": 0.5}


def test_the_spec_names_protocol_and_missing():
    assert s_iou(["a"], ["a"]).spec == "s_iou protocol=osprey missing=zero"
    assert "sphinxv missing=left-out" in s_iou(["a"], ["a"], protocol="draw_and_understand").spec


def test_lengths_must_agree_and_a_sample_needs_a_target():
    with pytest.raises(ValueError, match="zip"):
        s_iou(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="at least one target"):
        s_iou(["a"], [[]])


def test_scorers_share_labels_and_refuse_other_rules():
    labels = Labels()
    osprey, sphinxv = SIoUScorer(labels), SIoUScorer(labels, protocol="sphinxv")
    osprey.update(["airplane."], ["airplane"])
    assert (osprey.compute(), sphinxv.compute()) == ({"s_iou": 1.0}, {"s_iou": 0.0})
    with pytest.raises(ValueError, match="different rules"):
        osprey.merge(sphinxv)


def test_labels_are_cleaned_once_each():
    calls = []

    def clean(text):
        calls.append(text)
        return text

    labels = Labels()
    labels.update(["a", "b"] * 500, ["c"] * 1000)
    labels.pairs(clean, clean)
    labels.pairs(clean, clean)
    assert sorted(calls) == ["a", "b", "c"]
    assert labels.texts == ["a", "c", "b"]
    labels.add("d", "c")
    assert len(labels.pairs(clean, clean).missing) == len(labels) == 1001
