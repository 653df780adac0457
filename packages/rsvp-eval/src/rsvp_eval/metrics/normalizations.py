"""When an answer names the right class: the rules of three evaluations, which give different accuracies.

* ``geochat``: ``geochat/eval/batch_geochat_scene.py`` in mbzuai-oryx/GeoChat. An answer without blanks and
  full stops, in small letters, has to be the class's name. The reference takes the name from the folder,
  which has no blanks; here both sides are treated alike, so that ``storage tanks`` works as ``StorageTanks``
  does.
* ``earthmarker``: its rule is not published, so that this one, which is ours, is unverified: the head is
  taken off, letters are lowered, and everything but letters and digits goes, on both sides.
* ``lhrs``: ``main_cls.py`` in NJU-LHRS/LHRS-Bot. An answer is the class whose name has the longest run of
  characters in common with it, the first of several; so every answer is of some class. It reports the mean of
  the classes' recalls, ``macro_recall`` of :mod:`.confusion`, over classes written in small letters without
  underscores. An answer that has no character in common with any is the last class there, by an index of -1;
  here it is of none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rsvp_eval.errors import UnknownNameError, UsageError
from rsvp_eval.metrics.protocols import without_head


@dataclass(frozen=True)
class Normalization:
    """A rule that makes an answer and a class's name equal if the answer names the class.

    Attributes:
        name: name in the result.
        answer: treats an answer.
        label: treats a class's name.
        classes: the classes that the rule itself knows; empty where it needs none.
    """

    name: str
    answer: Callable[[str], str]
    label: Callable[[str], str]
    classes: tuple[str, ...] = ()

    @property
    def spec(self) -> str:
        """Name, and number of classes where they matter."""
        return f"{self.name} classes={len(self.classes)}" if self.classes else self.name


def _geochat(text: str) -> str:
    return text.strip().replace(" ", "").lower().replace(".", "")


_NEITHER_LETTER_NOR_DIGIT = re.compile(r"[\W_]+")


def _earthmarker(text: str) -> str:
    return _NEITHER_LETTER_NOR_DIGIT.sub("", without_head(text).lower())


def _lhrs_label(name: str) -> str:
    return name.lower().replace("_", " ")


@dataclass(frozen=True)
class _LongestRun:
    """The class that shares the longest run of characters with an answer."""

    names: tuple[str, ...]

    def __call__(self, answer: str) -> str:
        answer = answer.strip()
        if answer in self.names:
            return answer
        longest, best = 0, ""
        for name in self.names:
            size = _common_run(answer, name, longest)
            if size > longest:
                longest, best = size, name
        return best


def _common_run(answer: str, name: str, known: int) -> int:
    """Length of the longest run of characters that both have, or ``known`` if it is not above that."""
    for size in range(len(name), known, -1):
        if any(name[start : start + size] in answer for start in range(len(name) - size + 1)):
            return size
    return known


GEOCHAT = Normalization("geochat", _geochat, _geochat)
EARTHMARKER = Normalization("earthmarker", _earthmarker, _earthmarker)


def lhrs(classes: Sequence[str]) -> Normalization:
    """LHRS-Bot's rule.

    Args:
        classes: the names of all classes, in the order in which the first of several wins.
    """
    names = tuple(_lhrs_label(name) for name in classes)
    return Normalization("lhrs", _LongestRun(names), _lhrs_label, tuple(classes))


NAMES = ("geochat", "earthmarker", "lhrs")


def normalization_of(name: str | Normalization, classes: Sequence[str] = ()) -> Normalization:
    """The rule of a name; a rule is its own.

    Raises:
        UnknownNameError: if there is none of that name.
        UsageError: if it is ``lhrs`` and there are no classes.
    """
    if isinstance(name, Normalization):
        return name
    if name == "lhrs":
        if not classes:
            raise UsageError(
                "normalisation 'lhrs' finds the class nearest to an answer: it needs the class list."
            )
        return lhrs(classes)
    known = {"geochat": GEOCHAT, "earthmarker": EARTHMARKER}.get(name)
    if known is None:
        raise UnknownNameError("normalisation", name, NAMES)
    return known
