"""Everything behind the parser equals what SPICE's own program does with the same tuples."""

import math

import pytest

from rsvp_eval.metrics.spice import CategoryWords, categories_of_tuples, read_detailed, spice_of_tuples
from rsvp_eval.metrics.spice.home import synonyms


def compare(samples, written):
    """Assert equality of all values and return how many samples have a score between 0 and 1."""
    words = CategoryWords(**{name: frozenset(listed) for name, listed in written["words"].items()})
    synsets = synonyms()
    between = 0
    for sample, result in zip(samples, written["results"], strict=True):
        given = sample["candidate"], sample["references"], synsets
        own = {"All": spice_of_tuples(*given)}
        own |= {k: (e.precision, e.recall, e.f) for k, e in categories_of_tuples(*given, words).items()}
        theirs = {k: (v["pr"], v["re"], v["f"]) for k, v in result["scores"].items()}
        assert {k: tuple(None if math.isnan(v) else v for v in vs) for k, vs in own.items()} == theirs, sample
        between += 0 < own["All"][2] < 1
    return between


def test_tuples_of_usual_words_and_of_words_with_many_meanings_score_the_same(
    spice_jar, made_up, dense, all_hash_alike
):
    samples = made_up(11, 400) + made_up(12, 250, dense, most=14)
    assert compare(samples, spice_jar(samples, all_hash_alike)) > 300


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_many_tuples_score_the_same(spice_jar, made_up, dense, all_hash_alike, seed):
    for samples in (made_up(seed, 4000), made_up(seed, 4000, dense, most=14)):
        assert compare(samples, spice_jar(samples, all_hash_alike)) > 1000


def test_a_file_that_spice_wrote_agrees_with_itself_and_with_us(spice_jar, made_up, write_json):
    samples = made_up(13, 200)
    images = read_detailed(write_json(spice_jar(samples)["results"]), synonyms())
    assert [image.id for image in images] == [str(i) for i in range(200)]
    own = [spice_of_tuples(s["candidate"], s["references"]) for s in samples]
    theirs = [(e.precision, e.recall, e.f) for e in (image.scores["All"] for image in images)]
    # In this Java objects hash by address, so that SPICE may merge in another order where two are as similar.
    assert sum(a == b for a, b in zip(own, theirs, strict=True)) >= 198
