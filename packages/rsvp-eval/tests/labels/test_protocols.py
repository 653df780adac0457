"""Each protocol cleans as its reference does, also where that is odd."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.errors import UnknownNameError
from rsvp_eval.metrics.protocols import PROTOCOLS, Protocol, protocol_of, without_head

PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
LABELS = st.text(st.sampled_from("aB _:.,()<>1é\n"), max_size=20)


@pytest.mark.parametrize(
    ("protocol", "answer", "cleaned"),
    [
        ("osprey", "  airplane.\n", "airplane "),
        ("osprey", "airplane", "airplane"),
        ("osprey", "<Region 1>: ship", " ship"),
        ("osprey", "Region 1: a ship, white.", " a ship  white "),
        ("osprey", "<Region 1>: ship: large", " ship"),
        ("osprey", "The category is: ship", " ship"),
        ("osprey", "storage_tank", "storage_tank"),
        ("osprey", ":", ""),
        ("sphinxv", "airplane.", "airplane."),
        ("sphinxv", "Region 1: airplane.", "airplane."),
        ("sphinxv", "<Region 1>: Ship: large", "Ship"),
        ("sphinxv", "Here it is.\nRegion 1: ship\nRegion 2: car", "ship"),
        ("sphinxv", "a:b", "a:b"),
        ("sphinxv", "storage_tank", "storage_tank"),
        ("videorefer", "Storage_Tank, (large): x.", "storage tank   large   x "),
        ("strict", "<Region 3>: Storage_Tank (large).", "storage tank large"),
        ("strict", "Storage_Tank (large).", "storage tank large"),
        ("strict", "<Mark 2> ship", "ship"),
        ("strict", "Region", "region"),
        ("strict", " . ", ""),
    ],
)
def test_answers(protocol, answer, cleaned):
    assert PROTOCOLS[protocol].prediction(answer) == cleaned


@pytest.mark.parametrize(
    ("protocol", "target", "cleaned"),
    [
        ("osprey", "storage_tank:(old).", "storage tank (old)."),
        ("sphinxv", "storage_tank:(old).", "storage tank (old)."),
        ("videorefer", "Storage_tank:(old).", "storage tank  old  "),
        ("strict", "Storage_tank:(old).", "storage tank old"),
    ],
)
def test_targets(protocol, target, cleaned):
    assert PROTOCOLS[protocol].target(target) == cleaned


@PROPERTY
@given(LABELS)
def test_osprey_takes_what_stands_behind_the_first_colon(answer):
    """The rule as eval scripts spell it: cut, then blank one character after the other."""
    expected = answer.strip()
    if ":" in expected:
        expected = expected.split(":")[1]
    for character in ".:,":
        expected = expected.replace(character, " ")
    assert PROTOCOLS["osprey"].prediction(answer) == expected


@PROPERTY
@given(LABELS)
def test_sphinxv_takes_the_first_line_that_has_a_colon_and_a_blank(answer):
    lines = [line.split(": ")[1] for line in answer.strip().split("\n") if ": " in line]
    assert PROTOCOLS["sphinxv"].prediction(answer) == (lines[0] if lines else answer)


@PROPERTY
@given(LABELS)
def test_symmetric_protocols_treat_both_sides_alike(label):
    for name in ("videorefer", "strict"):
        assert PROTOCOLS[name].prediction(label) == PROTOCOLS[name].target(label)


@PROPERTY
@given(LABELS.filter(lambda label: ":" not in label))
def test_an_answer_without_its_head_gives_the_words_it_gives_with_it(label):
    for name in ("osprey", "sphinxv", "strict"):
        clean = PROTOCOLS[name].prediction
        text = label.replace("\n", " ").strip()
        if text and without_head(text) == text:
            assert clean(f"<Region 1>: {text}").split() == clean(text).split()


@PROPERTY
@given(LABELS)
def test_strict_cleaning_ends_where_it_is_done_twice(label):
    clean = PROTOCOLS["strict"].prediction
    assert clean(clean(label)) == clean(label)


def test_only_sphinxv_matches_by_order_and_spares_the_missing():
    assert {name: p.alignment for name, p in PROTOCOLS.items()} == {
        "osprey": "index",
        "sphinxv": "order",
        "videorefer": "index",
        "strict": "index",
    }
    assert [name for name, p in PROTOCOLS.items() if p.missing == "left out"] == ["sphinxv"]


def test_names_aliases_and_protocols_of_ones_own():
    assert protocol_of("draw_and_understand") is PROTOCOLS["sphinxv"]
    own = Protocol("own", str.strip, str.strip, "index", "")
    assert protocol_of(own) is own
    with pytest.raises(UnknownNameError, match=r"osprei.*osprey"):
        protocol_of("osprei")


def test_protocols_travel_between_processes():
    for protocol in PROTOCOLS.values():
        assert pickle.loads(pickle.dumps(protocol)) == protocol
        assert protocol.note
