"""What evaluations do to a label before it is scored.

Their scores differ by many points, so that a result names its protocol.

Read in each project's own evaluation:

* Osprey: ``osprey/eval/lvis_paco_eval.py`` in CircleRadon/Osprey.
* SPHINX-V: ``accessory/eval/Referring_Object_Classification/ROC_eval.py`` in AFeng-x/Draw-and-Understand.
* VideoRefer: ``videorefer_videollama3/evaluation/eval_paco_lvis.py`` in DAMO-NLP-SG/VideoRefer.

EarthMarker published none; its paper says SS and S-IoU as Osprey's.

A rule takes an answer as the model gave it. An answer whose head, ``<Region 1>:``, was taken off comes out
the same, unless it has a colon of its own: Osprey and SPHINX-V cut at a second colon, and see the head's as
the first. Hand such an answer over with its head to have their cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rsvp_eval.answers.heads import heads
from rsvp_eval.answers.parse import in_order
from rsvp_eval.errors import UnknownNameError


@dataclass(frozen=True)
class Protocol:
    """How labels are cleaned, and how answers find their targets.

    Attributes:
        name: name in the result.
        prediction: cleans an answer about one mark.
        target: cleans a target.
        alignment: whether an answer belongs to the mark that it names, or to the one in its place in the
            list.
        note: what is peculiar about it.
        missing: whether a mark without an answer scores 0, or is left out of the mean as the reference does.
        empty: whether an answer that is empty once cleaned is scored like any text, or is as good as missing.
    """

    name: str
    prediction: Callable[[str], str]
    target: Callable[[str], str]
    alignment: Literal["index", "order"]
    note: str
    missing: Literal["zero", "left out"] = "zero"
    empty: Literal["scored", "zero"] = "scored"


_OSPREY = str.maketrans(".:,", "   ")
_TARGET = str.maketrans("_:", "  ")
_VIDEOREFER = str.maketrans("_:,.()", "      ")


def _osprey(answer: str) -> str:
    answer = answer.strip()
    if ":" in answer:
        answer = answer.split(":", 2)[1]
    return answer.translate(_OSPREY)


def _blank_target(target: str) -> str:
    return target.translate(_TARGET)


def _sphinxv(answer: str) -> str:
    texts = in_order(answer)
    return texts[0] if texts else answer


def _videorefer(label: str) -> str:
    return label.lower().translate(_VIDEOREFER)


def _strict(label: str) -> str:
    return " ".join(_videorefer(without_head(label)).split())


def without_head(answer: str) -> str:
    """An answer about one mark without the ``<Region 1>:`` that it may begin with."""
    answer = answer.strip()
    head = next(heads(answer), None)
    return answer[head.end :].lstrip() if head is not None and head.start == 0 else answer


OSPREY = Protocol(
    "osprey",
    _osprey,
    _blank_target,
    "index",
    "One question a region. Of an answer with a colon, what stands between the first and the second counts; "
    "full stops, colons and commas become blanks. The class loses its underscores and colons.",
)

SPHINXV = Protocol(
    "sphinxv",
    _sphinxv,
    _blank_target,
    "order",
    "Answers are matched by their place in the list, whatever mark they name, and the mean is over the "
    "answers: a missing one costs nothing. An answer keeps its punctuation, so that 'airplane.' has no word "
    "in common with 'airplane'. In the reference an answer too many is an error.",
    missing="left out",
)

VIDEOREFER = Protocol(
    "videorefer",
    _videorefer,
    _videorefer,
    "index",
    "Both sides are lower-cased, and lose underscores, colons, commas, full stops and round brackets.",
)

STRICT = Protocol(
    "strict",
    _strict,
    _strict,
    "index",
    "Ours, of no published evaluation. Both sides lose the head and what VideoRefer takes off; an answer "
    "belongs to the mark that it names, and a missing or empty one scores 0.",
    empty="zero",
)

PROTOCOLS = {protocol.name: protocol for protocol in (OSPREY, SPHINXV, VIDEOREFER, STRICT)}
ALIASES = {"draw_and_understand": "sphinxv"}


def protocol_of(name: str | Protocol) -> Protocol:
    """The protocol of a name or an alias; a protocol is its own.

    Raises:
        UnknownNameError: if there is none of that name.
    """
    if isinstance(name, Protocol):
        return name
    known = PROTOCOLS.get(ALIASES.get(name, name))
    if known is None:
        raise UnknownNameError("protocol", name, [*PROTOCOLS, *ALIASES])
    return known
