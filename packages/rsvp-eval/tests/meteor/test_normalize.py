"""The normaliser gives METEOR's words: on real captions, and on what is hard for its rules."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_eval.metrics.meteor.normalize import normalize

# fmt: off
PIECES = {
    "marks": [*"aabB1 2é  ..,,''--–\"’!sI", "U.S.", "Mr.", "No.", "no", "x."],
    "letters": [*"aB1 ..,,''--ÀÖØöøž×÷ſßЀԧЖжԨᴀᵿᶀꙀꙮ꙯ꙿꚗꚘ"],
    "spaces": [
        *"aB1 ..,,''--\t\x0b\x0c\x00\x01\x1f\x85\xa0\u1680\u180e",
        *"\u2000\u2007\u200b\u2028\u2029\u202f\u3000\ufeff",
    ],
    "signs": [*"aB1 ..,,''--`‘’“”–—―‐‑−…«»‚„ʼ′😀𝒳𠀀一あ½²٣"],
    "ascii": [*" \"#$%&()*+/:;<=>?@[\\]^_{|}~!'`.-,a1B"],
    "abbreviations": [
        "Mr.", "St.", "e.g.", "vs.", "No.", "Art.", "pp.", "no.", "p.m.", "U.S.", "Ph.D.", "end.", "the",
        "The", "5", "5th", "É", "é", "x.", "X.", "(", ")", "...", "..", ".", "'s", '"', *"     ",
    ],
    "addresses": [
        "http://", "www.", "a.b", "/c-d", "?e=f", "&amp;", "a@b.com", "#tag", "|||", " ", "1,000.5", "-",
    ],
    "latin": [chr(i) for i in range(0x20, 0x250)],
}
# fmt: on


def hard_lines(pieces, count, seed):
    rng = random.Random(seed)
    return ["".join(rng.choices(pieces, k=rng.randint(1, 12))) for _ in range(count)]


def differences(java, lines):
    theirs = java(["edu.cmu.meteor.util.Normalizer", "en", "true"], lines)
    assert len(theirs) == len(lines)
    ours = [" ".join(normalize(line)) for line in lines]
    return [(line, a.lower(), b) for line, a, b in zip(lines, theirs, ours, strict=True) if a.lower() != b]


@pytest.mark.parametrize("kind", PIECES)
def test_hard_lines_become_the_jars_words(java, kind):
    lines = hard_lines(PIECES[kind], 6000, seed=kind)
    assert differences(java, lines) == []


def test_captions_become_the_jars_words(java, coco):
    captions = coco("val")[::18]
    assert len(captions) > 10_000
    assert differences(java, captions + [c.lower() for c in captions]) == []


@pytest.mark.slow
def test_all_captions_become_the_jars_words(java, coco):
    captions = coco("train") + coco("val")
    assert len(captions) > 500_000
    assert differences(java, captions) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", PIECES)
def test_many_hard_lines_become_the_jars_words(java, kind):
    lines = hard_lines(PIECES[kind], 150_000, seed=f"many {kind}")
    assert differences(java, lines) == []


def test_the_scorer_lowers_words_after_normalising(java, tmp_path):
    lines = ["Mr. Smith of the U.S. ARMY", "İ ΑΣ ΑΣ. ΑΣΑ ǅ É", "No. 5 a\xa0b\u3000c d\x0be"]
    path = tmp_path / "lines"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    java(["Meteor", path, path, "-l", "en", "-norm", "-m", "exact", "-writeAlignments", "-f", tmp_path / "o"])
    written = (tmp_path / "o-align.out").read_text(encoding="utf-8").split("\n")
    theirs = [written[i + 1] for i, line in enumerate(written) if line.startswith("Alignment")]
    assert [" ".join(normalize(line)) for line in lines] == theirs


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rectangle-shaped a-b-c", "rectangle shaped a b-c"),
        ("the U.S. isn't 1990's", "the us isn 't 1990 's"),
        ("a,b,c 1,000.5", "a , b,c 1,000.5"),
        ("wait... “no” (½)", 'wait ... " no " ( ½ )'),
        ("a ||| b", "a | | | b"),
        ("mr. x. Y.", "mr. x . y."),
        ("", ""),
    ],
)
def test_lines_become_words(located, line, words):
    assert normalize(line) == words.split()


@given(st.text(st.sampled_from("abz019 ")))
def test_a_plain_line_is_split_at_spaces(line):
    assert normalize(line) == [word for word in line.split(" ") if word]


@given(st.text(st.characters(exclude_characters=".")))
def test_words_are_lower_case_and_hold_no_space(line):
    for word in normalize(line):
        assert word
        assert word == word.lower()
        assert not set(word) & set(" \t\n\f\r\xa0\u3000")


def test_abbreviations_come_from_the_jar(home):
    assert normalize("Mr. X St. X") == ["mr.", "x", "st", ".", "x"]
    assert normalize("No. 5 No. X") == ["no.", "5", "no", ".", "x"]
