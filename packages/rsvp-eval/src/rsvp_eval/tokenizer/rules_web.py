"""Addresses of pages and mail, names of people and topics, tags and entities."""

from __future__ import annotations

from rsvp_eval.tokenizer.rules import TAG, Alphabet, Rule, rule

_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "''", "&apos;": "'", "&nbsp;": ""}

_PATH = '/[^ \\t\\n"<>|()]+[^ \\t\\n"<>|.!?(){},-]'
# The range from the comma to the underscore leaves capitals and digits out of the names of sites without
# www. So does the reference, and takes Foo.com/bar apart.
_SITE = "[^ \\t\\n\"`'|!(){},-_$]"
_MAIL_NAME = '[a-zA-Z0-9][^ \\t\\n"<>|(){}\\xa0]*'
_MAIL_PART = '[^ \\t\\n"<>|(){}\\xa0.]+'


def _entity(text: str) -> str:
    return _ENTITIES[text.lower()]


def _unbroken(text: str) -> str:
    return text.replace(" ", "\xa0")


def mail() -> Rule:
    """The rule for addresses of mail, which goes before all others of equal length."""
    return rule(
        "a-zA-Z0-9<&", f"((?:<|&lt;)?{_MAIL_NAME}@(?:{_MAIL_PART}\\.)*{_MAIL_PART}(?:>|&gt;)?)", needs="@"
    )


def rules(alphabet: Alphabet) -> tuple[Rule, ...]:
    """Rules for what the web has its own spelling for."""
    topic = f"{alphabet.letters}{alphabet.marks}\\xad"
    return (
        rule(
            "hH",
            '([hH][tT][tT][pP][sS]?://[^ \\t\\n"<>|(){}]+\\.[^ \\t\\n"<>|(){}]*[^ \\t\\n"<>|(){}.!?,-])',
            needs=".",
        ),
        rule("wW", f'([wW][wW][wW]\\.(?:[^ \\t\\n"<>|.!?(){{}},\\xad]+\\.)+[a-zA-Z]{{2,4}}(?:{_PATH})?)'),
        rule(
            "^ \\t\\n\"`'|!(){},-_$",
            f"((?:{_SITE}+\\.)+(?:[cC][oO][mM]|[nN][eE][tT]|[oO][rR][gG]|[eE][dD][uU])(?:{_PATH})?)",
            needs="site",
        ),
        rule("@", "(@[a-zA-Z_][a-zA-Z_0-9]*)"),
        rule("#", f"(#[{topic}]+)"),
        rule("<", f"({TAG})", _unbroken, needs=">"),
        rule("&", "(&(?:amp|lt|gt|quot|apos|nbsp);)", _entity, any_case=True),
        rule("&", "(&#[0-9]+;)"),
    )
