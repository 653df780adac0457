"""Answers that say something about each mark, taken apart: ``<Region 1>: ship`` and what models make of it.

What belongs to a mark is decided by the number that the answer itself gives, never by position:

* A text begins behind its head (:mod:`rsvp_eval.answers.heads`) and runs to the next head, over line
  breaks, which become one space each. An empty line ends it; what follows is chatter, as is what precedes
  the first head.
* An answer without heads is a list if each of its lines begins with a number, ``1. ship`` or ``1: ship``.
* An answer without heads to a row of one mark is its text as a whole: it is ``bare``.
* Any other answer without heads is ``unparsed``, and every mark is missing.
* A mark answered twice has its text if both are the same, and else none: it is ``duplicated``, which is
  wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rsvp_eval.answers.heads import Head, heads

Turn = str | Mapping[str, object]

_ITEM = re.compile(r"[ \t>*+•·-]*\(?(\d{1,9})(?:[:：](?!\d)|[.)](?=[ \t]|\Z))")
_BREAKS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What an answer says about the marks of its row.

    Attributes:
        texts: text by mark; it may be empty. Marks without one are in ``missing`` or in ``duplicated``.
        missing: marks that the answer does not speak of.
        invented: numbers that it speaks of and that no mark has, each once, as they came.
        duplicated: marks with two different texts.
        order: every number of the answer, as they came.
        chatter: whether there is text that belongs to no mark.
        unparsed: whether there is text, but nothing says which mark it is about.
        bare: whether the answer as a whole was taken as the text of the row's only mark.
    """

    texts: dict[int, str]
    missing: tuple[int, ...]
    invented: tuple[int, ...] = ()
    duplicated: tuple[int, ...] = ()
    order: tuple[int, ...] = ()
    chatter: bool = False
    unparsed: bool = False
    bare: bool = False


def parse(answer: str | Sequence[Turn], marks: Sequence[int]) -> Parsed:
    """Take an answer apart. It never raises, and takes time linear in the answer.

    Args:
        answer: the whole answer, or its turns (see :func:`joined`).
        marks: indices of the row's marks.
    """
    text = _BREAKS.sub("\n", answer if isinstance(answer, str) else joined(answer))
    plain = _plain(text)
    if plain:
        return _by_mark(plain, marks, chatter=False)
    found = list(heads(text))
    if found:
        items, chatter = _texts(text, found)
        return _by_mark(items, marks, chatter)
    numbered = _numbered(text)
    if numbered:
        return _by_mark(numbered, marks, chatter=False)
    if not text.strip():
        return Parsed({}, tuple(marks))
    if len(marks) == 1:
        return Parsed({marks[0]: _one_line(text)}, (), bare=True)
    return Parsed({}, tuple(marks), unparsed=True)


def render(texts: Mapping[int, str], marker: Literal["Region", "Mark"] = "Region") -> str:
    """The answer as the data set words it, a line a mark; :func:`parse` reads it back."""
    return "\n".join(f"<{marker} {index}>: {text}" for index, text in texts.items())


def joined(turns: Sequence[Turn]) -> str:
    """The turns of a conversation as one answer, an empty line between them.

    Args:
        turns: strings, or messages with ``content``; of messages with a ``role``, the ``assistant``'s count.
    """
    return "\n\n".join(text for turn in turns if (text := _said(turn)) is not None)


def in_order(answer: str) -> list[str]:
    """The texts of an answer as Draw-and-Understand's evaluation of SPHINX-V takes them.

    Every line that has a colon and a space gives what stands behind the first of these, up to the next. The
    n-th text is that of the n-th mark, whatever its number. After ``extract_categories_from_string`` of
    ``accessory/eval/Referring_Object_Classification/ROC_eval.py`` in AFeng-x/Draw-and-Understand.
    """
    pieces = (line.split(": ", 2) for line in answer.strip().split("\n"))
    return [piece[1] for piece in pieces if len(piece) > 1]


def _said(turn: Turn) -> str | None:
    if isinstance(turn, str):
        return turn
    content = turn.get("content")
    return content if isinstance(content, str) and turn.get("role", "assistant") == "assistant" else None


_PLAIN = re.compile(r"<(?:Region|Mark) (\d{1,9})>:")


def _plain(answer: str) -> list[tuple[int, str]]:
    """What :func:`_texts` gives for an answer in the form of the data set, but faster; else nothing."""
    lines = answer.strip().split("\n")
    lower = answer.lower()
    if lower.count("region") + lower.count("mark") != len(lines):
        return []
    items = []
    for line in lines:
        head = _PLAIN.match(line)
        if head is None:
            return []
        items.append((int(head[1]), line[head.end() :].strip()))
    return items


def _texts(answer: str, found: Sequence[Head]) -> tuple[list[tuple[int, str]], bool]:
    """Number and text of each head, and whether something belongs to none."""
    items = []
    chatter = bool(answer[: found[0].start].strip())
    for position, head in enumerate(found):
        following = found[position + 1] if position + 1 < len(found) else None
        text = answer[head.end : following.start if following else len(answer)].strip()
        own, rest = _first_paragraph(text)
        if following and not following.leads and not rest:
            own = own.rstrip(" \t,;|")  # what sets apart items on one line
        items.append((head.index, _one_line(own)))
        chatter = chatter or rest
    return items, chatter


_EMPTY_LINE = re.compile(r"\n[ \t]*+\n")


def _first_paragraph(text: str) -> tuple[str, bool]:
    empty = _EMPTY_LINE.search(text)
    return (text[: empty.start()], True) if empty else (text, False)


def _one_line(text: str) -> str:
    text = text.strip()
    return " ".join(part for line in text.split("\n") if (part := line.strip())) if "\n" in text else text


def _numbered(answer: str) -> list[tuple[int, str]]:
    items = []
    for line in answer.split("\n"):
        if not line.strip():
            continue
        item = _ITEM.match(line)
        if item is None:
            return []
        items.append((int(item[1]), line[item.end() :].strip()))
    return items


def _by_mark(items: Iterable[tuple[int, str]], marks: Sequence[int], chatter: bool) -> Parsed:
    known = frozenset(marks)
    texts: dict[int, str] = {}
    invented: dict[int, None] = {}
    duplicated: dict[int, None] = {}
    order = []
    for index, text in items:
        order.append(index)
        if index not in known:
            invented[index] = None
        elif texts.setdefault(index, text) != text:
            duplicated[index] = None
    missing = tuple(mark for mark in marks if mark not in texts)
    for index in duplicated:
        del texts[index]
    return Parsed(texts, missing, tuple(invented), tuple(duplicated), tuple(order), chatter)
