"""Synonyms by WordNet: two words are synonyms where they, or their base forms, share a synset.

Both tables lie in METEOR's jar as text, an entry in two lines. ``english.synsets``: a word or phrase (words
joined by ``_``), then the numbers of its synsets. ``english.exceptions``: a base form, then the inflected
forms that come of it irregularly. The rules for regular forms are those of WordNet's ``morph``
(https://wordnet.princeton.edu/documentation/morphy7wn).
"""

from __future__ import annotations

_SUFFIXES = (
    ("s", ""),
    ("ses", "s"),
    ("xes", "x"),
    ("zes", "z"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("men", "man"),
    ("ies", "y"),
    ("es", "e"),
    ("es", ""),
    ("ed", "e"),
    ("ed", ""),
    ("ing", "e"),
    ("ing", ""),
    ("er", ""),
    ("est", ""),
    ("er", "e"),
    ("est", "e"),
)
"""The 20 rules for nouns, verbs and adjectives; nouns and verbs share two."""


class Synonyms:
    """Synsets of words.

    Args:
        synsets: text of ``english.synsets``.
        exceptions: text of ``english.exceptions``.
    """

    def __init__(self, synsets: str, exceptions: str) -> None:
        lines = synsets.split("\n")
        self._synsets = dict(zip(lines[::2], lines[1::2], strict=False))
        self._bases: dict[str, list[str]] = {}
        lines = exceptions.split("\n")
        for base, inflected in zip(lines[::2], lines[1::2], strict=False):
            for form in inflected.split():
                self._bases.setdefault(form, []).append(base)
        self._found: dict[str, frozenset[int]] = {}

    def synsets(self, word: str) -> frozenset[int]:
        """Synsets of a word in lower case and of its base forms; empty where WordNet does not have it.

        Base forms are those of the table of irregular forms; for a word that is not in it, the first that the
        rules give and WordNet has.
        """
        if word not in self._found:
            self._found[word] = self._of(word)
        return self._found[word]

    def _of(self, word: str) -> frozenset[int]:
        found = self._own(word)
        bases = self._bases.get(word)
        if bases is None:
            bases = [base for base in regular_bases(word) if base in self._synsets][:1]
        return found.union(*map(self._own, bases))

    def _own(self, word: str) -> frozenset[int]:
        return frozenset(map(int, self._synsets.get(word, "").split()))


def regular_bases(word: str) -> list[str]:
    """Base forms that a word in lower case may come of by the rules."""
    if len(word) <= 2 or word.endswith("ss"):
        return []
    return [word.removesuffix(suffix) + new for suffix, new in _SUFFIXES if word.endswith(suffix)]
