"""Lower case as Java's ``String.toLowerCase`` has it."""

from __future__ import annotations

import re
import unicodedata

from rsvp_eval.tokenizer.characters import DIGITS, LETTERS, MARKS

CAPITAL_SIGMA = "\u03a3"
_SMALL_SIGMA, _FINAL_SIGMA = "\u03c3", "\u03c2"
_IDEOGRAPHS = "\\u3041-\\u30ff\\u3400-\\u9fff\\uf900-\\ufaff"
_LETTER = f"(?![{_IDEOGRAPHS}])[{LETTERS}{MARKS}]"
_WORD = re.compile(
    f"(?:{_LETTER}|[{DIGITS}\\xad\\xb2\\xb3\\xb9\\xbc-\\xbe\\u200b]"
    f"|(?<=[{LETTERS}{MARKS}])[-_.'\\u2010-\\u2014](?={_LETTER})"
    f"|(?<=[{DIGITS}])[.',](?=[{DIGITS}]))+"
)


def lower(token: str) -> str:
    """The token in lower case.

    Python and Java part over one letter. A capital sigma becomes a final one at the end of a word. Java
    looks for cased letters in the whole word around it, over digits, hyphens and stops within the word;
    Python looks at the nearest letters of the string.
    """
    if CAPITAL_SIGMA not in token:
        return token.lower()
    return _WORD.sub(_with_final_sigma, token).replace(CAPITAL_SIGMA, _SMALL_SIGMA).lower()


def _with_final_sigma(match: re.Match[str]) -> str:
    word = match[0]
    cased = [i for i, character in enumerate(word) if unicodedata.category(character) in ("Lu", "Ll", "Lt")]
    if len(cased) < 2 or word[cased[-1]] != CAPITAL_SIGMA:
        return word
    return word[: cased[-1]] + _FINAL_SIGMA + word[cased[-1] + 1 :]
