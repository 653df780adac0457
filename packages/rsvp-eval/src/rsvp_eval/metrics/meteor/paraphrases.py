"""The paraphrase table of METEOR as a memory-mapped trie, to find the phrases of many sentences at once.

Format of the table (``paraphrase-en.gz``, seen by looking): UTF-8 text in groups of three lines, a
probability (not used), a phrase, and a phrase that paraphrases it; phrases are words set apart by one space.

The index numbers every phrase of the table: first those that have paraphrases, in file order, then those
that only are paraphrases, in order of first appearance. The numbers stay the same for the same table.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.metrics.meteor.paraphrase_index import ARRAYS, VOCABULARY

Ints = NDArray[np.int32]


class Occurrences(NamedTuple):
    """Phrases found in sentences, ordered by sentence, then first word, then length.

    Attributes:
        sentence: (n,) int32, which sentence.
        start: (n,) int32, first word of the phrase, counted from 0 in its sentence.
        length: (n,) int32, words.
        number: (n,) int32, number of the phrase.
    """

    sentence: Ints
    start: Ints
    length: Ints
    number: Ints


class Paraphrases:
    """Memory-mapped index of the paraphrase table.

    The relation has a direction, as in the file: that x may be paraphrased by y does not say that y may be by
    x. METEOR takes either: a phrase of the prediction that may be paraphrased by one of the reference matches
    it, and so does one that the other may be paraphrased by.

    Args:
        folder: an index made by :func:`.paraphrase_index.build`.

    Raises:
        OSError: if a file of the index cannot be read.
        EOFError: if one is empty.
        ValueError: if one is broken.

    Attributes:
        longest: words of the longest phrase.
        heads: how many phrases have paraphrases: those numbered below it.
        vocabulary: words of all phrases; a word's place is its id.
        words: int32, ids of the words of all phrases, one phrase after the other.
        starts: (phrases + 1,) int32, where each phrase begins in ``words``.
        paraphrases: int32, numbers of the paraphrases of all heads, one head after the other, in file order.
        paraphrase_starts: (heads + 1,) int32, where those of each head begin.
        keys: int64, ascending: the edges of the trie. Node v below ``len(vocabulary)`` is reached from the
            root by the word v; node ``len(vocabulary) + i`` is reached from the node p by the word w where
            ``keys[i]`` is ``p * len(vocabulary) + w``.
        ends: (nodes,) int32, number of the phrase that ends at each node, -1 where none does.
    """

    def __init__(self, folder: Path) -> None:
        # Plain views of the maps: slices of ``np.memmap`` are slow.
        loaded = {name: np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in ARRAYS}
        self.words: Ints = loaded["words"]
        self.starts: Ints = loaded["starts"]
        self.paraphrases: Ints = loaded["paraphrases"]
        self.paraphrase_starts: Ints = loaded["paraphrase_starts"]
        self.keys: NDArray[np.int64] = loaded["keys"]
        self.ends: Ints = loaded["ends"]
        text = (folder / VOCABULARY).read_bytes().decode()
        self.vocabulary = text.split("\n") if text else []
        self._ids = {word: i for i, word in enumerate(self.vocabulary)}
        if len(self.ends) != len(self.vocabulary) + len(self.keys):
            raise ValueError(f"{folder}: the index is incomplete")
        self.heads = len(self.paraphrase_starts) - 1
        self.longest = int(np.diff(self.starts).max(initial=0))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def of(self, phrase: str) -> tuple[str, ...]:
        """Phrases that ``phrase`` (words set apart by one space) may be paraphrased by, in file order."""
        number = self.number(phrase)
        return () if number is None else tuple(map(self.text, self.paraphrases_of(number).tolist()))

    def number(self, phrase: str) -> int | None:
        """The number of a phrase, None where the table does not have it."""
        words = phrase.split(" ")
        if len(words) > self.longest:
            return None
        node = -1
        for i, word in enumerate(words):
            word_id = self._ids.get(word)
            if word_id is None:
                return None
            node = word_id if i == 0 else self._child(node, word_id)
            if node < 0:
                return None
        end = int(self.ends[node])
        return None if end < 0 else end

    def text(self, number: int) -> str:
        """The phrase of a number, words set apart by one space."""
        ids = self.words[self.starts[number] : self.starts[number + 1]]
        return " ".join([self.vocabulary[i] for i in ids.tolist()])

    def paraphrases_of(self, number: int) -> Ints:
        """Numbers of the phrases that a phrase may be paraphrased by, in file order; may be none."""
        if number >= self.heads:
            return self.paraphrases[:0]
        return self.paraphrases[self.paraphrase_starts[number] : self.paraphrase_starts[number + 1]]

    def find(self, words: Sequence[str]) -> list[tuple[int, int, tuple[str, ...]]]:
        """Phrases of a sentence that have paraphrases.

        Returns:
            Start and length in words, and the paraphrases in file order; ordered by start, then length.
        """
        found = self.occurrences([words])
        return [
            (start, length, tuple(map(self.text, self.paraphrases_of(number).tolist())))
            for start, length, number in zip(
                found.start.tolist(), found.length.tolist(), found.number.tolist(), strict=True
            )
            if number < self.heads
        ]

    def find_all(self, sentences: Sequence[Sequence[str]]) -> list[list[tuple[int, int, int]]]:
        """Phrases of many sentences, those that only are paraphrases of others (``heads`` and up) among them.

        Returns:
            For each sentence start and length in words and the number of the phrase, by start, then length.
        """
        found = self.occurrences(sentences)
        rows = list(zip(found.start.tolist(), found.length.tolist(), found.number.tolist(), strict=True))
        bounds = np.searchsorted(found.sentence, np.arange(len(sentences) + 1)).tolist()
        return [rows[a:b] for a, b in pairwise(bounds)]

    def occurrences(self, sentences: Sequence[Sequence[str]]) -> Occurrences:
        """Phrases of many sentences as arrays; :meth:`find_all` gives the same as lists."""
        get = self._ids.get
        ids = [get(word, -1) for words in sentences for word in words]
        return self.search(np.array(ids, dtype=np.int64), np.array(list(map(len, sentences)), dtype=np.int64))

    def search(self, ids: NDArray[np.integer], lengths: NDArray[np.integer]) -> Occurrences:
        """Phrases of many sentences given as numbers.

        Args:
            ids: ids in ``vocabulary`` of the words of all sentences, one after the other; -1 for other words.
            lengths: words of each sentence.
        """
        wide = ids.astype(np.int64)
        ends = np.cumsum(lengths, dtype=np.int64)
        starts = ends - lengths
        sentence = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        # The trie is walked from every word at once, one level a round.
        places = np.flatnonzero(wide >= 0)
        nodes = wide[places]
        found_places, found_lengths, found_numbers = [], [], []
        for length in range(1, self.longest + 1):
            numbers = self.ends[nodes]
            hits = np.flatnonzero(numbers >= 0)
            found_places.append(places[hits])
            found_lengths.append(np.full(len(hits), length, dtype=np.int32))
            found_numbers.append(numbers[hits])
            if length == self.longest:
                break
            inside = places + length < ends[sentence[places]]
            places, nodes = places[inside], nodes[inside]
            following = wide[places + length]
            known = following >= 0
            places = places[known]
            nodes = self._children(nodes[known], following[known])
            alive = nodes >= 0
            places, nodes = places[alive], nodes[alive]
        place = np.concatenate(found_places)
        order = np.argsort(place, kind="stable")
        place = place[order]
        owner = sentence[place]
        return Occurrences(
            sentence=owner,
            start=(place - starts[owner]).astype(np.int32),
            length=np.concatenate(found_lengths)[order],
            number=np.concatenate(found_numbers)[order],
        )

    def _children(self, nodes: NDArray[np.int64], words: NDArray[np.int64]) -> NDArray[np.int64]:
        """Nodes reached from ``nodes`` by ``words``, -1 where there is no edge."""
        wanted, back = np.unique(nodes * len(self.vocabulary) + words, return_inverse=True)
        edges = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        reached: NDArray[np.int64] = np.where(self.keys[edges] == wanted, edges + len(self.vocabulary), -1)
        return reached[back]

    def _child(self, node: int, word: int) -> int:
        key = node * len(self.vocabulary) + word
        edge = int(np.searchsorted(self.keys, key))
        return len(self.vocabulary) + edge if edge < len(self.keys) and self.keys[edge] == key else -1
