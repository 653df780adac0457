"""SPICE from tuples: precision, recall and F of what a candidate says against what its references say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rsvp_eval.metrics.spice.graph import Proposition, propositions_of
from rsvp_eval.metrics.spice.home import synonyms
from rsvp_eval.metrics.spice.tuples import Synsets, checked


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a candidate agrees with its references.

    Attributes:
        matched: candidate propositions that a reference proposition is similar to.
        candidate: propositions of the candidate.
        reference: propositions of the references.
        precision: ``matched / candidate``.
        recall: ``matched / reference``; above 1 where several candidate propositions match one of the
            references, which SPICE permits.
        f: harmonic mean of the two.
    """

    matched: int
    candidate: int
    reference: int
    precision: float
    recall: float
    f: float

    @classmethod
    def of(cls, matched: int, candidate: int, reference: int, undefined: float = 0.0) -> Evaluation:
        """The evaluation of these counts; ``undefined`` are all its values where ``reference`` is 0."""
        if not reference:
            return cls(matched, candidate, reference, undefined, undefined, undefined)
        precision = matched / candidate if candidate else 0.0
        recall = matched / reference
        f = 2 * precision * recall / (precision + recall) if matched else 0.0
        return cls(matched, candidate, reference, precision, recall, f)


@dataclass(frozen=True)
class CategoryWords:
    """Attributes that make a category. The lists are part of SPICE: see :func:`.run.category_words`.

    Attributes:
        cardinality: number words.
        color: words for colours.
        size: words for sizes.
    """

    cardinality: frozenset[str]
    color: frozenset[str]
    size: frozenset[str]


def evaluate(
    candidate: Iterable[Proposition], reference: Iterable[Proposition], undefined: float = 0.0
) -> Evaluation:
    """Match propositions: those of one kind match if all their concepts are similar, one by one.

    A proposition of the references may be matched many times.

    Args:
        candidate: what the candidate says.
        reference: what the references say.
        undefined: value where the references say nothing; 0 for SPICE, NaN for its categories.
    """
    by_kind: dict[int, list[Proposition]] = {1: [], 2: [], 3: []}
    for proposition in reference:
        by_kind[len(proposition)].append(proposition)
    matched = total = 0
    for proposition in candidate:
        total += 1
        matched += any(_similar(proposition, other) for other in by_kind[len(proposition)])
    return Evaluation.of(matched, total, sum(map(len, by_kind.values())), undefined)


def spice_of_tuples(
    candidate: Sequence[Sequence[str]],
    references: Iterable[Sequence[Sequence[str]]],
    synsets: Synsets | None = None,
) -> tuple[float, float, float]:
    """SPICE of one candidate.

    Args:
        candidate: tuples of the candidate: ``(object,)``, ``(object, attribute)``,
            ``(subject, object, relation)``.
        references: tuples of each reference.
        synsets: of a word; by default those of METEOR's WordNet tables, as in SPICE.

    Returns:
        Precision, recall and F. All are 0 where the candidate or the references have no tuple.

    Raises:
        ValueError: something is not a tuple of one, two or three strings.
        UnavailableError: METEOR's tables are asked for and not there.
    """
    said, meant = _both(candidate, references, synsets)
    evaluation = evaluate(said, meant)
    return evaluation.precision, evaluation.recall, evaluation.f


def categories_of_tuples(
    candidate: Sequence[Sequence[str]],
    references: Iterable[Sequence[Sequence[str]]],
    synsets: Synsets | None = None,
    words: CategoryWords | None = None,
) -> dict[str, Evaluation]:
    """SPICE of one candidate by category, as SPICE gives it with ``-subset``.

    Args:
        candidate: tuples of the candidate.
        references: tuples of each reference.
        synsets: as in :func:`spice_of_tuples`.
        words: attributes of the categories ``Cardinality``, ``Color`` and ``Size``; these are left out
            without it.

    Returns:
        The evaluation of ``Object``, ``Attribute`` and ``Relation`` propositions and of those attributes that
        are in a list. Merged attributes are in none. The values are NaN where the references have nothing of
        the category.

    Raises:
        ValueError: something is not a tuple of one, two or three strings.
        UnavailableError: METEOR's tables are asked for and not there.
    """
    said, meant = _both(candidate, references, synsets)
    kinds: dict[str, Callable[[Proposition], bool]] = {
        "Object": lambda p: len(p) == 1,
        "Attribute": lambda p: len(p) == 2,
        "Relation": lambda p: len(p) == 3,
    }
    if words is not None:
        kinds["Cardinality"] = _attribute_in(words.cardinality)
        kinds["Color"] = _attribute_in(words.color)
        kinds["Size"] = _attribute_in(words.size)
    return {
        name: evaluate(filter(of_kind, said), filter(of_kind, meant), math.nan)
        for name, of_kind in kinds.items()
    }


def _both(
    candidate: Sequence[Sequence[str]],
    references: Iterable[Sequence[Sequence[str]]],
    synsets: Synsets | None,
) -> tuple[list[Proposition], list[Proposition]]:
    synsets = synonyms() if synsets is None else synsets
    said = propositions_of([checked(candidate)], synsets)
    return said, propositions_of(map(checked, references), synsets)


def _attribute_in(words: frozenset[str]) -> Callable[[Proposition], bool]:
    return lambda p: len(p) == 2 and len(p[1].strings) == 1 and p[1].strings <= words


def _similar(a: Proposition, b: Proposition) -> bool:
    return all(x.similar(y) for x, y in zip(a, b, strict=True))
