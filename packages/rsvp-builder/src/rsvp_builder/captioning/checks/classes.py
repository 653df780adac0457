"""Classes: what an answer calls each mark agrees with the class it is known to have.

Two places are looked at. The list of regions repeats each class, and must agree with it. In texts the noun
right before a sign must, and so must the noun that a description begins with; there, only names that are in
``classes.toml`` or belong to another mark of the row can be wrong, and only if no name of the right class is
near. A closer description ("tractor-trailer") is never wrong, nor is a pronoun.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

from rsvp_builder.captioning.checks.asked import Asked
from rsvp_builder.captioning.outcome import Complaint, Fault
from rsvp_builder.captioning.render import Answer, Part
from rsvp_builder.prose import cited

_OPENING_WORDS = 4
"""A description begins with a noun that has at most so many words before it."""

_RUN = re.compile(r"((?:<Region \d+>)+)")
_SENTENCE_END = re.compile(r"[.!?]\s")
_TURN = re.compile(
    r"\b(?:of|with|on|in|at|by|near|beside|behind|between|along|from|to|under|over|for|against|through|across|"
    r"is|are|was|has|have|which|that|and|carries|crosses|holds|contains|lies|stands|sits|shows)\b"
)
_STOP = re.compile(r"[.,;:!?]\s")
_WORD = re.compile(r"[^\W_]+(?:'[a-z]+)?")
_LONGEST_NAME = 5
_ARTICLE = re.compile(r"\A(?:an?|the|one|several|some|many)\s+")
_APART = re.compile(r" of (?:another|other|unknown) (?:type|kind)s?\b| \([^)]*\)")


@dataclass(frozen=True, slots=True)
class _Table:
    """What ``classes.toml`` says; classes go by the first of their names."""

    names: dict[str, str]
    kinds: dict[str, frozenset[str]]
    near: frozenset[frozenset[str]]
    vague: frozenset[str]


@cache
def _table() -> _Table:
    text = (resources.files(__package__) / "classes.toml").read_text(encoding="utf-8")
    read = tomllib.loads(text)
    names = {name: group[0] for group in read["same"] for name in group}
    kinds = {
        names.get(broad, broad): frozenset(names.get(name, name) for name in narrow)
        for broad, narrow in read["kinds"].items()
    }
    near = frozenset(
        frozenset((names.get(one, one), names.get(other, other)))
        for one, others in read["near"].items()
        for other in others
    )
    return _Table(names, kinds, near, frozenset(map(plain, read["vague"]["words"])))


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A class name without case, article, hyphens, plural and what only sets it apart in its list."""
    words = _APART.sub("", re.sub(r"[\s_/-]+", " ", name.casefold())).strip(" .,;:\"'")
    words = _ARTICLE.sub("", words)
    head, _, last = words.rpartition(" ")
    return f"{head} {_singular(last)}".strip()


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("sses", "shes", "ches", "xes", "buses")):
        return word[:-2]
    if len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us")):
        return word[:-1]
    return word


@lru_cache(maxsize=4096)
def agree(said: str, label: str) -> bool:
    """Whether a name may stand for a class: the same, a kind of it, what it is a kind of, or close to it."""
    one, other = plain(said), plain(label)
    if one == other or one.endswith(f" {other}") or other.endswith(f" {one}"):
        return True
    table = _table()
    first, second = table.names.get(one, one), table.names.get(other, other)
    if first == second or frozenset((first, second)) in table.near:
        return True
    if second in table.kinds.get(first, ()) or first in table.kinds.get(second, ()):
        return True
    # "Boeing 737 airplane" is said to be a jet; "white passenger airplane" is said of an aircraft.
    ends = (name for name in _tails(other) if name in table.names)
    heads = (name for name in _tails(one) if name in table.names)
    return any(table.names[name] == first for name in ends) or any(
        table.names[name] == second for name in heads
    )


def _tails(name: str) -> Iterator[str]:
    words = name.split()
    return (" ".join(words[start:]) for start in range(1, len(words)))


@dataclass(frozen=True, slots=True)
class _Noun:
    """A class name in a text, and its first and last word by their positions among the text's words."""

    said: str
    first: int
    last: int

    @property
    def vague(self) -> bool:
        """Whether it is too general to be wrong."""
        return plain(self.said) in _table().vague


def _nouns(words: list[re.Match[str]], own: frozenset[str]) -> list[_Noun]:
    """Class names among words, from left to right, the longest where several begin with one word.

    Args:
        words: of the text, as matches in it.
        own: classes of the row, plain.
    """
    found: list[_Noun] = []
    lower = [word[0].casefold() for word in words]
    singular = [_singular(word) for word in lower]
    start = 0
    while start < len(words):
        for length in range(min(_LONGEST_NAME, len(words) - start), 0, -1):
            end = start + length
            name = " ".join([*lower[start : end - 1], singular[end - 1]])
            if name in own or name in _names():
                said = " ".join(word[0] for word in words[start:end])
                found.append(_Noun(said, start, end - 1))
                start = end - 1
                break
        start += 1
    return found


@cache
def _names() -> frozenset[str]:
    """Every name of the table, plain."""
    table = _table()
    narrow = (name for names in table.kinds.values() for name in names)
    return frozenset(map(plain, {*table.names, *table.kinds, *narrow}))


def complaints(asked: Asked, answer: Answer) -> Iterator[Complaint]:
    """Complaints about marks that are called something else, in the list or in the texts."""
    for index, said in answer.stated:
        label = asked.labels.get(index)
        if label is not None and not agree(said, label):
            yield _wrong(index, label, said)
    own = frozenset(plain(label) for label in asked.labels.values())
    for part in answer.parts:
        if part.region is not None:
            label = asked.labels.get(part.region)
            if label is not None:
                yield from _in_description(part, label, own)
        elif asked.spec.texts[part.name].cites:
            yield from _in_prose(asked, part.text, own)


def _wrong(index: int, label: str, said: str) -> Complaint:
    return Complaint(
        Fault.WRONG_CLASS, f'<Region {index}> is known to be: {label}. The answer calls it "{said[:60]}".'
    )


def _in_prose(asked: Asked, text: str, own: frozenset[str]) -> Iterator[Complaint]:
    start = 0
    for run in _RUN.finditer(text):
        before = text[start : run.start()]
        start = run.end()
        words = list(_WORD.finditer(_SENTENCE_END.split(before)[-1]))
        nouns = _nouns(words, own)
        if not nouns or nouns[-1].last != len(words) - 1 or nouns[-1].vague:
            continue
        for index in dict.fromkeys(cited(run[1])):
            label = asked.labels.get(index)
            if label is not None and not any(agree(noun.said, label) for noun in nouns):
                yield _wrong(index, label, nouns[-1].said)


def _in_description(part: Part, label: str, own: frozenset[str]) -> Iterator[Complaint]:
    """Whether a description begins with another class, and nowhere names the right one."""
    words = list(_WORD.finditer(part.bare))
    nouns = _nouns(words[: _OPENING_WORDS + _LONGEST_NAME], own)
    noun = nouns[0] if nouns else None
    if noun is None or noun.first > _OPENING_WORDS or noun.vague or agree(noun.said, label):
        return
    before = part.bare[: words[noun.first].start()].lower()
    if _TURN.search(before) or _STOP.search(before) or not _is_head(part.bare[words[noun.last].end() :]):
        return
    if not any(agree(other.said, label) for other in _nouns(words, own)):
        yield _wrong(part.region or 0, label, noun.said)


def _is_head(after: str) -> bool:
    """Whether a noun with that behind it is not the first part of a longer name, such as "vehicle lanes"."""
    rest = after.lstrip(" ").lower()
    if not rest[:1].isalpha():
        return True
    first = re.split(r"\W", rest, maxsplit=1)[0]
    return _TURN.match(rest) is not None or (len(first) > 4 and first.endswith(("ed", "ing")))
