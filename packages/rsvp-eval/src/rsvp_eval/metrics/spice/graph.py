"""Scene graphs: the tuples of one or more captions, with equal and synonymous objects as one node."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rsvp_eval.metrics.spice.tuples import Concept, Synsets

Proposition = tuple[Concept, ...]
"""``(object,)``, ``(object, attribute)`` or ``(subject, relation, object)``: unlike in a parser's tuples, the
relation stands in the middle."""


@dataclass(eq=False, slots=True)
class _Node:
    number: int
    concept: Concept
    attributes: list[Concept] = field(default_factory=list)


class SceneGraph:
    """Objects, their attributes and the relations between them.

    An object is the node that has its string and no other, where there is one. Otherwise it is merged into
    the node that it is most similar to, or becomes a node where it is similar to none. In the same way an
    attribute of a node, or a relation between two, is merged into the first that it is similar to. What comes
    about thus depends on the order of the tuples.

    Where several are equally similar, SPICE takes the one that comes first in a Java hash table whose hashes
    are those of object identity, so that its own score may change from one Java to another. Here the one
    added first is taken, which is what SPICE does under ``-XX:hashCode=2``, where all objects hash alike.

    Args:
        synsets: of a word.
    """

    def __init__(self, synsets: Synsets) -> None:
        self._synsets = synsets
        self._nodes: list[_Node] = []
        self._relations: dict[tuple[int, int], list[Concept]] = {}

    def add(self, tuples: Iterable[Sequence[str]]) -> None:
        """Add the tuples of a caption, in the parser's order."""
        for item in tuples:
            node = self._node(item[0])
            if len(item) == 2:
                _add(Concept.of(item[1], self._synsets), node.attributes)
            elif len(item) == 3:
                ends = node.number, self._node(item[1]).number
                relation = Concept.of(item[2].removeprefix("be "), self._synsets)
                _add(relation, self._relations.setdefault(ends, []))

    def propositions(self) -> list[Proposition]:
        """All that the graph says."""
        said: list[Proposition] = [(node.concept,) for node in self._nodes]
        said += [(node.concept, attribute) for node in self._nodes for attribute in node.attributes]
        for (subject, object_), relations in self._relations.items():
            ends = self._nodes[subject].concept, self._nodes[object_].concept
            said += [(ends[0], relation, ends[1]) for relation in relations]
        return said

    def _node(self, words: str) -> _Node:
        new = Concept.of(words, self._synsets)
        best, similarity = None, 0.0
        for node in self._nodes:
            if node.concept.strings == new.strings:
                return node
            own = node.concept.similarity(new)
            if own > similarity:
                best, similarity = node, own
        if best is None:
            best = _Node(len(self._nodes), new)
            self._nodes.append(best)
        else:
            best.concept.merge(new)
        return best


def _add(new: Concept, known: list[Concept]) -> None:
    if any(concept.strings == new.strings for concept in known):
        return
    for concept in known:
        if concept.similar(new):
            concept.merge(new)
            return
    known.append(new)


def propositions_of(captions: Iterable[Iterable[Sequence[str]]], synsets: Synsets) -> list[Proposition]:
    """What one or more captions say together, their tuples merged into one graph in the order given."""
    graph = SceneGraph(synsets)
    for tuples in captions:
        graph.add(tuples)
    return graph.propositions()
