"""What becomes of each kind of text, as recorded from the reference: needs neither it nor Java."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rsvp_eval.captions import Captions
from rsvp_eval.tokenizer import clean, count_cleaned, ptb

BEHAVIOURS = json.loads((Path(__file__).parent / "behaviours.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", BEHAVIOURS)
def test_tokens(kind):
    captions, expected = zip(*BEHAVIOURS[kind], strict=True)
    assert ptb(captions) == list(expected)


@pytest.mark.parametrize("ending", ["\r", "\n", "\r\n", "\v", "\f", "\x85", "\u2028", "\u2029"])
def test_a_line_break_inside_a_caption_moves_nothing(ending):
    captions = ["a plane.", f"two{ending}planes.", "three planes."]
    assert ptb(captions) == ["a plane", "two planes", "three planes"]
    assert clean(captions[1]) == "two" + " " * len(ending) + "planes."
    assert count_cleaned(captions) == (0 if ending == "\n" else 1)


def test_count_cleaned_counts_captions_not_characters():
    assert count_cleaned(["a\rb\rc", "a\nb", "a", "\x85"]) == 2
    assert count_cleaned([]) == 0


def test_no_captions():
    assert ptb([]) == []


def test_a_caption_of_ten_megabytes():
    captions = ["a plane, " * 1_100_000, "x" * 10_000_000, "a%b " * 20_000]
    tokens = ptb(captions)
    assert tokens[0] == " ".join(["a plane"] * 1_100_000)
    assert tokens[1] == captions[1]
    assert tokens[2] == " ".join(["a % b"] * 20_000)


def test_captions_use_it():
    captions = Captions()
    captions.add("It isn't a plane.", ["A car, near St. Paul."])
    assert captions.tokens == ["it is n't a plane", "a car near st. paul"]
