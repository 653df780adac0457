"""CIDEr-D is that of pycocoevalcap; plain CIDEr is it without clipping and without the Gaussian."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.captions import Captions
from rsvp_eval.metrics.cider import CiderScorer, PlainCiderScorer, cautions, cider, plain_cider
from rsvp_eval.metrics.document_frequency import count_documents

PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
CAPTION = st.lists(st.sampled_from("abcd"), max_size=9).map(" ".join)
SAMPLES = st.lists(st.tuples(CAPTION, st.lists(CAPTION, min_size=1, max_size=4)), min_size=1, max_size=8).map(
    lambda samples: tuple(map(list, zip(*samples, strict=True)))
)
ONCE = st.permutations("abcdefghi").flatmap(
    lambda words: st.integers(0, 9).map(lambda n: " ".join(words[:n]))
)
SAMPLES_ONCE = st.lists(st.tuples(ONCE, st.lists(ONCE, min_size=1, max_size=3)), min_size=2, max_size=6).map(
    lambda samples: tuple(map(list, zip(*samples, strict=True)))
)

EDGES = {
    "empty": (["", "a"], [["a plane"], ["b c"]]),
    "both empty": (["", "a"], [[""], ["a b"]]),
    "one word": (["plane", "x"], [["plane", "a plane"], ["y"]]),
    "repeated words": (["the the the the the the", "x"], [["the plane the", "the"], ["y"]]),
    "very long": (["a plane on the runway " * 40, "b"], [["a plane on the runway", "a plane"], ["b c d"]]),
    "identical": (["a plane on the runway", "two ships"], [["a plane on the runway"], ["two ships"] * 3]),
    "the same references everywhere": (["a b", "c d", "e"], [["a b", "c d"]] * 3),
    "one sample": (["a b c"], [["a b c", "a b"]]),
    "unseen words": (["x y z", "a"], [["a b"], ["c d e"]]),
    "beyond ASCII": (["飞机 🚀 é", "b"], [["飞机 🚀 è", "é"], ["c"]]),
}


def check(samples, reference):
    compare(samples, *reference.cider(*samples))


def compare(samples, corpus, each):
    predictions, references = samples
    scores = cider(predictions, references, tokenized=True)
    np.testing.assert_allclose(scores.samples[:, 0], each, rtol=0, atol=1e-12)
    assert scores.values()["cider"] == pytest.approx(corpus, abs=1e-12)


def grams(caption):
    words = caption.split()
    return [Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for n in range(1, 5)]


def plain_by_definition(predictions, references):
    """Plain CIDEr from its formula, by vectors over all n-grams that occur."""
    documents = Counter()
    for own in references:
        documents.update({gram for text in own for counts in grams(text) for gram in counts})
    values = []
    for prediction, own in zip(predictions, references, strict=True):
        cosines = []
        for reference, n in itertools.product(own, range(4)):
            pair = grams(prediction)[n], grams(reference)[n]
            every = sorted(pair[0].keys() | pair[1].keys())
            idf = np.array([math.log(len(references) / max(1, documents[gram])) for gram in every])
            a, b = (np.array([counts[gram] for gram in every]) * idf for counts in pair)
            norms = np.linalg.norm(a) * np.linalg.norm(b)
            cosines.append(a @ b / norms if norms else 0.0)
        values.append(10 * np.mean(cosines))
    return np.array(values)


def test_generated_captions(generated, generated_cider, path):
    compare(generated, *generated_cider)


def test_captions_of_coco(coco, reference):
    check(coco, reference)


@pytest.mark.parametrize("edge", EDGES)
def test_edges(edge, reference, path):
    check(EDGES[edge], reference)


@PROPERTY
@given(samples=SAMPLES)
def test_any_captions(samples, reference):
    if any(text for own in samples[1] for text in own):
        check(samples, reference)
    else:
        test_references_without_words_score_0(reference, samples)


def test_references_without_words_score_0(reference, samples=(["a", ""], [[""], ["", ""]])):
    """The reference implementation takes the highest of no counts, and crashes."""
    with pytest.raises(ValueError, match="empty"):
        reference.cider(*samples)
    assert not cider(*samples, tokenized=True).samples.any()


@PROPERTY
@given(samples=SAMPLES)
def test_plain_cider_is_what_its_formula_says(samples):
    scores = plain_cider(*samples, tokenized=True)
    np.testing.assert_allclose(scores.samples[:, 0], plain_by_definition(*samples), rtol=0, atol=1e-9)


def test_plain_cider_of_generated_captions(generated, path):
    predictions, references = (part[:200] for part in generated)
    scores = plain_cider(predictions, references, tokenized=True)
    expected = plain_by_definition(predictions, references)
    assert expected.max() > 5
    np.testing.assert_allclose(scores.samples[:, 0], expected, rtol=0, atol=1e-9)
    assert scores.values()["cider_plain"] == pytest.approx(expected.mean(), abs=1e-9)


@PROPERTY
@given(samples=SAMPLES_ONCE)
def test_without_repetition_plain_cider_is_cider_d_with_an_endless_sigma(samples, reference):
    """Where no n-gram occurs twice in a caption there is nothing to clip."""
    if any(text for own in samples[1] for text in own):
        _, each = reference.cider(*samples, sigma=1e9)
        scores = plain_cider(*samples, tokenized=True)
        np.testing.assert_allclose(scores.samples[:, 0], each, rtol=0, atol=1e-9)


def test_length_and_repetition_cost_cider_d_alone():
    predictions = ["a plane on the runway " * 6, "two ships"]
    references = [["a plane on the runway"], ["two ships in a harbour"]]
    assert cider(predictions, references, tokenized=True).samples[0, 0] < 1e-3
    assert plain_cider(predictions, references, tokenized=True).samples[0, 0] > 2


def test_a_table_of_all_gives_some_the_scores_they_have_among_all(
    generated, generated_cider, captions_of, path
):
    predictions, references = generated
    _, each = generated_cider
    table = count_documents(captions_of(predictions, references))
    for rows in (slice(0, 1), slice(100, 160)):
        scores = cider(predictions[rows], references[rows], document_frequency=table, tokenized=True)
        np.testing.assert_array_equal(scores.samples[:, 0], each[rows])


def test_the_value_of_some_keeps_the_idf_of_all(generated, generated_cider):
    _, each = generated_cider
    scores = cider(*generated, tokenized=True)
    rows = np.arange(40, 90)
    assert scores.values(rows)["cider"] == pytest.approx(each[rows].mean(), abs=1e-12)


def test_no_sample_has_no_value():
    assert np.isnan(cider([], []).values()["cider"])


def test_spec_and_scale(captions_of):
    captions = captions_of(["a", "b"], [["a"], ["c"]])
    scores = CiderScorer(captions).score()
    assert scores.spec == "cider-d sigma=6 idf=corpus documents=2 n=1-4 tokens=given"
    assert scores.scale == 10
    assert scores.samples.tolist() == [[2.5], [0.0]]
    plain = PlainCiderScorer(captions, count_documents(captions)).score()
    assert plain.spec == "cider-plain idf=table documents=2 n=1-4 tokens=given"


def test_identical_captions_score_10_where_they_tell_samples_apart():
    texts = ["a plane on the runway", "two ships in harbour"]
    assert cider(texts, [[t] for t in texts], tokenized=True).values()["cider"] == pytest.approx(10)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([], []),
        ([("a", ["a"])], ["one sample is always 0"]),
        ([("a", ["a"]), ("b", ["b"])], ["from 2 samples; below 50"]),
        ([("a", ["A b", "c"]), ("b", ["c", "a b"])], ["from 2 samples", "same references"]),
        ([("a", ["a", "b"])] * 50, ["same references"]),
        ([("a", [f"a {i}"]) for i in range(50)], []),
    ],
)
def test_cautions(samples, expected):
    captions = Captions()
    for prediction, references in samples:
        captions.add(prediction, references)
    found = cautions(captions)
    assert len(found) == len(expected)
    for sentence, part in zip(found, expected, strict=True):
        assert part in sentence


def test_a_table_needs_no_caution(captions_of):
    captions = captions_of(["a"], [["a"]])
    assert cautions(captions, count_documents(captions)) == []
