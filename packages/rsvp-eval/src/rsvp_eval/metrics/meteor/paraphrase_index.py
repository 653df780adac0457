"""Make the index of a paraphrase table: the files that :class:`.Paraphrases` maps into memory."""

from __future__ import annotations

import gzip
import zlib
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.errors import EvalError

Ints = NDArray[np.int32]

VERSION = 1
"""Of the files below; an index of another version is not read but made anew."""
ARRAYS = ("words", "starts", "paraphrases", "paraphrase_starts", "keys", "ends")
VOCABULARY = "vocabulary.txt"


def build(table: Path, folder: Path) -> None:
    """Write the index of a paraphrase table.

    Args:
        table: the gzipped table; its grammar is told in :mod:`.paraphrases`.
        folder: takes the index, 112 MB for the English table of METEOR 1.5.

    Raises:
        EvalError: if the table is broken.
        OSError: if the index cannot be written.
    """
    numbers: dict[bytes, int] = {}
    heads, tails = array("i"), array("i")
    for phrase, paraphrase in _entries(table):
        heads.append(numbers.setdefault(phrase, len(numbers)))
        tails.append(numbers.setdefault(paraphrase, len(numbers)))
    vocabulary, words, lengths = _words(numbers)
    try:
        text = b"\n".join(vocabulary).decode()
    except UnicodeDecodeError as e:
        raise _broken(table, f"a word is not UTF-8: {e}") from e
    place, starts, paraphrases = _renumber(np.array(heads, np.int32), np.array(tails, np.int32), len(numbers))
    order = np.argsort(place)
    matrix = _matrix(words, lengths)[order]
    keys, ends = _trie(matrix, lengths[order], len(vocabulary))
    offsets = _offsets(lengths[order])
    (folder / VOCABULARY).write_bytes(text.encode())
    arrays: list[Ints | NDArray[np.int64]] = [matrix[matrix >= 0], offsets, paraphrases, starts, keys, ends]
    for name, values in zip(ARRAYS, arrays, strict=True):
        np.save(folder / f"{name}.npy", values)


def _entries(table: Path) -> Iterator[tuple[bytes, bytes]]:
    """Phrase and paraphrase of each group of three lines."""
    groups = 0
    try:
        with gzip.open(table, "rb") as lines:
            for _ in lines:
                groups += 1
                phrase, paraphrase = next(lines, b"").rstrip(b"\n"), next(lines, b"").rstrip(b"\n")
                if not phrase or not paraphrase:
                    raise _broken(table, f"the group of lines from line {3 * groups - 2} on lacks a phrase")
                yield phrase, paraphrase
    except (gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise _broken(table, str(e)) from e
    if not groups:
        raise _broken(table, "it is empty")


def _broken(table: Path, what: str) -> EvalError:
    return EvalError(
        f"{table}: expected METEOR's gzipped paraphrase table, groups of a probability, a phrase and a "
        f"paraphrase a line each, but {what}. Install pycocoevalcap again."
    )


def _words(phrases: Iterable[bytes]) -> tuple[list[bytes], Ints, Ints]:
    """Vocabulary, ids of the words of all phrases, and words a phrase."""
    ids: dict[bytes, int] = {}
    words, lengths = array("i"), array("i")
    for phrase in phrases:
        own = phrase.split(b" ")
        lengths.append(len(own))
        words.extend([ids.setdefault(word, len(ids)) for word in own])
    return list(ids), np.array(words, np.int32), np.array(lengths, np.int32)


def _renumber(heads: Ints, tails: Ints, phrases: int) -> tuple[Ints, Ints, Ints]:
    """Number those first that have paraphrases, in file order, then the others.

    Returns:
        The new number of each phrase, where the paraphrases of each head begin, and all paraphrases.
    """
    distinct, first = np.unique(heads, return_index=True)
    order = np.concatenate([distinct[np.argsort(first)], np.setdiff1d(np.arange(phrases), distinct)])
    place = np.empty(phrases, dtype=np.int32)
    place[order] = np.arange(phrases)
    own = place[heads]
    return place, _offsets(np.bincount(own)), place[tails[np.argsort(own, kind="stable")]]


def _offsets(counts: NDArray[np.integer]) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def _matrix(words: Ints, lengths: Ints) -> Ints:
    """(phrases, longest) int32: ids of the words of each phrase, -1 behind its last."""
    columns = np.arange(int(lengths.max()))
    matrix = np.full((len(lengths), len(columns)), -1, dtype=np.int32)
    matrix[columns < lengths[:, None]] = words
    return matrix


def _trie(matrix: Ints, lengths: Ints, vocabulary: int) -> tuple[NDArray[np.int64], Ints]:
    """Edges and ends of the trie; nodes are numbered level by level, so that the edges are in order."""
    nodes = matrix[:, 0].astype(np.int64)
    members = np.arange(len(matrix))
    ended = [(nodes, members)]
    levels: list[NDArray[np.int64]] = []
    total = vocabulary
    for column in range(1, matrix.shape[1]):
        longer = lengths[members] > column
        members, parents = members[longer], nodes[longer]
        edges, back = np.unique(parents * vocabulary + matrix[members, column], return_inverse=True)
        levels.append(edges)
        nodes = total + back
        total += len(edges)
        ended.append((nodes, members))
    ends = np.full(total, -1, dtype=np.int32)
    for length, (nodes, members) in enumerate(ended, 1):
        last = lengths[members] == length
        ends[nodes[last]] = members[last]
    keys = np.concatenate(levels) if levels else np.zeros(0, dtype=np.int64)
    return keys, ends
