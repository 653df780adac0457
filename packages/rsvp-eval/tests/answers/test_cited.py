"""Which marks a text in prose cites, and the text without its citations."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.answers.cited import citations, cited, strip_marks

PROPERTY = settings(deadline=None, derandomize=True, max_examples=300)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("A plane <Region 1> beside two cars <Region 2><Region 3>.", [1, 2, 3]),
        ("<Mark 2> lies in <Mark 1>", [2, 1]),
        ("[Region 4] and (region 5)", [4, 5]),
        ("<REGION 04>", [4]),
        ("<Regions 1, 2 and 3>", [1, 2, 3]),
        ("(Regions 1 & 2)", [1, 2]),
        ("Region 1 is left of region 2.", [1, 2]),
        ("Mark 1 is left of Mark 2.", [1, 2]),
        ("Regions 1, 2, and 3 are ships", [1, 2, 3]),
        ("Marks 1 and 2", [1, 2]),
        ("the subregion 1", []),
        ("they mark 3 lanes", []),
        ("this marks 12 lanes and 3 cars", []),
        ("a region 2.5 km wide, region 1,000 m", []),
        ("as said before [1], <2>, (3)", []),
        ("no mark at all", []),
        ("Region 1234567890123", []),
    ],
)
def test_only_what_is_meant_as_a_citation_counts(text, numbers):
    assert citations(text) == numbers


def test_coverage_is_the_share_of_the_marks_that_are_cited():
    found = cited("<Region 3> <Region 1> <Region 3> <Region 8> <Region 8>", [1, 2, 3, 4])
    assert found.marks == (3, 1)
    assert found.invented == (8,)
    assert found.coverage == 0.5


def test_nothing_cited_covers_nothing_and_no_marks_are_covered():
    assert cited("two ships", [1, 2]).coverage == 0
    assert cited("two ships", []).coverage == 1
    assert cited("", [1]).marks == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A plane <Region 1> beside two cars <Region 2><Region 3>.", "A plane beside two cars."),
        ("<Region 1> A plane", "A plane"),
        ("A plane (Regions 1 and 2), a car [Mark 3]", "A plane, a car"),
        ("Region 1 is left of Region 2", "Region 1 is left of Region 2"),
        ("A plane [1]", "A plane [1]"),
    ],
)
def test_bracketed_citations_are_taken_out(text, expected):
    assert strip_marks(text) == expected


@PROPERTY
@given(st.lists(st.integers(1, 99), unique=True, min_size=1, max_size=9))
def test_citing_every_mark_covers_them_all(marks):
    found = cited(" and ".join(f"a thing <Region {mark}>" for mark in marks), marks)
    assert found.marks == tuple(marks)
    assert found.invented == ()
    assert found.coverage == 1


@PROPERTY
@given(st.text(max_size=200))
def test_it_never_raises_and_stripping_leaves_no_bracketed_citation(text):
    found = cited(text, [1, 2])
    assert 0 <= found.coverage <= 1
    assert strip_marks(strip_marks(text)) == strip_marks(text) or "<" in text


PIECES = ["<Region 1>", "<Region 1 and ", "Regions 1, ", "Region ", "1, ", "<", " ", "(Marks 1, 2"]


@pytest.mark.parametrize("piece", PIECES)
def test_time_is_linear_in_the_text(piece):
    text = "Regions 1" + piece * (400_000 // len(piece))
    started = time.process_time()
    cited(text, [1])
    strip_marks(text)
    assert time.process_time() - started < 10
