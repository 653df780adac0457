"""SPICE of captions, with parses made up or laid into the cache in the parser's place."""

import numpy as np
import pytest

from rsvp_eval.captions import Captions
from rsvp_eval.errors import UnavailableError
from rsvp_eval.metrics.spice import SpiceScorer, home, spice, spice_of_tuples
from rsvp_eval.metrics.spice.cache import ParseCache
from rsvp_eval.metrics.spice.run import identity
from rsvp_eval.metrics.spice.tuples import without_synonyms


class WordsAsObjects:
    """A parser to whom every word is an object."""

    spec = "parser=words"

    def __init__(self):
        self.seen = []

    def __call__(self, captions):
        self.seen.append(list(captions))
        return [tuple((word,) for word in caption.split()) for caption in captions]


PREDICTIONS = ["A car, a road.", "a house", "a house", ""]
REFERENCES = [["Two cars!", "a car on a road"], ["a house", "the house"], ["a ship"], ["nothing"]]


def test_samples_score_as_their_tuples():
    scores = spice(PREDICTIONS, REFERENCES, parser=WordsAsObjects(), synsets=without_synonyms)
    parse = WordsAsObjects()
    captions = Captions()
    captions.update(PREDICTIONS, REFERENCES)
    tokens = captions.tokens
    at = captions.starts.tolist()
    for i, p in enumerate(captions.predictions.tolist()):
        own = captions.references[at[i] : at[i + 1]]
        expected = spice_of_tuples(
            parse([tokens[p]])[0], parse([tokens[r] for r in own]), synsets=without_synonyms
        )
        assert scores.samples[i, 0] == expected[2]
    assert scores.values()["spice"] == pytest.approx(scores.samples.mean(), abs=1e-15)
    assert 0 < scores.values()["spice"] < 1
    assert scores.scale == 1


def test_the_parser_gets_each_caption_once_as_the_tokeniser_leaves_it():
    parser = WordsAsObjects()
    scores = spice(PREDICTIONS, REFERENCES, parser=parser, synsets=without_synonyms)
    (seen,) = parser.seen
    assert "a car a road" in seen
    assert len(seen) == 8
    assert scores.spec == "spice-1.0 parser=words synsets=meteor-1.5 ptb=corenlp-3.4.1"


def test_captions_may_be_tokenised_already():
    scorer = SpiceScorer(Captions(tokenize=None), parser=WordsAsObjects(), synsets=without_synonyms)
    scorer.update(["A car ."], [["A car ."]])
    assert scorer.compute() == {"spice": 1.0}
    assert "ptb=none" in scorer.score().spec


def test_scorers_merge():
    parts = [SpiceScorer(parser=WordsAsObjects(), synsets=without_synonyms) for _ in range(2)]
    parts[0].update(PREDICTIONS[:1], REFERENCES[:1])
    parts[1].update(PREDICTIONS[1:], REFERENCES[1:])
    parts[0].merge(parts[1])
    whole = spice(PREDICTIONS, REFERENCES, parser=WordsAsObjects(), synsets=without_synonyms)
    np.testing.assert_array_equal(parts[0].score().samples, whole.samples)


def test_no_sample_has_no_score():
    assert np.isnan(SpiceScorer().compute()["spice"])


def test_without_spice_there_is_a_reason_and_no_score(monkeypatch, tmp_path):
    monkeypatch.setenv(home.HOME, str(tmp_path / "nothing"))
    with pytest.raises(UnavailableError, match="RSVP_SPICE_HOME is"):
        spice(["a car"], [["a car"]])


def test_parses_in_the_cache_give_what_spice_gives(
    spice_jar_on_captions, made_up, whole_home, tmp_path, monkeypatch, all_hash_alike
):
    parses, asked, predictions, references = {}, [], [], []
    for i, sample in enumerate(made_up(21, 150)):
        predictions.append(f"candidate {i}")
        references.append([f"reference {i} of {j}" for j in range(len(sample["references"]))])
        parses |= dict(
            zip([predictions[-1], *references[-1]], [sample["candidate"], *sample["references"]], strict=True)
        )
        asked.append({"image_id": i, "test": predictions[-1], "refs": references[-1]})
    written = spice_jar_on_captions(parses, asked, all_hash_alike)["results"]

    synsets = home.synonyms()
    monkeypatch.setenv(home.HOME, str(whole_home))
    monkeypatch.setenv("RSVP_EVAL_CACHE", str(tmp_path))
    ParseCache(identity(home.locate())).put(parses)
    scores = spice(predictions, references, synsets=synsets)
    assert scores.samples[:, 0].tolist() == [image["scores"]["All"]["f"] for image in written]
    assert scores.values()["spice"] == pytest.approx(
        np.mean([image["scores"]["All"]["f"] for image in written]), abs=1e-12
    )
    assert "corenlp-3.6.0" in scores.spec
