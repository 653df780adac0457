"""The alignment of a hypothesis with a reference: METEOR 1.5's beam search.

Candidates that are alone at both their ends, and overlap no other, are taken beforehand. The search then goes
over the words of the reference from left to right; a path takes one of the candidates that begin there, or
none. After each word the paths are sorted, ones that are equal keeping their order, and the best 40 go on.
Better is, in this order: more words, fewer chunks, less distance.

Three things in it are METEOR's own and decide between alignments, so they are kept:

* Words count 1 each where they are the same and 1/2 where they are not, whatever weights the score has, and
  the totals are whole numbers, cut after each addition. So a stem or a synonym counts nothing, a phrase half
  its words, less what is cut.
* The distance of a candidate, between its first words in either sentence, is added to the path that it is
  tried on and not to the one that takes it, so that it weighs on what is tried after it.
* A chunk counts as soon as it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import nsmallest
from typing import NamedTuple, Protocol

from rsvp_eval.metrics.meteor.match import EXACT, Match

BEAM = 40


class Finder(Protocol):
    """Gives the candidates that begin with a word of the reference, in METEOR's order."""

    def at(self, j: int) -> Sequence[Match]:
        """Candidates of word ``j``; the same list each time."""
        ...


class Alignment(NamedTuple):
    """Which phrases are matched.

    Attributes:
        matches: first word in the reference, and the match, from left to right.
        chunks: runs of matches that are next to each other in both sentences.
    """

    matches: list[tuple[int, Match]]
    chunks: int


class _Path(NamedTuple):
    """A part of an alignment, up to a word of the reference.

    Attributes:
        words: words matched, counted as told above and negative, so that the best path is the smallest.
        chunks: chunks that have ended.
        distance: what was tried on it and on the paths it comes of.
        end: word of the hypothesis behind the last match, -1 where the last word is unmatched.
        reach: word of the reference behind the last match.
        used: bits of the words of the hypothesis that are matched.
        taken: its last match and those before it, as a linked list.
    """

    words: int
    chunks: int
    distance: int
    end: int
    reach: int
    used: int
    taken: _Taken | None


class _Taken(NamedTuple):
    j: int
    match: Match
    before: _Taken | None


def _rank(path: _Path) -> tuple[int, int, int]:
    return path[:3]


def align(candidates: Finder, hypothesis: int, reference: int, beam: int = BEAM) -> Alignment:
    """Align two sentences.

    Candidates are asked for twice, a word at a time, so that memory stays small where there are many. Time
    grows as the number of candidates times ``beam``: that is the product of both lengths where one word is
    repeated all along.

    Args:
        candidates: what may be matched.
        hypothesis: its length in words.
        reference: its length in words.
        beam: paths that go on from each word.
    """
    fixed = _fixed(candidates, hypothesis, reference)
    used = 0
    for match in fixed.values():
        used |= _bits(match)
    paths = [_Path(0, 0, 0, -1, 0, used, None)]
    for j in range(reference):
        if j in fixed:
            paths = sorted((_extended(p, j, fixed[j], p.distance) for p in paths), key=_rank)
        else:
            # It keeps the order of equal ones, as a sort does.
            paths = nsmallest(beam, _grown(paths, j, candidates.at(j)), key=_rank)
    best = min((p._replace(chunks=p.chunks + (p.end >= 0)) for p in paths), key=_rank)
    return Alignment(_listed(best.taken), best.chunks)


def _fixed(candidates: Finder, hypothesis: int, reference: int) -> dict[int, Match]:
    """Candidates, by first word in the reference, whose words no other candidate covers."""
    over_hypothesis = [0] * hypothesis
    over_reference = [0] * reference
    alone = {}
    for j in range(reference):
        found = candidates.at(j)
        if len(found) == 1:
            alone[j] = found[0]
        for first, length, span, _ in found:
            for i in range(first, first + length):
                over_hypothesis[i] += 1
            for k in range(j, j + span):
                over_reference[k] += 1
    return {
        j: match
        for j, match in alone.items()
        if all(n == 1 for n in over_hypothesis[match.first : match.first + match.length])
        and all(n == 1 for n in over_reference[j : j + match.span])
    }


def _grown(paths: Sequence[_Path], j: int, found: Sequence[Match]) -> Iterator[_Path]:
    """The paths grown by word ``j``: by each candidate that is free on it, and by none."""
    bits = [_bits(match) for match in found]
    for path in paths:
        if path.reach > j:
            yield path
            continue
        distance = path.distance
        for match, mask in zip(found, bits, strict=True):
            if not path.used & mask:
                yield _extended(path, j, match, distance, mask)
                distance += abs(match.first - j)
        yield path._replace(chunks=path.chunks + (path.end >= 0), distance=distance, end=-1)


def _extended(path: _Path, j: int, match: Match, distance: int, mask: int = 0) -> _Path:
    """A path with a match more; one that is fixed counts for all paths, so its words need not."""
    first, length, span, module = match
    words = length + span if module == EXACT else length // 2 + span // 2
    return _Path(
        path.words - words,
        path.chunks + (path.end >= 0 and path.end != first),
        distance,
        first + length,
        j + span,
        path.used | mask,
        _Taken(j, match, path.taken),
    )


def _bits(match: Match) -> int:
    return ((1 << match.length) - 1) << match.first


def _listed(taken: _Taken | None) -> list[tuple[int, Match]]:
    matches = []
    while taken is not None:
        matches.append((taken.j, taken.match))
        taken = taken.before
    return matches[::-1]
