"""Scores from a file that SPICE itself wrote with ``-detailed``, for where it was run by other means.

Format (seen by running SPICE 1.0): a JSON array, an object an image::

    {"image_id": .., "test_tuples": [{"tuple": ["car/auto", "red"], "truth_value": true}, ..],
     "ref_tuples": [..], "scores": {"All": {"pr": .., "re": .., "f": .., "tp": .., "fp": .., "fn": ..}, ..}}

``truth_value`` says whether the tuple was matched. Relations stand in the middle of a tuple; a slash joins
the strings of merged concepts. Without ``-detailed`` there are no tuples. With ``-subset`` there are scores
of categories beside ``All``, null where they are undefined.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rsvp_eval.errors import EvalError
from rsvp_eval.metrics.spice.graph import Proposition
from rsvp_eval.metrics.spice.score import Evaluation, evaluate
from rsvp_eval.metrics.spice.tuples import Concept, Synsets, lookup_form
from rsvp_eval.scores import Scores

_VALUES = {"pr": "precision", "re": "recall", "f": "f"}
_COUNTS = ("tp", "fp", "fn")
SPEC = "spice-1.0 imported"


@dataclass(frozen=True)
class Tuples:
    """Tuples of one side.

    Attributes:
        tuples: one, two or three strings each, relations in the middle.
        matched: for each whether SPICE matched it.
    """

    tuples: tuple[tuple[str, ...], ...]
    matched: tuple[bool, ...]


@dataclass(frozen=True)
class DetailedImage:
    """What SPICE wrote about one image.

    Attributes:
        id: ``image_id`` as a string.
        scores: by category; ``All`` is SPICE.
        candidate: tuples of the candidate; None in a file written without ``-detailed``.
        references: tuples of the references; None likewise.
    """

    id: str
    scores: Mapping[str, Evaluation]
    candidate: Tuples | None
    references: Tuples | None


def read_detailed(path: Path, synsets: Synsets | None = None) -> list[DetailedImage]:
    """Read a file of SPICE and make sure that it agrees with itself.

    Precision, recall and F of every category have to follow from the counts, and the counts of ``All`` from
    the tuples where there are any. Nothing is corrected.

    Args:
        path: what SPICE wrote with ``-out``.
        synsets: to match the tuples anew as well, and find out whether the same are matched. A slash inside a
            word cannot be told from one that joins two, so that this may fail where captions have slashes.

    Raises:
        EvalError: it cannot be read, is not of this format, or does not agree with itself.
    """
    try:
        items = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise EvalError(f"{path}: expected the JSON that SPICE writes with -out, but {e}") from e
    if not isinstance(items, list):
        raise EvalError(f"{path}: expected a JSON array, an object an image, but it is {_type(items)}")
    images = []
    for i, item in enumerate(items):
        try:
            images.append(_image(item))
            _check(images[-1], synsets)
        except _FormatError as e:
            name = item["image_id"] if isinstance(item, dict) and "image_id" in item else f"number {i + 1}"
            raise EvalError(f"{path}: image {name}: {e}") from e
    return images


def detailed_scores(images: Sequence[DetailedImage], ids: Sequence[str] | None = None) -> Scores:
    """SPICE as read from a file.

    Args:
        images: what was read.
        ids: images in the order of the result; that of the file by default.

    Raises:
        EvalError: an image is in the file twice, or ``ids`` are not those of the file.
    """
    by_id = {image.id: image for image in images}
    if len(by_id) < len(images):
        twice = next(name for name, n in Counter(image.id for image in images).items() if n > 1)
        raise EvalError(f"SPICE's file has image {twice} twice")
    ids = list(by_id) if ids is None else ids
    lacking = [i for i in ids if i not in by_id]
    extra = sorted(set(by_id).difference(ids))
    for what, some in (
        ("no scores of", lacking),
        ("scores of images that are not among the samples:", extra),
    ):
        if some:
            more = f" and {len(some) - 1} more" if len(some) > 1 else ""
            raise EvalError(f"SPICE's file has {what} {some[0]}{more}")
    return Scores.of_means("spice", np.array([by_id[i].scores["All"].f for i in ids], dtype=np.float64), SPEC)


def rescored(image: DetailedImage, synsets: Synsets) -> Evaluation:
    """Match the tuples of an image anew.

    Raises:
        ValueError: the file has no tuples.
    """
    if image.candidate is None or image.references is None:
        raise ValueError("no tuples: they are written with -detailed")
    return evaluate(_propositions(image.candidate, synsets), _propositions(image.references, synsets))


class _FormatError(ValueError):
    pass


def _image(item: Any) -> DetailedImage:
    if not isinstance(item, dict) or "image_id" not in item or not isinstance(item.get("scores"), dict):
        raise _FormatError("expected an object with image_id and scores")
    scores = {name: _evaluation(name, values) for name, values in item["scores"].items()}
    if "All" not in scores:
        raise _FormatError("expected scores of 'All'")
    sides = [_tuples(side, item[side]) if side in item else None for side in ("test_tuples", "ref_tuples")]
    if (sides[0] is None) != (sides[1] is None):
        raise _FormatError("expected both test_tuples and ref_tuples, or neither")
    return DetailedImage(str(item["image_id"]), scores, sides[0], sides[1])


def _evaluation(name: str, values: Any) -> Evaluation:
    if not isinstance(values, dict):
        raise _FormatError(f"scores of {name}: expected an object, read {_type(values)}")
    counts: list[Any] = [values.get(key) for key in _COUNTS]
    if not all(type(n) is int for n in counts):
        raise _FormatError(f"scores of {name}: expected whole numbers tp, fp and fn, read {counts}")
    tp, fp, fn = counts
    undefined = 0.0 if name == "All" else math.nan
    expected = Evaluation.of(tp, tp + fp, tp + fn, undefined)
    for key, attribute in _VALUES.items():
        read = values.get(key, "nothing")
        wanted = getattr(expected, attribute)
        if not (_is_close(read, wanted) or (read is None and math.isnan(wanted))):
            raise _FormatError(
                f"{key} of {name} is {read}, but {wanted} follows from tp, fp, fn = {tp}, {fp}, {fn}"
            )
    return expected


def _is_close(read: Any, wanted: float) -> bool:
    return isinstance(read, int | float) and math.isclose(read, wanted, rel_tol=1e-9, abs_tol=1e-12)


def _tuples(side: str, listed: Any) -> Tuples:
    if not isinstance(listed, list):
        raise _FormatError(f"{side}: expected an array, read {_type(listed)}")
    tuples, matched = [], []
    for item in listed:
        words = item.get("tuple") if isinstance(item, dict) else None
        if (
            not isinstance(words, list)
            or not 1 <= len(words) <= 3
            or not all(isinstance(word, str) for word in words)
            or not isinstance(item.get("truth_value"), bool)
        ):
            raise _FormatError(f"{side}: expected tuple (one to three strings) and truth_value, read {item}")
        tuples.append(tuple(words))
        matched.append(item["truth_value"])
    return Tuples(tuple(tuples), tuple(matched))


def _check(image: DetailedImage, synsets: Synsets | None) -> None:
    own = image.scores["All"]
    if image.candidate is None or image.references is None:
        if synsets is not None:
            raise _FormatError("there are no tuples to match anew: run SPICE with -detailed")
        return
    counted = sum(image.candidate.matched), len(image.candidate.tuples), len(image.references.tuples)
    if counted != (own.matched, own.candidate, own.reference):
        raise _FormatError(
            f"{counted[0]} of {counted[1]} test_tuples are true beside {counted[2]} ref_tuples, but the "
            f"scores say {own.matched} of {own.candidate} beside {own.reference}"
        )
    if synsets is not None and (anew := rescored(image, synsets)) != own:
        raise _FormatError(f"{anew.matched} test_tuples match ref_tuples, but the scores say {own.matched}")


def _propositions(side: Tuples, synsets: Synsets) -> list[Proposition]:
    return [tuple(_concept(words, synsets) for words in item) for item in side.tuples]


def _concept(words: str, synsets: Synsets) -> Concept:
    strings = frozenset(words.split("/"))
    return Concept(strings, frozenset().union(*(synsets(lookup_form(string)) for string in strings)))


def _type(value: Any) -> str:
    return "null" if value is None else f"a {type(value).__name__}"
