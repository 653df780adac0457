"""What a rule of the lexer is, and the fragments of patterns that rules share.

At each position the reference takes the rule that matches the longest text, context behind the token
included, and among those of equal length the first one. So a rule is a pattern whose group 1 is the token;
what it matches behind the group is context, which counts in the comparison and stays for the next token.
Alternatives within a pattern are so ordered that the first to match is the longest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from rsvp_eval.tokenizer import characters

Spell = Callable[[str], str]


class Alphabet(NamedTuple):
    """Insides of bracket expressions: what is a letter, a digit, a mark, a symbol of one token."""

    letters: str
    digits: str
    marks: str
    symbols: str

    @property
    def word(self) -> str:
        """Pattern of a word: letters, marks, digits that do not begin it, and soft hyphens."""
        return f"[{self.letters}{self.marks}\\xad][{self.letters}{self.marks}{self.digits}\\xad]*"


ASCII = Alphabet("A-Za-z", "0-9", "", "")
"""All that a caption in ASCII needs; its patterns compile much faster than those of the full alphabet."""

FULL = Alphabet(characters.LETTERS, characters.DIGITS, characters.MARKS, characters.SYMBOLS)

BLANK = " \\t\\n\\xa0\\u2000-\\u200a\\u3000"
"""Inside of a bracket expression: what sets tokens apart and counts as blank in their context."""

APOSTROPHE = "['\\x92\\u2019]"
ANY_APOSTROPHE = "['`\\x91\\x92\\u2018\\u2019\\u201b]"
CLITIC = "(?:[sSdDmM]|[lL][lL]|[rR][eE]|[vV][eE])"
"""What follows the apostrophe of 's, 'd, 'm, 'll, 're and 've."""

TAG = (
    "<(?:[!?][A-Za-z-][^>]*|/[A-Za-z][-A-Za-z0-9_:.]* *|[A-Za-z][-A-Za-z0-9_:.]*"
    "(?: +[A-Za-z][-A-Za-z0-9_:.]*(?: *= *(?:'[^']*'|\"[^\"]*\"))?)* */? *)>"
)
"""A tag, comment or processing instruction of HTML or SGML."""


class Rule(NamedTuple):
    """One kind of token.

    Attributes:
        first: what the token may begin with.
        pattern: group 1 is the token, the rest is context.
        spell: from the text of the token to the token; None where it stays as it is.
        needs: key of :data:`NEEDS`, or None. For captions without it the rule is left out, which would read
            far ahead at each token in vain.
    """

    first: re.Pattern[str]
    pattern: re.Pattern[str]
    spell: Spell | None
    needs: str | None


NEEDS = {
    "@": re.compile("@"),
    "-": re.compile("-"),
    ".": re.compile("\\."),
    ">": re.compile(">"),
    "site": re.compile("\\.(?:com|net|org|edu)", re.IGNORECASE),
}
"""What some rules need somewhere in the caption."""


def rule(
    first: str, pattern: str, spell: Spell | None = None, *, any_case: bool = False, needs: str | None = None
) -> Rule:
    """A rule from the inside of a bracket expression and the text of a pattern.

    Args:
        first: what the token may begin with.
        pattern: pattern with the token as group 1.
        spell: see :class:`Rule`.
        any_case: whether ASCII letters match in either case.
        needs: see :class:`Rule`.
    """
    flags = re.IGNORECASE | re.ASCII if any_case else 0
    return Rule(re.compile(f"[{first}]", flags), re.compile(pattern, flags), spell, needs)


def same(text: str) -> Spell:
    """A spelling that is always this text."""
    return lambda _: text


def in_brackets(text: str) -> str:
    """A token with no-break spaces for spaces, and with the Penn Treebank's names of round brackets."""
    return text.replace(" ", "\xa0").replace("(", "-LRB-").replace(")", "-RRB-")
