"""Numbers, dates, fractions and telephone numbers."""

from __future__ import annotations

from rsvp_eval.tokenizer.rules import Alphabet, Rule, in_brackets, rule

_SEPARATOR = "[.:,\\xad\\u066b\\u066c]"
_GAP = "[- \\xa0]"


def _without_soft_hyphens(text: str) -> str:
    return text.replace("\xad", "")


def rules(alphabet: Alphabet) -> tuple[Rule, ...]:
    """Rules for tokens that begin with a digit, sign, separator or bracket."""
    digit = f"[{alphabet.digits}]"
    # Telephone numbers are of ASCII digits.
    trunk = f"[0-9]{{3,4}}{_GAP}?[0-9]{{3,5}}"
    return (
        rule(
            f"-+.:,\\xad\\u066b\\u066c{alphabet.digits}",
            f"([-+]?(?:{digit}*(?:{_SEPARATOR}{digit}+)+|{digit}+))",
            _without_soft_hyphens,
        ),
        rule(alphabet.digits, f"({digit}{{1,2}}[-/]{digit}{{1,2}}[-/]{digit}{{2,4}})"),
        rule(
            alphabet.digits,
            f"((?:{digit}{{1,4}}{_GAP})?{digit}{{1,4}}(?:\\\\?/|\\u2044){digit}{{1,4}})",
            in_brackets,
        ),
        rule(
            "+0-9",
            f"(\\+{{0,2}}[0-9]{{2,4}}{_GAP}(?:[0-9]{{2,4}}{_GAP})?{trunk})",
            in_brackets,
        ),
        rule("(", f"(\\([0-9]{{2,3}}\\)[ \\xa0]?{trunk})", in_brackets),
    )
