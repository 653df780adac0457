"""Holds for any string."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rsvp_eval.tokenizer import clean, count_cleaned, ptb
from rsvp_eval.tokenizer.fast import plain
from rsvp_eval.tokenizer.lexer import PUNCTUATION, tokens

ANY = st.text(st.characters(exclude_categories=()))  # surrogates too
PIECES = st.sampled_from(
    ["a", "plane", "T", "st", "Cannot", "mr", "no", "etc", "pty", "in", "-", ".", ",", " ", "  ", " ,", ". "]
)
NEARLY_PLAIN = st.lists(PIECES, max_size=12).map("".join)


@given(st.lists(ANY, max_size=5))
def test_one_string_a_caption_whatever_the_captions(captions):
    found = ptb(captions)
    assert len(found) == len(captions)
    assert all(isinstance(tokens, str) for tokens in found)


@given(ANY)
def test_tokens_are_set_apart_by_one_space_and_are_no_punctuation(caption):
    found = ptb([caption])[0]
    assert not found or all(token and token not in PUNCTUATION for token in found.split(" "))
    assert not any(c in found for c in "\n\r\v\f\x85\u2028\u2029")


@given(st.lists(ANY, max_size=4), ANY)
def test_neighbours_do_not_matter(captions, caption):
    assert ptb([*captions, caption, *captions])[len(captions)] == ptb([caption])[0]


@given(st.text(" \t\n\r\u00a0\u2003\u3000\v\f\x85\u2028"))
def test_blanks_have_no_tokens(caption):
    assert ptb([caption]) == [""]


@given(ANY)
def test_cleaning_twice_is_cleaning_once(caption):
    once = clean(caption)
    assert clean(once) == once
    assert len(once) == len(caption)
    assert count_cleaned([once]) == 0
    assert ptb([once]) == ptb([caption])


@given(NEARLY_PLAIN)
def test_the_fast_path_gives_what_the_full_one_gives(caption):
    assert plain(caption) in (None, tokens(caption))


@given(
    st.lists(st.sampled_from(["a", "plane", "T-junction", "Two"]), min_size=1, max_size=8),
    st.sampled_from(["", ".", " ."]),
)
def test_plain_captions_take_the_fast_path(words, end):
    if words[-1] == "a" and end == ".":
        words = [*words, "plane"]
    assert plain(", ".join(words) + end) == " ".join(words).lower()
