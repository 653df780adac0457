"""Words, compounds, contractions, abbreviations and acronyms."""

from __future__ import annotations

import re

from rsvp_eval.tokenizer import abbreviations
from rsvp_eval.tokenizer.rules import ANY_APOSTROPHE, APOSTROPHE, BLANK, CLITIC, TAG, Alphabet, Rule, rule

_ALNUM = "A-Za-z0-9"
_IN_SENTENCE = "[,;:\\u3001]"
_AMPERSAND = re.compile("&amp;", re.IGNORECASE)


def _one_of(words: frozenset[str], first: str = "any") -> str:
    """Alternatives for words in any case, longest first; the first letter may be held to ``upper``."""

    def letter(character: str, case: str) -> str:
        return character.upper() if case == "upper" else f"[{character.lower()}{character.upper()}]"

    return "|".join(
        letter(word[0], first) + "".join(letter(c, "any") for c in word[1:])
        for word in sorted(words, key=lambda word: (-len(word), word))
    )


_ASSIMILATED = _one_of(abbreviations.ASSIMILATED)
_BEGINNING = _one_of(abbreviations.BEGINNING, first="upper")
_COUNTING = _one_of(abbreviations.COUNTING)
_HOLDING = f"{_one_of(abbreviations.HOLDING)}|[mM][ft]g"
_ENDING = (
    f"{_one_of(abbreviations.ENDING)}|{_one_of(abbreviations.CAPITAL, first='upper')}"
    "|(?:[pP][hH]|[eE][dD])\\.[dD]|[pP]?[pP]t[ye][sS]?"
)
_EXTENSION = (
    "bat|bmp|class|cgi|cpp|c|dll|docx|doc|exe|gif|gz|html|htm|h|java|jar|jpeg|jpg|mov|mp3|pdf|php|pl|png|ppt|ps|py|sql"
    "|tar|txt|wav|xml|x|zip"
)


def _without_soft_hyphens(text: str) -> str:
    return text.replace("\xad", "") or "-"


def _with_ampersands(text: str) -> str:
    return _AMPERSAND.sub("&", text)


_STRAIGHT = str.maketrans(
    {**dict.fromkeys("\x92\u2019", "'"), **dict.fromkeys("\x91\u2018\u201b", "`")},
)


def _straight(text: str) -> str:
    return text.translate(_STRAIGHT)


def _in_two(text: str) -> str:
    return f"{text[:3]} {text[3:]}"


def rules(alphabet: Alphabet) -> tuple[Rule, ...]:
    """Rules for tokens that begin with a letter, digit, mark or soft hyphen."""
    word = alphabet.word
    letters, digits = alphabet.letters, alphabet.digits
    alnum = f"{letters}{digits}"
    inner = f"{letters}{alphabet.marks}{digits}\\xad"
    start = f"{letters}{alphabet.marks}\\xad"

    hyphenated = f"[{_ALNUM}][{_ALNUM}.,\\xad]*(?:-\\xad*(?:(?:[A-Za-z]\\.){{2,}}|[{_ALNUM}\\xad]+))+"
    part = f"(?:[dDoOlL]{ANY_APOSTROPHE}[{alnum}])?[{alnum}]+"
    joined = f"{part}(?:[-_\\u058a\\u2010\\u2011]{part})*"
    slash_part = f"[{_ALNUM}]+(?:-[A-Za-z]+){{0,2}}"
    with_and = "[A-Z]+(?:(?:[+&]|&[aA][mM][pP];)[A-Z]+)+"
    dotted = f"{word}(?:[.!?]{word})+"

    return (
        rule("A-Za-z", f"({_ASSIMILATED})", _in_two),
        rule(start, f"({word})(?:{APOSTROPHE}{CLITIC})?", _without_soft_hyphens),
        rule(
            "A-Za-z\\xad",
            f"([A-Za-z\\xad]*[A-MO-Za-mo-z]\\xad*)[nN]{ANY_APOSTROPHE}[tT]",
            _without_soft_hyphens,
        ),
        rule("nN", f"([nN]{ANY_APOSTROPHE}[tT])", _straight),
        rule(start, f"({dotted})(?:{APOSTROPHE}{CLITIC})?", _without_soft_hyphens),
        rule("A-Za-z", "((?:[A-Za-z]\\.)+)"),
        rule("A-Za-z", f"([A-Za-z])\\.[{BLANK}]+(?:(?:{_BEGINNING})|M[rRsS]\\.|{TAG})[{BLANK}]"),
        rule("A-Za-z", f"((?:{_ENDING})\\.)[\\s\\S]{{2}}"),
        rule("A-Za-z", f"((?:{_HOLDING})\\.)"),
        rule("A-Za-z", f"((?:{_COUNTING})\\.)[{BLANK}]?[{digits}]"),
        rule(_ALNUM, f"({hyphenated})", _without_soft_hyphens, needs="-"),
        rule(alnum, f"({joined})"),
        rule(_ALNUM, f"({slash_part}(?:\\\\?/{slash_part}){{1,2}})"),
        rule("A-Z", f"({with_and})", _with_ampersands),
        rule(_ALNUM, f"({hyphenated}\\.){_IN_SENTENCE}", _without_soft_hyphens, needs="-"),
        rule(f"{start}{digits}", f"((?:{joined}|{dotted}|{word})\\.){_IN_SENTENCE}", _without_soft_hyphens),
        rule("A-Z", f"({with_and}\\.){_IN_SENTENCE}", _with_ampersands),
        rule("oO", f"([oO]{ANY_APOSTROPHE}[oO])"),
        rule("cCfF", "([cC]\\+\\+|[cCfF]#)"),
        rule("lLdDjJ", f"([lLdDjJ]{APOSTROPHE})"),
        rule("yY", f"([yY]{APOSTROPHE})[{letters}]"),
        rule("A-HJ-XZn", f"([A-HJ-XZn]{ANY_APOSTROPHE}[{letters}]{{2,}})"),
        rule(letters, f"([{letters}]+[aeiouyAEIOUY]{ANY_APOSTROPHE}[aeiouA-Z][{letters}]*)"),
        rule("a-z", f"((?:ol|dunkin|somethin){APOSTROPHE})", any_case=True),
        rule(
            "a-z",
            f"(c{APOSTROPHE}(?:mon|est)|cont{APOSTROPHE}d\\.|cap{APOSTROPHE}n|e'er|s'mores|ev'ry|nat'l|nor'easter|li'l)",
            any_case=True,
        ),
        rule(
            f"{start}{digits}",
            f"([{inner}]+(?:\\.[{inner}]+)*\\.(?:{_EXTENSION}))(?:[{BLANK}]|[.,!?])",
            any_case=True,
        ),
    )
