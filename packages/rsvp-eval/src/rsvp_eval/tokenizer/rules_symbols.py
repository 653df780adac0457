"""Punctuation, quotation marks, brackets, currencies, emoticons and other symbols."""

from __future__ import annotations

from rsvp_eval.tokenizer.rules import APOSTROPHE, BLANK, CLITIC, Alphabet, Rule, in_brackets, rule, same

_SPELLED = {
    **{"(": "-LRB-", ")": "-RRB-", "[": "-LSB-", "]": "-RSB-", "{": "-LCB-", "}": "-RCB-"},
    **{"\xa2": "cents", "\xa3": "#", "\x80": "$", "\xa4": "$", "\u20a0": "$", "\u20ac": "$"},
    **{"\xbc": "1/4", "\xbd": "1/2", "\xbe": "3/4", "\u2153": "1/3", "\u2154": "2/3"},
}
_QUOTES = str.maketrans(
    {
        **dict.fromkeys("\x91\u2018\u201b\u2039", "`"),
        **dict.fromkeys("\x92\u2019\u203a", "'"),
        **dict.fromkeys("\x93\u201c\xab", "``"),
        **dict.fromkeys("\x94\u201d\xbb", "''"),
    }
)
_FACE = "[-<=>^x~']"


def _quotes(text: str) -> str:
    return text.translate(_QUOTES)


def _spelled(text: str) -> str:
    return _SPELLED[text]


def _dashes(text: str) -> str:
    return "--" if len(text) <= 4 else text


def _straight(text: str) -> str:
    return f"'{text[1:]}"


def rules(alphabet: Alphabet) -> tuple[Rule, ...]:
    """Rules for blanks and for tokens that begin with neither letter nor digit."""
    spelled = "".join(f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}" for c in _SPELLED)
    quotes = "`\\x91-\\x94\\u2018-\\u201f\\u2039\\u203a\\xab\\xbb"
    marked = "'\\x92\\u2019"
    found = [
        rule(BLANK, f"([{BLANK}]+)", same("")),
        rule(spelled, f"([{spelled}])", _spelled),
        rule("$A-Z", "([A-Z]*\\$)"),
        rule("<>:;=", "([<>]?[:;=][-o*']?[DdpPO()\\[\\]\\\\|@{])(?![A-Za-z0-9])", in_brackets),
        rule("-<=>^x~'(", f"({_FACE}_{_FACE}|\\({_FACE}[-_.]?{_FACE}\\))", in_brackets),
        rule("!?", "([!?]+)"),
        rule(".", "(\\.{3,5}|\\.[ \\xa0]\\.[ \\xa0]\\.)", same("...")),
        rule(".", "(\\.)"),
        rule("-", "(-[LR][RCS]B-)", any_case=True),
        rule("-", "(-{2,})", _dashes),
        rule("\\x96\\x97\\u2013-\\u2015", "([\\x96\\x97\\u2013-\\u2015])", same("--")),
        rule("-@#_<>*\\\\", "(-|@+|#+|_+|<{1,2}|>{1,2}|\\*+|(?:\\\\\\*){1,3})"),
        rule(",;:/\\\\%&+=~^|", "([,;:/\\\\%&+=~^|])"),
        rule("\u2026", "(\u2026)", same("...")),
        rule('"', '(")', same("''")),
        rule("'", "('{1,2})"),
        rule(quotes, f"([{quotes}]{{1,2}})", _quotes),
        rule("'", f"('{CLITIC})(?![A-Za-z])"),
        rule("\\x92\\u2019", f"([\\x92\\u2019]{CLITIC})", _straight),
        rule("'", "('t)(?:is|was)", any_case=True),
        rule(marked, f"({APOSTROPHE}(?:em|till?|cause|n{APOSTROPHE}))", any_case=True),
        rule(marked, f"({APOSTROPHE}[2-9]0s)", any_case=True),
        rule("\\x92\\u2019", "([\\x92\\u2019][nN])"),
        rule("'", "('[nN])[ \\t\\n\\xa0]"),
        rule(marked, f"({APOSTROPHE}[0-9][0-9])[{BLANK}]"),
        rule(
            "\\xb2\\xb3\\xb9\\u2070\\u2074-\\u207b\\u2080-\\u208b",
            "([\\u207a\\u207b\\u208a\\u208b]?(?:[\\xb2\\xb3\\xb9\\u2070\\u2074-\\u2079]+|[\\u2080-\\u2089]+))",
        ),
    ]
    if alphabet.symbols:
        found.append(rule(alphabet.symbols, f"([{alphabet.symbols}])"))
    return tuple(found)
