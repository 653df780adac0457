"""What METEOR knows about each word by itself, as arrays of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.metrics.meteor.resources import Resources
from rsvp_eval.metrics.meteor.stem import stem

Ints = NDArray[np.int32]
Offsets = NDArray[np.int64]


@dataclass(frozen=True)
class Lexicon:
    """Properties of v words.

    Attributes:
        keys: (v,) int32, equal where METEOR takes two words for the same; see :func:`java_hash`.
        stems: (v,) int32, equal where it takes their stems for the same.
        function: (v,) uint8, 1 for function words.
        synset_starts: (v + 1,) int64, where each word's synsets begin in ``synsets``.
        synsets: int32, synsets of all words, one word after the other, numbered from 0.
        phrase_words: (v,) int64, numbers of the words in the paraphrase table, -1 for those not in it.
    """

    keys: Ints
    stems: Ints
    function: NDArray[np.uint8]
    synset_starts: Offsets
    synsets: Ints
    phrase_words: NDArray[np.int64]


def lexicon(words: Sequence[str], resources: Resources) -> Lexicon:
    """Look words up, (v,) in lower case, as :func:`.normalize` gives them."""
    hashes: dict[int, int] = {}
    synset_numbers: dict[int, int] = {}
    keys = [hashes.setdefault(java_hash(word), len(hashes)) for word in words]
    stems = [hashes.setdefault(java_hash(stem(word)), len(hashes)) for word in words]
    synsets = [
        [synset_numbers.setdefault(s, len(synset_numbers)) for s in sorted(resources.synonyms.synsets(word))]
        for word in words
    ]
    function = [word in resources.function_words for word in words]
    in_table = {word: i for i, word in enumerate(resources.paraphrases.vocabulary)}
    return Lexicon(
        keys=np.array(keys, dtype=np.int32),
        stems=np.array(stems, dtype=np.int32),
        function=np.array(function, dtype=np.uint8),
        synset_starts=offsets([len(own) for own in synsets]),
        synsets=np.array([s for own in synsets for s in own], dtype=np.int32),
        phrase_words=np.array([in_table.get(word, -1) for word in words], dtype=np.int64),
    )


def java_hash(word: str) -> int:
    """Java's ``String.hashCode``, 32 bits.

    METEOR compares words and stems by it and by nothing else: ``dog`` matches ``dkã`` exactly. It looks up
    function words, synonyms and paraphrases as strings.
    """
    value = 0
    if word.isascii():
        for unit in word.encode():
            value = 31 * value + unit
    else:
        raw = word.encode("utf-16-le", "surrogatepass")
        for low, high in zip(raw[::2], raw[1::2], strict=True):
            value = 31 * value + low + (high << 8)
    return value & 0xFFFFFFFF


def offsets(lengths: Sequence[int] | NDArray[np.integer]) -> Offsets:
    """(n + 1,) int64: where each of n lists begins once they are put one behind the other."""
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts
