"""Scorers take samples in as they come, share captions, and merge into the scorer of the whole."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.captions import Captions
from rsvp_eval.metrics.bleu import BleuScorer
from rsvp_eval.metrics.cider import CiderScorer, PlainCiderScorer
from rsvp_eval.metrics.document_frequency import DocumentFrequency
from rsvp_eval.metrics.rouge import RougeScorer

SCORERS = [BleuScorer, RougeScorer, CiderScorer, PlainCiderScorer]
PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
CAPTION = st.lists(st.sampled_from("abc"), max_size=8).map(" ".join)
SAMPLES = st.lists(st.tuples(CAPTION, st.lists(CAPTION, min_size=1, max_size=3)), max_size=8)


def take(scorer, samples):
    for prediction, references in samples:
        scorer.update([prediction], [references])
    return scorer


def assert_same(one, other):
    np.testing.assert_array_equal(one.samples, other.samples)
    np.testing.assert_array_equal(one.statistics, other.statistics)
    np.testing.assert_array_equal(list(one.values().values()), list(other.values().values()))
    assert (one.metrics, one.spec, one.scale) == (other.metrics, other.spec, other.scale)


@pytest.mark.parametrize("kind", SCORERS)
@PROPERTY
@given(first=SAMPLES, second=SAMPLES)
def test_merged_scorers_give_the_bits_of_the_whole(kind, first, second):
    parts = take(kind(Captions(None)), first)
    parts.merge(take(kind(Captions(None)), second))
    whole = take(kind(Captions(None)), first + second)
    assert_same(parts.score(), whole.score())


@pytest.mark.parametrize("kind", SCORERS)
def test_many_parts_merge_into_the_whole(kind, generated):
    samples = list(zip(*generated, strict=True))
    parts = kind(Captions(None))
    for begin in range(0, len(samples), 400):
        part = take(kind(Captions(None)), samples[begin : begin + 400])
        part.score()
        parts.merge(pickle.loads(pickle.dumps(part)))
    assert_same(parts.score(), take(kind(Captions(None)), samples).score())


@pytest.mark.parametrize("kind", SCORERS)
def test_a_score_in_between_changes_nothing(kind):
    scorer = take(kind(), [("A plane.", ["a plane", "two planes"]), ("ships", ["two ships"])])
    assert scorer.score().samples.shape[0] == 2
    assert set(scorer.compute()) == set(scorer.metrics)
    take(scorer, [("a runway", ["the runway"])])
    samples = [
        ("A plane.", ["a plane", "two planes"]),
        ("ships", ["two ships"]),
        ("a runway", ["the runway"]),
    ]
    assert_same(scorer.score(), take(kind(), samples).score())


def test_one_update_serves_all_who_share_captions():
    captions = Captions(None)
    scorers = [kind(captions) for kind in SCORERS]
    scorers[0].update(["a b", "c"], [["a b"], ["c d"]])
    assert [len(scorer.score().samples) for scorer in scorers] == [2, 2, 2, 2]


def test_scorers_with_other_tables_do_not_merge():
    with pytest.raises(ValueError, match="different tables"):
        CiderScorer().merge(CiderScorer(document_frequency=DocumentFrequency(2, {"a": 1})))


def _shouted(captions):
    return [caption.upper() for caption in captions]


@pytest.mark.parametrize("kind", SCORERS)
def test_the_spec_names_the_tokeniser(kind):
    sample = [("a", ["a"])]
    assert take(kind(), sample).score().spec.endswith(" ptb=corenlp-3.4.1")
    assert take(kind(Captions(None)), sample).score().spec.endswith(" tokens=given")
    assert take(kind(Captions(_shouted)), sample).score().spec.endswith("._shouted")
