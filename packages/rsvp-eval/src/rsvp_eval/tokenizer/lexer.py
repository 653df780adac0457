"""The full path: a caption cut into tokens by the rule that matches the longest text at each position."""

from __future__ import annotations

import re
from functools import cache

from rsvp_eval.tokenizer import rules_numbers, rules_symbols, rules_web, rules_words
from rsvp_eval.tokenizer.abbreviations import ASSIMILATED
from rsvp_eval.tokenizer.lower import CAPITAL_SIGMA, lower
from rsvp_eval.tokenizer.rules import ASCII, BLANK, FULL, NEEDS, Alphabet, Rule

PUNCTUATION = frozenset(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"])
"""Tokens that the reference drops. It lists brackets in capitals, and so misses its own in small letters."""

# Words that no rule takes further than the blank behind them. Their commas are dropped anyhow.
_PLAIN = re.compile(f"(?:[A-Za-z]+(?:-[A-Za-z]+)*,?[ \\n]+(?![{BLANK}]))+")


class _Dispatch(dict[str, tuple[Rule, ...]]):
    """Which rules a token with this first character may fall under, worked out when it is first asked for."""

    def __init__(self, rules: list[Rule]) -> None:
        self._rules = rules

    def __missing__(self, character: str) -> tuple[Rule, ...]:
        found = self[character] = tuple(rule for rule in self._rules if rule.first.match(character))
        return found


@cache
def _rules(alphabet: Alphabet) -> list[Rule]:
    parts = (rules_words, rules_numbers, rules_web, rules_symbols)
    return [rules_web.mail(), *(rule for part in parts for rule in part.rules(alphabet))]


@cache
def _dispatch(alphabet: Alphabet, met: tuple[str, ...]) -> _Dispatch:
    return _Dispatch([rule for rule in _rules(alphabet) if rule.needs is None or rule.needs in met])


def tokens(caption: str) -> str:
    """The tokens of one caption, set apart by one space, in lower case, punctuation dropped.

    Args:
        caption: any text without line breaks, see :func:`rsvp_eval.tokenizer.linebreaks.clean`.
    """
    met = tuple(name for name, pattern in NEEDS.items() if pattern.search(caption))
    rules = _dispatch(ASCII if caption.isascii() else FULL, met)
    # The reference sees the next caption behind the line break. For one by itself the next line is empty.
    text = f"{caption}\n\n"
    at, end = 0, len(caption)
    found: list[str] = []
    while at < end:
        plain = _PLAIN.match(text, at)
        if plain is not None:
            found.extend(_plain_words(plain[0]))
            at = plain.end()
            continue
        longest = at
        for _, pattern, spell, _ in rules[text[at]]:
            match = pattern.match(text, at)
            if match is not None and match.end() > longest:
                longest, token, spelling = match.end(), match, spell
        if longest == at:
            at += 1
            continue
        at = token.end(1)
        found.extend((token[1] if spelling is None else spelling(token[1])).split(" "))
    kept = [token for token in _stripped(found) if token not in PUNCTUATION]
    return " ".join(kept).lower() if CAPITAL_SIGMA not in caption else " ".join(map(lower, kept))


def _plain_words(text: str) -> list[str]:
    words = text.replace(",", " ").split()
    if ASSIMILATED.isdisjoint([word.lower() for word in words]):
        return words
    return [part for word in words for part in in_parts(word)]


def in_parts(word: str) -> tuple[str, ...]:
    """The tokens of a word of letters: two where it is an assimilated one such as ``cannot``."""
    return (word[:3], word[3:]) if word.lower() in ASSIMILATED else (word,)


def _stripped(found: list[str]) -> list[str]:
    """Tokens without empty ones, and the last without blanks at its end, which the reference strips."""
    kept = [token for token in found if token]
    if kept:
        kept[-1] = kept[-1].rstrip()
    return kept
