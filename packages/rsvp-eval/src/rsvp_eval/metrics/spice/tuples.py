"""Concepts, what SPICE's tuples are made of, and when two of them mean the same.

A parsed caption is a list of tuples of strings: ``(object,)``, ``(object, attribute)`` and
``(subject, object, relation)``. The rules here and in the modules beside it are those of SPICE 1.0 (Anderson
et al., ECCV 2016), found by running its classes on made-up tuples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Synsets = Callable[[str], frozenset[int]]
"""From a word, lower case and with ``_`` for blanks, to the numbers of its synsets."""

Parse = tuple[tuple[str, ...], ...]
"""The tuples of one caption, in the parser's order."""

_BLANK = "".join(map(chr, range(0x21)))


@dataclass(eq=False, slots=True)
class Concept:
    """An object, an attribute or a relation.

    Attributes:
        strings: one string, or those of all concepts that were merged into this one.
        synsets: numbers of the WordNet synsets of all strings, as METEOR numbers them.
    """

    strings: frozenset[str]
    synsets: frozenset[int]

    @classmethod
    def of(cls, words: str, synsets: Synsets) -> Concept:
        """The concept that one string stands for."""
        return cls(frozenset((words,)), synsets(lookup_form(words)))

    def similar(self, other: Concept) -> bool:
        """Whether the two share a string or a synset."""
        return not (self.strings.isdisjoint(other.strings) and self.synsets.isdisjoint(other.synsets))

    def similarity(self, other: Concept) -> float:
        """1 if the two share a string, otherwise the part of their synsets that they share: 0 to 1."""
        if not self.strings.isdisjoint(other.strings):
            return 1.0
        shared = len(self.synsets & other.synsets)
        return shared / len(self.synsets | other.synsets) if shared else 0.0

    def merge(self, other: Concept) -> None:
        """Take in the strings and synsets of another concept."""
        self.strings |= other.strings
        self.synsets |= other.synsets


def lookup_form(words: str) -> str:
    """The form in which SPICE looks a string up: trimmed, lower case, ``_`` for blanks."""
    return words.strip(_BLANK).lower().replace(" ", "_")


def without_synonyms(word: str) -> frozenset[int]:
    """Synsets of a word where only equal strings shall be similar: none."""
    return frozenset()


def checked(tuples: Iterable[Sequence[str]]) -> Parse:
    """Tuples as a parser or a file gives them, made sure of.

    Raises:
        ValueError: one of them is not a sequence of one, two or three strings.
    """
    parse = []
    for item in tuples:
        strings = not isinstance(item, str) and all(isinstance(s, str) for s in item)
        if not strings or not 1 <= len(item) <= 3:
            raise ValueError(f"a tuple is one, two or three strings, not {item!r}")
        parse.append(tuple(item))
    return tuple(parse)
