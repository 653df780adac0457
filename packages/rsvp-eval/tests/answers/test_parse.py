"""What an answer says about which mark, in every form that models give it."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rsvp_eval.answers import in_order, joined, parse, render

PROPERTY = settings(deadline=None, derandomize=True, max_examples=300)

BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
texts = st.text(st.characters(exclude_characters=BREAKS, exclude_categories=("Cs",)), max_size=40)
own_texts = texts.map(str.strip).filter(lambda t: "region" not in t.lower() and "mark" not in t.lower())
numbers = st.integers(1, 10**9 - 1)


@pytest.mark.parametrize(
    "answer",
    [
        "<Region 1>: ship\n<Region 2>: small car",
        "<Region 1>: ship\n<Region 2>: small car\n",
        "<Region 1>: ship\r\n<Region 2>: small car\r\n",
        "<Region 1>:ship\n<Region 2>:small car",
        "<Region 1> : ship\n<Region 2> : small car",
        "<Region 1>： ship\n<Region 2>：small car",
        "<Region 1> ship\n<Region 2> small car",
        "<Region 01>: ship\n<Region 002>: small car",
        "<region 1>: ship\n<REGION 2>: small car",
        "<Mark 1>: ship\n<Mark 2>: small car",
        "Region 1: ship\nRegion 2: small car",
        "Mark 1: ship\nMark 2: small car",
        "Region #1: ship\nRegion_2: small car",
        "[Region 1]: ship\n[Region 2] small car",
        "(Region 1) ship\n(Region 2): small car",
        "**Region 1**: ship\n**Region 2**: small car",
        "**Region 1:** ship\n**Region 2:** small car",
        "**<Region 1>**: ship\n**<Region 2>**: small car",
        "- <Region 1>: ship\n- <Region 2>: small car",
        "  * Region 1: ship\n  * Region 2: small car",
        "1. <Region 1>: ship\n2. <Region 2>: small car",
        "### Region 1\nship\n### Region 2\n\nsmall car",
        "Region 1\nship\nRegion 2\nsmall car",
        "<Region 1>: ship <Region 2>: small car",
        "<Region 1>: ship, <Region 2>: small car",
        "Region 1: ship; Region 2: small car",
        "<Region 2>: small car\n<Region 1>: ship",
        "<Region 1>: ship\n\n<Region 2>: small car",
        "<Region 1>: ship\n<Region 2>: small\n  car",
        "1. ship\n2. small car",
        "1) ship\n2) small car",
        "1: ship\n2: small car\n",
        "- 1. ship\n- 2. small car",
        "2. small car\n\n1. ship",
        "<Region 1>: ship\n<Region 1>: ship\n<Region 2>: small car",
    ],
)
def test_two_marks_in_any_form(answer):
    parsed = parse(answer, [1, 2])
    assert parsed.texts == {1: "ship", 2: "small car"}
    assert parsed.missing == parsed.invented == parsed.duplicated == ()
    assert sorted(set(parsed.order)) == [1, 2]
    assert not parsed.chatter
    assert not parsed.unparsed
    assert not parsed.bare


def test_order_is_as_the_numbers_came():
    assert parse("<Region 2>: a\n<Region 1>: b\n<Region 2>: a", [1, 2]).order == (2, 1, 2)


@pytest.mark.parametrize(
    "answer",
    [
        "Sure, here they are:\n<Region 1>: ship\n<Region 2>: car",
        "<Region 1>: ship\n<Region 2>: car\n\nLet me know if you need more.",
        "<Region 1>: ship\n\nThat was easy.\n\n<Region 2>: car",
        "Here: <Region 1>: ship\n<Region 2>: car",
    ],
)
def test_chatter_is_told_and_left_out(answer):
    parsed = parse(answer, [1, 2])
    assert parsed.texts == {1: "ship", 2: "car"}
    assert parsed.chatter


def test_a_citation_belongs_to_the_text_that_cites():
    parsed = parse("<Region 1>: a ship beside <Region 2>\n<Region 2>: a quay", [1, 2])
    assert parsed.texts == {1: "a ship beside <Region 2>", 2: "a quay"}


def test_missing_and_invented_marks_are_told_apart():
    parsed = parse("<Region 2>: car\n<Region 9>: tree\n<Region 0>: x\n<Region 9>: y", [1, 2, 3])
    assert parsed.texts == {2: "car"}
    assert parsed.missing == (1, 3)
    assert parsed.invented == (9, 0)


def test_a_mark_answered_twice_in_different_words_has_no_text():
    parsed = parse("<Region 1>: ship\n<Region 2>: car\n<Region 1>: boat\n<Region 2>:  car ", [1, 2])
    assert parsed.texts == {2: "car"}
    assert parsed.duplicated == (1,)
    assert parsed.missing == ()


def test_an_empty_text_is_a_text():
    parsed = parse("<Region 1>:\n<Region 2>: car", [1, 2])
    assert parsed.texts == {1: "", 2: "car"}
    assert parsed.missing == ()


@pytest.mark.parametrize(
    "answer",
    ["ship, car", "ship\ncar", "1. ship\ncar", "first: ship\nsecond: car", "a ship <Region 1> by <Region 2>"],
)
def test_nothing_is_aligned_by_position(answer):
    parsed = parse(answer, [1, 2])
    assert parsed.unparsed
    assert parsed.texts == {}
    assert parsed.missing == (1, 2)


@pytest.mark.parametrize("answer", ["", "  ", "\n\r\n"])
def test_a_blank_answer_says_nothing_and_is_not_unparsed(answer):
    parsed = parse(answer, [1])
    assert parsed.missing == (1,)
    assert not parsed.unparsed
    assert not parsed.bare


@pytest.mark.parametrize("answer", ["ship", " ship\n", "a subregion 1: here", "at 1:30", "2.5 m wide"])
def test_a_row_of_one_mark_takes_an_answer_without_marks_whole(answer):
    parsed = parse(answer, [4])
    assert parsed.bare
    assert parsed.texts == {4: answer.strip()}


def test_a_bare_answer_over_several_lines_becomes_one():
    assert parse("two ships\nin  a row\n", [1]).texts == {1: "two ships in  a row"}


def test_a_row_of_one_mark_does_not_take_what_is_said_of_another():
    parsed = parse("<Region 2>: car", [1])
    assert not parsed.bare
    assert parsed.missing == (1,)
    assert parsed.invented == (2,)


def test_turns_add_marks():
    turns = [
        {"role": "user", "content": "What are they? <Region 9>: x"},
        {"role": "assistant", "content": "<Region 1>: ship"},
        {"role": "user", "content": "And the other?"},
        {"role": "assistant", "content": "<Region 2>: car"},
    ]
    assert parse(turns, [1, 2]).texts == {1: "ship", 2: "car"}
    assert parse(["<Region 1>: ship", "<Region 2>: car"], [1, 2]).texts == {1: "ship", 2: "car"}
    assert joined(turns) == "<Region 1>: ship\n\n<Region 2>: car"


@PROPERTY
@given(st.dictionaries(numbers, own_texts, min_size=1), st.sampled_from(["Region", "Mark"]))
@example({1: "**bold**", 2: ":", 3: "a: b", 4: "- x", 5: "1. y"}, "Region")
@example({1: ">", 2: "", 3: "*", 4: "_", 5: "`c`"}, "Mark")
def test_what_is_rendered_reads_back(said, marker):
    parsed = parse(render(said, marker), list(said))
    assert parsed.texts == said
    assert parsed.order == tuple(said)
    assert parsed.missing == parsed.invented == parsed.duplicated == ()
    assert not parsed.chatter


@PROPERTY
@given(st.dictionaries(numbers, own_texts.filter(bool), min_size=1))
def test_emphasis_bullets_and_chatter_change_no_text(said):
    lines = "\n".join(f"- **Region {index}**: {text}" for index, text in said.items())
    plain = parse(render(said), list(said))
    dressed = parse(f"Here they are.\n{lines}\n\nDone.", list(said))
    assert dressed.texts == plain.texts
    assert dressed.chatter


@PROPERTY
@given(st.text(max_size=200), st.lists(st.integers(0, 9), unique=True, max_size=5))
@example("Region 99999999999999999999: x", [1])
@example("<Region ²>: x", [2])
@example("Region ١: x", [1])
def test_it_never_raises_and_every_mark_is_accounted_for(answer, marks):
    parsed = parse(answer, marks)
    assert sorted([*parsed.texts, *parsed.missing, *parsed.duplicated]) == sorted(marks)
    assert not set(parsed.invented) & set(marks)


fragments = st.sampled_from(
    [
        "<",
        ">",
        "[",
        "]",
        "**",
        "Region",
        " ",
        "1",
        "2",
        "12",
        ":",
        "：",
        "\n",
        "\r\n",
        "Mark",
        "- ",
        "1. ",
        "x",
        "_",
    ]
)


@PROPERTY
@given(st.lists(fragments, max_size=30).map("".join))
def test_any_mix_of_its_own_pieces_is_accounted_for(answer):
    parsed = parse(answer, [1, 2])
    assert sorted([*parsed.texts, *parsed.missing, *parsed.duplicated]) == [1, 2]
    assert all("\n" not in text for text in parsed.texts.values())


@PROPERTY
@given(st.text(st.sampled_from("ab: \n\tRegion1"), max_size=80))
@example("Region 1: a: b: c\n\nRegion 2:c\n : d\n")
def test_in_order_is_what_draw_and_understand_takes(answer):
    expected = []
    for line in answer.strip().split("\n"):
        _, colon, after = line.partition(": ")
        if colon:
            expected.append(after.split(": ")[0])
    assert in_order(answer) == expected


def adversarial(size):
    pieces = {
        "heads": "Region 1:",
        "bracketed heads": "<Region 1>",
        "names": "region ",
        "numbers": "Region 1 ",
        "open brackets": "<",
        "emphasis": "**",
        "blanks": " ",
        "lines": "\n",
        "blank lines": " \n",
        "bullets": "- ",
        "list": "1.\n",
        "digits": "1",
        "half heads": "**<Region 1",
    }
    return {name: piece * (size // len(piece)) for name, piece in pieces.items()}


@pytest.mark.parametrize("name", adversarial(0))
def test_time_is_linear_in_the_answer(name):
    answer = "Region 1: " + adversarial(400_000)[name]
    started = time.process_time()
    parse(answer, [1, 2])
    in_order(answer)
    # A step for each pair of characters would take hours.
    assert time.process_time() - started < 10


@pytest.mark.slow
@pytest.mark.parametrize("name", adversarial(0))
def test_time_is_linear_in_ten_megabytes(name):
    answer = adversarial(10_000_000)[name] + "Region 2: x"
    started = time.process_time()
    parse(answer, [1, 2])
    assert time.process_time() - started < 60
