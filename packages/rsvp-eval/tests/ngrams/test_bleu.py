"""BLEU is that of pycocoevalcap, over a set, each sample and any part of the set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.metrics.bleu import BleuScorer, bleu

PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
CAPTION = st.lists(st.sampled_from("abcd"), max_size=9).map(" ".join)
SAMPLES = st.lists(st.tuples(CAPTION, st.lists(CAPTION, min_size=1, max_size=4)), min_size=1, max_size=8).map(
    lambda samples: tuple(map(list, zip(*samples, strict=True)))
)

EDGES = {
    "empty": ([""], [["a plane"]]),
    "both empty": ([""], [[""]]),
    "all references empty": (["a plane", "b"], [[""], ["", ""]]),
    "one word": (["plane"], [["plane", "a plane"]]),
    "another word": (["plane"], [["ship"]]),
    "repeated words": (["the the the the the the"], [["the plane the", "the"]]),
    "very long": (["a plane on the runway " * 40], [["a plane on the runway", "a plane"]]),
    "much too short": (["a"], [["a plane on the runway " * 40]]),
    "identical": (["a plane on the runway"] * 3, [["a plane on the runway"] * 2] * 3),
    "as close, shorter": (["a b c d"], [["a b c d e f", "a b"]]),
    "white space of other kinds": (["a\tplane  on\u00a0it "], [["a plane on it"]]),
    "beyond ASCII": (["飞机 🚀 é"], [["飞机 🚀 è", "é"]]),
}


def check(samples, reference):
    predictions, references = samples
    corpus, each = reference.bleu(predictions, references)
    scores = bleu(predictions, references, tokenized=True)
    np.testing.assert_allclose(scores.samples, each, rtol=0, atol=1e-12)
    np.testing.assert_allclose(list(scores.values().values()), corpus, rtol=0, atol=1e-12)


def test_generated_captions(generated, reference, path):
    check(generated, reference)


def test_captions_of_coco(coco, reference):
    check(coco, reference)


@pytest.mark.parametrize("edge", EDGES)
def test_edges(edge, reference, path):
    check(EDGES[edge], reference)


@PROPERTY
@given(samples=SAMPLES)
def test_any_captions(samples, reference):
    check(samples, reference)


def test_parts_and_resamplings_are_those_of_the_reference(generated, reference):
    predictions, references = generated
    scores = bleu(predictions, references, tokenized=True)
    rng = np.random.default_rng(0)
    chosen = [np.array([7]), np.arange(0, 1200, 3), rng.integers(1200, size=800)]
    for rows in chosen:
        corpus, _ = reference.bleu([predictions[i] for i in rows], [references[i] for i in rows])
        assert list(scores.values(rows).values()) == pytest.approx(corpus, abs=1e-12)
    sums = np.stack([scores.statistics[rows].sum(axis=0) for rows in chosen])
    assert scores.combine(sums).shape == (3, 4)
    for row, rows in zip(scores.combine(sums), chosen, strict=True):
        np.testing.assert_array_equal(row, list(scores.values(rows).values()))


def test_statistics_are_counts():
    scores = bleu(["a b c d e"], [["a b c x y z", "e"]], tokenized=True)
    assert scores.statistics.tolist() == [[5, 4, 3, 2, 4, 2, 1, 0, 5, 6]]
    assert scores.metrics == BleuScorer.metrics == ("bleu_1", "bleu_2", "bleu_3", "bleu_4")
    assert scores.spec == "bleu n=1-4 length=closest smoothing=none tokens=given"


def test_nothing_is_printed_and_captions_are_tokenised_unless_they_are(capsys):
    assert bleu(["A plane."], [["a plane"]]).values()["bleu_2"] == pytest.approx(1)
    assert bleu(["A plane."], [["a plane"]], tokenized=True).values()["bleu_1"] < 1e-6
    assert capsys.readouterr().out == ""


def test_no_sample_scores_as_in_the_reference(reference):
    corpus, _ = reference.bleu([], [])
    assert list(bleu([], []).values().values()) == corpus.tolist() == [0, 0, 0, 0]
