"""The index holds the whole table, in its order, and finds every phrase of a sentence."""

from __future__ import annotations

import gzip
import itertools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.errors import EvalError
from rsvp_eval.metrics.meteor.paraphrase_index import build
from rsvp_eval.metrics.meteor.paraphrases import Paraphrases

WORDS = st.sampled_from(["a", "b", "c", "é", "à-b"])
PHRASE = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
ENTRIES = st.lists(st.tuples(PHRASE, PHRASE), min_size=1, max_size=25, unique=True)
SENTENCES = st.lists(st.lists(st.one_of(WORDS, st.just("unknown")), max_size=9), max_size=4)


def opened(table):
    with tempfile.TemporaryDirectory() as folder:
        build(table, Path(folder))
        return Paraphrases(Path(folder))


def made(write_table, entries):
    with tempfile.TemporaryDirectory() as folder:
        return opened(write_table(Path(folder, "table.gz"), entries))


def by_phrase(entries):
    table = {}
    for phrase, paraphrase in entries:
        table.setdefault(phrase, []).append(paraphrase)
    return table


def groups(lines):
    """Phrase and paraphrase of each three lines of a table."""
    return list(zip(itertools.islice(lines, 1, None, 3), itertools.islice(lines, 2, None, 3), strict=True))


@given(ENTRIES)
@settings(max_examples=50, deadline=None)
def test_a_table_comes_back(write_table, entries):
    index = made(write_table, entries)
    table = by_phrase(entries)
    phrases = {phrase for entry in entries for phrase in entry}
    assert {p: list(index.of(p)) for p in table} == table
    assert len(index) == len(phrases)
    assert index.longest == max(p.count(" ") + 1 for p in phrases)
    assert {index.text(n) for n in range(len(index))} == phrases
    assert [index.number(index.text(n)) for n in range(len(index))] == list(range(len(index)))


@given(ENTRIES)
@settings(max_examples=50, deadline=None)
def test_phrases_are_numbered_those_with_paraphrases_first(write_table, entries):
    index = made(write_table, entries)
    table = by_phrase(entries)
    heads = list(table)
    others = [p for p in dict.fromkeys(itertools.chain(*entries)) if p not in heads]
    assert index.heads == len(heads)
    assert [index.text(n) for n in range(len(index))] == heads + others
    for n in range(len(index)):
        numbers = index.paraphrases_of(n)
        assert numbers.dtype == np.int32
        assert [index.text(m) for m in numbers.tolist()] == table.get(index.text(n), [])


@given(ENTRIES, SENTENCES)
@settings(max_examples=100, deadline=None)
def test_every_phrase_of_a_sentence_is_found(write_table, entries, sentences):
    index = made(write_table, entries)
    table = by_phrase(entries)
    phrases = {phrase for entry in entries for phrase in entry}
    expected = [
        [
            (start, length, " ".join(words[start : start + length]))
            for start in range(len(words))
            for length in range(1, len(words) - start + 1)
            if " ".join(words[start : start + length]) in phrases
        ]
        for words in sentences
    ]
    found = index.find_all(sentences)
    assert [[(s, n, index.text(p)) for s, n, p in own] for own in found] == expected
    for words, own in zip(sentences, expected, strict=True):
        assert index.find(words) == [(s, n, tuple(table[p])) for s, n, p in own if p in table]


@pytest.mark.parametrize("phrase", ["x", "a x", "x a", "a b", "b a", "a b c d", "", " ", "a ", " a"])
def test_what_is_no_phrase_has_no_number(write_table, phrase):
    index = made(write_table, [("a b c", "c"), ("a", "b")])
    assert index.number(phrase) is None
    assert index.of(phrase) == ()


def test_a_phrase_has_no_paraphrases_for_being_one(write_table):
    index = made(write_table, [("a", "b c")])
    assert index.of("a") == ("b c",)
    assert index.of("b c") == ()
    assert index.number("b c") == 1


def test_sentences_do_not_run_into_each_other(write_table):
    index = made(write_table, [("a b", "c")])
    assert index.find_all([["a"], ["b"], [], ["a", "b"]]) == [[], [], [], [(0, 2, 0)]]
    assert index.find_all([]) == []


def test_the_numbers_stay_the_same(write_table, tmp_path):
    entries = [("b", "a"), ("a", "c d"), ("c d", "e")]
    first, second = (made(write_table, entries) for _ in range(2))
    assert [first.text(n) for n in range(4)] == [second.text(n) for n in range(4)] == ["b", "a", "c d", "e"]


@pytest.fixture(scope="module")
def beginning(located, tmp_path_factory):
    """The first entries of METEOR's table, and a table of them alone."""
    with gzip.open(located.table, "rb") as lines:
        text = b"".join(itertools.islice(lines, 300_000))
    path = tmp_path_factory.mktemp("table") / "table.gz"
    path.write_bytes(gzip.compress(text, 1))
    return groups(text.decode().split("\n")[:-1]), path


def test_the_beginning_of_the_real_table_comes_back(beginning):
    entries, path = beginning
    index = opened(path)
    table = by_phrase(entries)
    assert len(table) > 5_000
    assert any(not phrase.isascii() for entry in entries for phrase in entry)
    assert {p: list(index.of(p)) for p in table} == table


def test_the_matcher_matches_what_the_index_holds(beginning, matched):
    entries, path = beginning
    index = opened(path)
    chosen = [e for e in entries if not set(e[0].split()) & set(e[1].split())][::97]
    assert len(chosen) > 200
    pairs = [*chosen, *((second, first) for first, second in chosen)]
    pairs += [(first, second) for (first, _), (_, second) in itertools.pairwise(chosen)]
    theirs = matched(pairs, "paraphrase", "-a", path, "-t", "maxacc")
    for (first, second), matches in zip(pairs, theirs, strict=True):
        related = second in index.of(first) or first in index.of(second)
        assert matches or not related, (first, second)
        for there, here in matches:
            phrase, other = part(first, *here), part(second, *there)
            assert other in index.of(phrase) or phrase in index.of(other)


def part(line, start, length):
    return " ".join(line.split(" ")[start : start + length])


@pytest.mark.slow
def test_the_whole_table_comes_back(located):
    index = opened(located.table)
    count, heads = 0, 0
    with gzip.open(located.table, "rt", encoding="utf-8") as lines:
        stripped = (line.rstrip("\n") for line in lines)
        entries = zip(stripped, stripped, stripped, strict=True)
        for phrase, own in itertools.groupby(entries, key=lambda entry: entry[1]):
            paraphrases = tuple(entry[2] for entry in own)
            assert index.of(phrase) == paraphrases
            assert index.number(phrase) == heads
            heads += 1
            count += len(paraphrases)
    assert (heads, count, index.longest) == (index.heads, 5_274_084, 7)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"no gzip", "Not a gzipped file"),
        (gzip.compress(b"", mtime=0), "it is empty"),
        (gzip.compress(b"0.5\na\n", mtime=0), "from line 1 on lacks a phrase"),
        (gzip.compress(b"0.5\na\nb\n0.5\n\nb\n", mtime=0), "from line 4 on lacks a phrase"),
        (gzip.compress(b"0.5\na\nb\n" * 1000, mtime=0)[:-20], "ended before"),
        (gzip.compress(b"0.5\na\xff\nb\n", mtime=0), "UTF-8"),
    ],
)
def test_a_broken_table_is_named(tmp_path, raw, said):
    path = tmp_path / "table.gz"
    path.write_bytes(raw)
    with pytest.raises(EvalError, match=said) as caught:
        build(path, tmp_path)
    assert str(path) in str(caught.value)
