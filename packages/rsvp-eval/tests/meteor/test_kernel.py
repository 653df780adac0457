"""The compiled kernel and the path in Python give the same numbers."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.captions import Captions
from rsvp_eval.errors import UnavailableError
from rsvp_eval.metrics.meteor import kernel, resources
from rsvp_eval.metrics.meteor.paraphrase_index import build
from rsvp_eval.metrics.meteor.paraphrases import Paraphrases
from rsvp_eval.metrics.meteor.resources import Resources
from rsvp_eval.metrics.meteor.scorer import score
from rsvp_eval.metrics.meteor.wordnet import Synonyms
from rsvp_eval.native import kernels

ENTRIES = [
    ("ship", "vessel"),
    ("vessel", "ship"),
    ("vessel", "a ship"),
    ("a ship", "the vessel"),
    ("the vessel", "a ship"),
    ("near the", "close to a"),
    ("near the", "near a"),
    ("near", "close to"),
    ("close to", "near"),
    ("close to a", "near the"),
    ("many ships", "a lot of ships"),
    ("a lot of", "many"),
    ("many", "a lot of"),
    ("many", "lot"),
]
WORDS = [
    "ship",
    "ships",
    "vessel",
    "vessels",
    "boat",
    "a",
    "the",
    "near",
    "close",
    "to",
    "of",
    "many",
    "lot",
    "harbor",
]


@pytest.fixture(scope="module")
def small(tmp_path_factory, write_table):
    """METEOR's data in small, with paraphrases in both directions that overlap."""
    folder = tmp_path_factory.mktemp("index")
    build(write_table(folder / "table.gz", ENTRIES), folder)
    synsets = "ship\n1 2\nvessel\n2 3\nboat\n3 1\nharbor\n4\nclose\n5\nnear\n5\n"
    return Resources(
        Synonyms(synsets, ""), Paraphrases(folder), frozenset(["a", "the", "of", "to"]), "0" * 64
    )


@pytest.fixture(scope="module")
def both():
    """Scores samples on both paths, asserts that they agree, and gives the scores."""
    if kernels() is None or not hasattr(kernels(), "rsvp_meteor"):
        pytest.skip("the kernels are not built")

    def run(predictions, references, data):
        captions = Captions(None)
        captions.update(predictions, references)
        native, plain = (score(captions, data, native=choice) for choice in (True, False))
        np.testing.assert_array_equal(native.statistics, plain.statistics)
        np.testing.assert_array_equal(native.samples, plain.samples)
        return native

    return run


SENTENCE = st.lists(st.sampled_from(WORDS), max_size=24).map(" ".join)


@given(st.lists(st.tuples(SENTENCE, st.lists(SENTENCE, min_size=1, max_size=3)), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_both_paths_agree(both, small, samples):
    both([p for p, _ in samples], [r for _, r in samples], small)


@given(SENTENCE.filter(bool), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_both_paths_agree_on_sentences_much_alike(both, small, sentence, rng):
    words = sentence.split()
    for _ in range(rng.randint(1, 3)):
        words.insert(rng.randrange(len(words) + 1), rng.choice(WORDS))
    cut = rng.randrange(len(words))
    both([sentence], [[" ".join(words[cut:] + words[:cut])]], small)


def test_all_modules_are_tried(both, small):
    found = both(["a ships", "a boat", "many"], [["a ship"], ["a vessel"], ["a lot of"]], small)
    modules = found.statistics[:, 8:20].reshape(3, 3, 4).any(axis=2)
    np.testing.assert_array_equal(modules, np.eye(3))


def test_sentences_with_more_candidates_than_are_kept(both, small):
    rng = random.Random(4)
    words = ["ship"] * 262 + ["boat", "near", "the", "close", "to", "a"]
    rng.shuffle(words)
    other = words[7:] + words[:3]
    assert words.count("ship") * other.count("ship") > 1 << 16
    found = both([" ".join(words)], [[" ".join(other)]], small)
    assert found.statistics[0, 4] > 200


def test_sentences_longer_than_a_machine_word(both, small):
    rng = random.Random(5)
    samples = [" ".join(rng.choices(WORDS, k=k)) for k in (63, 64, 65, 66, 127, 128, 129, 200)]
    both(samples, [[samples[i - 1]] for i in range(len(samples))], small)


def test_many_pairs_are_scored_as_one_by_one(both, small):
    rng = random.Random(6)
    samples = [" ".join(rng.choices(WORDS, k=rng.randint(0, 6))) for _ in range(3 * kernel._BLOCK)]
    references = [[" ".join(rng.choices(WORDS, k=4))] for _ in samples]
    found = both(samples, references, small)
    for i in (0, kernel._BLOCK - 1, kernel._BLOCK, len(samples) - 1):
        alone = both([samples[i]], [references[i]], small)
        np.testing.assert_array_equal(alone.statistics[0], found.statistics[i])


def test_without_kernels_the_path_in_python_serves(small, monkeypatch):
    captions = Captions(None)
    captions.add("a ship near the harbor", ["the vessel close to a harbor"])
    expected = score(captions, small, native=False)
    for library in (None, object()):
        monkeypatch.setattr(kernel, "kernels", lambda library=library: library)
        found = score(captions, small)
        np.testing.assert_array_equal(found.statistics, expected.statistics)


def test_memory_that_runs_out_is_said(both, small, monkeypatch):
    class Full:
        def __getitem__(self, name):
            return lambda *_: 1

        rsvp_meteor = None

    monkeypatch.setattr(kernel, "kernels", Full)
    captions = Captions(None)
    captions.add("a ship", ["a boat"])
    with pytest.raises(MemoryError, match="fewer samples"):
        score(captions, small)


def test_both_paths_agree_on_real_captions(both, coco):
    try:
        data = resources.load()
    except UnavailableError as e:
        pytest.skip(str(e))
    captions = coco("val")[::250]
    assert len(captions) > 500
    both(captions, [captions[i - 2 : i] or captions[:1] for i in range(len(captions))], data)
