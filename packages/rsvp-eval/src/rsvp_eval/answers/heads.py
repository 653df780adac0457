"""Where in an answer the text of a mark begins: ``<Region 1>:`` and its relatives.

A head is ``Region`` or ``Mark``, in any letter case, and a number. It may stand in brackets or be
emphasised, and zeros may lead the number. It counts

* anywhere but inside a word, if a colon follows (``:`` or the full-width ``：``);
* at the start of a line, behind bullets and numbering, also without a colon, if it is in brackets or
  emphasised or has the line to itself.

Everything else, such as ``<Region 2>`` in the middle of a sentence, is a citation and belongs to the text.

Every pattern here has a bounded reach, so that finding heads takes time linear in the answer whatever is in
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAME = re.compile(r"(?ai:region|mark)[ \t_]{0,2}#?(\d{1,9})(?!\d)")
_OPENING = re.compile(r"([*_`]{0,3})([<\[({]?)[ \t]{0,3}\Z")
_DECORATION = re.compile(r"[ \t>#*+•·‣◦▪–—-]*(?:\(?\d{1,4}[.)])?[ \t*_`\"'“-]*\Z")
_BLANK = re.compile(r"[ \t]{0,3}")
_END_OF_LINE = re.compile(r"[ \t]{0,32}(?:\n|\Z)")
_CLOSING = {"<": ">", "[": "]", "(": ")", "{": "}", "": ""}

_REACH = 32
"""Characters before a name that may be its bracket and the decoration of its line."""


@dataclass(frozen=True, slots=True)
class Head:
    """A mark named in front of its text.

    Attributes:
        index: its number.
        start: where it begins: its bracket or, at the start of a line, the line.
        end: where its text begins.
        leads: whether it stands at the start of a line.
    """

    index: int
    start: int
    end: int
    leads: bool


def heads(answer: str) -> Iterator[Head]:
    """The heads of an answer, from first to last.

    Args:
        answer: a text whose lines end in a line feed alone.
    """
    after = 0
    for name in _NAME.finditer(answer):
        head = _around(answer, name, after)
        if head is not None:
            after = head.end
            yield head


def _around(answer: str, name: re.Match[str], after: int) -> Head | None:
    """The head around a name, if it is one; ``after`` is where the head before it ended."""
    reach = max(after, name.start() - _REACH)
    before = answer[reach : name.start()]
    opening = _OPENING.search(before)
    assert opening is not None  # every part of it may be empty
    emphasis, bracket = opening[1], opening[2]
    end = name.end()
    closing = _CLOSING[bracket]
    if closing:
        blank = _skip_blanks(answer, end)
        if answer.startswith(closing, blank):
            end = blank + 1
        else:
            emphasis = bracket = ""
    emphasised = bool(emphasis) and answer.startswith(emphasis, end)
    if emphasised:
        end += len(emphasis)
    blank = _skip_blanks(answer, end)
    colon = answer[blank : blank + 1] in (":", "：") and blank < len(answer)
    if colon:
        end = blank + 1
        if emphasis and not emphasised and answer.startswith(emphasis, end):
            emphasised = True
            end += len(emphasis)
    start = name.start()
    if emphasised:
        start = reach + opening.start()
    elif bracket:
        start = reach + opening.start(2)
    if start and (answer[start - 1].isalnum() or answer[start - 1] == "_"):
        return None
    line = before.rfind("\n") + 1
    leads = (line > 0 or reach == 0) and _DECORATION.match(answer, reach + line, start) is not None
    if not colon:
        alone = _END_OF_LINE.match(answer, end) is not None
        if not leads or not (bracket or emphasised or alone):
            return None
    return Head(int(name[1]), reach + line if leads else start, end, leads)


def _skip_blanks(answer: str, at: int) -> int:
    blank = _BLANK.match(answer, at)
    assert blank is not None  # it may be empty
    return blank.end()
