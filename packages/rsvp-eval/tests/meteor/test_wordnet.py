"""Words are synonyms where METEOR's matcher says so."""

from __future__ import annotations

import collections
import random
import string

import pytest

from rsvp_eval.metrics.meteor.wordnet import Synonyms, regular_bases

ENDINGS = ["s", "es", "ses", "xes", "zes", "ches", "shes", "men", "ies", "ed", "ing", "er", "est", "ss", ""]


@pytest.fixture(scope="module")
def synonyms(member):
    return Synonyms(
        "\n".join(member["synonym/english.synsets"]), "\n".join(member["synonym/english.exceptions"])
    )


def plain(words):
    return sorted({w for w in words if w and set(w) <= set(string.ascii_lowercase)})


def pairs_of(synonyms, member, count, seed):
    """Inflected, irregular and made-up words, each beside a word that may share a synset, or any other."""
    rng = random.Random(seed)
    entries = member["synonym/english.synsets"]
    known = plain(entries[::2])
    irregular = plain(word for line in member["synonym/english.exceptions"] for word in line.split())
    by_synset = collections.defaultdict(list)
    for word in known:
        for number in synonyms.synsets(word):
            by_synset[number].append(word)
    pairs = []
    while len(pairs) < count:
        word = rng.choice(irregular if rng.random() < 0.3 else known)
        word = rng.choice([word, word, *(word + e for e in ENDINGS), *(word[:-1] + e for e in ENDINGS)])
        # Base forms that must not count are asked for as well.
        base = rng.choice([word, *regular_bases(word), word[:-1]])
        akin = [w for n in sorted(synonyms.synsets(base)) for w in by_synset[n]]
        other = rng.choice(akin if akin and rng.random() < 0.8 else known)
        if other != word:
            pairs.append((word, other))
    return pairs


def check(matched, synonyms, pairs):
    theirs = [bool(match) for match in matched(pairs, "exact synonym")]
    ours = [bool(synonyms.synsets(a) & synonyms.synsets(b)) for a, b in pairs]
    assert 0.1 < sum(theirs) / len(theirs) < 0.9
    assert [p for p, a, b in zip(pairs, theirs, ours, strict=True) if a != b] == []


def test_synonyms_are_those_of_the_jar(matched, synonyms, member):
    check(matched, synonyms, pairs_of(synonyms, member, 10_000, seed=1))


@pytest.mark.slow
def test_many_synonyms_are_those_of_the_jar(matched, synonyms, member):
    check(matched, synonyms, pairs_of(synonyms, member, 200_000, seed=2))


ENTRIES = {
    "ship": "1 2", "vessel": "2", "see": "3", "saw": "4", "marche": "5", "march": "6", "as": "7", "a": "8",
    "mas": "9", "mass": "10", "ad_hoc": "11", "box": "12",
}  # fmt: skip
TABLE = Synonyms(
    "".join(f"{word}\n{numbers}\n" for word, numbers in ENTRIES.items()), "see\nsaw seen\nsaw\nsawn\n"
)


@pytest.mark.parametrize(
    ("word", "synsets"),
    [
        ("ship", {1, 2}),
        ("ships", {1, 2}),
        ("boxes", {12}),
        ("saw", {3, 4}),  # its own, and those of its irregular base
        ("seen", {3}),
        ("sawn", {4}),
        ("marches", {5}),  # the first rule that gives a known word, not every one
        ("as", {7}),  # two letters: no rule
        ("mass", {10}),  # ends in ss: no rule
        ("ad_hoc", {11}),
        ("unheard", set()),
        ("", set()),
    ],
)
def test_synsets_are_those_of_the_word_and_of_its_base(word, synsets):
    assert TABLE.synsets(word) == synsets
    assert TABLE.synsets(word) == synsets, "asked again"
