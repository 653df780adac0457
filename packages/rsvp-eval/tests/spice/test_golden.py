"""Scores equal what SPICE wrote about made-up tuples; needs neither Java nor SPICE."""

import math

import pytest

from rsvp_eval.metrics.spice import CategoryWords, categories_of_tuples, spice_of_tuples


def test_there_is_something_to_compare(golden):
    scores = [s["spice"]["scores"]["All"]["f"] for s in golden["samples"]]
    assert len({f for f in scores if 0 < f < 1}) > 15
    assert any(
        "/" in word for s in golden["samples"] for t in s["spice"]["ref_tuples"] for word in t["tuple"]
    )


def test_precision_recall_and_f_are_those_of_spice(golden, golden_synsets):
    for sample in golden["samples"]:
        written = sample["spice"]["scores"]["All"]
        own = spice_of_tuples(sample["candidate"], sample["references"], golden_synsets)
        assert own == (written["pr"], written["re"], written["f"]), sample


def test_categories_are_those_of_spice(golden, golden_synsets):
    words = CategoryWords(**{name: frozenset(listed) for name, listed in golden["words"].items()})
    defined = dict.fromkeys(["Object", "Attribute", "Relation", "Cardinality", "Color", "Size"], 0)
    for sample in golden["samples"]:
        own = categories_of_tuples(sample["candidate"], sample["references"], golden_synsets, words)
        assert own.keys() == defined.keys()
        for name, evaluation in own.items():
            written = sample["spice"]["scores"][name]
            values = (evaluation.precision, evaluation.recall, evaluation.f)
            assert tuple(None if math.isnan(v) else v for v in values) == (
                written["pr"],
                written["re"],
                written["f"],
            ), (name, sample)
            defined[name] += written["f"] is not None and written["f"] > 0
    assert min(defined.values()) > 0, defined


def test_categories_by_word_lists_are_left_out_without_the_lists(golden, golden_synsets):
    sample = golden["samples"][3]
    own = categories_of_tuples(sample["candidate"], sample["references"], golden_synsets)
    assert own.keys() == {"Object", "Attribute", "Relation"}


@pytest.mark.parametrize("tuples", [[[]], [["a", "b", "c", "d"]], ["ab"], [["a", 2]]])
def test_what_is_no_tuple_is_refused(tuples, golden_synsets):
    with pytest.raises(ValueError, match="one, two or three strings"):
        spice_of_tuples(tuples, [[["a"]]], golden_synsets)
    with pytest.raises(ValueError, match="one, two or three strings"):
        spice_of_tuples([["a"]], [tuples], golden_synsets)
