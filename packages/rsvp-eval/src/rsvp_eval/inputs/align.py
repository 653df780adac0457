"""Predictions beside their references: which prediction is about what, and everything that does not fit.

Predictions and references meet by id and, within a row, by the number of the mark. The one exception is the
``sphinxv`` protocol for labels, which takes the n-th line of an answer for the n-th mark, because that is how
Draw-and-Understand scored SPHINX-V; marks and rows without an answer then leave the denominator, and are
counted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from rsvp_eval.answers.cited import Cited, citations, cited, strip_marks
from rsvp_eval.answers.heads import heads
from rsvp_eval.answers.parse import Parsed, in_order, parse
from rsvp_eval.errors import EvalError
from rsvp_eval.inputs.predictions import Predictions
from rsvp_eval.inputs.references import References
from rsvp_eval.inputs.rows import Mark, Row
from rsvp_eval.metrics.protocols import protocol_of
from rsvp_eval.sample import Sample
from rsvp_eval.tasks.task import Task

COUNTED = (
    "missing",
    "unknown",
    "duplicate_ids",
    "empty",
    "unparsed",
    "bare",
    "chatter",
    "prefixed",
    "missing_marks",
    "invented_marks",
    "duplicated_marks",
    "regrouped",
    "unreferenced",
    "blank_references",
)
"""What is counted and listed; :class:`Aligned` says what each means."""


@dataclass
class Aligned:
    """Samples to score, and what was found on the way.

    ``counts`` has ``predictions`` (ids that were given), ``references`` (rows, or ids of a file),
    ``samples``, and the length of each list in ``lists``:

    * ``missing``: rows (places, ids) without a prediction, or with null;
    * ``unknown``: predictions whose id nothing has;
    * ``duplicate_ids``: predictions that came again word for word;
    * ``empty``: blank predictions;
    * ``unparsed``: answers that do not say which mark they are about;
    * ``bare``: answers taken whole as the text of the only mark;
    * ``chatter``: answers with text that belongs to no mark;
    * ``prefixed``: predictions scored as a whole that begin with the prefix of a mark;
    * ``missing_marks``, ``duplicated_marks``, ``invented_marks``: marks (``ROW#INDEX``) that an answer
      leaves out, answers twice in different words, or makes up; in prose, those it does not cite and those
      it makes up;
    * ``regrouped``: predictions left aside because an earlier row of the same place gave one;
    * ``unreferenced``: rows or marks without anything to score against, which are no samples;
    * ``blank_references``: samples with a blank reference.

    Attributes:
        samples: what is scored.
        counts: how many there are of each kind.
        lists: ids of each kind, in order.
        cited: of prose, what each sample's prediction cites.
    """

    samples: list[Sample] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in COUNTED})
    cited: list[Cited] = field(default_factory=list)


def align(
    task: Task, given: Sequence[Row] | References, predictions: Predictions, *, protocol: str | None = None
) -> Aligned:
    """Bring predictions and references together.

    Args:
        task: says what is compared with what.
        given: rows of a data set, or references.
        predictions: what a model answered, by id of a row or of a reference.
        protocol: of labels; None for the task's own.

    Raises:
        UnknownNameError: there is no such protocol.
        EvalError: no prediction has an id that is known, or nothing can be scored.
    """
    found = Aligned()
    known: Collection[str] = (
        given.by_id if isinstance(given, References) else dict.fromkeys(row.id for row in given)
    )
    _meet(known, predictions)
    found.lists["unknown"] = [key for key in (*predictions.by_id, *predictions.null) if key not in known]
    found.lists["duplicate_ids"] = list(predictions.repeated)
    found.lists["empty"] = [key for key in predictions.empty if key in known]
    if isinstance(given, References):
        _against_references(task, given, predictions, found)
    elif task.alignment == "whole":
        _whole_rows(task, given, predictions, found)
    elif task.references == "place":
        _places(given, predictions, found, task)
    else:
        _marks(given, predictions, found, task, protocol or task.protocol)
    if not found.samples:
        raise EvalError("nothing to score: no row has a reference for this task, or no answer was aligned")
    found.counts = {
        "predictions": len(predictions.by_id) + len(predictions.null),
        "references": len(known),
        "samples": len(found.samples),
    } | {name: len(ids) for name, ids in found.lists.items()}
    return found


def _meet(known: Collection[str], predictions: Predictions) -> None:
    """See that the two sides have an id in common."""
    given = [*predictions.by_id, *predictions.null]
    if not any(key in known for key in given):
        theirs = next(iter(known), None)
        if theirs is None:
            raise EvalError("nothing to score against: there are no rows and no references")
        where = f"{predictions.path}: " if predictions.path else ""
        raise EvalError(
            f"{where}no prediction has a known id: predictions have ids such as {given[0]!r}, references "
            f"such as {theirs!r}. An id is that of the row (or of the line of references) that was asked"
        )


def _against_references(task: Task, given: References, predictions: Predictions, found: Aligned) -> None:
    for key, reference in given.by_id.items():
        marks: tuple[int, ...] = ()
        if task.kind == "prose":
            marks = tuple(dict.fromkeys(number for text in reference.texts for number in citations(text)))
        sample = Sample(key, key, None, reference.texts, reference.image, reference.label, None, marks)
        _whole(task, sample, predictions, found)


def _whole_rows(task: Task, rows: Sequence[Row], predictions: Predictions, found: Aligned) -> None:
    for row in rows:
        answer = row.answer
        if answer is None:
            found.lists["unreferenced"].append(row.id)
            continue
        label = row.marks[0].label if len(row.marks) == 1 else None
        sample = Sample(row.id, row.id, None, (answer,), row.image, label, None, row.indices)
        _whole(task, sample, predictions, found)


def _whole(task: Task, sample: Sample, predictions: Predictions, found: Aligned) -> None:
    """Take in a sample whose prediction is the whole answer."""
    prediction = predictions.by_id.get(sample.id)
    if prediction is None:
        found.lists["missing"].append(sample.id)
    if task.kind == "prose":
        own = cited(prediction or "", sample.marks)
        found.cited.append(own)
        if prediction is not None:
            there = frozenset(own.marks)
            found.lists["missing_marks"] += [f"{sample.id}#{m}" for m in sample.marks if m not in there]
            found.lists["invented_marks"] += [f"{sample.id}#{m}" for m in own.invented]
    elif prediction is not None and _prefixed(prediction):
        found.lists["prefixed"].append(sample.id)
    references = sample.references
    if task.strip_marks:
        references = tuple(strip_marks(text) for text in references)
        prediction = None if prediction is None else strip_marks(prediction)
    if not all(text.strip() for text in references):
        found.lists["blank_references"].append(sample.id)
    found.samples.append(replace(sample, prediction=prediction, references=references))


def _prefixed(answer: str) -> bool:
    begin = answer.lstrip()[:80]
    first = next(heads(begin), None)
    return first is not None and first.start == 0


def _marks(rows: Sequence[Row], predictions: Predictions, found: Aligned, task: Task, protocol: str) -> None:
    in_turn = task.kind == "label" and protocol_of(protocol).alignment == "order"
    reader = _Reader(task, protocol, predictions, found)
    for row in rows:
        if row.id not in predictions.by_id:
            found.lists["missing"].append(row.id)
            if in_turn:
                continue
        texts = reader.in_order(row) if in_turn else reader.by_mark(row)
        for mark in row.marks:
            target = _target(task, mark)
            if target is None:
                found.lists["unreferenced"].append(f"{row.id}#{mark.index}")
            elif not in_turn or mark.index in texts:
                found.samples.append(_sample(row, mark, texts.get(mark.index), (target,), found))


def _places(rows: Sequence[Row], predictions: Predictions, found: Aligned, task: Task) -> None:
    """A sample for each place, with the references of all rows about it."""
    places: dict[_Place, list[tuple[Row, Mark]]] = {}
    for row in rows:
        for mark in row.marks:
            if _target(task, mark) is None:
                found.lists["unreferenced"].append(f"{row.id}#{mark.index}")
            else:
                key = (row.image, row.window, mark.kind, mark.xyxy or mark.xy)
                places.setdefault(key, []).append((row, mark))
    reader = _Reader(task, task.protocol, predictions, found)
    regrouped: dict[str, None] = {}
    for same in places.values():
        first, place = same[0]
        answered = [(row, mark) for row, mark in same if row.id in predictions.by_id]
        text = None
        if answered:
            row, mark = answered[0]
            text = reader.by_mark(row, mark).get(mark.index)
            regrouped.update(dict.fromkeys(other.id for other, _ in answered[1:]))
        else:
            found.lists["missing"].append(f"{first.id}#{place.index}")
        references = tuple(target for _, mark in same if (target := _target(task, mark)) is not None)
        found.samples.append(_sample(first, place, text, references, found))
    found.lists["regrouped"] = list(regrouped)


_Place = tuple[str, tuple[int, ...] | None, str, tuple[float, ...] | None]
"""Raw image, window, kind of mark and its coordinates."""


class _Reader:
    """Reads answers to rows, and notes what does not fit."""

    def __init__(self, task: Task, protocol: str, predictions: Predictions, found: Aligned) -> None:
        self._predictions = predictions
        self._lists = found.lists
        # Osprey's evaluation is given the whole answer and keeps what lies between its first two colons.
        # Behind the prefix of a mark, which holds the first, that is the text up to its own first colon.
        self._cut = protocol == "osprey" and task.kind == "label"
        self._read: dict[str, Parsed] = {}

    def by_mark(self, row: Row, only: Mark | None = None) -> dict[int, str]:
        """Texts by number of the mark; empty where there is no answer.

        Args:
            row: the row.
            only: the one mark whose absence is noted; None for all.
        """
        answer = self._predictions.by_id.get(row.id)
        if answer is None:
            return {}
        parsed = self._read.get(row.id) if only is not None else None
        if parsed is None:
            parsed = parse(answer, row.indices)
            self._note(row, parsed)
            if only is not None:
                self._read[row.id] = parsed
        wanted = row.indices if only is None else (only.index,)
        for name, lacking in (("missing_marks", parsed.missing), ("duplicated_marks", parsed.duplicated)):
            if lacking:
                self._lists[name] += [f"{row.id}#{mark}" for mark in lacking if mark in wanted]
        if self._cut and not parsed.bare:
            return {mark: text.split(":", 1)[0] for mark, text in parsed.texts.items()}
        return parsed.texts

    def in_order(self, row: Row) -> dict[int, str]:
        """Texts by mark where the n-th line of the answer is about the n-th mark."""
        answer = self._predictions.by_id[row.id]
        texts = in_order(answer)
        if not texts and answer.strip():
            self._lists["unparsed"].append(row.id)
        self._lists["missing_marks"] += [f"{row.id}#{mark}" for mark in row.indices[len(texts) :]]
        extra = range(len(row.marks) + 1, len(texts) + 1)
        self._lists["invented_marks"] += [f"{row.id}#{number}" for number in extra]
        return dict(zip(row.indices, texts, strict=False))

    def _note(self, row: Row, parsed: Parsed) -> None:
        for name in ("unparsed", "bare", "chatter"):
            if getattr(parsed, name):
                self._lists[name].append(row.id)
        self._lists["invented_marks"] += [f"{row.id}#{number}" for number in parsed.invented]


def _target(task: Task, mark: Mark) -> str | None:
    return mark.label if task.kind == "label" else mark.caption


def _sample(
    row: Row, mark: Mark, prediction: str | None, references: tuple[str, ...], found: Aligned
) -> Sample:
    key = f"{row.id}#{mark.index}"
    if not all(text.strip() for text in references):
        found.lists["blank_references"].append(key)
    return Sample(key, row.id, prediction, references, row.image, mark.label, mark.index, row.indices)
