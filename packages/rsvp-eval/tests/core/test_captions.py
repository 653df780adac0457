"""Each distinct caption is tokenised once, and sets of samples add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_eval.captions import Captions

CAPTION = st.lists(st.sampled_from(["a", "plane", "two", "ships", ""]), max_size=5).map(" ".join)
SAMPLES = st.lists(st.tuples(CAPTION, st.lists(CAPTION, min_size=1, max_size=3)), max_size=12)


def of(samples, tokenize=None):
    captions = Captions(tokenize)
    for prediction, references in samples:
        captions.add(prediction, references)
    return captions


def spelled(captions):
    """The samples again, from the numbers."""
    tokens, starts = captions.tokens, captions.starts
    return [
        (tokens[p], [tokens[r] for r in captions.references[starts[i] : starts[i + 1]]])
        for i, p in enumerate(captions.predictions)
    ]


@given(SAMPLES)
def test_samples_come_back_as_they_went_in(samples):
    assert spelled(of(samples)) == [(p, list(r)) for p, r in samples]


@given(SAMPLES, SAMPLES)
def test_a_merged_set_is_the_set_of_all(first, second):
    merged = of(first)
    merged.merge(of(second))
    whole = of(first + second)
    assert spelled(merged) == spelled(whole)
    np.testing.assert_array_equal(merged.words.ids, whole.words.ids)


@given(SAMPLES)
def test_words_spell_the_captions(samples):
    captions = of(samples)
    words = captions.words
    for i, tokens in enumerate(captions.tokens):
        ids = words.ids[words.starts[i] : words.starts[i + 1]]
        assert [words.vocabulary[k] for k in ids] == tokens.split()


def test_a_distinct_caption_is_tokenised_once_however_often_and_whenever_it_comes():
    seen = []

    def tokenize(batch):
        seen.extend(batch)
        return [c.lower() for c in batch]

    captions = Captions(tokenize)
    captions.update(["A", "B"], [["A", "C"], ["A"]])
    assert captions.tokens == ["a", "c", "b"]
    captions.add("C", ["D"])
    assert captions.tokens == ["a", "c", "b", "d"]
    assert [captions.words.vocabulary[k] for k in captions.words.ids] == ["a", "c", "b", "d"]
    assert seen == ["A", "C", "B", "D"]


def test_a_sample_needs_a_reference_and_lists_must_match():
    captions = Captions(None)
    with pytest.raises(ValueError, match="at least one reference"):
        captions.add("a", [])
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        captions.update(["a", "b"], [["a"]])


def test_sets_tokenised_in_different_ways_do_not_merge():
    with pytest.raises(ValueError, match="different ways"):
        Captions(None).merge(Captions())
