"""ROUGE-L is that of pycocoevalcap, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.metrics import rouge
from rsvp_eval.metrics.rouge import rouge_l

# White space that splits words but not tokens, and spaces that make empty tokens.
PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
CAPTION = st.text(st.sampled_from("aab  \t\u00a0"), max_size=12)
SAMPLES = st.lists(st.tuples(CAPTION, st.lists(CAPTION, min_size=1, max_size=4)), min_size=1, max_size=8).map(
    lambda samples: tuple(map(list, zip(*samples, strict=True)))
)


def check(samples, reference):
    predictions, references = samples
    corpus, each = reference.rouge(predictions, references)
    scores = rouge_l(predictions, references, tokenized=True)
    np.testing.assert_array_equal(scores.samples[:, 0], each)
    assert scores.values()["rouge_l"] == pytest.approx(corpus, abs=1e-12)


def test_generated_captions(generated, reference):
    predictions, references = generated
    check((predictions[:500], references[:500]), reference)


def test_captions_of_coco(coco, reference):
    check(coco, reference)


@PROPERTY
@given(samples=SAMPLES)
def test_any_captions_and_any_white_space(samples, reference):
    check(samples, reference)


@pytest.mark.parametrize(
    ("prediction", "references", "value"),
    [
        ("", [""], 1.0),
        ("", ["a"], 0.0),
        ("a", [""], 0.0),
        ("a b c", ["a b c"], 1.0),
        ("a b", ["c d"], 0.0),
        # Precision comes from the first reference and recall from the second: together the best.
        ("a b", ["a b c d e f g h", "a"], 1.0),
    ],
)
def test_edges(prediction, references, value, reference):
    check(([prediction], [references]), reference)
    assert rouge_l([prediction], [references], tokenized=True).values() == {"rouge_l": pytest.approx(value)}


def test_very_long_captions(reference):
    check((["a plane on the runway " * 30, "x " * 400], [["a runway " * 60], ["x y " * 150, "y"]]), reference)


def test_words_beyond_the_surrogates(captions_of):
    """Tokens are compared as characters; the surrogates among these are left out."""
    words = [f"w{i}" for i in range(0xD800 + 0x900)]
    captions = captions_of([" ".join(words)], [[" ".join([*words[:-1], "other"])]])
    scores = rouge.RougeScorer(captions).score()
    share = (len(words) - 1) / len(words)
    assert scores.values()["rouge_l"] == pytest.approx(share, abs=1e-12)


def test_more_distinct_tokens_than_characters(generated, monkeypatch):
    expected = rouge_l(*generated, tokenized=True)
    monkeypatch.setattr(rouge, "_CHARACTERS", 10)
    np.testing.assert_array_equal(rouge_l(*generated, tokenized=True).samples, expected.samples)


def test_no_sample_has_no_value():
    scores = rouge_l([], [])
    assert scores.samples.shape == (0, 1)
    assert np.isnan(scores.values()["rouge_l"])


def test_spec():
    assert rouge_l(["a"], [["a"]], tokenized=True).spec == "rouge-l beta=1.2 tokens=given"
