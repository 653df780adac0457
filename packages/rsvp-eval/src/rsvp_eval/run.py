"""One run of scoring: aligned samples in, an evaluation out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rsvp_eval.captions import Captions
from rsvp_eval.errors import UnavailableError, UsageError
from rsvp_eval.evaluation import ConfusionMatrix, Evaluation, InputFile
from rsvp_eval.inputs.align import Aligned
from rsvp_eval.metrics.registry import Family, families
from rsvp_eval.native import kernels
from rsvp_eval.sample import Sample
from rsvp_eval.scores import Scores
from rsvp_eval.tasks import Task

_CLASSES = 200
"""Most classes that a confusion matrix is made of; more are no closed set."""


@dataclass(frozen=True)
class Options:
    """Choices of a run; what is None is as the task says.

    Attributes:
        metrics: families or metrics to compute; the task's if empty.
        protocol: how labels are cleaned and aligned.
        normalization: how accuracy compares labels.
        encoder: of SS: a folder of weights or a hub id.
        document_frequency: file of idf for CIDEr; that of the references if None.
        limit: score the first so many samples only.
        strict: a metric that cannot be computed is an error.
    """

    metrics: Sequence[str] = ()
    protocol: str | None = None
    normalization: str | None = None
    encoder: str | None = None
    document_frequency: Path | None = None
    limit: int | None = None
    strict: bool = False


@dataclass
class _Found:
    scores: dict[str, Scores] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def evaluate(
    task: Task,
    aligned: Aligned,
    options: Options | None = None,
    *,
    inputs: Mapping[str, InputFile] | None = None,
    data: Path | None = None,
    splits: Mapping[str, str] | None = None,
) -> Evaluation:
    """Compute the metrics of a task.

    Args:
        task: what is scored.
        aligned: predictions beside their references.
        options: choices.
        inputs: files by role, for the record.
        data: folder of the data set, to take pictures from.
        splits: split that is scored, by source.

    Raises:
        UnknownNameError: for a metric or protocol that there is not.
        UsageError: for a metric that does not fit the task.
        UnavailableError: with ``strict``, for a metric that cannot be computed.
    """
    options = options or Options()
    chosen = families(options.metrics or task.metrics)
    _fit(task, chosen)
    samples = aligned.samples if options.limit is None else aligned.samples[: options.limit]
    partial = len(samples) < len(aligned.samples)
    found = _Found(notes=_notes(task, aligned))
    counts = dict(aligned.counts)
    if any(family.subject == "captions" for family in chosen):
        counts["line_breaks_cleaned"] = _captions(samples, chosen, options, found, partial=partial)
    confusion = None
    if any(family.subject == "labels" for family in chosen):
        confusion = _labels(task, samples, chosen, options, found)
    if any(family.subject == "citations" for family in chosen):
        [family] = (family for family in chosen if family.subject == "citations")
        scorer = family.make()
        scorer.update(aligned.cited[: len(samples)])
        _score(family, found, options, scorer.score)
    return Evaluation(
        task_name=task.name,
        task_version=task.version,
        task_sha256=task.sha256,
        title=task.title,
        kind=task.kind,
        protocol=(options.protocol or task.protocol) if task.kind == "label" else None,
        samples=samples,
        scores=found.scores,
        missing=found.missing,
        counts=counts,
        lists=aligned.lists,
        notes=found.notes,
        inputs=inputs or {},
        seconds=found.seconds,
        partial=partial,
        confusion=confusion,
        published=task.published,
        data=data,
        splits=splits or {},
        env={"kernels": "compiled" if kernels() is not None else "python"},
    )


def _fit(task: Task, chosen: Sequence[Family]) -> None:
    """Refuse metrics of labels for captions and the other way round."""
    allowed = {"caption": {"captions"}, "label": {"labels"}, "prose": {"captions", "citations"}}[task.kind]
    for family in chosen:
        if family.subject not in allowed:
            raise UsageError(
                f"{family.name} scores {family.subject}, and task {task.name} is of kind {task.kind}; "
                "`rsvp-eval metrics` says what each metric is of"
            )


def _captions(
    samples: Sequence[Sample], chosen: Sequence[Family], options: Options, found: _Found, *, partial: bool
) -> int:
    """Score captions; returns how many had a line break that was cleaned."""
    from rsvp_eval.metrics.cider import cautions
    from rsvp_eval.metrics.document_frequency import read_document_frequency
    from rsvp_eval.tokenizer.linebreaks import count_cleaned

    captions = Captions()
    with _timed(found, "tokenize"):
        captions.update([s.prediction or "" for s in samples], [s.references for s in samples])
        captions.words  # noqa: B018 - tokenises and numbers the words, which all metrics share
    frequency = read_document_frequency(options.document_frequency) if options.document_frequency else None
    for family in chosen:
        if family.subject != "captions":
            continue
        idf = family.name in ("cider", "cider_plain")
        if idf and partial and frequency is None:
            reason = "idf comes from the references of all samples, and --limit leaves some out; give --idf"
            found.missing.update(dict.fromkeys(family.metrics, reason))
            continue
        arguments = {"document_frequency": frequency} if idf else {}
        scorer = _made(family, found, options, captions, **arguments)
        if scorer is not None:
            _score(family, found, options, scorer.score)
        if family.name == "cider":
            found.notes += cautions(captions, frequency)
    texts = [text for s in samples for text in (s.prediction or "", *s.references)]
    return count_cleaned(texts)


def _labels(
    task: Task, samples: Sequence[Sample], chosen: Sequence[Family], options: Options, found: _Found
) -> ConfusionMatrix | None:
    from rsvp_eval.metrics.labels import Labels

    labels = Labels()
    labels.update([s.prediction for s in samples], [s.references for s in samples])
    normalization = options.normalization or task.normalization or "geochat"
    if normalization == "lhrs" and not task.classes:
        raise UsageError(f"normalization lhrs needs the names of all classes; task {task.name} lists none")
    classes = task.classes or tuple(sorted({r for s in samples for r in s.references}))
    for family in chosen:
        arguments: dict[str, Any] = {"protocol": options.protocol or task.protocol}
        if family.name == "accuracy":
            arguments = {"normalization": normalization, "classes": classes}
        elif family.name == "ss" and options.encoder:
            from rsvp_eval.metrics.ss.encoder import load

            arguments["encoder"] = load(options.encoder)
        scorer = _made(family, found, options, labels, **arguments)
        if scorer is not None:
            _score(family, found, options, scorer.score)
    if (
        "accuracy" not in found.scores
        or len(classes) > _CLASSES
        or any(len(s.references) > 1 for s in samples)
    ):
        return None
    from rsvp_eval.metrics.confusion import confusion

    try:
        return confusion(
            [s.prediction for s in samples],
            [s.references[0] for s in samples],
            classes,
            normalization=normalization,
        )
    except UsageError as error:  # two labels that the normalisation makes one
        found.notes.append(f"no confusion matrix: {error}")
        return None


def _made(family: Family, found: _Found, options: Options, *args: Any, **kwargs: Any) -> Any:
    """A scorer, or None where its resources are not there."""
    reason = family.missing() if "encoder" not in kwargs else None
    if reason is None:
        try:
            return family.make(*args, **kwargs)
        except UnavailableError as error:
            reason = str(error)
    if options.strict:
        raise UnavailableError(f"{family.name}: {reason}")
    found.missing.update(dict.fromkeys(family.metrics, reason))
    return None


def _score(family: Family, found: _Found, options: Options, score: Callable[[], Scores]) -> None:
    with _timed(found, family.name):
        try:
            scores = score()
        except UnavailableError as error:
            if options.strict:
                raise
            found.missing.update(dict.fromkeys(family.metrics, str(error)))
            return
    found.scores[family.name] = scores


@contextmanager
def _timed(found: _Found, name: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        found.seconds[name] = found.seconds.get(name, 0.0) + time.perf_counter() - began


_TOLD = {
    "missing": "{n:,} without a prediction: scored as wrong",
    "unknown": "{n:,} predictions with an id that nothing has: not scored",
    "unparsed": "{n:,} answers do not say which mark they are about: scored as wrong",
    "missing_marks": "{n:,} marks are left out by the answers",
    "invented_marks": "{n:,} marks are made up by the answers",
    "duplicated_marks": "{n:,} marks are answered twice in different words: scored as wrong",
    "empty": "{n:,} predictions are empty",
    "unreferenced": "{n:,} rows or marks have nothing to score against: not scored",
    "blank_references": "{n:,} samples have a blank reference",
    "regrouped": "{n:,} predictions are about a place that another row's prediction stands for: not scored",
    "prefixed": "{n:,} predictions begin with the prefix of a mark and are scored with it",
}


def _notes(task: Task, aligned: Aligned) -> list[str]:
    return [text.format(n=n) for name, text in _TOLD.items() if (n := aligned.counts.get(name, 0))]
