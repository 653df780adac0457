"""Texts that cite marks keep their citations right when marks are lost."""

from __future__ import annotations

import pytest

from rsvp_builder.prose import cited, renumbered


@pytest.mark.parametrize(
    ("text", "numbers", "expected"),
    [
        ("A plane <Region 1> flies.", {1: 1}, "A plane <Region 1> flies."),
        ("A plane <Region 3> flies.", {3: 1}, "A plane <Region 1> flies."),
        ("A plane <Region 3> flies.", {}, "A plane flies."),
        ("Two ships <Region 1><Region 2>.", {2: 1}, "Two ships <Region 1>."),
        ("Two ships <Region 1><Region 2>.", {1: 1}, "Two ships <Region 1>."),
        ("Two ships <Region 1><Region 2>.", {}, "Two ships."),
        ("<Region 1><Region 2> are ships.", {2: 1}, "<Region 1> are ships."),
        ("A ship <Region 1>, a car <Region 2>.", {2: 1}, "A ship, a car <Region 1>."),
        ("Nothing.", {1: 1}, "Nothing."),
    ],
)
def test_citations_are_renumbered_and_those_of_lost_marks_are_taken_out(text, numbers, expected):
    assert renumbered(text, numbers) == expected


def test_citations_are_found_in_order_as_often_as_they_occur():
    assert cited("<Region 2> and <Region 10><Region 2>, not <Mark 1>") == [2, 10, 2]
