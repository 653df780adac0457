"""SS: what it does around the encoder, with one whose cosines are easy to see."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.errors import EvalError
from rsvp_eval.metrics.labels import Labels
from rsvp_eval.metrics.s_iou import SIoUScorer
from rsvp_eval.metrics.ss import SSScorer, ss

PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
LABEL = st.text(st.sampled_from("abc ."), max_size=6)
SAMPLES = st.lists(st.tuples(st.none() | LABEL, LABEL | st.lists(LABEL, min_size=1, max_size=3)), max_size=10)


def split(samples):
    return [p for p, _ in samples], [t for _, t in samples]


def cosine(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@PROPERTY
@given(first=SAMPLES, second=SAMPLES, name=st.sampled_from(["osprey", "sphinxv", "videorefer", "strict"]))
def test_parts_merge_into_the_whole(letters_type, first, second, name):
    one, other = (SSScorer(protocol=name, encoder=letters_type()) for _ in range(2))
    one.update(*split(first))
    one.score()
    other.update(*split(second))
    other.score()
    one.merge(other)
    whole = ss(*split([*first, *second]), protocol=name, encoder=letters_type())
    np.testing.assert_array_equal(one.score().samples, whole.samples)
    np.testing.assert_array_equal(one.score().statistics, whole.statistics)


@PROPERTY
@given(samples=SAMPLES)
def test_equals_the_cosine_a_sample_at_a_time(letters_type, samples):
    encoder = letters_type()
    expected = []
    for prediction, targets in samples:
        own = [targets] if isinstance(targets, str) else targets
        if prediction is None:
            expected.append(0.0)
            continue
        cleaned = prediction.strip().replace(".", " ")
        expected.append(max(cosine(*encoder.encode([cleaned, target])) for target in own))
    scores = ss(*split(samples), encoder=letters_type())
    np.testing.assert_allclose(scores.samples[:, 0], expected, atol=1e-12)


@PROPERTY
@given(drawn=SAMPLES.flatmap(lambda s: st.tuples(st.just(s), st.permutations(range(len(s))))))
def test_order_does_not_matter(letters_type, drawn):
    samples, order = drawn
    permuted = ss(*split([samples[i] for i in order]), encoder=letters_type())
    straight = ss(*split(samples), encoder=letters_type())
    np.testing.assert_allclose(permuted.samples, straight.samples[list(order)], atol=1e-15)


def test_each_label_is_encoded_once(letters):
    labels = Labels()
    scorer = SSScorer(labels, encoder=letters)
    s_iou = SIoUScorer(labels)
    scorer.update(["ship.", "car", "ship.", None] * 100, ["ship", "ship", "car", "car"] * 100)
    scorer.score()
    s_iou.score()
    assert sorted(letters.asked) == ["car", "ship", "ship "]
    scorer.update(["bus"], ["car"])
    scorer.score()
    assert letters.asked[3:] == ["bus"]


def test_equal_labels_have_one_and_missing_ones_nothing(letters):
    scores = ss(["ship", None], ["ship", "ship"], encoder=letters)
    assert scores.samples[:, 0] == pytest.approx([1.0, 0.0], abs=1e-15)
    assert scores.samples.max() <= 1.0
    assert scores.spec == "ss protocol=osprey missing=zero encoder=letters"
    assert scores.metrics == ("ss",)


def test_an_empty_answer_has_an_embedding_but_not_under_strict(letters):
    assert ss([""], [""], encoder=letters).values() == {"ss": pytest.approx(1.0)}
    assert ss([" . "], [""], protocol="strict", encoder=letters).values() == {"ss": 0.0}


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_an_embedding_without_a_length_is_an_error_that_names_the_label(letters, value):
    class Broken:
        spec = "broken"

        def encode(self, texts):
            vectors = letters.encode(texts)
            vectors[[text == "car" for text in texts]] = value
            return vectors

    with pytest.raises(EvalError, match=r"label 'car'.*1 of 3 labels.*broken"):
        ss(["ship", "car"], ["bus", "bus"], encoder=Broken())


def test_an_encoder_that_loses_labels_is_told(letters):
    class Short:
        spec = "short"

        def encode(self, texts):
            return letters.encode(texts)[:-1]

    with pytest.raises(ValueError, match="2 labels"):
        ss(["ship"], ["car"], encoder=Short())


def test_scorers_of_other_encoders_do_not_merge(letters):
    class Other:
        spec = "other"

    with pytest.raises(ValueError, match="different rules"):
        SSScorer(encoder=letters).merge(SSScorer(encoder=Other()))


def test_a_scorer_travels_between_processes():
    scorer = SSScorer()
    scorer.update(["ship"], ["car"])
    assert len(pickle.loads(pickle.dumps(scorer)).labels) == 1


def test_nothing_scores_nothing(letters):
    scores = ss([], [], encoder=letters)
    assert scores.samples.shape == (0, 1)
    assert np.isnan(scores.values()["ss"])
    assert letters.asked == []
