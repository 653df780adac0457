"""What may be matched with what: the words and phrases that a reference and a hypothesis have in common.

The candidates of a reference's word come in METEOR's own order, which decides between alignments that are
equally good: module by module, each in the order of the hypothesis. Paraphrases come in two directions, first
the phrases of the reference that those of the hypothesis paraphrase, then the other way round; a pair of
phrases that is both is there twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, TypeVar

from rsvp_eval.metrics.meteor.batch import Batch

EXACT, STEM, SYNONYM, PARAPHRASE = range(4)

_T = TypeVar("_T")


class Match(NamedTuple):
    """A phrase of the hypothesis matched with one of the reference.

    Attributes:
        first: first word in the hypothesis.
        length: words in the hypothesis.
        span: words in the reference.
        module: ``EXACT``, ``STEM``, ``SYNONYM`` or ``PARAPHRASE``.
    """

    first: int
    length: int
    span: int
    module: int


@dataclass(frozen=True)
class Sentence:
    """A sentence as the matchers look at it.

    Attributes:
        keys: of its words.
        stems: of its words.
        synsets: of its words.
        phrases: (first word, length, number), in order.
        function: 1 for each function word.
    """

    keys: list[int]
    stems: list[int]
    synsets: list[list[int]]
    phrases: list[tuple[int, int, int]]
    function: list[int]


class Reader:
    """Reads sentences and paraphrases out of a batch."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        lexicon = batch.lexicon
        self._keys = lexicon.keys.tolist()
        self._stems = lexicon.stems.tolist()
        self._function = lexicon.function.tolist()
        self._synsets = _lists(lexicon.synsets.tolist(), lexicon.synset_starts.tolist())
        self.paraphrases = _lists(batch.paraphrases.tolist(), batch.paraphrase_starts.tolist())
        ranked = list(zip(batch.heads.tolist(), batch.ranks.tolist(), strict=True))
        self.heads = _lists(ranked, batch.head_starts.tolist())

    def sentence(self, number: int) -> Sentence:
        """The sentence of a number."""
        batch = self._batch
        words = batch.sentences.words[slice(*batch.sentences.starts[number : number + 2])].tolist()
        phrases = slice(*batch.phrase_starts[number : number + 2])
        return Sentence(
            keys=[self._keys[w] for w in words],
            stems=[self._stems[w] for w in words],
            synsets=[self._synsets[w] for w in words],
            phrases=list(
                zip(
                    batch.phrase_first[phrases].tolist(),
                    batch.phrase_length[phrases].tolist(),
                    batch.phrases[phrases].tolist(),
                    strict=True,
                )
            ),
            function=[self._function[w] for w in words],
        )


def _lists(values: list[_T], starts: list[int]) -> list[list[_T]]:
    return [values[begin:end] for begin, end in pairwise(starts)]


class Candidates:
    """Candidates of each word of a reference.

    Args:
        reader: of the batch that both sentences are in.
        hypothesis: one sentence.
        reference: the other.
    """

    def __init__(self, reader: Reader, hypothesis: Sentence, reference: Sentence) -> None:
        self._reader = reader
        self._hypothesis = hypothesis
        self._reference = reference
        self._by_key: defaultdict[int, list[int]] = defaultdict(list)
        self._by_stem: defaultdict[int, list[int]] = defaultdict(list)
        self._by_synset: defaultdict[int, list[int]] = defaultdict(list)
        for i, key in enumerate(hypothesis.keys):
            self._by_key[key].append(i)
            self._by_stem[hypothesis.stems[i]].append(i)
            for synset in hypothesis.synsets[i]:
                self._by_synset[synset].append(i)
        self._occurrences: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for first, length, phrase in hypothesis.phrases:
            self._occurrences[phrase].append((first, length))
        self._phrases: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for first, length, phrase in reference.phrases:
            self._phrases[first].append((length, phrase))
        # Identical sentences are matched word by word only.
        self._identical = hypothesis.keys == reference.keys

    def at(self, j: int) -> list[Match]:
        """Candidates that begin with word ``j`` of the reference, in METEOR's order."""
        key = self._reference.keys[j]
        found = [Match(i, 1, 1, EXACT) for i in self._by_key.get(key, ())]
        if self._identical:
            return found
        keys = self._hypothesis.keys
        same_stem = self._by_stem.get(self._reference.stems[j], ())
        found += [Match(i, 1, 1, STEM) for i in same_stem if keys[i] != key]
        synonyms = {i for s in self._reference.synsets[j] for i in self._by_synset.get(s, ())}
        found += [Match(i, 1, 1, SYNONYM) for i in sorted(synonyms) if keys[i] != key]
        if phrases := self._phrases.get(j):
            found += self._forwards(phrases)
            found += self._backwards(phrases)
        return found

    def _forwards(self, phrases: list[tuple[int, int]]) -> list[Match]:
        """Phrases of the reference that may be paraphrased by those of the hypothesis."""
        return [
            Match(first, length, span, PARAPHRASE)
            for span, phrase in phrases
            for paraphrase in self._reader.paraphrases[phrase]
            for first, length in self._occurrences.get(paraphrase, ())
        ]

    def _backwards(self, phrases: list[tuple[int, int]]) -> list[Match]:
        """Phrases of the hypothesis that may be paraphrased by those of the reference."""
        found = [
            (first, length, rank, span)
            for span, phrase in phrases
            for head, rank in self._reader.heads[phrase]
            for first, length in self._occurrences.get(head, ())
        ]
        return [Match(first, length, span, PARAPHRASE) for first, length, _, span in sorted(found)]
