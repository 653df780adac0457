"""The beam search on candidates set down by hand."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_eval.metrics.meteor.align import align
from rsvp_eval.metrics.meteor.match import EXACT, PARAPHRASE, SYNONYM, Match


class Listed:
    """Candidates as lists by word of the reference."""

    def __init__(self, *lists):
        self.lists = lists

    def at(self, j):
        return [Match(*row) for row in self.lists[j]]


def same_words(hypothesis, reference):
    return Listed(*([(i, 1, 1, EXACT) for i, w in enumerate(hypothesis) if w == word] for word in reference))


def pairs(alignment):
    return [(match.first, j) for j, match in alignment.matches]


def aligned(hypothesis, reference, **options):
    hypothesis, reference = hypothesis.split(), reference.split()
    return align(same_words(hypothesis, reference), len(hypothesis), len(reference), **options)


@pytest.mark.parametrize(
    ("hypothesis", "reference", "expected", "chunks"),
    [
        ("", "", [], 0),
        ("", "a b", [], 0),
        ("a b", "", [], 0),
        ("a", "b", [], 0),
        ("a b c", "a b c", [(0, 0), (1, 1), (2, 2)], 1),
        ("a b c", "c a b", [(2, 0), (0, 1), (1, 2)], 2),
        ("a x b", "a b", [(0, 0), (2, 1)], 2),
        ("a b", "a x b", [(0, 0), (1, 2)], 2),
        # The second "a" is taken for the sake of fewer chunks.
        ("a x a b", "a b", [(2, 0), (3, 1)], 1),
        ("the car the tree", "the tree the car", [(2, 0), (3, 1), (0, 2), (1, 3)], 2),
    ],
)
def test_words_are_matched_in_few_chunks(hypothesis, reference, expected, chunks):
    found = aligned(hypothesis, reference)
    assert pairs(found) == expected
    assert found.chunks == chunks


def test_equal_alignments_are_decided_by_order():
    # Neither "a" gives fewer chunks, and the first has no distance on it yet.
    assert pairs(aligned("a x a", "a y")) == [(0, 0)]


def test_distance_weighs_on_what_is_tried_later():
    # The candidate at place 0 is tried first, at no cost to itself; its distance is on the one at place 2.
    assert pairs(aligned("a x a", "y z a")) == [(0, 2)]


def test_a_phrase_counts_half_its_words_and_a_synonym_none():
    # Two words as a phrase are 1 a side; so are an exact word and a synonym. The first in order is taken.
    phrase, exact, synonym = (0, 2, 2, PARAPHRASE), (0, 1, 1, EXACT), (1, 1, 1, SYNONYM)
    assert align(Listed([exact, phrase], [synonym]), 2, 2).matches[0][1] == exact
    assert align(Listed([phrase, exact], [synonym]), 2, 2).matches[0][1] == phrase
    # Three words as a phrase count 1 and not 1.5, so two exact words are better.
    long_phrase = (0, 3, 3, PARAPHRASE)
    two = align(Listed([long_phrase, exact], [(1, 1, 1, EXACT)], []), 3, 3)
    assert [m.module for _, m in two.matches] == [EXACT, EXACT]


def test_of_near_front():
    # What METEOR's jar aligns in "of near front of of are are near" and, the reference, "of walks front of of
    # are are close".
    of, are = [(0, 1, 1, EXACT), (3, 1, 1, EXACT), (4, 1, 1, EXACT)], [(5, 1, 1, EXACT), (6, 1, 1, EXACT)]
    close = [(1, 1, 1, SYNONYM), (7, 1, 1, SYNONYM)]
    close += [(1, 1, 1, 3), (7, 1, 1, 3), (1, 1, 1, 3), (6, 2, 1, 3), (7, 1, 1, 3)]
    are_close = [(1, 1, 2, 3), (7, 1, 2, 3), (6, 2, 2, 3)]
    found = align(Listed(of, [], [(2, 1, 1, EXACT)], of, of, are, [*are, *are_close], close), 8, 8)
    assert pairs(found) == [(0, 0), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7)]
    assert found.matches[-1][1].module == SYNONYM
    assert found.chunks == 2


def test_a_narrow_beam_forgets():
    # The start that pays off only later is not the best after one word.
    wide, narrow = aligned("a x a b", "a b"), aligned("a x a b", "a b", beam=1)
    assert (wide.chunks, narrow.chunks) == (1, 2)


WORDS = st.lists(st.sampled_from("abcd"), max_size=14)


@given(WORDS, WORDS)
def test_an_alignment_is_one_to_one_and_leaves_no_word_out(hypothesis, reference):
    found = align(same_words(hypothesis, reference), len(hypothesis), len(reference))
    places = pairs(found)
    assert all(hypothesis[i] == reference[j] for i, j in places)
    assert len({i for i, _ in places}) == len({j for _, j in places}) == len(places)
    assert len(places) == (Counter(hypothesis) & Counter(reference)).total()
    following = sum((i + 1, j + 1) in set(places) for i, j in places)
    assert found.chunks == len(places) - following
