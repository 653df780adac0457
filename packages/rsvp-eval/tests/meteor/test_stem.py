"""The stemmer gives the stems of the jar, those of newer Snowball versions where they differ left out."""

from __future__ import annotations

import gzip
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_eval.metrics.meteor.stem import stem

# fmt: off
SUFFIXES = [
    "s", "es", "ied", "ies", "ed", "eed", "ing", "edly", "ingly", "eedly", "ly", "'s", "s'", "ful", "fulness",
    "ness", "ization", "ational", "tional", "ative", "ousli", "able", "ance", "ence", "ement", "ment", "ent",
    "ism", "iti", "ive", "ize", "ion", "er", "ic", "al", "ogi", "ogist", "y", "e", "l", "us", "ss", "sses",
]
# fmt: on


def differences(java, words):
    assert not any(set(word) & set(" \t\f") for word in words)
    theirs = java(["Stemmer", "en"], words)
    assert len(theirs) == len(words)
    return [(w, a, stem(w)) for w, a in zip(words, theirs, strict=True) if a != stem(w)]


def derived(words, seed):
    rng = random.Random(seed)
    return [word + rng.choice(SUFFIXES) for word in words]


def invented(count, seed):
    rng = random.Random(seed)

    def one():
        head = "".join(rng.choices("aeiouybcdfgtslwx'é-0", k=rng.randint(1, 6)))
        return head + rng.choice(["", *SUFFIXES]) + rng.choice(["", rng.choice(SUFFIXES)])

    return [one() for _ in range(count)]


def dictionary(member):
    return sorted(
        {word for entry in member["synonym/english.synsets"][::2] for word in entry.split("_") if word}
    )


def test_words_have_the_jars_stems(java, member):
    words = dictionary(member)[::3]
    assert len(words) > 25_000
    assert differences(java, words + derived(words, 1) + invented(20_000, 2)) == []


@pytest.mark.slow
def test_all_words_of_the_data_have_the_jars_stems(java, member, located):
    words = set(dictionary(member)) | {
        w for line in member["synonym/english.exceptions"] for w in line.split()
    }
    with gzip.open(located.table, "rt", encoding="utf-8") as table:
        for i, line in enumerate(table):
            if i % 3:
                words.update(line.split())
    known = sorted(words)
    assert len(known) > 100_000
    assert differences(java, known + derived(known, 3) + invented(300_000, 4)) == []


def test_characters_beyond_the_basic_plane_count_as_two(java):
    rng = random.Random(5)
    words = [
        "".join(rng.choices("a😀eyß𝒳s", k=rng.randint(1, 5))) + rng.choice(SUFFIXES) for _ in range(2000)
    ]
    assert differences(java, words) == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        # Newer Snowball: evening, emerg, intern, organ, add.
        ("evening", "even"),
        ("emergency", "emerg"),
        ("international", "intern"),
        ("organization", "organ"),
        ("added", "ad"),
        # Exceptions, and words that only lose a plural.
        ("skies", "sky"),
        ("news", "news"),
        ("herrings", "herring"),
        ("generally", "general"),
        ("is", "is"),
        ("", ""),
    ],
)
def test_stems_are_those_of_the_old_algorithm(word, expected):
    assert stem(word) == expected


@given(st.text(st.sampled_from("abeilnostuy'"), max_size=12))
def test_a_stem_is_never_longer_than_one_letter_more_than_the_word(word):
    assert len(stem(word)) <= len(word) + 1
