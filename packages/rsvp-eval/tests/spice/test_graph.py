"""How tuples become a graph, with synsets made up so that every rule can be seen by itself."""

from hypothesis import given
from hypothesis import strategies as st

from rsvp_eval.metrics.spice import spice_of_tuples
from rsvp_eval.metrics.spice.graph import propositions_of
from rsvp_eval.metrics.spice.tuples import lookup_form, without_synonyms

SYNSETS = {
    "car": {1},
    "auto": {1, 2},
    "machine": {2, 3, 4},
    "red": {5},
    "ruby": {5, 6},
    "gem": {6},
    "hold": {7},
}
SYNSETS |= {"own": {7}, "ice_cream": {8}, "gelato": {8}}


def synsets(word):
    return frozenset(SYNSETS.get(word, ()))


def said(*tuples):
    return {tuple("/".join(sorted(c.strings)) for c in p) for p in propositions_of([tuples], synsets)}


def test_an_object_is_merged_into_the_most_similar_node():
    assert said(["car"], ["auto"]) == {("auto/car",)}
    assert said(["car"], ["machine"], ["auto"]) == {("auto/car",), ("machine",)}
    assert said(["car"], ["auto"], ["machine"]) == {("auto/car/machine",)}


def test_objects_without_a_common_synset_stay_apart():
    assert said(["car"], ["machine"], ["zorb"]) == {("car",), ("machine",), ("zorb",)}


def test_attributes_are_merged_into_the_first_that_is_similar():
    assert said(["car", "red"], ["car", "ruby"]) == {("car",), ("car", "red/ruby")}
    assert said(["car", "red"], ["car", "gem"], ["car", "ruby"]) == {
        ("car",),
        ("car", "red/ruby"),
        ("car", "gem"),
    }


def test_an_attribute_that_is_there_is_not_merged_into_another():
    assert said(["car", "red"], ["car", "gem"], ["car", "ruby"], ["car", "gem"]) == {
        ("car",),
        ("car", "red/ruby"),
        ("car", "gem"),
    }


def test_attributes_belong_to_one_object_only():
    assert said(["car", "red"], ["zorb", "ruby"]) == {("car",), ("car", "red"), ("zorb",), ("zorb", "ruby")}


def test_relations_stand_in_the_middle_and_lose_one_leading_be():
    assert said(["car", "road", "be on"]) == {("car",), ("road",), ("car", "on", "road")}
    assert said(["car", "road", "be be on"]) == {("car",), ("road",), ("car", "be on", "road")}
    assert said(["car", "road", "been on"]) == {("car",), ("road",), ("car", "been on", "road")}
    assert said(["car", "be red"]) == {("car",), ("car", "be red")}


def test_relations_between_the_same_two_are_merged_and_those_the_other_way_are_not():
    assert said(["car", "zorb", "hold"], ["auto", "zorb", "own"], ["zorb", "car", "own"]) == {
        ("auto/car",),
        ("zorb",),
        ("auto/car", "hold/own", "zorb"),
        ("zorb", "own", "auto/car"),
    }


def test_words_are_looked_up_trimmed_in_lower_case_with_underscores():
    assert lookup_form(" Ice Cream\t") == "ice_cream"
    assert spice_of_tuples([["Ice cream"]], [[["gelato"]]], synsets) == (1.0, 1.0, 1.0)


def test_one_proposition_of_the_references_may_be_matched_many_times():
    # "auto" is of both, but the candidate's two objects have no synset in common.
    assert spice_of_tuples([["car"], ["machine"]], [[["auto"]]], synsets) == (1.0, 2.0, 4 / 3)


def test_nothing_said_scores_zero():
    assert spice_of_tuples([], [[]], synsets) == (0.0, 0.0, 0.0)
    assert spice_of_tuples([["car"]], [[], []], synsets) == (0.0, 0.0, 0.0)
    assert spice_of_tuples([], [[["car"]]], synsets) == (0.0, 0.0, 0.0)


WORDS = st.sampled_from([*SYNSETS, "zorb", "plit"])
TUPLES = st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=8)


@given(TUPLES)
def test_a_caption_agrees_with_itself(tuples):
    assert spice_of_tuples(tuples, [tuples], synsets) == (1.0, 1.0, 1.0)


@given(TUPLES, st.lists(TUPLES, min_size=1, max_size=3), st.randoms())
def test_without_synonyms_the_order_of_tuples_does_not_matter(candidate, references, rng):
    shuffled = [rng.sample(tuples, len(tuples)) for tuples in references]
    rng.shuffle(shuffled)
    assert spice_of_tuples(candidate, references, without_synonyms) == spice_of_tuples(
        rng.sample(candidate, len(candidate)), shuffled, without_synonyms
    )


@given(TUPLES, st.lists(TUPLES, min_size=1, max_size=3))
def test_matches_are_at_most_the_candidates_propositions(candidate, references):
    precision, recall, f = spice_of_tuples(candidate, references, synsets)
    assert 0 <= precision <= 1
    assert 0 <= f <= max(2 * precision, 0.0)
    assert (f > 0) == (precision > 0) == (recall > 0)
