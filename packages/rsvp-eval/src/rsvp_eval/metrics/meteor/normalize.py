"""The normaliser of METEOR 1.5 for English (its option ``-norm``): from a line to words in lower case.

Found out by experiment on the jar, whose steps resemble those of the Moses tokeniser. Each step is one pass
over the line that does not look twice at a character: of ``a,b,c`` only the first comma is set apart, of
``a-b-c`` only the first hyphen taken out. That is METEOR's own behaviour, so it is kept.

What counts as a letter are the ranges below, and nothing else: ``½``, Greek, Chinese and emoji are set apart
as if they were punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rsvp_eval.metrics.meteor.resources import nonbreaking

_LETTER = "A-Za-zÀ-ÖØ-öø-ž\u0400-\u0527\u1d00-\u1d7f\ua640-\ua66e\ua67e-\ua697"
_ALNUM = f"{_LETTER}0-9"
_WIDE = "\xa0\u2000-\u200a\u202f\u205f\u3000"
"""Spaces that are words to all steps and dropped at last."""

_SAME = str.maketrans({"`": "'", "‘": "'", "’": "'", "“": '"', "”": '"', "–": " - "})

_DOTS = "DOT"
_DOTS_END = "MULTI"

_STEPS = [
    (needed, re.compile(pattern), replacement)
    for needed, pattern, replacement in (
        ("", rf"([^{_ALNUM} \t\n\x0b\f\r.',\-])", r" \1 "),
        ("MULTI.", rf"{_DOTS}{_DOTS_END}\.(?!\.)", f"{_DOTS}{_DOTS}{_DOTS_END} "),
        ("..", r"\.{2,}", lambda dots: f" {_DOTS * len(dots[0])}{_DOTS_END} "),
        (",", r"([^0-9]),([^0-9])", r"\1 , \2"),
        (",", r"([0-9]),([^0-9])", r"\1 , \2"),
        (",", r"([^0-9]),([0-9])", r"\1 , \2"),
        ("--", r"--", "-"),
        ("''", r"''", ' " '),
        ("'", rf"([^{_LETTER}])'([^{_LETTER}])", r"\1 ' \2"),
        ("'", rf"([^{_ALNUM}])'([{_LETTER}])", r"\1 ' \2"),
        ("'", rf"([{_LETTER}])'([^{_LETTER}])", r"\1 ' \2"),
        ("'", rf"([{_LETTER}])'([{_LETTER}])", r"\1 '\2"),
        ("'", r"([0-9])'(s)", r"\1 '\2"),
        ("-", rf"([{_ALNUM}.])-([{_ALNUM}])", r"\1 \2"),
    )
]
"""In this order; a step leaves a text alone that lacks its first string. A run of dots becomes a word of
letters (``DOTDOTMULTI`` for two) until the end, as in METEOR, where a text with such a word gets dots for it.
"""

_PLAIN = re.compile(r"[a-z0-9 ]*\Z")
_SPACE = re.compile(r"[ \t\n\f\r]+")
_LAST_SPACE = re.compile(rf"[ \t\n\f\r{_WIDE}]+")
_EDGES = re.compile(rf"\A[\x00-\x20{_WIDE}]+|[\x00-\x20{_WIDE}]+\Z")
_DOT_RUN = re.compile(f"((?:{_DOTS})+){_DOTS_END}")
_HAS_LETTER = re.compile(f"[{_LETTER}]")


def normalize(line: str) -> list[str]:
    """The words that METEOR makes of a line, punctuation among them.

    Raises:
        UnavailableError: if the line has a word that ends in a dot, and METEOR's list of abbreviations is not
            to be found.
    """
    if _PLAIN.match(line):
        return line.split()
    text = f" {line.translate(_SAME)} "
    for needed, pattern, replacement in _STEPS:
        if needed in text:
            text = pattern.sub(replacement, text)
    text = " ".join(_final_dots([word for word in _SPACE.split(text) if word]))
    text = _DOT_RUN.sub(lambda dots: "." * (len(dots[1]) // len(_DOTS)), text)
    text = _EDGES.sub("", text)
    return [word for word in _LAST_SPACE.split(text.lower()) if word]


def _final_dots(words: Sequence[str]) -> list[str]:
    """Words with the dot at their end kept, set apart, or dropped with the others as in ``u.s.``."""
    if not any(word[-1] == "." for word in words):
        return list(words)
    abbreviations = nonbreaking()
    following = [*words[1:], ""]
    return [
        _final_dot(word, after, abbreviations) if word[-1] == "." and len(word) > 1 else word
        for word, after in zip(words, following, strict=True)
    ]


def _final_dot(word: str, after: str, abbreviations: Mapping[str, bool]) -> str:
    rest = word[:-1]
    if "." in rest and _HAS_LETTER.search(rest):
        return word.replace(".", "")
    only_before_number = abbreviations.get(rest)
    if only_before_number is False or "a" <= after[:1] <= "z":
        return word
    if only_before_number and "0" <= after[:1] <= "9":
        return word
    return f"{rest} ."
